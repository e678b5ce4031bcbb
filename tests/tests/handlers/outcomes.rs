//! Return values of handlers.

use apideck_hooks::events::{ConnectionCallable, ConnectionEvent, ResourceEvent};
use apideck_hooks::{Failure, Hooks, Outcome, Permanent, on, router};
use apideck_hooks_tests::SECRET;
use apideck_hooks_tests::kit::{Deliver, Told, event};
use std::fmt;

#[derive(Debug)]
struct Broken;

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("broken")
    }
}

impl std::error::Error for Broken {}

/// A type that is not an error but converts to a [`Failure`].
struct Verdict(bool);

impl From<Verdict> for Failure {
    fn from(verdict: Verdict) -> Self {
        if verdict.0 {
            Failure::permanent("for good")
        } else {
            Failure::retry("not yet")
        }
    }
}

#[on("crm.lead.created")]
async fn an_error(_: ResourceEvent) -> Result<(), Broken> {
    Err(Broken)
}

#[on("crm.lead.updated")]
async fn a_boxed_error() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    Err(Box::new(Broken))
}

#[on("crm.lead.deleted")]
async fn permanent() -> Result<(), Failure> {
    Err(Permanent(Broken))?;
    Ok(())
}

#[on("crm.note.created")]
async fn its_own_verdict() -> Result<(), Verdict> {
    Err(Verdict(true))
}

#[on("crm.note.updated")]
async fn its_other_verdict() -> Result<(), Verdict> {
    Err(Verdict(false))
}

#[on("crm.note.deleted")]
async fn an_outcome() -> Outcome {
    Outcome::Ignore
}

#[on("crm.company.created")]
async fn an_outcome_or_an_error() -> Result<Outcome, Broken> {
    Ok(Outcome::DeadLetter("no".into()))
}

#[on("crm.company.updated")]
async fn fine() -> Result<(), Broken> {
    Ok(())
}

#[tokio::test]
async fn the_return_value_decides_the_response() {
    let list = router![
        an_error,
        a_boxed_error,
        permanent,
        its_own_verdict,
        its_other_verdict,
        an_outcome,
        an_outcome_or_an_error,
        fine,
        ..
    ];
    let hooks = Hooks::builder(list).secret(SECRET).build().unwrap();
    for (name, word) in [
        ("crm.lead.created", "500"),
        ("crm.lead.updated", "500"),
        ("crm.lead.deleted", "422"),
        ("crm.note.created", "422"),
        ("crm.note.updated", "500"),
        ("crm.note.deleted", "ignored"),
        ("crm.company.created", "422"),
        ("crm.company.updated", "handled"),
        ("crm.company.deleted", "ignored"),
    ] {
        assert_eq!(event(name, "e1").call(&hooks).await.outcome(), word, "{name}");
    }
}

/// A handler stays a function, so that a unit test can call it.
#[tokio::test]
async fn a_unit_test_can_call_a_handler() {
    assert!(matches!(an_outcome().await, Outcome::Ignore));
    assert!(an_error(ResourceEvent::default()).await.is_err());
    let mut event = ConnectionEvent::default();
    event.entity.consumer_id = "c1".to_owned();
    let event = ConnectionCallable::new(event);
    assert_eq!(
        (event.event_type.as_str(), event.entity.consumer_id.as_str()),
        ("vault.connection.callable", "c1")
    );
    assert!(apideck_hooks::events::ConnectionDeleted::try_from(event.into_inner()).is_err());
}
