//! `apideck-hooks send`: an event, signed and sent as Apideck does.

use std::time::Duration;

use apideck_hooks::signature::{Encoding, Form};
use apideck_hooks::testing::{Apideck, Event, PAUSES, sign};
use bytes::Bytes;
use clap::{Args, ValueEnum};
use http::Uri;
use http::header::{HeaderName, HeaderValue};
use http_body_util::Full;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::client::{Client, client};
use crate::exit::{Exit, Trouble};
use crate::key::KeyArguments;
use crate::report;
use crate::screen::Screen;
use crate::source;
use crate::text::pause;
use crate::url::{confirm, parse_url};

/// Send an event to a receiver, signed as Apideck does
#[derive(Args)]
pub(crate) struct SendArguments {
    /// Name of an event, a file with a body, or - for standard input
    ///
    /// A name makes an example of the event. An argument with a slash or with the ending `.json` is
    /// a file.
    #[arg(value_name = "EVENT|FILE")]
    event: String,
    /// URL of the receiver
    #[arg(long, value_name = "URL", value_parser = parse_url)]
    to: Uri,
    /// Set a field of the payload, such as entity.state=added. The value is JSON, or else a text
    #[arg(long, value_name = "PATH=VALUE", value_parser = source::parse_setting)]
    set: Vec<(String, Value)>,
    /// Set a field that this release does not know
    #[arg(long, value_name = "PATH=VALUE", value_parser = source::parse_setting)]
    set_new: Vec<(String, Value)>,
    /// Take the name for that of an event that this release does not list
    #[arg(long)]
    unlisted: bool,
    /// Form of the body that is signed
    #[arg(long, value_enum, default_value = "raw")]
    form: FormName,
    /// Encoding of the signature
    #[arg(long, value_enum, default_value = "hex")]
    encoding: EncodingName,
    /// Apideck's count of deliveries, execution_attempt
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    attempt: Option<u32>,
    /// Idempotency key, instead of a new one
    #[arg(long, value_name = "KEY", value_parser = parse_header_value)]
    key: Option<String>,
    /// Further header, or another value of one that the event has
    #[arg(short = 'H', long, value_name = "NAME:VALUE", value_parser = parse_header)]
    header: Vec<(String, String)>,
    /// Send the same delivery N times, one after the other
    #[arg(long, value_name = "N", default_value = "1", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    times: u32,
    /// Send it again as Apideck does until it is acknowledged: after 3, 5, 10 and 30 minutes, and
    /// 1, 2, 4, 8 and 12 hours
    #[arg(long, conflicts_with = "times")]
    retry: bool,
    /// FILE is a recording of `listen`: send it byte for byte, with its recorded headers
    ///
    /// A recording from which credentials were removed cannot verify, so it is signed anew.
    #[arg(long, conflicts_with_all = ["set", "set_new", "unlisted", "form", "encoding", "attempt", "key", "header"])]
    exact: bool,
    /// Send also to a machine outside of private networks
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    key_file: KeyArguments,
}

#[derive(Clone, Copy, ValueEnum)]
enum FormName {
    Raw,
    Sorted,
    SortedInArrays,
}

impl From<FormName> for Form {
    fn from(name: FormName) -> Self {
        match name {
            FormName::Raw => Self::Raw,
            FormName::Sorted => Self::Sorted,
            FormName::SortedInArrays => Self::SortedInArrays,
        }
    }
}

#[derive(Clone, Copy, ValueEnum)]
enum EncodingName {
    Hex,
    Base64,
}

impl From<EncodingName> for Encoding {
    fn from(name: EncodingName) -> Self {
        match name {
            EncodingName::Hex => Self::Hex,
            EncodingName::Base64 => Self::Base64,
        }
    }
}

