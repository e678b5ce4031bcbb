//! The examples, run as programs.
#![cfg(unix)]

mod app;
mod inbox;
mod log;
mod observability;
mod queries;
mod quickstart;
mod stores;
mod transactional;
