//! The name of an event, as a type.

use super::{FAMILY, Family, NAMES};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

macro_rules! define {
    ($(($index:literal, $name:literal, $rust_name:ident, $family:ident, $doc:literal, $api:literal))*) => {
        /// The name of an event.
        ///
        /// All names of the webhook event list in Apideck's OpenAPI description 10.34.0 (August 2026), and
        /// [`Other`](EventType::Other) for those that came later. Parsing never fails, and displaying gives back
        /// what was parsed.
        ///
        /// ```
        /// use apideck_hooks::EventType;
        ///
        /// let event: EventType = "vault.connection.callable".parse().unwrap();
        /// assert_eq!(event, EventType::ConnectionCallable);
        /// assert_eq!(event.to_string(), "vault.connection.callable");
        ///
        /// let newer = EventType::from("vault.connection.paused");
        /// assert!(!newer.is_listed());
        /// assert_eq!(newer.as_str(), "vault.connection.paused");
        /// ```
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
        #[non_exhaustive]
        pub enum EventType {
            $(
                #[doc = concat!("`", $name, "`: ", $doc)]
                $rust_name,
            )*
            /// A name that this release does not know. Make it with `From<&str>`, which never puts a listed name here.
            Other(String),
        }

        impl EventType {
            /// Every listed name, in the order of the names.
            pub const ALL: &'static [EventType] = &[$(EventType::$rust_name),*];

            /// The name on the wire.
            pub fn as_str(&self) -> &str {
                match self {
                    $(EventType::$rust_name => $name,)*
                    EventType::Other(name) => name,
                }
            }

            /// Position in the table; none for an unlisted name.
            pub(crate) fn index(&self) -> Option<usize> {
                match self {
                    $(EventType::$rust_name => Some(usize::from($index)),)*
                    EventType::Other(_) => None,
                }
            }
        }
    };
}

apideck_hooks_macros::__events!(define);

impl EventType {
    /// Whether this release lists the name.
    pub fn is_listed(&self) -> bool {
        !matches!(self, EventType::Other(_))
    }

    /// The API that the event belongs to: the part before the first dot.
    ///
    /// ```
    /// # use apideck_hooks::EventType;
    /// assert_eq!(EventType::HrisEmployeeTerminated.api(), "hris");
    /// ```
    pub fn api(&self) -> &str {
        self.as_str().split('.').next().unwrap_or_default()
    }

    /// The payload that the event carries. For an unlisted name, that of its API.
    pub fn family(&self) -> Family {
        match self.index() {
            Some(index) => FAMILY[index],
            None => Family::of_unlisted(self.as_str()),
        }
    }

    fn listed(name: &str) -> Option<Self> {
        NAMES
            .binary_search(&name)
            .ok()
            .map(|index| Self::ALL[index].clone())
    }
}

impl From<&str> for EventType {
    fn from(name: &str) -> Self {
        Self::listed(name).unwrap_or_else(|| EventType::Other(name.to_owned()))
    }
}

impl From<String> for EventType {
    fn from(name: String) -> Self {
        Self::listed(&name).unwrap_or(EventType::Other(name))
    }
}

impl FromStr for EventType {
    type Err = std::convert::Infallible;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Ok(name.into())
    }
}

impl fmt::Display for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl AsRef<str> for EventType {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl PartialEq<str> for EventType {
    fn eq(&self, name: &str) -> bool {
        self.as_str() == name
    }
}

impl PartialEq<&str> for EventType {
    fn eq(&self, name: &&str) -> bool {
        self.as_str() == *name
    }
}

/// The empty name: no event at all.
impl Default for EventType {
    fn default() -> Self {
        EventType::Other(String::new())
    }
}

impl Serialize for EventType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for EventType {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(crate::json::TextVisitor(|text: &str| EventType::from(text)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_listed_name_is_its_own_way_back() {
        assert_eq!(EventType::ALL.len(), super::super::COUNT);
        for (index, event) in EventType::ALL.iter().enumerate() {
            assert_eq!(event.index(), Some(index));
            assert_eq!(EventType::from(event.as_str()), *event);
            assert_eq!(EventType::from(event.as_str().to_owned()), *event);
            let json = serde_json::to_string(event).unwrap();
            assert_eq!(serde_json::from_str::<EventType>(&json).unwrap(), *event);
        }
    }

    #[test]
    fn the_table_is_sorted_for_the_binary_search() {
        assert!(NAMES.is_sorted());
    }

    #[test]
    fn both_spellings_of_the_modifier_group_are_events_of_their_own() {
        let dashed = EventType::from("pos.modifier-group.created");
        let underscored = EventType::from("pos.modifier_group.created");
        assert!(dashed.is_listed() && underscored.is_listed());
        assert_ne!(dashed, underscored);
    }
}
