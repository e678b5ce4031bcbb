//! The trait of observers.

use std::sync::Arc;

use super::{Answered, Incident, RunEnded, RunStarted, StoreCall};

/// Is told of everything that happens in a receiver.
///
/// Give it to [`HooksBuilder::observe`](crate::HooksBuilder::observe). A method is called in the
/// task in which the thing happens, so it must not block. A panic in it is caught and counted.
///
/// ```
/// use apideck_hooks::observe::{Answered, Observe, RunEnded};
/// use apideck_hooks::{Hooks, router};
///
/// struct Audit;
///
/// impl Observe for Audit {
///     fn answered(&self, answered: &Answered<'_>) {
///         println!("{} in {:?}", answered.kind, answered.duration);
///     }
///
///     fn run_ended(&self, run: &RunEnded<'_>) {
///         println!("{:?}: {}", run.about.handler, run.outcome);
///     }
/// }
///
/// let hooks = Hooks::builder(router![..]).secret("my-api-key").observe(Audit).build()?;
/// # Ok::<(), apideck_hooks::BuildError>(())
/// ```
pub trait Observe: Send + Sync + 'static {
    /// A request got its answer, or its client left. Called once for every request.
    fn answered(&self, _answered: &Answered<'_>) {}

    /// A run of a handler begins.
    fn run_started(&self, _run: &RunStarted<'_>) {}

    /// A run of a handler has ended. That can be after its delivery was answered `503`.
    fn run_ended(&self, _run: &RunEnded<'_>) {}

    /// A call to the store has ended.
    fn store_called(&self, _call: &StoreCall) {}

    /// Something else happened. [`IncidentKind`](super::IncidentKind) lists all of it.
    fn incident(&self, _incident: &Incident<'_>) {}
}

impl<T: Observe + ?Sized> Observe for Arc<T> {
    fn answered(&self, answered: &Answered<'_>) {
        (**self).answered(answered);
    }

    fn run_started(&self, run: &RunStarted<'_>) {
        (**self).run_started(run);
    }

    fn run_ended(&self, run: &RunEnded<'_>) {
        (**self).run_ended(run);
    }

    fn store_called(&self, call: &StoreCall) {
        (**self).store_called(call);
    }

    fn incident(&self, incident: &Incident<'_>) {
        (**self).incident(incident);
    }
}
