//! The keys by which two deliveries are recognised as the same event.

use super::Key;
use super::signed_text::without_attempt;

/// The keys by which two deliveries are recognised as the same event.
///
/// | key | made of |
/// | --- | --- |
/// | event key | `source`, `event_type`, `event_id`, `entity_id` |
/// | delivery key | `source`, `event_type`, the header, `entity_id`, `occurred_at` |
///
/// The header is `x-apideck-idempotency-key`. Apideck signs the body only (webhook reference), so
/// anyone with a captured body can replace the header. The event key comes from the signed body
/// alone and names the record. The delivery key is a second name of that record. It exists only if
/// the body has an `entity_id` and an `occurred_at`. So a header can never make one signed event a
/// duplicate of another.
///
/// A body without an `event_id` is recognised by the SHA-256 of its sorted text without
/// `execution_attempt`, because Apideck counts that up with every retry. If it has no `occurred_at`
/// either, the header is a part of that hash, because two such events with one text are likelier
/// than a replay.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum Identity {
    /// Both keys. A retry with another `event_id` is recognised by its delivery key.
    #[default]
    EventAndHeader,
    /// The event key alone. The header is ignored.
    EventOnly,
}

/// The keys of a claim.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Keys {
    /// Event key, which names the record.
    pub(crate) event: Key,
    /// Delivery key, which a granted claim binds to the record.
    pub(crate) alias: Option<Key>,
}

/// The facts of a delivery that its keys are made of. A fact that the body does not have is empty.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Facts<'a> {
    pub(crate) source: &'a str,
    pub(crate) event_type: &'a str,
    pub(crate) event_id: &'a str,
    pub(crate) entity_id: &'a str,
    pub(crate) occurred_at: &'a str,
    /// The idempotency key. It is not signed.
    pub(crate) header: Option<&'a str>,
    /// The verified text.
    pub(crate) text: &'a [u8],
}

// The first byte of the hashed text, so keys of different kinds never collide. Durable stores keep
// keys, so these values never change.
const EVENT: u8 = 1;
const DELIVERY: u8 = 2;
const TEXT: u8 = 3;
const TEXT_AND_HEADER: u8 = 4;

