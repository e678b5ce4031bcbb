//! Handlers for lists in another crate.

use apideck_hooks::{State, events::*, on};

#[on("vault.connection.callable")]
pub async fn start_sync(_event: ConnectionCallable) {}

pub mod crm {
    use super::*;

    #[on("crm.*")]
    pub async fn changed(_event: ResourceEvent, State(_count): State<u32>) {}
}
