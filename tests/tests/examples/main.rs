//! The examples, run as programs.
#![cfg(unix)]

mod quickstart;
mod stores;
mod transactional;
