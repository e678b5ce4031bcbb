//! Dead letters and their records. A store without dead letters passes.

use std::sync::Arc;

use tokio::time::sleep;

use super::support::{
    LONG, PAST_SHORT, RELEASE, SHORT, claim_of, claim_with, count, dead, dead_lettered, end, finish, granted,
    kept, key, letter, nearly, purge, replay, replayed, source, status, still, verdict,
};
use crate::store::{Claim, DeadLetter, End, Grant, Held, Purged, RecordState, Rests, Status, Store, Verdict};

/// A dead event is not run by a delivery. It is kept if and only if the store keeps dead letters.
pub async fn a_dead_record_stays_dead(store: Arc<impl Store>) {
    let is_kept = store.dead_letters().is_some();
    let event = key();
    let (grant, _) = granted(&*store, claim_of(event)).await;
    end(&*store, grant, dead(letter(&source()))).await;
    for _ in 0..2 {
        let dead = Status::new(RecordState::Dead, grant.token, 1, is_kept);
        assert_eq!(status(&*store, event).await, dead);
        assert_eq!(
            verdict(&*store, claim_of(event)).await,
            Verdict::Dead { kept: is_kept }
        );
    }
}

/// A dead letter holds what it was given, with the attempts of its record. It is gone when its
/// event is done.
pub async fn a_dead_letter_is_kept_until_its_event_is_done(store: Arc<impl Store>) {
    let Some(letters) = store.dead_letters() else {
        return;
    };
    let source = source();
    let event = dead_lettered(&*store, letter(&source)).await;
    let record = kept(letters, &source, event).await.expect("a dead letter");
    assert_eq!((record.record, record.cursor.record), (event, event));
    assert_eq!((record.attempts, record.running), (1, false));
    assert_eq!(record.letter, letter(&source));
    let (grant, attempt) = replayed(letters, &source, claim_of(event)).await;
    assert_eq!(attempt, 2);
    let running = kept(letters, &source, event).await.expect("a dead letter");
    assert_eq!(running.cursor, record.cursor);
    assert_eq!((running.attempts, running.running), (2, true));
    assert_eq!(running.letter, letter(&source));
    match verdict(&*store, claim_of(event)).await {
        Verdict::Running {
            lease_left,
            kept: true,
        } => nearly(lease_left, LONG),
        other => panic!("{other:?}"),
    }
    assert!(status(&*store, event).await.kept);
    end(&*store, grant, End::Done).await;
    assert_eq!(kept(letters, &source, event).await, None);
    assert_eq!(count(letters, &source).await, 0);
    assert_eq!(replay(letters, &source, claim_of(event)).await, None);
    let done = Status::new(RecordState::Done, grant.token, 2, false);
    assert_eq!(status(&*store, event).await, done);
    assert_eq!(verdict(&*store, claim_of(event)).await, Verdict::Done);
}

/// After every end but `Done`, and after a lease that ended without an end, the record is dead and
/// its letter is kept. No delivery runs it.
pub async fn a_dead_letter_outlives_every_run_that_does_not_settle(store: Arc<impl Store>) {
    let Some(letters) = store.dead_letters() else {
        return;
    };
    let source = source();
    let event = dead_lettered(&*store, letter(&source)).await;
    let ends = [
        Some(RELEASE),
        Some(End::Release { rest: LONG }),
        Some(End::Withdraw),
        Some(End::Interrupt),
        Some(dead(letter(&source))),
        None,
    ];
    let mut last = granted_never();
    for chosen in ends {
        let attempts = status(&*store, event).await.attempts;
        let claim = Claim {
            lease: SHORT,
            rests: Rests::new([LONG; Rests::LENGTH]),
            ..claim_of(event)
        };
        // A replay does not wait for the rest of the run before it.
        let (grant, attempt) = replayed(letters, &source, claim).await;
        assert_eq!(attempt, attempts + 1, "{chosen:?}");
        let taken_back = matches!(chosen, Some(End::Withdraw | End::Interrupt));
        match chosen.clone() {
            Some(chosen) => end(&*store, grant, chosen).await,
            None => sleep(PAST_SHORT).await,
        }
        let attempts = if taken_back { attempts } else { attempts + 1 };
        let wanted = Status::new(RecordState::Dead, grant.token, attempts, true);
        assert_eq!(status(&*store, event).await, wanted, "{chosen:?}");
        let verdict = verdict(&*store, claim_of(event)).await;
        assert_eq!(verdict, Verdict::Dead { kept: true }, "{chosen:?}");
        let record = kept(letters, &source, event).await.expect("a dead letter");
        assert_eq!((record.attempts, record.running), (attempts, false), "{chosen:?}");
        assert_eq!(finish(&*store, last, End::Done).await, Held::Lost, "{chosen:?}");
        last = grant;
    }
    assert_eq!(count(letters, &source).await, 1);
}

