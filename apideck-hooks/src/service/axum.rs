//! Mounting into axum.

use crate::hooks::Hooks;
use axum::Router;

impl Hooks {
    /// An axum router with this receiver at a path, to be served or merged.
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
    /// If the path is none that axum takes: it starts with `/`.
    pub fn into_axum<S>(self, path: &str) -> Router<S>
    where
        S: Clone + Send + Sync + 'static,
    {
        Router::new().route_service(path, self)
    }
}
