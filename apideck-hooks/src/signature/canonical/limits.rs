//! The limits of a body that can be sorted.

/// Containers inside one another, counting the outermost. JavaScript itself goes deeper; Apideck's events have four.
pub const MAX_DEPTH: usize = 128;

/// The longest body in bytes. V8 ends the length of a string there, so Node.js could not sign a longer one this way.
pub const MAX_BYTES: usize = 1 << 29;