/// A grant that no claim has.
fn granted_never() -> Grant {
    let claim = claim_of(key());
    Grant::new(claim.event, crate::store::Token(1), claim.id)
}

/// An event that is dead-lettered again has one letter, the later one.
pub async fn a_later_dead_letter_replaces_the_earlier_one(store: Arc<impl Store>) {
    let Some(letters) = store.dead_letters() else {
        return;
    };
    let source = source();
    let event = dead_lettered(&*store, letter(&source).error("first")).await;
    let first = kept(letters, &source, event).await.expect("a dead letter");
    let (grant, _) = replayed(letters, &source, claim_of(event)).await;
    let second = DeadLetter::new(source.clone(), "another body").error("second");
    end(&*store, grant, dead(second.clone())).await;
    let record = kept(letters, &source, event).await.expect("a dead letter");
    assert_eq!((&record.letter, record.attempts), (&second, 2));
    assert!(record.cursor.at >= first.cursor.at);
    // The end that is sent again does not replace it.
    end(&*store, grant, dead(letter(&source).error("third"))).await;
    let again = kept(letters, &source, event).await.expect("a dead letter");
    assert_eq!(again, record);
    assert_eq!(count(letters, &source).await, 1);
}

/// A replay is a claim: one at a time, the same grant for the same id, and nothing without a
/// letter.
pub async fn a_replay_is_granted_once(store: Arc<impl Store>) {
    let Some(letters) = store.dead_letters() else {
        return;
    };
    let source = source();
    let event = dead_lettered(&*store, letter(&source)).await;
    let dead = status(&*store, event).await;
    let claim = claim_of(event);
    let (grant, attempt) = replayed(letters, &source, claim.clone()).await;
    assert!(grant.token > dead.token && attempt == 2, "{grant:?} {attempt}");
    assert_eq!(replayed(letters, &source, claim.clone()).await, (grant, attempt));
    // The receiver takes a replay's claim back as that of a delivery.
    assert_eq!(granted(&*store, claim.clone()).await, (grant, attempt));
    match replay(letters, &source, claim_of(event)).await {
        Some(Verdict::Running {
            lease_left,
            kept: true,
        }) => nearly(lease_left, LONG),
        other => panic!("{other:?}"),
    }
    let running = still(&*store, event).await;
    assert_eq!((running.token, running.attempts), (grant.token, 2));
    end(&*store, grant, RELEASE).await;
    assert_eq!(replayed(letters, &source, claim_of(event)).await.1, 3);
}

/// A record that keeps no letter is not replayed, in any state.
pub async fn an_event_without_a_letter_is_not_replayed(store: Arc<impl Store>) {
    let Some(letters) = store.dead_letters() else {
        return;
    };
    let event = key();
    let none = async || {
        assert_eq!(replay(letters, "source", claim_of(event)).await, None);
        assert_eq!(purge(letters, "source", event).await, Purged::Unknown);
        assert_eq!(kept(letters, "source", event).await, None);
    };
    none().await;
    assert_eq!(status(&*store, event).await, Status::ABSENT);
    let (grant, _) = granted(&*store, claim_of(event)).await;
    none().await;
    end(&*store, grant, RELEASE).await;
    none().await;
    let (grant, attempt) = granted(&*store, claim_of(event)).await;
    assert_eq!(attempt, 2);
    end(&*store, grant, End::Done).await;
    none().await;
    assert_eq!(status(&*store, event).await.state, RecordState::Done);
}

/// A replay binds no alias, and claims its own record whatever its alias is bound to.
pub async fn a_replay_does_not_use_an_alias(store: Arc<impl Store>) {
    let Some(letters) = store.dead_letters() else {
        return;
    };
    let source = source();
    let event = dead_lettered(&*store, letter(&source)).await;
    let (other, bound, unbound) = (key(), key(), key());
    granted(&*store, claim_with(other, bound)).await;
    for alias in [bound, unbound] {
        let (grant, _) = replayed(letters, &source, claim_with(event, alias)).await;
        assert!(status(&*store, event).await.token == grant.token);
        end(&*store, grant, RELEASE).await;
    }
    assert_eq!(status(&*store, other).await.attempts, 1);
    assert_eq!(granted(&*store, claim_with(key(), unbound)).await.1, 1);
}

