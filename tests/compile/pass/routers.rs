//! Lists of handlers.

use super::build;
use apideck_hooks::{State, events::*, on, router};

#[on("vault.connection.callable")]
async fn callable(_event: ConnectionCallable) {}

#[on("vault.*")]
async fn vault(_event: ConnectionEvent) {}

#[on("vault.connection.*")]
async fn connection(_event: ConnectionEvent, State(_number): State<u32>) {}

#[on("lead.lead.created", "lead.lead.updated", "lead.lead.deleted")]
async fn leads(_event: ResourceEvent) {}

#[on("*")]
async fn everything(_event: AnyEvent) {}

#[on("ats.*", "crm.*", "hris.*")]
async fn three(_event: ResourceEvent) {}

#[test]
fn open_lists_build() {
    build!(router![..]);
    build!(router![callable, ..]);
    build!(router![callable, leads, ..,]);
}

#[test]
fn exhaustive_lists_build() {
    build!(router![leads]);
    build!(router![leads,]);
    build!(router![callable, vault]);
    build!(router![vault, leads, callable, three]);
}

#[test]
fn wide_and_narrow_patterns_build_together() {
    build!(router![everything]);
    build!(router![everything, vault, connection, callable, three], 1_u32);
}

#[test]
fn an_empty_list_builds() {
    build!(router![]);
}

#[test]
fn a_function_can_return_a_list() {
    fn list<S: Send + Sync + 'static>() -> impl apideck_hooks::Routes<S> + Copy {
        router![callable, leads, ..]
    }
    build!(list());
    build!(list(), "state");
}
