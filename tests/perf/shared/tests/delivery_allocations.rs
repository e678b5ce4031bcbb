//! The number of allocations of a delivery, from the request to the response, with the memory
//! store.
//!
//! | allocations | for |
//! | ---: | --- |
//! | 13 | the strings of the example's event, which the handler owns |
//! | 2 | its fields while they are read, because code derived by serde moves them several times |
//! | 1 | the event, so that moving it to the handler moves a pointer |
//! | 1 | the delivery behind it, which handlers can share |
//! | 2 | the response to come and its task, which can outlive the connection |
//! | 1 | the run of the handler, so that no delivery reserves space for the largest handler |
//! | 2 | the headers of the response |
//!
//! A few deliveries allocate more, because a table of the store grows.

use allocation_counter::measure;
use apideck_hooks::signature::Form;
use apideck_hooks::{Hooks, events::ConnectionCreated, on, router};
use http::StatusCode;
use hyper::service::Service;
use perf::event;
use std::hint::black_box;
use tokio::runtime::Builder;

#[on("vault.connection.created")]
async fn handler(event: ConnectionCreated) {
    black_box(event);
}

const EXPECTED: u64 = 22;

#[test]
fn a_delivery_makes_22_allocations() {
    let hooks = Hooks::builder(router![handler, ..]).secret(event::SECRET);
    let hooks = hooks.build().expect("a receiver");
    let runtime = Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    let mut counts = Vec::new();
    for number in 0..5000 {
        let request = event::request(number, Form::Raw);
        let mut response = None;
        let counted = measure(|| response = Some(runtime.block_on(hooks.call(request))));
        let response = response.expect("a response").expect("no error");
        assert_eq!(response.status(), StatusCode::OK);
        counts.push(counted.count_total);
    }
    counts.sort_unstable();
    assert_eq!(counts[counts.len() / 2], EXPECTED);
    let most = counts[counts.len() - 1];
    assert!(most <= 2 * EXPECTED, "{most}");
}

/// glibc's allocator takes longer for a piece that is larger.
const LARGEST_SMALL_PIECE: u64 = 1_032;

#[test]
fn a_response_to_come_is_a_small_piece() {
    let hooks = Hooks::builder(router![handler, ..]).secret(event::SECRET);
    let hooks = hooks.build().expect("a receiver");
    let request = event::request(1, Form::Raw);
    let mut response = None;
    let counted = measure(|| response = Some(hooks.call(request)));
    assert_eq!(counted.count_total, 1);
    assert!(counted.bytes_total <= LARGEST_SMALL_PIECE, "{counted:?}");
}
