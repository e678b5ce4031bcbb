//! The examples as programs: what the README says of them, each store, and signals.
#![cfg(unix)]

mod quickstart;
mod stores;
mod transactional;
