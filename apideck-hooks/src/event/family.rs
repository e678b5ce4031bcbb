//! The two shapes of a payload.

/// The shape of an event's payload.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Family {
    /// A [`ConnectionEvent`](crate::ConnectionEvent) of Vault, with the whole connection.
    Connection,
    /// A [`ResourceEvent`](crate::ResourceEvent) of any other API, with a reference to fetch the
    /// resource by.
    Resource,
}

impl Family {
    /// Returns the family of a name that the table does not have.
    ///
    /// Events of Vault carry the connection, and all others a reference (Apideck's OpenAPI
    /// description 10.34.0).
    pub(crate) const fn of_unlisted(name: &str) -> Self {
        match name.as_bytes() {
            [b'v', b'a', b'u', b'l', b't', b'.', ..] => Self::Connection,
            _ => Self::Resource,
        }
    }

    /// Returns the name of the payload type.
    pub(crate) const fn payload_type(self) -> &'static str {
        match self {
            Self::Connection => "ConnectionEvent",
            Self::Resource => "ResourceEvent",
        }
    }
}
