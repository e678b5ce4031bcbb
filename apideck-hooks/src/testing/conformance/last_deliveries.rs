//! The dead letter of a last delivery. A store without dead letters writes none.

use std::sync::Arc;

use tokio::time::sleep;

use super::support::{
    LONG, PAST_SHORT, RELEASE, SHORT, claim_of, claim_with, claimed, count, dead, dead_lettered, end,
    granted, kept, key, last_claim, letter, replayed, source, status, verdict,
};
use crate::store::{
    Claim, Claimed, DeadLetter, End, Grant, Key, LastDelivery, RecordState, Rests, Status, Store, Verdict,
};

/// The last delivery of a new event is granted, and its letter is kept and listed from then on.
pub async fn a_last_delivery_of_a_new_event_runs_with_its_letter_kept(store: Arc<impl Store>) {
    let source = source();
    let is_kept = store.dead_letters().is_some();
    // An absent record counts as old enough.
    for min_age in [std::time::Duration::ZERO, LastDelivery::MIN_AGE] {
        for chosen in [Some(End::Done), Some(RELEASE), Some(dead(letter(&source))), None] {
            let event = key();
            let mut claim = last_claim(event, letter(&source));
            claim.last.as_mut().expect("it is set").min_age = min_age;
            if chosen.is_none() {
                claim.lease = SHORT;
            }
            let (grant, attempt) = lettered(&*store, claim, is_kept).await;
            assert_eq!(attempt, 1);
            if let Some(letters) = store.dead_letters()
                && chosen.is_some()
            {
                let record = kept(letters, &source, event).await.expect("a dead letter");
                assert_eq!(record.letter, letter(&source));
                assert_eq!((record.attempts, record.running), (1, true));
                assert!(status(&*store, event).await.kept);
            }
            match chosen.clone() {
                Some(chosen) => end(&*store, grant, chosen).await,
                None => sleep(PAST_SHORT).await,
            }
            let after = status(&*store, event).await;
            let state = match chosen {
                Some(End::Done) => RecordState::Done,
                Some(End::Dead { .. }) => RecordState::Dead,
                _ if is_kept => RecordState::Dead,
                _ => after.state,
            };
            let kept_after = is_kept && state == RecordState::Dead;
            assert_eq!(after, Status::new(state, grant.token, 1, kept_after));
        }
    }
    if let Some(letters) = store.dead_letters() {
        assert_eq!(count(letters, &source).await, 6);
    }
}

/// A delivery that comes soon after its event was first seen writes no letter, in any state.
pub async fn a_young_record_gets_no_letter(store: Arc<impl Store>) {
    let source = source();
    let event = key();
    let young = || Claim {
        last: Some(Box::new(LastDelivery::new(letter(&source)))),
        ..resting(event)
    };
    let (grant, _) = granted(&*store, resting(event)).await;
    let running = verdict(&*store, young()).await;
    assert!(
        matches!(running, Verdict::Running { kept: false, .. }),
        "{running:?}"
    );
    end(&*store, grant, RELEASE).await;
    let resting = verdict(&*store, young()).await;
    assert!(matches!(resting, Verdict::Resting { .. }), "{resting:?}");
    assert!(store.end_rest(event).await.expect("an end of the rest"));
    assert_eq!(granted(&*store, young()).await.1, 2);
    assert!(!status(&*store, event).await.kept);
    if let Some(letters) = store.dead_letters() {
        assert_eq!(count(letters, &source).await, 0);
    }
}

/// The age of a record is counted from its first claim, through its runs.
pub async fn an_old_record_gets_the_letter(store: Arc<impl Store>) {
    let source = source();
    let event = key();
    let (grant, _) = granted(&*store, claim_of(event)).await;
    end(&*store, grant, RELEASE).await;
    sleep(PAST_SHORT).await;
    let (grant, _) = granted(&*store, claim_of(event)).await;
    end(&*store, grant, RELEASE).await;
    let mut claim = last_claim(event, letter(&source));
    claim.last.as_mut().expect("it is set").min_age = SHORT;
    let (_, attempt) = lettered(&*store, claim, store.dead_letters().is_some()).await;
    assert_eq!(attempt, 3);
}

