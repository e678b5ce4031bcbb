//! Paths in a payload, such as `entity.settings.region`.

use serde_json::{Map, Value};

use super::error::EventError;
use crate::event::Family;
use crate::payload::example::{ENTITY, known_fields};
use crate::testing::near::{did_you_mean, near};

/// The fields that hold any JSON, so every path below them is known.
const FREE_FORM: &[&str] = &["settings", "metadata", "migrated_from"];

/// Checks that a path leads to a field that this release reads.
pub(super) fn check(family: Family, path: &str) -> Result<(), EventError> {
    let known = known_paths(family);
    let is_known = known.iter().any(|known| match path.strip_prefix(known.as_str()) {
        Some("") => true,
        Some(below) => {
            let name = known.rsplit('.').next().unwrap_or_default();
            below.starts_with('.') && FREE_FORM.contains(&name)
        }
        None => false,
    });
    if is_known {
        return Ok(());
    }
    let question = did_you_mean(&near_paths(path, &known));
    Err(EventError::new(format!(
        "the path `{path}` leads to no field of this event that a handler would see{question} `set_new` sets a \
         field that this release does not know."
    )))
}

/// Returns all known paths in the order of their fields.
fn known_paths(family: Family) -> Vec<String> {
    let (fields, entity) = known_fields(family);
    let mut paths: Vec<_> = fields.into_iter().map(str::to_owned).collect();
    paths.extend(entity.iter().map(|field| format!("{ENTITY}.{field}")));
    paths
}

/// Returns the known paths that a path can mean. Its part below a misspelt field is kept.
fn near_paths(path: &str, known: &[String]) -> Vec<String> {
    let known = || known.iter().map(String::as_str);
    let near_whole = near(path, known());
    let below = path.match_indices('.').nth(1).map(|(dot, _)| path.split_at(dot));
    match below {
        Some((head, below)) if near_whole.is_empty() => {
            let heads = near(head, known()).into_iter();
            let heads = heads.filter(|head| FREE_FORM.iter().any(|free| head.ends_with(free)));
            heads.map(|head| format!("{head}{below}")).collect()
        }
        _ => near_whole.into_iter().map(str::to_owned).collect(),
    }
}

/// Sets the value at a path. Objects on the way are made.
pub(super) fn set(payload: &mut Map<String, Value>, path: &str, value: Value) -> Result<(), EventError> {
    let (parents, last) = path.rsplit_once('.').unwrap_or(("", path));
    let mut object = payload;
    for part in parents.split('.').filter(|part| !part.is_empty()) {
        let member = object.entry(part).or_insert(Value::Null);
        if member.is_null() {
            *member = Value::Object(Map::new());
        }
        let Value::Object(member) = member else {
            return Err(EventError::new(format!(
                "`{path}` cannot be set, because `{part}` is not an object"
            )));
        };
        object = member;
    }
    object.insert(last.to_owned(), value);
    Ok(())
}

/// Returns the value at a path.
pub(super) fn get<'a>(payload: &'a Map<String, Value>, path: &str) -> Option<&'a Value> {
    let mut parts = path.split('.');
    let first = payload.get(parts.next()?)?;
    parts.try_fold(first, |value, part| value.as_object()?.get(part))
}

/// Removes the value at a path. Returns `false` if there is none.
pub(super) fn remove(payload: &mut Map<String, Value>, path: &str) -> bool {
    let (parents, last) = path.rsplit_once('.').unwrap_or(("", path));
    let mut object = payload;
    for part in parents.split('.').filter(|part| !part.is_empty()) {
        let Some(Value::Object(member)) = object.get_mut(part) else {
            return false;
        };
        object = member;
    }
    object.remove(last).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_known_if_a_handler_would_see_it() {
        for path in [
            "entity.settings.region.of.it",
            "entity.state",
            "event_id",
            "migrated_from.service_id",
        ] {
            check(Family::Connection, path).unwrap();
        }
        check(Family::Resource, "consumer_id").unwrap();
        for (family, path, near) in [
            (Family::Connection, "consumer_id", "`entity.consumer_id`"),
            (
                Family::Connection,
                "entity.setings.region",
                "`entity.settings.region`",
            ),
            (Family::Connection, "payload.entity.name", "`entity.name`"),
            (Family::Connection, "entity.stat", "`entity.state`"),
            (Family::Connection, "entity.name.first", ""),
            (Family::Resource, "entityUrl", "`entity_url`"),
            (Family::Resource, "entity.name", ""),
            (Family::Resource, "", ""),
        ] {
            let error = check(family, path).unwrap_err().to_string();
            assert!(error.contains(near) && error.contains("set_new"), "{error}");
        }
    }

    #[test]
    fn objects_on_the_way_are_made_and_other_values_are_kept() {
        let mut payload = Map::new();
        set(&mut payload, "a.b.c", 1.into()).unwrap();
        set(&mut payload, "a.b.d", 2.into()).unwrap();
        assert!(
            set(&mut payload, "a.b.c.x", 3.into())
                .unwrap_err()
                .to_string()
                .contains("`c`")
        );
        assert_eq!(get(&payload, "a.b.c"), Some(&1.into()));
        assert_eq!(
            (get(&payload, "a.b.c.x"), get(&payload, "x"), get(&payload, "")),
            (None, None, None)
        );
        assert!(
            remove(&mut payload, "a.b.c") && !remove(&mut payload, "a.b.c") && !remove(&mut payload, "x.y")
        );
        assert_eq!(Value::Object(payload).to_string(), r#"{"a":{"b":{"d":2}}}"#);
    }
}
