//! errors: 7

use apideck_hooks::{Hooks, events::{ConnectionCallable, ConnectionCreated}, on, router};

#[on("vault.connection.callabel", "crm.lead.*.created")]
fn handler(_event: &ConnectionCallable, _path: String, _again: ConnectionCreated) -> impl Sized {}

fn main() {
    let _ = Hooks::builder(router![handler, ..]).secret("key").build();
}