pub(crate) async fn run(arguments: Box<SendArguments>, screen: &mut Screen) -> Result<Exit, Trouble> {
    let event = event(&arguments, screen)?;
    let secret = arguments.key_file.read()?.secret;
    let (form, encoding) = (arguments.form.into(), arguments.encoding.into());
    // The kit panics for a body without the form.
    sign(
        &secret,
        &event.body(),
        if event.is_exact() { Form::Raw } else { form },
        encoding,
    )
    .map_err(|error| Trouble::wrong_use(format_args!("the body has no sorted form: {error}")))?;
    confirm(&arguments.to, arguments.yes).await?;
    let client = client(&arguments.to)?;
    let apideck = Apideck::new(client, secret).path(&arguments.to.to_string());
    if arguments.retry {
        return deliver(&apideck, event, screen).await;
    }
    let mut worst = Exit::AsWished;
    for _ in 0..arguments.times {
        let exit = deliver_once(&apideck, &event, screen).await;
        if exit != Exit::AsWished {
            worst = exit;
        }
        if exit == Exit::Unreachable {
            break;
        }
    }
    Ok(worst)
}

fn event(arguments: &SendArguments, screen: &Screen) -> Result<Event, Trouble> {
    if arguments.exact {
        // Bounds the length of the file.
        source::read_body(&arguments.event)?;
        let event = Event::recording(&arguments.event).map_err(Trouble::wrong_use)?;
        if !event.is_exact() {
            screen.remark(
                "note: credentials were removed from this recording, so its signature belongs to another body. It is \
                 signed anew",
            );
        }
        return Ok(event);
    }
    let mut event = source::event(&arguments.event, arguments.unlisted)?;
    let wrong = |error| Trouble::wrong_use(source::at_the_shell(&error));
    for (path, value) in &arguments.set {
        event = event.try_set(path, value.clone()).map_err(wrong)?;
    }
    for (path, value) in &arguments.set_new {
        event = event.try_set_new(path, value.clone()).map_err(wrong)?;
    }
    if let Some(attempt) = arguments.attempt {
        event = event.try_set("execution_attempt", attempt).map_err(wrong)?;
    }
    if let Some(key) = &arguments.key {
        event = event.key(key);
    }
    for (name, value) in &arguments.header {
        event = event.header(name, value);
    }
    Ok(event.signed(arguments.form.into(), arguments.encoding.into()))
}

async fn deliver_once(apideck: &Apideck<Client<Full<Bytes>>>, event: &Event, screen: &mut Screen) -> Exit {
    let begun = Instant::now();
    let answer = apideck.send(event).await;
    report::answer(screen, event, &answer, begun.elapsed());
    report::exit(&answer)
}

/// Sends an event until it is acknowledged, at Apideck's times.
async fn deliver(
    apideck: &Apideck<Client<Full<Bytes>>>,
    mut event: Event,
    screen: &mut Screen,
) -> Result<Exit, Trouble> {
    let delivered = event.execution_attempt().unwrap_or(1).saturating_sub(1);
    let mut pauses = PAUSES.iter().skip(delivered as usize);
    loop {
        let exit = deliver_once(apideck, &event, screen).await;
        let Some(wait) = pauses.next().filter(|_| exit != Exit::AsWished) else {
            if exit != Exit::AsWished {
                screen.remark("Apideck gives the event up here, and disables the subscription");
            }
            return Ok(exit);
        };
        tell_pause(screen, *wait);
        tokio::time::sleep(*wait).await;
        if let (Some(attempt), false) = (event.execution_attempt(), event.is_exact()) {
            event = event.attempt(attempt.saturating_add(1));
        }
    }
}

fn tell_pause(screen: &mut Screen, wait: Duration) {
    screen.object(json!({"waits_seconds": wait.as_secs()}));
    screen.remark(format_args!(
        "waits {} as Apideck does, then sends it again",
        pause(wait)
    ));
}

fn parse_header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once(':').ok_or("expected `name:value`")?;
    let (name, value) = (name.trim(), value.trim());
    HeaderName::from_bytes(name.as_bytes()).map_err(|error| error.to_string())?;
    Ok((name.to_owned(), parse_header_value(value)?))
}

fn parse_header_value(text: &str) -> Result<String, String> {
    HeaderValue::from_str(text).map_err(|error| error.to_string())?;
    Ok(text.to_owned())
}