/// The letter is written into a running record. The delivery can be acknowledged, and the run goes
/// on.
pub async fn a_last_delivery_writes_its_letter_into_a_running_record(store: Arc<impl Store>) {
    let Some(letters) = store.dead_letters() else {
        return;
    };
    let source = source();
    let event = key();
    let (grant, _) = granted(&*store, claim_of(event)).await;
    let claimed = claimed(&*store, last_claim(event, letter(&source))).await;
    assert!(
        claimed.lettered && matches!(claimed.verdict, Verdict::Running { kept: true, .. }),
        "{claimed:?}"
    );
    let record = kept(letters, &source, event).await.expect("a dead letter");
    assert_eq!((record.attempts, record.running), (1, true));
    assert_eq!(record.letter, letter(&source));
    let status = status(&*store, event).await;
    assert_eq!((status.token, status.attempts), (grant.token, 1));
    end(&*store, grant, RELEASE).await;
    let verdict = verdict(&*store, claim_of(event)).await;
    assert_eq!(verdict, Verdict::Dead { kept: true });
    assert_eq!(replayed(letters, &source, claim_of(event)).await.1, 2);

    let event = key();
    let (grant, _) = granted(&*store, claim_of(event)).await;
    assert!(
        super::support::claimed(&*store, last_claim(event, letter(&source)))
            .await
            .lettered
    );
    end(&*store, grant, End::Done).await;
    assert_eq!(kept(letters, &source, event).await, None);
    assert_eq!(count(letters, &source).await, 1);
}

/// A resting event is dead-lettered by its last delivery, without a run. So is one whose run has
/// crashed.
pub async fn a_last_delivery_dead_letters_a_resting_event(store: Arc<impl Store>) {
    let Some(letters) = store.dead_letters() else {
        return;
    };
    let source = source();
    let (failed, crashed) = (key(), key());
    let (grant, _) = granted(&*store, resting(failed)).await;
    end(&*store, grant, RELEASE).await;
    let claim = Claim {
        lease: SHORT,
        ..resting(crashed)
    };
    granted(&*store, claim).await;
    sleep(PAST_SHORT).await;
    for event in [failed, crashed] {
        let before = status(&*store, event).await;
        let dead = Claimed::new(event, Verdict::Dead { kept: true });
        let claim = last_claim(event, letter(&source));
        assert_eq!(claimed(&*store, claim.clone()).await, dead.lettered(true));
        let wanted = Status::new(RecordState::Dead, before.token, 1, true);
        assert_eq!(status(&*store, event).await, wanted);
        let record = kept(letters, &source, event).await.expect("a dead letter");
        assert_eq!((record.attempts, record.running), (1, false));
        assert_eq!(record.letter, letter(&source));
        assert_eq!(claimed(&*store, claim).await, dead);
        // A replay does not wait for the rest.
        assert_eq!(replayed(letters, &source, claim_of(event)).await.1, 2);
    }
}

/// A record that is done gets no letter.
pub async fn a_last_delivery_of_a_done_event_is_a_duplicate(store: Arc<impl Store>) {
    let source = source();
    let event = key();
    let (grant, _) = granted(&*store, claim_of(event)).await;
    end(&*store, grant, End::Done).await;
    let last = verdict(&*store, last_claim(event, letter(&source))).await;
    assert_eq!(last, Verdict::Done);
    assert!(!status(&*store, event).await.kept);
    if let Some(letters) = store.dead_letters() {
        assert_eq!(count(letters, &source).await, 0);
    }
}

