//! The store that another crate could have written passes the suite.

use apideck_hooks::store_conformance;
use apideck_hooks_tests::stranger::StrangerStore;

store_conformance!(stranger, async { StrangerStore::default() });
