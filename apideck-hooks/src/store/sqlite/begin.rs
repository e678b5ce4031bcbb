//! A handler's wish for its transaction.

use tokio::sync::oneshot;

use crate::store::StoreError;
use crate::store::transactions::Begun;

/// A handler's wish for its transaction.
pub(super) struct Begin(pub(super) oneshot::Sender<Result<Begun, StoreError>>);