/// A letter that is kept is not replaced by a last delivery.
pub async fn a_last_delivery_leaves_a_kept_letter_as_it_is(store: Arc<impl Store>) {
    let Some(letters) = store.dead_letters() else {
        return;
    };
    let source = source();
    let event = dead_lettered(&*store, letter(&source)).await;
    let first = kept(letters, &source, event).await.expect("a dead letter");
    let other = DeadLetter::new(source.clone(), "another body");
    let last = verdict(&*store, last_claim(event, other.clone())).await;
    assert_eq!(last, Verdict::Dead { kept: true });
    assert_eq!(kept(letters, &source, event).await, Some(first.clone()));
    let (grant, _) = replayed(letters, &source, claim_of(event)).await;
    let last = verdict(&*store, last_claim(event, other)).await;
    assert!(matches!(last, Verdict::Running { kept: true, .. }), "{last:?}");
    end(&*store, grant, RELEASE).await;
    let second = kept(letters, &source, event).await.expect("a dead letter");
    assert_eq!((&second.letter, second.cursor), (&first.letter, first.cursor));
}

/// A last delivery that is sent again gets the same grant. The run's own letter replaces the letter
/// that the claim wrote.
pub async fn a_last_delivery_that_is_sent_again_writes_one_letter(store: Arc<impl Store>) {
    let source = source();
    let event = key();
    let claim = last_claim(event, letter(&source));
    let (grant, attempt) = lettered(&*store, claim.clone(), store.dead_letters().is_some()).await;
    assert_eq!(granted(&*store, claim).await, (grant, attempt));
    end(&*store, grant, dead(letter(&source).error("the run's own"))).await;
    let Some(letters) = store.dead_letters() else {
        return;
    };
    let record = kept(letters, &source, event).await.expect("a dead letter");
    assert_eq!(record.letter.error, "the run's own");
    assert_eq!(count(letters, &source).await, 1);
}

/// The letter is written into the record that the alias names.
pub async fn a_last_delivery_under_an_alias_writes_into_the_bound_record(store: Arc<impl Store>) {
    let Some(letters) = store.dead_letters() else {
        return;
    };
    let source = source();
    let (event, other, alias) = (key(), key(), key());
    granted(&*store, claim_with(event, alias)).await;
    let last = Claim {
        alias: Some(alias),
        ..last_claim(other, letter(&source))
    };
    let claimed = claimed(&*store, last).await;
    assert!(claimed.record == event && claimed.lettered, "{claimed:?}");
    assert!(kept(letters, &source, event).await.is_some());
    assert_eq!(kept(letters, &source, other).await, None);
    assert_eq!(status(&*store, other).await, Status::ABSENT);
}

/// A last delivery whose letter is too large runs without one, or with the whole letter.
pub async fn a_last_delivery_with_a_large_letter_runs(store: Arc<impl Store>) {
    let Some(letters) = store.dead_letters() else {
        return;
    };
    let source = source();
    let event = key();
    let large = DeadLetter::new(source.clone(), vec![b'x'; DeadLetter::MAX_BODY + 1]);
    let claimed = claimed(&*store, last_claim(event, large.clone())).await;
    assert!(
        matches!(claimed.verdict, Verdict::Granted { attempt: 1, .. }),
        "{claimed:?}"
    );
    let record = kept(letters, &source, event).await;
    assert_eq!(record.is_some(), claimed.lettered);
    assert!(
        record.is_none_or(|record| record.letter == large),
        "the letter was changed"
    );
}

/// Makes a claim with a `LONG` lease and a `LONG` rest after every attempt.
fn resting(event: Key) -> Claim {
    Claim {
        rests: Rests::new([LONG; Rests::LENGTH]),
        ..claim_of(event)
    }
}

/// Claims the event, and panics unless the claim is granted and wrote its letter as wanted.
async fn lettered(store: &dyn Store, claim: Claim, wanted: bool) -> (Grant, u32) {
    let (event, id) = (claim.event, claim.id);
    let claimed = claimed(store, claim).await;
    match claimed.verdict {
        Verdict::Granted { token, attempt } if claimed.lettered == wanted => {
            (Grant::new(event, token, id), attempt)
        }
        _ => panic!("{claimed:?}, wanted lettered: {wanted}"),
    }
}
