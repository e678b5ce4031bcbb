//! The only table of metrics. It makes the constants, their descriptions and the documentation.

use super::metric::{self, Metric};

/// Counts and measures for the crate [`metrics`](https://docs.rs/metrics) (feature `metrics`).
///
/// [`TABLE`](Self::TABLE) lists the metrics. Install an exporter, then make this observer. The page
/// of the metrics also needs [`update`](Self::update):
///
/// ```
/// use apideck_hooks::{Hooks, Metrics, router};
///
/// let hooks = Hooks::builder(router![..]).secret("my-api-key").observe(Metrics::new()).build()?;
///
/// async fn page(hooks: Hooks) {
///     Metrics::update(&hooks.snapshot().await);
///     // The exporter renders the page here.
/// }
/// # Ok::<(), apideck_hooks::BuildError>(())
/// ```
///
/// The example `observability` of the repository has the page, a dashboard and alerts.
///
/// All receivers of a process share the metrics, and the gauges show the last one that was passed
/// to `update`.
#[derive(Clone, Copy, Debug)]
pub struct Metrics(pub(super) ());

impl Metrics {
    /// Recommended upper bounds of the buckets for durations, in seconds: 5 ms to 15 min.
    ///
    /// An exporter that is given no buckets can make summaries, which cannot be added up over
    /// processes.
    pub const DURATION_BUCKETS: &[f64] = metric::DURATION_BUCKETS;

    /// Recommended upper bounds of the buckets for the ages of events, in seconds: 1 s to 24 h.
    /// Apideck sends an event again for about so long (source: webhook guide).
    pub const AGE_BUCKETS: &[f64] = metric::AGE_BUCKETS;
}

macro_rules! metrics {
    ($( $id:ident = $make:ident $name:literal [$($label:literal),*] $help:literal; )*) => {
        $( pub(super) const $id: Metric = Metric::$make($name, &[$($label),*], $help); )*

        impl Metrics {
            /// All metrics.
            ///
            /// | metric | labels | meaning |
            /// | --- | --- | --- |
            $( #[doc = concat!("| `", $name, "` | ", $("`", $label, "` ",)* "| ", $help, " |")] )*
            ///
            /// A name in `_total` is a counter, one in `_seconds` a histogram, and any other a
            /// gauge. The values of the labels are bounded, whatever strangers send:
            ///
            /// - `outcome`: a [`Disposition`](crate::Disposition) or a [`Refusal`](crate::Refusal).
            ///   For runs a [`RunOutcome`](crate::observe::RunOutcome).
            /// - `event`: a name that this crate lists, `other`, or `none` without a known event.
            /// - `handler`: the path of the function.
            /// - `form`, `encoding`, `secret`: a [`Form`](crate::signature::Form), an
            ///   [`Encoding`](crate::signature::Encoding), and the position of the secret, from 0.
            /// - `operation`, `result`: a [`StoreOperation`](crate::observe::StoreOperation) and a
            ///   [`StoreResult`](crate::observe::StoreResult).
            /// - `kind`: an [`IncidentKind`](crate::observe::IncidentKind).
            pub const TABLE: &[Metric] = &[$($id),*];
        }
    };
}

// Late attempts and dead letters have no label for the event. Each series of an alert has to begin
// with 0, and there would be one for every event.
metrics! {
    DELIVERIES = counter "apideck_hooks_deliveries_total" ["outcome", "event"]
        "Requests that have ended.";
    DELIVERY_DURATION = durations "apideck_hooks_delivery_duration_seconds" ["outcome"]
        "Time from a request's head to its answer.";
    EVENT_AGE = ages "apideck_hooks_event_age_seconds" ["outcome"]
        "Time from an event to the arrival of its delivery.";
    VERIFIED = counter "apideck_hooks_verified_total" ["form", "encoding", "secret"]
        "Requests whose signature matched.";
    LATE_ATTEMPTS = counter "apideck_hooks_late_attempts_total" []
        "Deliveries that failed although they were Apideck's seventh or a later attempt. After the tenth Apideck disables the subscription.";
    RUNS = counter "apideck_hooks_runs_total" ["handler", "outcome"]
        "Runs of handlers that have ended.";
    RUN_DURATION = durations "apideck_hooks_run_duration_seconds" ["handler"]
        "Time from the start of a handler to the record of its end.";
    STORE_CALLS = counter "apideck_hooks_store_calls_total" ["operation", "result"]
        "Calls to the store that have ended.";
    STORE_CALL_DURATION = durations "apideck_hooks_store_call_duration_seconds" ["operation"]
        "Time of a call to the store.";
    INCIDENTS = counter "apideck_hooks_incidents_total" ["kind"]
        "Incidents beside answers and runs.";
    DEAD_LETTERS = counter "apideck_hooks_dead_letters_total" []
        "Events that were dead-lettered.";
    DEAD_LETTERS_WAITING = gauge "apideck_hooks_dead_letters_waiting" []
        "Dead letters of the receiver's source. Not a number if the store keeps none, or did not answer.";
    INBOX_WAITING = gauge "apideck_hooks_inbox_waiting" []
        "Accepted events that wait or run. Not a number if the store has no inbox, or did not answer.";
    INBOX_OLDEST = gauge "apideck_hooks_inbox_oldest_age" []
        "Seconds since the acceptance of the oldest event that waits. 0 if none waits.";
    INBOX_DUE = gauge "apideck_hooks_inbox_due_age" []
        "Seconds for which the accepted event that is due the longest could have run. 0 if none is due.";
    INBOX_PAUSES = gauge "apideck_hooks_inbox_pauses" []
        "Pauses of accepted events. Not a number if the store has no inbox, or did not answer.";
    IN_FLIGHT = gauge "apideck_hooks_in_flight" []
        "Deliveries and replays whose handlers run.";
    WORKING = gauge "apideck_hooks_working" []
        "Accepted events whose handlers run in this process.";
    WAITING = gauge "apideck_hooks_waiting" []
        "Duplicates that wait for the outcome of a running handler.";
    READY = gauge "apideck_hooks_ready" []
        "1 if the receiver is ready, and 0 if it shuts down or a call to the store has failed within 10 seconds.";
}
