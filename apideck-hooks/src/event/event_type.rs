//! The name of an event, as a type.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{FAMILY, Family, NAMES};

macro_rules! define {
    ($(($index:literal, $name:literal, $rust_name:ident, $family:ident, $doc:literal, $api:literal))*) => {
        /// The name of an event.
        ///
        /// The variants are the names of the webhook event list in Apideck's OpenAPI description
        /// 10.34.0 (August 2026), and [`Other`](EventType::Other) for a newer name. Parsing never
        /// fails, and `Display` writes the parsed text unchanged.
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
        ///
        /// The order is that of the names, so it does not change when a release lists more of them.
        #[derive(Clone, PartialEq, Eq, Hash, Debug)]
        #[non_exhaustive]
        pub enum EventType {
            $(
                #[doc = concat!("`", $name, "`: ", $doc)]
                $rust_name,
            )*
            /// A name that this release does not list. Use `From<&str>` to make it, which turns a
            /// listed name into its own variant.
            Other(String),
        }

        impl EventType {
            /// All listed names, sorted by name.
            pub const ALL: &'static [Self] = &[$(Self::$rust_name),*];

            /// Returns the name on the wire.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$rust_name => $name,)*
                    Self::Other(name) => name,
                }
            }

            /// Returns the meaning of the event in one line. `None` for an unlisted name.
            pub fn meaning(&self) -> Option<&'static str> {
                match self {
                    $(Self::$rust_name => Some($doc),)*
                    Self::Other(_) => None,
                }
            }

            /// Returns the index in the table. `None` for an unlisted name.
            pub(crate) fn index(&self) -> Option<usize> {
                match self {
                    $(Self::$rust_name => Some(usize::from($index)),)*
                    Self::Other(_) => None,
                }
            }
        }
    };
}

apideck_hooks_macros::__events!(define);

impl EventType {
    /// Returns the name if this release lists it.
    pub(crate) fn listed_name(&self) -> Option<&'static str> {
        self.index().map(|index| NAMES[index])
    }

    /// Returns `true` if this release lists the name.
    pub fn is_listed(&self) -> bool {
        !matches!(self, Self::Other(_))
    }

    /// Returns the API of the event, which is the part of the name before the first dot.
    ///
    /// ```
    /// # use apideck_hooks::EventType;
    /// assert_eq!(EventType::HrisEmployeeTerminated.api(), "hris");
    /// ```
    pub fn api(&self) -> &str {
        self.as_str().split('.').next().unwrap_or_default()
    }

    /// Returns the shape of the event's payload. An unlisted name has the shape of its API.
    pub fn family(&self) -> Family {
        match self.index() {
            Some(index) => FAMILY[index],
            None => Family::of_unlisted(self.as_str()),
        }
    }

    /// Returns the event of a name that this release lists.
    pub(crate) fn listed(name: &str) -> Option<Self> {
        NAMES
            .binary_search(&name)
            .ok()
            .map(|index| Self::ALL[index].clone())
    }
}

impl Ord for EventType {
    fn cmp(&self, other: &Self) -> Ordering {
        // An `Other` with a listed name is not equal to that name's variant.
        self.as_str()
            .cmp(other.as_str())
            .then_with(|| other.is_listed().cmp(&self.is_listed()))
    }
}

impl PartialOrd for EventType {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl From<&str> for EventType {
    fn from(name: &str) -> Self {
        Self::listed(name).unwrap_or_else(|| Self::Other(name.to_owned()))
    }
}

impl From<String> for EventType {
    fn from(name: String) -> Self {
        Self::listed(&name).unwrap_or(Self::Other(name))
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

/// The empty name, which no event has.
impl Default for EventType {
    fn default() -> Self {
        Self::Other(String::new())
    }
}

impl Serialize for EventType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for EventType {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(crate::json::TextVisitor(|text: &str| Self::from(text)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_listed_name_parses_to_its_own_variant() {
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
    fn the_order_is_that_of_the_names() {
        let names = [
            "",
            "accounting.bill.created",
            "crm.lead.created",
            "crm.lead.merged",
            "crm.lead.updated",
            "zzz",
        ];
        let mut events: Vec<_> = names.iter().rev().map(|name| EventType::from(*name)).collect();
        events.sort();
        assert_eq!(events, names);
        assert!(EventType::ALL.is_sorted());

        let unusual = EventType::Other("crm.lead.created".to_owned());
        assert_ne!(unusual, EventType::CrmLeadCreated);
        assert_eq!(unusual.cmp(&EventType::CrmLeadCreated), Ordering::Greater);
        assert_eq!(EventType::CrmLeadCreated.cmp(&unusual), Ordering::Less);
    }

    #[test]
    fn both_spellings_of_the_modifier_group_are_separate_events() {
        let dashed = EventType::from("pos.modifier-group.created");
        let underscored = EventType::from("pos.modifier_group.created");
        assert!(dashed.is_listed() && underscored.is_listed());
        assert_ne!(dashed, underscored);
    }
}
