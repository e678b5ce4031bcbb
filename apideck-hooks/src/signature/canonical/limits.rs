//! The limits of a body that can be sorted.

/// The deepest nesting of a body, in objects and arrays inside one another.
///
/// `{}` is one level deep. Apideck's example events are four levels deep. JavaScript allows deeper
/// bodies.
pub const MAX_DEPTH: usize = 128;

/// The longest body, in bytes.
///
/// V8 limits strings to about this length, so Node.js could not sort a longer body.
pub const MAX_BYTES: usize = 1 << 29;
