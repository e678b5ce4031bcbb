//! A shutdown at the process's signals.

use std::future::Future;
use std::time::Duration;

use super::receiver::Hooks;

impl Hooks {
    /// Shuts the receiver down at the first signal that asks the process to end. The future is
    /// ready after the shutdown. Needs the feature `signal`.
    ///
    /// The signals are `SIGTERM` and `SIGINT`, and Ctrl-C on Windows. Their handlers are installed
    /// by this call and not by the first poll. A second signal ends the grace period. See
    /// [`shutdown`](Hooks::shutdown) for `grace`.
    ///
    /// ```no_run
    /// # use apideck_hooks::{Hooks, router};
    /// # use std::time::Duration;
    /// # async fn serve(hooks: Hooks, listener: tokio::net::TcpListener) -> std::io::Result<()> {
    /// let app = axum::Router::new().route_service("/webhooks/apideck", hooks.clone());
    /// axum::serve(listener, app)
    ///     .with_graceful_shutdown(hooks.shutdown_on_signal(Duration::from_secs(20)))
    ///     .await
    /// # }
    /// ```
    ///
    /// # Panics
    ///
    /// It is called outside of a tokio runtime with I/O enabled.
    pub fn shutdown_on_signal(&self, grace: Duration) -> impl Future<Output = ()> + Send + use<> {
        let hooks = self.clone();
        #[cfg(unix)]
        let signals = Signals::install();
        #[cfg(windows)]
        let signals = CtrlC::install();
        async move {
            let Some(mut signals) = signals else {
                // The process then ends at the first signal, as it does without handlers.
                return std::future::pending().await;
            };
            let name = signals.next().await;
            tracing::info!(
                signal = name,
                ?grace,
                "shutting down: a second signal ends the grace period"
            );
            tokio::select! {
                drained = hooks.shutdown(grace) => {
                    tracing::info!(stopped = drained.stopped, "shut down");
                    return;
                }
                name = signals.next() => tracing::warn!(signal = name, "the grace period is ended"),
            }
            let drained = hooks.shutdown(Duration::ZERO).await;
            tracing::info!(stopped = drained.stopped, "shut down");
        }
    }
}

#[cfg(unix)]
struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn install() -> Option<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let installed = signal(SignalKind::terminate())
            .and_then(|terminate| Ok((terminate, signal(SignalKind::interrupt())?)));
        match installed {
            Ok((terminate, interrupt)) => Some(Self { terminate, interrupt }),
            Err(error) => {
                tracing::error!(%error, "the signal handlers could not be installed");
                None
            }
        }
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

/// The one signal of Windows.
#[cfg(windows)]
struct CtrlC(tokio::signal::windows::CtrlC);

#[cfg(windows)]
impl CtrlC {
    fn install() -> Option<Self> {
        match tokio::signal::windows::ctrl_c() {
            Ok(ctrl_c) => Some(Self(ctrl_c)),
            Err(error) => {
                tracing::error!(%error, "the signal handler could not be installed");
                None
            }
        }
    }

    async fn next(&mut self) -> &'static str {
        self.0.recv().await;
        "Ctrl-C"
    }
}
