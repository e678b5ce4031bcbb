//! The application's state, and its parts.

use std::ops::{Deref, DerefMut};

/// A handler's share of the application's state: what was given to
/// [`state`](crate::HooksBuilder::state), or a part of it.
///
/// ```
/// use apideck_hooks::{FromRef, State, events::ConnectionCallable, on};
///
/// # #[derive(Clone)] struct Db; #[derive(Clone)] struct Mailer;
/// #[derive(FromRef)]
/// struct App {
///     db: Db,
///     mailer: Mailer,
/// }
///
/// #[on("vault.connection.callable")]
/// async fn start_sync(event: ConnectionCallable, State(db): State<Db>, State(mailer): State<Mailer>) {
///     // …
/// }
/// # let _ = start_sync(ConnectionCallable::new(Default::default()), State(Db), State(Mailer));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct State<T>(pub T);

impl<T> Deref for State<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for State<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

/// How a part is taken from the application's state `S`. Any state that is `Clone` is a part of itself; derive this
/// for a struct to make each of its fields a part, and write it by hand for what is made out of several:
///
/// ```
/// use apideck_hooks::FromRef;
///
/// # #[derive(Clone)] struct Db;
/// #[derive(Clone)]
/// struct Tenants {
///     db: Db,
///     region: &'static str,
/// }
///
/// #[derive(FromRef)]
/// struct App {
///     db: Db,
///     region: &'static str,
/// }
///
/// impl FromRef<App> for Tenants {
///     fn from_ref(app: &App) -> Self {
///         Tenants { db: app.db.clone(), region: app.region }
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "the state `{S}` has no `{Self}`",
    label = "a handler takes `{Self}` from the state, which is `{S}`",
    note = "give the state to `Hooks::builder(…).state(…)`; if it has a field of type `{Self}`, derive `FromRef` for it"
)]
pub trait FromRef<S> {
    /// The part.
    fn from_ref(state: &S) -> Self;
}

impl<T: Clone> FromRef<T> for T {
    fn from_ref(state: &T) -> T {
        state.clone()
    }
}

/// The [`FromDelivery::State`] of a parameter that needs nothing of the state.
// Not `Clone`, so that it is a part of every state and not of itself twice.
#[derive(Debug)]
pub struct NoState;

impl<S> FromRef<S> for NoState {
    fn from_ref(_: &S) -> NoState {
        NoState
    }
}
