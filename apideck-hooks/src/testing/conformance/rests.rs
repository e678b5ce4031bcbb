//! Rests, withdrawn claims and interrupted runs.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use super::support::{
    LONG, PAST_SHORT, RELEASE, SHORT, claim_of, dead, end, end_rest, granted, key, letter, nearly, status,
    verdict,
};
use crate::store::{Claim, End, Key, MAX_INTERRUPTED, RecordState, Rests, Store, Verdict};

/// Makes a claim with a `LONG` lease and this rest after every attempt.
fn resting(event: Key, rest: Duration) -> Claim {
    Claim {
        rests: Rests::new([rest; Rests::LENGTH]),
        ..claim_of(event)
    }
}

/// Returns the time that the event still rests. Panics if it does not rest.
async fn rest_left(store: &dyn Store, event: Key) -> Duration {
    match verdict(store, claim_of(event)).await {
        Verdict::Resting { left } => left,
        other => panic!("it does not rest: {other:?}"),
    }
}

/// After each attempt the event rests as long as the claim's rests say. Meanwhile no claim is
/// granted, and none changes the record.
pub async fn an_event_rests_after_each_attempt(store: Arc<impl Store>) {
    let event = key();
    let rests = Rests::new(std::array::from_fn(|index| LONG * (index as u32 + 1)));
    for attempt in 1..=10 {
        let claim = Claim {
            rests,
            ..claim_of(event)
        };
        let (grant, counted) = granted(&*store, claim).await;
        assert_eq!(counted, attempt);
        end(&*store, grant, RELEASE).await;
        for _ in 0..2 {
            nearly(rest_left(&*store, event).await, rests.after(attempt));
        }
        let status = status(&*store, event).await;
        assert_eq!((status.token, status.attempts), (grant.token, attempt));
        match status.state {
            RecordState::Released { left } => nearly(left, rests.after(attempt)),
            other => panic!("{other:?}"),
        }
        assert!(end_rest(&*store, event).await);
    }
}

/// A rest is counted from the begin of the run.
pub async fn a_rest_begins_with_the_run(store: Arc<impl Store>) {
    let event = key();
    let (grant, _) = granted(&*store, resting(event, LONG)).await;
    sleep(PAST_SHORT).await;
    end(&*store, grant, RELEASE).await;
    nearly(rest_left(&*store, event).await, LONG - SHORT);
}

/// The wait that a handler asked for is counted from the end of the run. The longer wait holds.
pub async fn the_longer_of_both_waits_holds(store: Arc<impl Store>) {
    for (rest, asked, wanted) in [(LONG, LONG * 3, LONG * 3), (LONG * 3, LONG, LONG * 3)] {
        let event = key();
        let (grant, _) = granted(&*store, resting(event, rest)).await;
        end(&*store, grant, End::Release { rest: asked }).await;
        nearly(rest_left(&*store, event).await, wanted);
    }
}

/// An event whose run ended without an end rests too, after a crash for example.
pub async fn a_run_without_an_end_rests_too(store: Arc<impl Store>) {
    let event = key();
    let claim = Claim {
        lease: SHORT,
        ..resting(event, LONG)
    };
    granted(&*store, claim).await;
    sleep(PAST_SHORT).await;
    nearly(rest_left(&*store, event).await, LONG);
    let state = status(&*store, event).await.state;
    assert!(matches!(state, RecordState::Released { left } if !left.is_zero()));
    assert!(end_rest(&*store, event).await);
    assert_eq!(granted(&*store, claim_of(event)).await.1, 2);
}

/// A claim after the rest is granted.
pub async fn a_rest_ends(store: Arc<impl Store>) {
    for (rest, asked) in [(SHORT, Duration::ZERO), (Duration::ZERO, SHORT)] {
        let event = key();
        let (grant, _) = granted(&*store, resting(event, rest)).await;
        end(&*store, grant, End::Release { rest: asked }).await;
        sleep(PAST_SHORT).await;
        let state = status(&*store, event).await.state;
        let left = Duration::ZERO;
        assert_eq!(state, RecordState::Released { left });
        assert_eq!(granted(&*store, claim_of(event)).await.1, 2);
    }
}

