//! The receiver: the list of handlers, and the path.

pub mod connections;
pub mod crm;

use apideck_hooks::{Hooks, HooksBuilder, IntoSecret, Routes, router};
use axum::Router;

use crate::{App, tenant};

/// Starts the receiver of the application.
///
/// It returns the builder, so that a test can choose another store and other limits.
pub fn builder(app: App, secret: impl IntoSecret) -> HooksBuilder<impl Routes<App>, App> {
    Hooks::builder(router![
        connections::start_sync,
        connections::token_failed,
        crm::lead_changed,
        ..
    ])
    .secret(secret)
    .state(app)
    .context(tenant::from_path)
}

/// Returns the route of the receiver.
///
/// It has no time limit and no limit of bodies from a layer, because the receiver has its own. A
/// layer that answers earlier than the receiver costs a delivery.
pub fn router(hooks: Hooks) -> Router {
    Router::new().route_service("/apideck/{tenant}", hooks)
}
