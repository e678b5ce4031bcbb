//! The examples, run as programs.
#![cfg(unix)]

mod observability;
mod queries;
mod quickstart;
mod stores;
mod transactional;
