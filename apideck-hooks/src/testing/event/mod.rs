//! An event to send.

mod body;
mod error;
mod headers;
mod ids;
mod path;
mod recording;

use std::fmt;
use std::path::Path;

use bytes::Bytes;
use http::{HeaderMap, HeaderName};
use serde_json::{Map, Value};

use self::body::EventBody;
use super::near::{did_you_mean, near_events};
use crate::event::EventType;
use crate::payload::example::{ENTITY, example};
use crate::signature::{Encoding, Form};

pub use error::EventError;
pub use recording::BLANKED;

pub(super) use ids::Ids;

/// An event to send, as Apideck would.
///
/// [`Event::new`] starts from an example of the event. Nine examples are those of Apideck's webhook
/// reference ([`EXAMPLES`](super::EXAMPLES)). Apideck documents no body for the other events, so
/// theirs are made. Each event has an id and an idempotency key of its own, in every run.
///
/// ```
/// use apideck_hooks::events::ConnectionCallable;
/// use apideck_hooks::testing::Event;
///
/// let event = Event::new("vault.connection.callable")
///     .consumer("acme")
///     .set("entity.settings.region", "eu");
/// let payload = ConnectionCallable::from_json(event.body())?;
/// assert_eq!(payload.entity.consumer_id, "acme");
/// assert_eq!(payload.entity.settings.as_ref().unwrap()["region"], "eu");
/// # Ok::<_, apideck_hooks::DecodeError>(())
/// ```
///
/// A path that leads to nothing known panics, because a test that sets nothing would prove nothing:
///
/// ```should_panic
/// # use apideck_hooks::testing::Event;
/// // the path `entity.setings.region` leads to no field … did you mean `entity.settings.region`?
/// Event::new("vault.connection.callable").set("entity.setings.region", "eu");
/// ```
#[derive(Clone)]
#[must_use = "an event does nothing until it is sent"]
pub struct Event {
    body: EventBody,
    key: Option<String>,
    form: Form,
    encoding: Encoding,
    /// Further headers. They replace those that the event has by itself.
    headers: HeaderMap,
    left_out: Vec<HeaderName>,
    /// All headers of a recording.
    exact: Option<HeaderMap>,
}

impl Event {
    /// Makes an event that Apideck lists, with an id and an idempotency key of its own. Its
    /// `execution_attempt` is 1, and its raw body is signed in hexadecimal digits.
    ///
    /// # Panics
    ///
    /// No event has this name. The message tells the near names.
    #[track_caller]
    pub fn new(name: impl AsRef<str>) -> Self {
        or_panic(Self::try_new(name))
    }

    /// Makes an event as [`new`](Self::new) does.
    ///
    /// # Errors
    ///
    /// No event has this name.
    pub fn try_new(name: impl AsRef<str>) -> Result<Self, EventError> {
        Self::with_ids(name.as_ref(), &Ids::random())
    }

    /// Makes an event that this release does not list, in the shape of its API.
    ///
    /// ```
    /// # use apideck_hooks::testing::Event;
    /// let event = Event::unlisted("vault.connection.paused").consumer("acme");
    /// assert!(!event.event_type().unwrap().is_listed());
    /// ```
    pub fn unlisted(name: impl AsRef<str>) -> Self {
        Self::of_type(&EventType::from(name.as_ref()), &Ids::random())
    }

    /// Reads the body of an event, `{"payload":{…}}`. The text is sent unchanged, and is signed
    /// anew. It keeps its id, and has an idempotency key of its own.
    ///
    /// # Errors
    ///
    /// The body is not JSON, or has no `payload` around its event.
    pub fn from_json(text: impl Into<Bytes>) -> Result<Self, EventError> {
        let body = EventBody::read(text.into())?;
        Ok(Self::of_body(body, Ids::random().next()))
    }

    /// Reads the body of an event from a file, as [`from_json`](Self::from_json) does.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or is not the body of an event.
    pub fn read(file: impl AsRef<Path>) -> Result<Self, EventError> {
        let file = file.as_ref();
        let of_file = |error: &dyn fmt::Display| EventError::new(format!("{}: {error}", file.display()));
        let text = std::fs::read(file).map_err(|error| of_file(&error))?;
        Self::from_json(text).map_err(|error| of_file(&error))
    }

    /// Makes the body with which Apideck validates the URL of a subscription. Apideck does not
    /// document it. It is signed, and is not an event.
    pub(super) fn validation() -> Self {
        Self::of_body(EventBody::new(Value::Object(Map::new())), Ids::random().next())
    }

    pub(super) fn with_ids(name: &str, ids: &Ids) -> Result<Self, EventError> {
        let Some(event_type) = EventType::listed(name) else {
            let near = near_events(name);
            return Err(EventError::new(format!(
                "no event is called `{name}`{} `Event::unlisted` makes an event that this release does not list.",
                did_you_mean(&near)
            )));
        };
        Ok(Self::of_type(&event_type, ids))
    }

    pub(super) fn of_type(event_type: &EventType, ids: &Ids) -> Self {
        let event = Self::of_body(EventBody::new(example(event_type)), ids.next());
        event.id(ids.next()).attempt(1)
    }