/// `end_rest` ends the rest of a resting record, and changes no other record.
pub async fn a_rest_can_be_ended(store: Arc<impl Store>) {
    let event = key();
    let (grant, _) = granted(&*store, resting(event, LONG)).await;
    assert!(!end_rest(&*store, event).await, "the record is running");
    end(&*store, grant, RELEASE).await;
    nearly(rest_left(&*store, event).await, LONG);
    assert!(end_rest(&*store, event).await);
    assert!(!end_rest(&*store, event).await, "the rest has ended");
    let status = status(&*store, event).await;
    assert_eq!((status.token, status.attempts), (grant.token, 1));
    let (grant, attempt) = granted(&*store, resting(event, LONG)).await;
    assert_eq!(attempt, 2);
    end(&*store, grant, End::Done).await;
    assert!(!end_rest(&*store, event).await, "the record is done");
    let event = key();
    let (grant, _) = granted(&*store, resting(event, LONG)).await;
    end(&*store, grant, dead(letter("source"))).await;
    assert!(!end_rest(&*store, event).await, "the record is dead");
}

/// A withdrawal takes back the attempt and the rest, and leaves the token.
pub async fn a_withdrawal_takes_the_attempt_and_the_rest_back(store: Arc<impl Store>) {
    let event = key();
    let (first, _) = granted(&*store, claim_of(event)).await;
    end(&*store, first, RELEASE).await;
    for _ in 0..2 * MAX_INTERRUPTED {
        let (grant, attempt) = granted(&*store, resting(event, LONG)).await;
        assert_eq!(attempt, 2);
        for _ in 0..2 {
            end(&*store, grant, End::Withdraw).await;
            let status = status(&*store, event).await;
            let left = Duration::ZERO;
            assert_eq!(status.state, RecordState::Released { left });
            assert_eq!((status.token, status.attempts), (grant.token, 1));
        }
    }
}

/// Three interrupted runs in a row do not count. After that each is an attempt and rests. An end of
/// another kind begins a new row.
pub async fn three_interrupted_runs_in_a_row_do_not_count(store: Arc<impl Store>) {
    let event = key();
    for row in 0..2 {
        for _ in 0..MAX_INTERRUPTED {
            let (grant, attempt) = granted(&*store, resting(event, LONG)).await;
            assert_eq!(attempt, 3 * row + 1);
            for _ in 0..2 {
                end(&*store, grant, End::Interrupt).await;
                assert_eq!(status(&*store, event).await.attempts, 3 * row);
            }
        }
        for counted in 1..=2 {
            let (grant, attempt) = granted(&*store, resting(event, LONG)).await;
            end(&*store, grant, End::Interrupt).await;
            nearly(rest_left(&*store, event).await, LONG);
            assert_eq!(
                (attempt, attempt),
                (3 * row + counted, status(&*store, event).await.attempts)
            );
            assert!(end_rest(&*store, event).await);
        }
        let (grant, attempt) = granted(&*store, claim_of(event)).await;
        assert_eq!(attempt, 3 * row + 3);
        end(&*store, grant, RELEASE).await;
    }
}

/// An event whose attempts were used up before is dead-lettered without a run. The attempt of that
/// claim is taken back.
pub async fn a_dead_event_without_a_run_counts_no_attempt(store: Arc<impl Store>) {
    let event = key();
    let (grant, _) = granted(&*store, claim_of(event)).await;
    end(&*store, grant, RELEASE).await;
    let (grant, attempt) = granted(&*store, claim_of(event)).await;
    assert_eq!(attempt, 2);
    let unrun = End::Dead {
        letter: Box::new(letter("source")),
        began: false,
    };
    for _ in 0..2 {
        end(&*store, grant, unrun.clone()).await;
        let status = status(&*store, event).await;
        assert_eq!((status.state, status.attempts), (RecordState::Dead, 1));
    }
}
