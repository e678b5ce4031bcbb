//! `apideck-hooks events`: the names that Apideck lists.

use apideck_hooks::{EventType, Family};
use clap::Args;
use serde_json::json;

use crate::exit::{Exit, Trouble};
use crate::screen::Screen;
use crate::source::unlisted;

/// List Apideck's events: name, payload, and when each is sent
#[derive(Args)]
pub(crate) struct EventsArguments {
    /// A part of the name, or a pattern such as `vault.connection.*`
    pattern: Option<String>,
}

pub(crate) fn run(arguments: &EventsArguments, screen: &mut Screen) -> Result<Exit, Trouble> {
    let pattern = arguments.pattern.as_deref().unwrap_or_default();
    let found: Vec<_> = EventType::ALL
        .iter()
        .filter(|event| is_match(pattern, event.as_str()))
        .collect();
    if found.is_empty() {
        let unlisted = unlisted(pattern).filter(|_| !pattern.contains('*'));
        let text = unlisted.unwrap_or_else(|| format!("no event matches `{pattern}`"));
        return Err(Trouble::not_as_wished(text));
    }
    let width = |length: fn(&EventType) -> usize| found.iter().map(|event| length(event)).max().unwrap_or(0);
    let name_width = width(|event| event.as_str().len());
    let type_width = width(|event| format!("{event:?}").len());
    for event in found {
        // The payload type has the name of the variant.
        let payload = format!("{event:?}");
        let meaning = event.meaning().unwrap_or_default();
        let family = match event.family() {
            Family::Connection => "ConnectionEvent",
            _ => "ResourceEvent",
        };
        screen.result(
            json!({"event": event, "payload": payload, "family": family, "meaning": meaning}),
            |paint| {
                let name = paint.strong(format_args!("{:name_width$}", event.as_str()));
                format!("{name}  {payload:type_width$}  {}", paint.faint(meaning))
            },
        );
    }
    Ok(Exit::AsWished)
}

/// Tells if a name matches. A `*` stands for any text, and a pattern without one may be anywhere.
fn is_match(pattern: &str, name: &str) -> bool {
    let Some((prefix, rest)) = pattern.split_once('*') else {
        return name.contains(pattern);
    };
    let Some(mut name) = name.strip_prefix(prefix) else {
        return false;
    };
    let mut parts: Vec<_> = rest.split('*').collect();
    let last = parts.pop().unwrap_or_default();
    for part in parts {
        match name.split_once(part) {
            Some((_, after)) => name = after,
            None => return false,
        }
    }
    name.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_a_part_or_has_stars() {
        for (pattern, name, matches) in [
            ("", "crm.lead.created", true),
            ("lead", "crm.lead.created", true),
            ("crm.*", "crm.lead.created", true),
            ("*.created", "crm.lead.created", true),
            ("crm.*.created", "crm.lead.created", true),
            ("*lead*", "crm.lead.created", true),
            ("*", "crm.lead.created", true),
            ("lead*", "crm.lead.created", false),
            ("*lead", "crm.lead.created", false),
            ("crm.*.deleted", "crm.lead.created", false),
        ] {
            assert_eq!(is_match(pattern, name), matches, "{pattern}");
        }
    }
}
