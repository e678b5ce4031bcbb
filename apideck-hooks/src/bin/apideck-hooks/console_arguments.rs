//! The arguments of the commands that call a console.

use std::time::SystemTime;

use apideck_hooks::EventType;
use clap::Args;
use http::Uri;

use crate::console_api::{ConsoleApi, USER, parse_user};
use crate::exit::Trouble;
use crate::screen::Screen;
use crate::source::remark_unlisted;
use crate::text::{parse_time, time};
use crate::url::parse_url;

#[derive(Args)]
pub(crate) struct ConsoleArguments {
    /// URL of the receiver's console. Its token is in APIDECK_HOOKS_CONSOLE_TOKEN
    #[arg(long = "console", value_name = "URL", value_parser = parse_url)]
    pub(crate) url: Uri,
    /// User name for the console. The receiver's log has it beside each change
    #[arg(long = "as", value_name = "NAME", default_value = USER, value_parser = parse_user)]
    user: String,
}

#[derive(Args)]
pub(crate) struct FilterArguments {
    /// Only this event, or those of a pattern such as `crm.*`
    #[arg(long, value_name = "EVENT", value_parser = parse_pattern)]
    event: Option<String>,
    /// Only those since this time or later, such as 2026-11-29T10:00:00Z or 36h
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    since: Option<SystemTime>,
    /// Only those from before this time
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    until: Option<SystemTime>,
}

impl ConsoleArguments {
    pub(crate) async fn api(&self) -> Result<ConsoleApi, Trouble> {
        ConsoleApi::new(&self.url, &self.user).await
    }
}

impl FilterArguments {
    pub(crate) fn is_given(&self) -> bool {
        self.event.is_some() || self.since.is_some() || self.until.is_some()
    }

    pub(crate) fn pairs(&self, screen: &Screen) -> Vec<(&'static str, String)> {
        if let Some(event) = &self.event {
            remark_unmatched(event, screen);
        }
        let pairs = [
            ("event", self.event.clone()),
            ("since", self.since.map(time)),
            ("until", self.until.map(time)),
        ];
        let given = pairs.into_iter();
        given.filter_map(|(name, value)| Some((name, value?))).collect()
    }
}

/// Reads a pattern: the name of an event, also of one that this release does not know yet, or a
/// prefix with `*` after it.
pub(crate) fn parse_pattern(pattern: &str) -> Result<String, &'static str> {
    let name = pattern.strip_suffix('*').unwrap_or(pattern);
    let is_name = EventType::from(name).is_listed() || name.contains('.');
    let is_pattern = !name.contains('*') && (is_name || name != pattern);
    match is_pattern {
        true => Ok(pattern.to_owned()),
        false => {
            Err("expected the name of an event, such as `crm.lead.created`, or a prefix such as `crm.*`")
        }
    }
}

/// Remarks that a pattern matches no event that this release lists, because it may be misspelt.
pub(crate) fn remark_unmatched(pattern: &str, screen: &Screen) {
    match pattern.strip_suffix('*') {
        None => remark_unlisted(Some(pattern), screen),
        Some(prefix) => {
            let mut listed = EventType::ALL.iter();
            if !listed.any(|event| event.as_str().starts_with(prefix)) {
                screen.remark(format!(
                    "note: this release lists no event that begins with `{prefix}`"
                ));
            }
        }
    }
}
