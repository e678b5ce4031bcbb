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
fn wider_patterns_stand_behind_narrower_ones() {
    build!(router![everything]);
    build!(router![everything, vault, connection, callable, three], 1_u32);
}

#[test]
fn no_handler_is_a_list_too() {
    build!(router![]);
}

#[test]
fn a_list_can_be_kept_and_handed_on() {
    fn list<S: Send + Sync + 'static>() -> impl apideck_hooks::Routes<S> + Copy {
        router![callable, leads, ..]
    }
    build!(list());
    build!(list(), "state");
}
