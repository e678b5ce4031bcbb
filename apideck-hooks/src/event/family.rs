//! The two payload shapes.

/// Which payload an event carries.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Family {
    /// A Vault event: a [`ConnectionEvent`](crate::ConnectionEvent) with the whole connection.
    Connection,
    /// An event of any other API: a [`ResourceEvent`](crate::ResourceEvent), a reference to fetch by.
    Resource,
}

impl Family {
    /// The family of a name that the table does not have.
    ///
    /// Vault's events carry the connection, all others a reference (Apideck's OpenAPI description 10.34.0).
    pub(crate) const fn of_unlisted(name: &str) -> Self {
        match name.as_bytes() {
            [b'v', b'a', b'u', b'l', b't', b'.', ..] => Family::Connection,
            _ => Family::Resource,
        }
    }

    /// The name of its payload type.
    pub(crate) const fn payload_type(self) -> &'static str {
        match self {
            Family::Connection => "ConnectionEvent",
            Family::Resource => "ResourceEvent",
        }
    }
}
