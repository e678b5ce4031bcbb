//! The examples, run as programs.
#![cfg(unix)]

mod app;
mod console;
mod inbox;
mod inbox_postgres;
mod log;
mod observability;
mod queries;
mod quickstart;
mod stores;
mod transactional;
