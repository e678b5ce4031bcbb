//! The macros of apideck-hooks.
