//! Claims, leases and the ends of a run.

use std::sync::Arc;

use tokio::time::sleep;

use super::support::{
    LONG, PAST_SHORT, RELEASE, SHORT, claim_of, claimed, dead, end, end_rest, every_end, finish, granted,
    key, letter, nearly, renew, status, still, verdict,
};
use crate::store::{Claim, ClaimId, Claimed, End, Grant, Held, RecordState, Status, Store, Token, Verdict};

/// The first claim is granted as attempt 1. After the run, further claims report `Done` and change
/// nothing.
pub async fn a_claim_is_granted_once_and_remembered(store: Arc<impl Store>) {
    let event = key();
    assert_eq!(status(&*store, event).await, Status::ABSENT);
    let (grant, attempt) = granted(&*store, claim_of(event)).await;
    assert_eq!(attempt, 1);
    end(&*store, grant, End::Done).await;
    for _ in 0..2 {
        let again = claimed(&*store, claim_of(event)).await;
        assert_eq!(again, Claimed::new(event, Verdict::Done));
        let done = Status::new(RecordState::Done, grant.token, 1, false);
        assert_eq!(status(&*store, event).await, done);
    }
}

/// A claim of a running record reports the time left of its lease.
pub async fn a_claim_of_a_running_record_reports_the_time_left(store: Arc<impl Store>) {
    let event = key();
    let (grant, _) = granted(&*store, claim_of(event)).await;
    match verdict(&*store, claim_of(event)).await {
        Verdict::Running {
            lease_left,
            kept: false,
        } => nearly(lease_left, LONG),
        other => panic!("{other:?}"),
    }
    let status = status(&*store, event).await;
    match status.state {
        RecordState::Running { lease_left } => nearly(lease_left, LONG),
        other => panic!("{other:?}"),
    }
    assert_eq!(
        (status.token, status.attempts, status.kept),
        (grant.token, 1, false)
    );
}

/// A failed run deletes nothing. Each run has a greater token and a greater attempt.
pub async fn tokens_and_attempts_grow_with_every_run(store: Arc<impl Store>) {
    let event = key();
    let mut last = Token(0);
    for wanted in 1..=5 {
        let (grant, attempt) = granted(&*store, claim_of(event)).await;
        assert_eq!(attempt, wanted);
        assert!(last < grant.token, "{last:?} {grant:?}");
        last = grant.token;
        end(&*store, grant, RELEASE).await;
        let released = RecordState::Released {
            left: std::time::Duration::ZERO,
        };
        let wanted = Status::new(released, grant.token, attempt, false);
        assert_eq!(status(&*store, event).await, wanted);
    }
}

/// A claim whose answer was lost is sent again with the same id. It gets the same grant, and counts
/// no other attempt.
pub async fn a_claim_that_is_sent_again_gets_the_same_grant(store: Arc<impl Store>) {
    let claim = claim_of(key());
    let (grant, attempt) = granted(&*store, claim.clone()).await;
    for _ in 0..2 {
        assert_eq!(granted(&*store, claim.clone()).await, (grant, attempt));
        assert_eq!(renew(&*store, grant, LONG).await, Held::Yes);
    }
    let other = verdict(&*store, claim_of(claim.event)).await;
    assert!(matches!(other, Verdict::Running { .. }), "{other:?}");
    end(&*store, grant, End::Done).await;
    assert_eq!(verdict(&*store, claim).await, Verdict::Done);
}

/// A refused claim that is sent again can be granted.
pub async fn a_refusal_is_decided_anew(store: Arc<impl Store>) {
    let event = key();
    let (grant, _) = granted(&*store, claim_of(event)).await;
    let refused = claim_of(event);
    let first = verdict(&*store, refused.clone()).await;
    assert!(matches!(first, Verdict::Running { .. }), "{first:?}");
    end(&*store, grant, RELEASE).await;
    assert_eq!(granted(&*store, refused).await.1, 2);
}

/// An end that is sent again is answered `Yes`, another end `Lost`. Neither changes the record.
pub async fn a_run_has_one_end(store: Arc<impl Store>) {
    for (first, chosen) in every_end().into_iter().enumerate() {
        let event = key();
        let (grant, _) = granted(&*store, claim_of(event)).await;
        end(&*store, grant, chosen.clone()).await;
        let ended = status(&*store, event).await;
        for _ in 0..2 {
            for (second, other) in every_end().into_iter().enumerate() {
                let wanted = if first == second { Held::Yes } else { Held::Lost };
                let held = finish(&*store, grant, other.clone()).await;
                assert_eq!(held, wanted, "{chosen:?}, then {other:?}");
                assert_eq!(status(&*store, event).await, ended, "{chosen:?}, then {other:?}");
            }
        }
        assert_eq!(renew(&*store, grant, LONG).await, Held::Lost, "{chosen:?}");
        assert_eq!(status(&*store, event).await, ended, "{chosen:?}");
    }
}

/// The values of an end that is sent again are not used.
pub async fn an_end_that_is_sent_again_changes_nothing(store: Arc<impl Store>) {
    let event = key();
    let (grant, _) = granted(&*store, claim_of(event)).await;
    end(&*store, grant, RELEASE).await;
    end(&*store, grant, End::Release { rest: LONG }).await;
    let (grant, attempt) = granted(&*store, claim_of(event)).await;
    assert_eq!(attempt, 2);
    end(&*store, grant, dead(letter("source"))).await;
    let taken_back = End::Dead {
        letter: Box::new(letter("source")),
        began: false,
    };
    end(&*store, grant, taken_back).await;
    assert_eq!(status(&*store, event).await.attempts, 2);
}

