//! The tenant of a delivery, from its path to a parameter of a handler.

use apideck_hooks::sqlx::{self, SqlitePool};
use apideck_hooks::{Context, Delivery, Failure, FromDelivery};
use axum::http::request::Parts;

/// A tenant that the database has.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Tenant(pub String);

/// Takes the tenant from the path, for [`Hooks::builder`](apideck_hooks::Hooks::builder).
///
/// A dead letter keeps the context. So a replay, which has no request, has the tenant too.
pub fn from_path(request: &Parts) -> Context {
    let mut context = Context::new();
    // `nest` has removed the beginning of the path, so the tenant is found from the end.
    if let Some(tenant) = request.uri.path().rsplit('/').next() {
        // A name that is too long for a context is no name of ours.
        let _ = context.insert("tenant", tenant);
    }
    context
}

/// The path is not signed, so it only selects among the tenants that the database has. Tenants that
/// do not trust each other need an Apideck application and a receiver of their own.
impl FromDelivery for Tenant {
    type State = SqlitePool;
    type Error = Failure;

    async fn from_delivery(delivery: &Delivery, pool: SqlitePool) -> Result<Self, Failure> {
        let name = delivery.context().get("tenant").unwrap_or_default();
        let known = sqlx::query_scalar("SELECT name FROM tenants WHERE name = $1")
            .bind(name)
            .fetch_optional(&pool)
            .await?;
        // Permanent: a retry does not add the tenant. The dead letter waits until someone does.
        known
            .map(Tenant)
            .ok_or_else(|| Failure::permanent(format!("unknown tenant {name:?}")))
    }
}
