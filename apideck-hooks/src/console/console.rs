//! The console's settings.

use std::fmt;
use std::sync::Arc;

use super::access::Access;
use super::recent::ConsoleObserver;
use super::service::ConsoleService;
use super::settings::ConsoleSettings;
use crate::hooks::Hooks;
use crate::signature::Secret;

/// A page and an API for the operators of a receiver.
///
/// It shows the deliveries of this process and the dead letters of the store. It only reads, unless
/// [`allow_changes`](Self::allow_changes) lets it replay and purge. The page of the
/// [module](crate::console) describes the mount, the security and the API.
///
/// ```
/// use apideck_hooks::console::Console;
/// use apideck_hooks::{Hooks, Secret, router};
///
/// let console = Console::with_token(Secret::new("a-long-random-text")?).allow_changes();
/// let hooks = Hooks::builder(router![..]).secret("my-api-key");
/// let hooks = hooks.observe(console.observer()).build()?;
/// let app: axum::Router = axum::Router::new()
///     .nest_service("/hooks", console.serve(&hooks))
///     .route_service("/webhooks/apideck", hooks);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Console {
    settings: ConsoleSettings,
    observer: ConsoleObserver,
}

impl Console {
    /// Makes a console that asks for a token: the password of HTTP Basic, with any user name.
    ///
    /// **The token must not be Apideck's API key**, because it is sent with each request. Choose a
    /// long random text, and serve the console over TLS. The user name is written into the log
    /// beside each change, so let each operator give their own.
    pub fn with_token(token: Secret) -> Self {
        Self::new(Access::token(&token))
    }

    /// Makes a console that anyone can use who reaches its address.
    ///
    /// Use it on your own machine, or behind a layer or a proxy that asks for a password. It
    /// answers under an IP address, `localhost`, and the names of [`host`](Self::host).
    pub fn unprotected() -> Self {
        Self::new(Access::Unprotected { hosts: Vec::new() })
    }

    fn new(access: Access) -> Self {
        Self {
            settings: ConsoleSettings {
                access,
                changes: false,
                credentials: false,
            },
            observer: ConsoleObserver::new(),
        }
    }

    /// Allows a host name for an unprotected console, such as `ops.example.com`, without a port.
    ///
    /// Without this check, a page of another site could reach a console on your machine by a name
    /// of its own that leads there (DNS rebinding). A console with a token needs no such check.
    pub fn host(mut self, name: impl Into<String>) -> Self {
        if let Access::Unprotected { hosts } = &mut self.settings.access {
            hosts.push(name.into().to_ascii_lowercase());
        }
        self
    }

    /// Lets the console replay and purge dead letters, and pause and resume accepted events. Each
    /// change is a line in the log.
    pub fn allow_changes(mut self) -> Self {
        self.settings.changes = true;
        self
    }

    /// Shows the values below `settings` and `metadata` of a body. **They can be credentials of end
    /// users.**
    pub fn show_credentials(mut self) -> Self {
        self.settings.credentials = true;
        self
    }

    /// Returns the observer for [`HooksBuilder::observe`](crate::HooksBuilder::observe). Without it
    /// the list of deliveries stays empty.
    pub fn observer(&self) -> ConsoleObserver {
        self.observer.handed_out()
    }

    /// Makes the service of this console for a receiver.
    pub fn serve(self, hooks: &Hooks) -> ConsoleService {
        if let Access::Unprotected { .. } = self.settings.access {
            tracing::warn!(
                changes = self.settings.changes,
                "the console is unprotected: anyone who reaches its address can use it"
            );
        }
        ConsoleService::new(Arc::new(self.settings), self.observer, hooks.clone())
    }
}

impl fmt::Debug for Console {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Console")
            .field("changes", &self.settings.changes)
            .field("credentials", &self.settings.credentials)
            .finish_non_exhaustive()
    }
}
