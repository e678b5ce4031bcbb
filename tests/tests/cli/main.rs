//! The command `apideck-hooks`, as a program at a shell.

mod apideck;
mod backfill;
mod check;
mod console;
mod dead_letters;
mod inbox;
mod listen;
mod listener;
mod program;
mod receivers;
mod recordings;
mod send;
mod session;
mod subscriptions;
mod suggestions;

/// The table of the macros, under the name by which `names` imports it.
#[path = "../../../apideck-hooks-macros/src/table.rs"]
#[allow(dead_code)]
mod table;

/// The suggestions of the macros.
#[path = "../../../apideck-hooks-macros/src/on/names.rs"]
#[allow(dead_code)]
mod names;