    fn of_body(body: EventBody, key: String) -> Self {
        Self {
            body,
            key: Some(key),
            form: Form::Raw,
            encoding: Encoding::Hex,
            headers: HeaderMap::new(),
            left_out: Vec::new(),
            exact: None,
        }
    }

    /// Sets the id of the consumer.
    ///
    /// # Panics
    ///
    /// The body is not an event.
    #[track_caller]
    pub fn consumer(self, id: impl Into<String>) -> Self {
        let in_entity = self
            .body
            .payload()
            .is_some_and(|payload| payload.contains_key(ENTITY));
        let path = if in_entity {
            "entity.consumer_id"
        } else {
            "consumer_id"
        };
        self.set(path, id.into())
    }

    /// Sets a field of the payload, such as `entity.state`. Below `settings` and `metadata` every
    /// path is known.
    ///
    /// # Panics
    ///
    /// The path leads to no field that a handler would see. The message tells the near paths.
    #[track_caller]
    pub fn set(self, path: &str, value: impl Into<Value>) -> Self {
        or_panic(self.try_set(path, value))
    }

    /// Sets a field as [`set`](Self::set) does.
    ///
    /// # Errors
    ///
    /// The path leads to no field that a handler would see.
    pub fn try_set(mut self, path: &str, value: impl Into<Value>) -> Result<Self, EventError> {
        path::check(self.body.family(), path)?;
        path::set(self.body.payload_mut()?, path, value.into())?;
        Ok(self)
    }

    /// Sets a field that this release does not know.
    ///
    /// # Panics
    ///
    /// A part of the path is not an object, or the body has no payload.
    #[track_caller]
    pub fn set_new(self, path: &str, value: impl Into<Value>) -> Self {
        or_panic(self.try_set_new(path, value))
    }

    /// Sets a field as [`set_new`](Self::set_new) does.
    ///
    /// # Errors
    ///
    /// A part of the path is not an object, or the body has no payload.
    pub fn try_set_new(mut self, path: &str, value: impl Into<Value>) -> Result<Self, EventError> {
        path::set(self.body.payload_mut()?, path, value.into())?;
        Ok(self)
    }

    /// Returns the value of a field of the payload, such as `entity.state`. `None` if it is
    /// missing.
    pub fn get(&self, path: &str) -> Option<&Value> {
        path::get(self.body.payload()?, path)
    }

    /// Removes a field of the payload. It may be missing already.
    ///
    /// # Panics
    ///
    /// The event has no such field, and the path leads to nothing known.
    #[track_caller]
    pub fn remove(mut self, path: &str) -> Self {
        let family = self.body.family();
        if !path::remove(or_panic(self.body.payload_mut()), path) {
            or_panic(path::check(family, path));
        }
        self
    }

    /// Sets the event's id.
    #[track_caller]
    pub fn id(self, id: impl Into<String>) -> Self {
        self.set("event_id", id.into())
    }

    /// Sets Apideck's count of deliveries, `execution_attempt`, from 1.
    #[track_caller]
    pub fn attempt(self, attempt: u32) -> Self {
        self.set("execution_attempt", attempt)
    }

    /// Returns the event's type. `None` for a body that is not an event.
    pub fn event_type(&self) -> Option<EventType> {
        self.body.event_type()
    }

    /// Returns the event's id. `None` if the body has none.
    pub fn event_id(&self) -> Option<&str> {
        self.body.payload()?.get("event_id")?.as_str()
    }

    /// Returns Apideck's count of deliveries. `None` if the body has none.
    pub fn execution_attempt(&self) -> Option<u32> {
        u32::try_from(self.body.payload()?.get("execution_attempt")?.as_u64()?).ok()
    }

    /// Returns the body.
    pub fn body(&self) -> Bytes {
        self.body.to_bytes()
    }

    /// Makes the next delivery of the event. A body without Apideck's count stays as it is, and so
    /// does a recording.
    pub(super) fn again(self) -> Self {
        match self.execution_attempt() {
            Some(attempt) if !self.is_exact() => self.attempt(attempt.saturating_add(1)),
            _ => self,
        }
    }

    /// Returns the form of the body that is signed.
    pub(super) fn form(&self) -> Form {
        self.form
    }
}

#[track_caller]
fn or_panic<T>(result: Result<T, EventError>) -> T {
    result.unwrap_or_else(|error| panic!("{error}"))
}

/// Writes the name, the id and the count of deliveries.
impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.event_type() {
            Some(event_type) => write!(f, "{event_type}")?,
            None => f.write_str("a body that is not an event")?,
        }
        if let Some(id) = self.event_id() {
            write!(f, " {id}")?;
        }
        match self.execution_attempt() {
            Some(attempt) => write!(f, ", delivery {attempt}"),
            None => Ok(()),
        }
    }
}

/// Prints neither body nor headers, because those of a recording may hold credentials.
impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event")
            .field("event", &format_args!("{self}"))
            .field("key", &self.key)
            .field("form", &self.form)
            .field("encoding", &self.encoding)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
