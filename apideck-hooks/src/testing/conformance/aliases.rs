//! Aliases and the records to which they are bound.

use std::sync::Arc;

use super::support::{
    LONG, RELEASE, claim_of, claim_with, claimed, dead, end, end_rest, granted, key, letter, status,
};
use crate::store::{Claim, End, Grant, Key, Rests, Status, Store, Verdict};

/// A granted claim binds its alias. Another event under that alias gets the bound record in every
/// state, and has no record of its own.
pub async fn an_alias_names_its_record_in_every_state(store: Arc<impl Store>) {
    let (event, other, alias) = (key(), key(), key());
    let resting = Claim {
        rests: Rests::new([LONG; Rests::LENGTH]),
        ..claim_with(event, alias)
    };
    let (grant, _) = granted(&*store, resting).await;
    let running = through(&*store, other, alias, event).await;
    assert!(matches!(running, Verdict::Running { .. }), "{running:?}");
    end(&*store, grant, RELEASE).await;
    let resting = through(&*store, other, alias, event).await;
    assert!(matches!(resting, Verdict::Resting { .. }), "{resting:?}");
    assert!(end_rest(&*store, event).await);

    let claim = claim_with(other, alias);
    let claimed = claimed(&*store, claim.clone()).await;
    let Verdict::Granted { token, attempt: 2 } = claimed.verdict else {
        panic!("{claimed:?}")
    };
    assert_eq!(claimed.record, event);
    end(&*store, Grant::new(event, token, claim.id), End::Done).await;
    assert_eq!(through(&*store, other, alias, event).await, Verdict::Done);
    assert_eq!(status(&*store, other).await, Status::ABSENT);
    assert_eq!(granted(&*store, claim_of(other)).await.1, 1);
}

/// A dead record is named by its alias too.
pub async fn an_alias_names_a_dead_record(store: Arc<impl Store>) {
    let (event, alias) = (key(), key());
    let (grant, _) = granted(&*store, claim_with(event, alias)).await;
    end(&*store, grant, dead(letter("source"))).await;
    let dead = through(&*store, key(), alias, event).await;
    assert!(matches!(dead, Verdict::Dead { .. }), "{dead:?}");
}

/// A claim that is refused does not bind its alias, in any state of the record.
pub async fn a_refused_claim_binds_nothing(store: Arc<impl Store>) {
    let event = key();
    let resting = Claim {
        rests: Rests::new([LONG; Rests::LENGTH]),
        ..claim_of(event)
    };
    let (grant, _) = granted(&*store, resting).await;
    unbound_after_refusal(&*store, event).await;
    end(&*store, grant, RELEASE).await;
    unbound_after_refusal(&*store, event).await;
    assert!(end_rest(&*store, event).await);
    let (grant, _) = granted(&*store, claim_of(event)).await;
    end(&*store, grant, End::Done).await;
    unbound_after_refusal(&*store, event).await;
    let event = key();
    let (grant, _) = granted(&*store, claim_of(event)).await;
    end(&*store, grant, dead(letter("source"))).await;
    unbound_after_refusal(&*store, event).await;
}

/// A record has as many aliases as it has runs.
pub async fn every_granted_claim_binds_its_alias(store: Arc<impl Store>) {
    let event = key();
    let mut aliases = Vec::new();
    for wanted in 1..=40 {
        aliases.push(key());
        let claim = claim_with(event, aliases[aliases.len() - 1]);
        let (grant, attempt) = granted(&*store, claim).await;
        assert_eq!(attempt, wanted);
        end(&*store, grant, RELEASE).await;
    }
    let (grant, _) = granted(&*store, claim_of(event)).await;
    end(&*store, grant, End::Done).await;
    for alias in aliases {
        assert_eq!(through(&*store, key(), alias, event).await, Verdict::Done);
    }
}

/// A claim with an alias that is sent again gets the same grant, through its event and through its
/// alias.
pub async fn a_claim_with_an_alias_that_is_sent_again_gets_the_same_grant(store: Arc<impl Store>) {
    let first = claim_with(key(), key());
    let granted = claimed(&*store, first.clone()).await;
    assert_eq!(claimed(&*store, first.clone()).await, granted);
    let Verdict::Granted { token, .. } = granted.verdict else {
        panic!("{granted:?}")
    };
    end(&*store, Grant::new(first.event, token, first.id), RELEASE).await;
    let through_alias = Claim {
        event: key(),
        ..claim_with(first.event, first.alias.expect("it has one"))
    };
    let granted = claimed(&*store, through_alias.clone()).await;
    assert!(matches!(granted.verdict, Verdict::Granted { attempt: 2, .. }));
    assert_eq!(claimed(&*store, through_alias).await, granted);
}

/// An alias with the key of an event does not name that event's record, and a record with the key
/// of an alias is not named by the alias's claims.
pub async fn an_alias_is_not_an_event(store: Arc<impl Store>) {
    let (event, other, alias) = (key(), key(), key());
    granted(&*store, claim_with(event, alias)).await;
    assert_eq!(granted(&*store, claim_with(other, event)).await.1, 1);
    assert_eq!(granted(&*store, claim_of(alias)).await.1, 1);
    let running = through(&*store, key(), alias, event).await;
    assert!(matches!(running, Verdict::Running { .. }), "{running:?}");
}

/// Claims an event under an alias that is bound to `record`, and returns the verdict.
async fn through(store: &dyn Store, event: Key, alias: Key, record: Key) -> Verdict {
    let claimed = claimed(store, claim_with(event, alias)).await;
    assert_eq!(claimed.record, record, "{claimed:?}");
    claimed.verdict
}

/// Claims the event under a new alias, which is refused. Then another event is claimed under that
/// alias.
async fn unbound_after_refusal(store: &dyn Store, event: Key) {
    let alias = key();
    let verdict = through(store, event, alias, event).await;
    assert!(!matches!(verdict, Verdict::Granted { .. }), "{verdict:?}");
    assert_eq!(granted(store, claim_with(key(), alias)).await.1, 1);
}
