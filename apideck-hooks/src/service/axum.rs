//! Mounting the receiver into axum.

use axum::Router;

use crate::hooks::Hooks;

impl Hooks {
    /// Makes an axum router with this receiver at `path`. Serve it, or merge it into another
    /// router.
    ///
    /// ```no_run
    /// # async fn run(hooks: apideck_hooks::Hooks, app: axum::Router) -> std::io::Result<()> {
    /// let app = app.merge(hooks.into_axum("/webhooks/apideck"));
    /// # axum::serve(tokio::net::TcpListener::bind("127.0.0.1:3000").await?, app).await
    /// # }
    /// ```
    ///
    /// # Panics
    ///
    /// If axum does not accept the path, for example because it does not start with `/`.
    pub fn into_axum<S>(self, path: &str) -> Router<S>
    where
        S: Clone + Send + Sync + 'static,
    {
        Router::new().route_service(path, self)
    }
}