impl Facts<'_> {
    /// Makes the keys of the delivery.
    pub(crate) fn keys(&self, identity: Identity) -> Keys {
        let header = match identity {
            Identity::EventAndHeader => self.header,
            Identity::EventOnly => None,
        };
        Keys {
            event: self.event(header),
            alias: header.and_then(|header| self.alias(header)),
        }
    }

    fn event(&self, header: Option<&str>) -> Key {
        let [source, event_type] = [self.source, self.event_type].map(str::as_bytes);
        if !self.event_id.is_empty() {
            let [event_id, entity_id] = [self.event_id, self.entity_id].map(str::as_bytes);
            return Key::of(EVENT, &[source, event_type, event_id, entity_id]);
        }
        let text = without_attempt(self.text);
        match header {
            Some(header) if self.occurred_at.is_empty() => {
                Key::of(TEXT_AND_HEADER, &[source, event_type, &text, header.as_bytes()])
            }
            _ => Key::of(TEXT, &[source, event_type, &text]),
        }
    }

    fn alias(&self, header: &str) -> Option<Key> {
        if self.entity_id.is_empty() || self.occurred_at.is_empty() {
            return None;
        }
        let facts = [
            self.source,
            self.event_type,
            header,
            self.entity_id,
            self.occurred_at,
        ];
        Some(Key::of(DELIVERY, &facts.map(str::as_bytes)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FACTS: Facts<'_> = Facts {
        source: "",
        event_type: "vault.connection.callable",
        event_id: "e1",
        entity_id: "c1",
        occurred_at: "2026-01-01T00:00:00Z",
        header: Some("h1"),
        text: b"",
    };

    fn keys(facts: Facts<'_>) -> Keys {
        facts.keys(Identity::EventAndHeader)
    }

    #[test]
    fn every_signed_fact_makes_an_event_of_its_own() {
        let others = [
            Facts { source: "x", ..FACTS },
            Facts {
                event_type: "x",
                ..FACTS
            },
            Facts {
                event_id: "x",
                ..FACTS
            },
            Facts {
                entity_id: "x",
                ..FACTS
            },
        ];
        for other in others {
            assert_ne!(keys(other).event, keys(FACTS).event, "{other:?}");
        }
        let moved = Facts {
            event_id: "e1c",
            entity_id: "1",
            ..FACTS
        };
        assert_ne!(keys(moved).event, keys(FACTS).event);
    }

    #[test]
    fn the_header_names_an_event_only_beside_its_signed_facts() {
        let same = Facts {
            event_id: "e2",
            ..FACTS
        };
        assert_eq!(keys(same).alias, keys(FACTS).alias);
        for other in [
            Facts {
                entity_id: "c2",
                ..FACTS
            },
            Facts {
                occurred_at: "2026-01-01T00:00:01Z",
                ..FACTS
            },
            Facts {
                header: Some("h2"),
                ..FACTS
            },
            Facts { source: "x", ..FACTS },
        ] {
            assert_ne!(keys(other).alias, keys(FACTS).alias, "{other:?}");
        }
        for without in [
            Facts {
                entity_id: "",
                ..FACTS
            },
            Facts {
                occurred_at: "",
                ..FACTS
            },
            Facts {
                header: None,
                ..FACTS
            },
        ] {
            assert_eq!(keys(without).alias, None, "{without:?}");
        }
        assert_eq!(FACTS.keys(Identity::EventOnly).alias, None);
    }

    #[test]
    fn a_body_without_an_id_is_recognised_by_its_text() {
        let of = |text: &'static str, header| {
            keys(Facts {
                event_id: "",
                text: text.as_bytes(),
                header,
                ..FACTS
            })
            .event
        };
        let first = of(r#"{"payload":{"execution_attempt":1,"x":1.0}}"#, Some("h1"));
        // A retry, under another header and in another form.
        assert_eq!(first, of(r#"{"payload":{"x":1,"execution_attempt":2}}"#, None));
        assert_ne!(
            first,
            of(r#"{"payload":{"execution_attempt":2,"x":2}}"#, Some("h1"))
        );
    }

    #[test]
    fn without_a_time_the_header_tells_two_equal_texts_apart() {
        let of = |header, identity| {
            Facts {
                event_id: "",
                occurred_at: "",
                text: br#"{"payload":{"x":1}}"#,
                header,
                ..FACTS
            }
            .keys(identity)
            .event
        };
        let both = Identity::EventAndHeader;
        assert_eq!(of(Some("a"), both), of(Some("a"), both));
        assert_ne!(of(Some("a"), both), of(Some("b"), both));
        assert_ne!(of(Some("a"), both), of(None, both));
        assert_eq!(
            of(Some("a"), Identity::EventOnly),
            of(Some("b"), Identity::EventOnly)
        );
    }

    /// Durable stores keep keys across releases.
    #[test]
    fn keys_never_change() {
        let text = Facts {
            event_id: "",
            text: r#"{"payload":{"b":[{"z":1e3,"a":"é\ud800"}],"execution_attempt":2,"a":12345678901234567890}}"#
                .as_bytes(),
            ..FACTS
        };
        let untimed = Facts {
            occurred_at: "",
            ..text
        };
        let all = [
            keys(FACTS).event,
            keys(FACTS).alias.unwrap(),
            keys(text).event,
            keys(untimed).event,
        ];
        assert_eq!(
            all.map(|key| key.to_string()),
            [
                "a7799226962da4c2b5be5c219ba29161",
                "abe5463dd20ec090bb71eb19fc4ac26e",
                "8e0caf8ba9fe73264290a490a9195b70",
                "967d56ad69ab53433c85484750d8a6ba",
            ]
        );
    }
}
