//! The repository's own pages: what they say of the tests is so.

mod which_store;
