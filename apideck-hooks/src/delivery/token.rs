//! The fencing token of a run.

/// A fencing token. It grows with every claim of a record.
///
/// It is the greater of the record's last token plus one and the store's clock in microseconds. So
/// it also grows when a record was deleted and made again.
///
/// A handler can pass its token to a system that refuses writes with an older one. Then a run that
/// has lost its claim cannot overwrite the effects of its successor.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Token(pub u64);