/// Only the token and the id of the granted claim hold.
pub async fn another_token_or_claim_id_is_lost(store: Arc<impl Store>) {
    let event = key();
    let (grant, _) = granted(&*store, claim_of(event)).await;
    let running = still(&*store, event).await;
    // The last number ends in the digits of the token.
    let number = grant.token.0;
    let tokens = [
        0,
        number - 1,
        number + 1,
        1 << 63,
        u64::MAX,
        10_u64.pow(18) + number,
    ];
    let mut others: Vec<_> = tokens
        .map(|token| Grant::new(event, Token(token), grant.id))
        .into();
    others.push(Grant::new(event, grant.token, ClaimId::random()));
    others.push(Grant::new(event, grant.token, ClaimId::from_bytes([0; 16])));
    for other in &others {
        assert_eq!(renew(&*store, *other, SHORT).await, Held::Lost, "{other:?}");
        for end in every_end() {
            assert_eq!(finish(&*store, *other, end).await, Held::Lost, "{other:?}");
        }
        assert_eq!(still(&*store, event).await, running, "{other:?}");
    }
    end(&*store, grant, End::Done).await;
    for other in &others {
        assert_eq!(finish(&*store, *other, End::Done).await, Held::Lost, "{other:?}");
    }
}

/// Calls for an unknown record create nothing.
pub async fn an_unknown_record_is_lost_and_absent(store: Arc<impl Store>) {
    let grant = Grant::new(key(), Token(1), ClaimId::random());
    assert_eq!(renew(&*store, grant, LONG).await, Held::Lost);
    for end in every_end() {
        assert_eq!(finish(&*store, grant, end).await, Held::Lost);
    }
    assert!(!end_rest(&*store, grant.record).await);
    assert_eq!(status(&*store, grant.record).await, Status::ABSENT);
}

/// The next claim is granted. Calls of the old owner change nothing after that.
pub async fn an_ended_lease_can_be_claimed_and_its_owner_has_lost(store: Arc<impl Store>) {
    let event = key();
    let (old, _) = granted(&*store, Claim::new(event, SHORT)).await;
    sleep(PAST_SHORT).await;
    let (new, attempt) = granted(&*store, claim_of(event)).await;
    assert!(new.token > old.token && attempt == 2, "{old:?} {new:?} {attempt}");
    let running = still(&*store, event).await;
    assert_eq!(renew(&*store, old, LONG).await, Held::Lost);
    for end in every_end() {
        assert_eq!(finish(&*store, old, end).await, Held::Lost);
    }
    assert_eq!(still(&*store, event).await, running);
    end(&*store, new, End::Done).await;
    assert_eq!(finish(&*store, old, End::Done).await, Held::Lost);
    let done = Status::new(RecordState::Done, new.token, 2, false);
    assert_eq!(status(&*store, event).await, done);
}

/// If no other claim was granted, the owner still holds the record.
pub async fn an_ended_lease_without_a_successor_still_holds(store: Arc<impl Store>) {
    let mut runs = Vec::new();
    for chosen in every_end() {
        let (grant, _) = granted(&*store, Claim::new(key(), SHORT)).await;
        runs.push((grant, chosen));
    }
    sleep(PAST_SHORT).await;
    for (grant, chosen) in runs {
        let over = status(&*store, grant.record).await;
        assert!(matches!(over.state, RecordState::Released { .. }), "{over:?}");
        end(&*store, grant, chosen.clone()).await;
        let ended = status(&*store, grant.record).await;
        match chosen {
            End::Done => assert_eq!(ended.state, RecordState::Done),
            End::Dead { .. } => assert_eq!(ended.state, RecordState::Dead),
            End::Withdraw | End::Interrupt => assert_eq!(ended.attempts, 0),
            End::Release { .. } => assert_eq!(ended, over),
        }
    }
}

/// A lease that was renewed is counted from the renewal, with the new length.
pub async fn a_renewal_starts_the_lease_again(store: Arc<impl Store>) {
    let event = key();
    let (grant, _) = granted(&*store, Claim::new(event, SHORT)).await;
    assert_eq!(renew(&*store, grant, LONG).await, Held::Yes);
    sleep(PAST_SHORT).await;
    match verdict(&*store, claim_of(event)).await {
        Verdict::Running { lease_left, .. } => nearly(lease_left, LONG),
        other => panic!("{other:?}"),
    }
    assert_eq!(renew(&*store, grant, SHORT).await, Held::Yes);
    sleep(PAST_SHORT).await;
    // A renewal of a lease that has ended holds too.
    assert_eq!(renew(&*store, grant, LONG).await, Held::Yes);
    let running = verdict(&*store, claim_of(event)).await;
    assert!(matches!(running, Verdict::Running { .. }), "{running:?}");
    assert_eq!(renew(&*store, grant, SHORT).await, Held::Yes);
    sleep(PAST_SHORT).await;
    assert_eq!(granted(&*store, claim_of(event)).await.1, 2);
}
