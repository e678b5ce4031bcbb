//! Handlers that unit tests call as functions.

use apideck_hooks::{Failure, Outcome, Permanent, State, events::*, on};

#[on("vault.connection.callable")]
async fn doubled(
    _event: ConnectionCallable,
    State(count): State<u32>,
) -> Result<(), Permanent<&'static str>> {
    if count == 0 {
        Err(Permanent("none"))
    } else {
        Ok(())
    }
}

#[on("crm.*")]
async fn any(event: ResourceEvent) -> Outcome {
    match event.entity_id.as_str() {
        "" => Outcome::Retry(Failure::retry("no entity")),
        _ => Outcome::Done,
    }
}

#[tokio::test]
async fn a_test_calls_a_handler() {
    let event = ConnectionCallable::new(ConnectionEvent::default());
    assert!(doubled(event.clone(), State(1)).await.is_ok());
    assert!(doubled(event, State(0)).await.is_err());
    assert!(!any(ResourceEvent::default()).await.is_ok());
}