/// A purged event is done under a greater token. Its grants are lost, and no delivery runs it.
pub async fn a_purged_event_is_done(store: Arc<impl Store>) {
    let Some(letters) = store.dead_letters() else {
        return;
    };
    let source = source();
    let event = dead_lettered(&*store, letter(&source)).await;
    let (grant, _) = replayed(letters, &source, Claim::new(event, SHORT)).await;
    sleep(PAST_SHORT).await;
    assert_eq!(purge(letters, &source, event).await, Purged::Yes);
    let purged = status(&*store, event).await;
    assert_eq!((purged.state, purged.kept), (RecordState::Done, false));
    assert!(purged.token > grant.token, "{purged:?} {grant:?}");
    for end in [End::Done, RELEASE, dead(letter(&source))] {
        assert_eq!(finish(&*store, grant, end).await, Held::Lost);
    }
    assert_eq!(verdict(&*store, claim_of(event)).await, Verdict::Done);
    assert_eq!(replay(letters, &source, claim_of(event)).await, None);
    assert_eq!(kept(letters, &source, event).await, None);
    assert_eq!(count(letters, &source).await, 0);
    assert_eq!(purge(letters, &source, event).await, Purged::Unknown);
    assert_eq!(status(&*store, event).await, purged);
}

/// A dead letter is not purged while a handler runs for its event.
pub async fn a_running_event_is_not_purged(store: Arc<impl Store>) {
    let Some(letters) = store.dead_letters() else {
        return;
    };
    let source = source();
    let event = dead_lettered(&*store, letter(&source)).await;
    let (grant, _) = replayed(letters, &source, claim_of(event)).await;
    let running = still(&*store, event).await;
    assert_eq!(purge(letters, &source, event).await, Purged::Busy);
    assert_eq!(still(&*store, event).await, running);
    assert!(kept(letters, &source, event).await.is_some());
    end(&*store, grant, RELEASE).await;
    assert_eq!(purge(letters, &source, event).await, Purged::Yes);
}

/// Another source neither sees, replays nor purges a dead letter.
pub async fn a_dead_letter_belongs_to_its_source(store: Arc<impl Store>) {
    let Some(letters) = store.dead_letters() else {
        return;
    };
    let (mine, other) = (source(), source());
    let event = dead_lettered(&*store, letter(&mine)).await;
    dead_lettered(&*store, letter(&other)).await;
    let dead = status(&*store, event).await;
    for stranger in [&*other, "", &mine[..mine.len() - 1], &mine.to_uppercase()] {
        assert_eq!(kept(letters, stranger, event).await, None, "{stranger:?}");
        assert_eq!(replay(letters, stranger, claim_of(event)).await, None);
        assert_eq!(purge(letters, stranger, event).await, Purged::Unknown);
    }
    assert_eq!(status(&*store, event).await, dead);
    assert_eq!(
        (count(letters, &mine).await, count(letters, &other).await),
        (1, 1)
    );
    let (grant, _) = replayed(letters, &mine, claim_of(event)).await;
    assert_eq!(purge(letters, &other, event).await, Purged::Unknown);
    assert_eq!(replay(letters, &other, claim_of(event)).await, None);
    end(&*store, grant, End::Done).await;
    assert_eq!(
        (count(letters, &mine).await, count(letters, &other).await),
        (0, 1)
    );
}

/// A letter with a body over `DeadLetter::MAX_BODY` is kept as it is, or there is no room for it.
/// Then the record is unchanged and can be released.
pub async fn a_letter_that_is_too_large_is_kept_whole_or_refused(store: Arc<impl Store>) {
    let Some(letters) = store.dead_letters() else {
        return;
    };
    let source = source();
    let large = DeadLetter::new(source.clone(), vec![b'x'; DeadLetter::MAX_BODY + 1]);
    let event = key();
    let (grant, _) = granted(&*store, claim_of(event)).await;
    let running = still(&*store, event).await;
    match finish(&*store, grant, dead(large.clone())).await {
        Held::Yes => {
            let record = kept(letters, &source, event).await.expect("a dead letter");
            assert!(record.letter == large, "the letter was changed");
        }
        Held::NoRoom => {
            assert_eq!(still(&*store, event).await, running);
            assert_eq!(count(letters, &source).await, 0);
            end(&*store, grant, RELEASE).await;
            assert_eq!(granted(&*store, claim_of(event)).await.1, 2);
        }
        other => panic!("{other:?}"),
    }
}
