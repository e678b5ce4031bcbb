//! Handlers from macros, and handlers in functions.

use super::build;
use apideck_hooks::{State, events::*, on, router};

macro_rules! handlers {
    ($($name:ident: $event:literal => $payload:ty;)*) => {
        $(
            #[on($event)]
            async fn $name(_event: $payload) {}
        )*
    };
}

handlers! {
    created: "vault.connection.created" => ConnectionCreated;
    deleted: "vault.connection.deleted" => ConnectionDeleted;
}

/// The user gives only the name.
macro_rules! counted {
    ($name:ident) => {
        #[on("vault.connection.revoked")]
        async fn $name(_event: ConnectionRevoked, State(count): State<u32>) -> Result<(), std::io::Error> {
            assert_eq!(count, 1);
            Ok(())
        }
    };
}

counted!(revoked);

macro_rules! list {
    ($($handler:path),*) => { router![$($handler,)* ..] };
}

#[test]
fn builds_by_macro() {
    build!(router![created, deleted, ..]);
    build!(list![created, self::deleted]);
    build!(router![revoked, ..], 1_u32);
}

#[test]
fn builds_in_a_function() {
    #[derive(Clone)]
    struct Local;

    #[on("vault.connection.callable")]
    async fn handler(_event: ConnectionCallable, State(Local): State<Local>) {}

    build!(router![handler, ..], Local);
    {
        // Another handler of the same name.
        #[on("vault.connection.updated")]
        async fn handler(_event: ConnectionUpdated) {}

        build!(router![handler, created, ..]);
    }
}

// A local variable may have the name of a handler.
#[test]
fn builds_beside_a_variable_of_the_same_name() {
    let created = router![created, ..];
    build!(created);
}
