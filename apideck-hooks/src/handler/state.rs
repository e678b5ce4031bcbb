//! The application's state, and its parts.

use std::convert::Infallible;
use std::ops::{Deref, DerefMut};

use super::from_delivery::FromDelivery;
use super::no_state::NoState;
use crate::delivery::Delivery;

/// The application's state, or a part of it, as a parameter of a handler.
///
/// [`state`](crate::HooksBuilder::state) sets the application's state. Its parts are the types that
/// implement [`FromRef`] for it. The value is made for each delivery, usually by a clone.
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
/// async fn start_sync(
///     event: ConnectionCallable,
///     State(db): State<Db>,
///     State(mailer): State<Mailer>,
/// ) {
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

impl<T: Send> FromDelivery for State<T> {
    type State = T;
    type Error = Infallible;

    async fn from_delivery(_: &Delivery, state: T) -> Result<Self, Infallible> {
        Ok(Self(state))
    }
}

/// A part of the application's state `S`, which handlers can take as [`State`].
///
/// A state that is `Clone` is a part of itself. Derive `FromRef` for a struct to make each of its
/// fields a part. Implement it by hand for a part that is made from several fields:
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
    label = "a handler takes `{Self}` from the state `{S}`",
    note = "pass the state to `Hooks::builder(…).state(…)`, and derive `FromRef` for it if it has a field of type `{Self}`"
)]
pub trait FromRef<S> {
    /// Makes the part from the state.
    fn from_ref(state: &S) -> Self;
}

impl<T: Clone> FromRef<T> for T {
    fn from_ref(state: &T) -> T {
        state.clone()
    }
}

impl<S> FromRef<S> for NoState {
    fn from_ref(_: &S) -> Self {
        Self
    }
}
