//! A session at a shell, command by command: plain, coloured and as JSON.
//!
//! The transcripts are in `snapshots/`. `APIDECK_HOOKS_UPDATE=1` writes them anew. Read the diff.

use crate::apideck::ApideckStandIn;
use crate::backfill::entry;
use crate::console::{Site, with_token};
use crate::inbox::InboxSite;
use crate::program::{command, output};
use crate::receivers::{Handled, own};
use apideck_hooks::Timestamp;
use apideck_hooks_tests::directory::Directory;
use serde_json::json;
use std::path::Path;

/// The commands. A word in capitals stands for an address or a file of the test.
const COMMANDS: &[&str] = &[
    "events vault.connection.c*",
    "events vault.conection.created",
    "send vault.connection.callable --to RECEIVER --set event_id=e-1 --key k-1",
    "send vault.connection.callable --to RECEIVER --set event_id=e-1 --key k-1",
    "send vault.connection.created --to RECEIVER --set event_id=e-2 --set entity.settings.region=eu --form sorted --encoding base64",
    "send vault.conection.created --to RECEIVER",
    "send vault.connection.created --to RECEIVER --set entity.stat=added",
    "send vault.connection.created --to RECEIVER --set event_id=e-3 --key-file OTHERKEY",
    "send vault.connection.created --to RECEIVER --set event_id=unlucky",
    "send vault.connection.created --to NOWHERE --set event_id=e-4",
    "send vault.connection.created --to https://192.0.2.1/hooks",
    "verify BODY --signature da2ad26d2cda31cca4b01cb43ac0a47edb81a3bc5e90a0a0dd9aa0b9e2d3ddf3",
    "verify BODY --signature SIGNATURE",
    "check RECEIVER",
    "subscriptions --api API --console CONSOLE",
    "backfill --since 2020-11-01 --until 2020-11-02 --to RECEIVER --api API --dry-run",
    "backfill --since 2020-11-01 --until 2020-11-02 --to RECEIVER --api API",
    "dead-letters list --console CONSOLE",
    "dead-letters show RECORD1 --console CONSOLE",
    "dead-letters replay RECORD0 RECORD1 --console CONSOLE",
    "dead-letters purge --all --event vault.connection.callable --dry-run --console CONSOLE",
    "dead-letters purge --all --event vault.connection.callable --console CONSOLE",
    "dead-letters list --console CONSOLE",
    "inbox list --console INBOX",
    "inbox list --event vault.* --console INBOX",
    "inbox pause vault.* --console INBOX",
    "inbox pause vault.* --console INBOX",
    "inbox resume vault.* --console INBOX",
    "inbox resume crm.* --console INBOX",
    "inbox resume crm.leads.* --console INBOX",
    "inbox list --at-most 1 --console INBOX",
    "inbox replay --all --dry-run --console INBOX",
];

const BODY: &str = r#"{"payload":{"event_type":"crm.lead.created","event_id":"e-9"}}"#;

struct Desk {
    folder: Directory,
    names: Vec<(&'static str, String)>,
    /// Its file goes with it.
    _inbox: InboxSite,
}

impl Desk {
    async fn new() -> Self {
        let handled = Handled::default();
        handled.fail("unlucky", 100);
        let api = ApideckStandIn::default();
        subscribe(&api);
        let failed = |id: &str, minute: u32| entry(id, minute, false);
        api.log([
            failed("m-1", 1),
            failed("m-2", 2),
            failed("m-3", 3),
            entry("m-2", 4, true),
        ]);
        let site = Site::with_letters(4).await;
        let inbox = InboxSite::with_events().await;
        let folder = Directory::default();
        let write = |name: &str, text: &str| {
            std::fs::write(folder.file(name), text).expect("a file");
            folder.file(name).display().to_string()
        };
        let signature = apideck_hooks::testing::sign(
            &apideck_hooks::Secret::new(apideck_hooks_tests::SECRET).expect("a secret"),
            BODY.as_bytes(),
            apideck_hooks::signature::Form::Sorted,
            apideck_hooks::signature::Encoding::Base64,
        );
        let names = [
            ("OTHERKEY", write("key", "another-key\n")),
            ("BODY", write("body.json", BODY)),
            ("SIGNATURE", signature.expect("a signature")),
            ("RECEIVER", format!("http://{}/", own(&handled).await)),
            ("NOWHERE", "http://127.0.0.1:1/".to_owned()),
            ("API", api.start().await),
            ("CONSOLE", site.url.clone()),
            ("INBOX", inbox.url.clone()),
        ];
        let letters = site.letters().await;
        let times = letters
            .iter()
            .map(|dead| ("TIME", Timestamp::from(dead.since()).to_string()));
        let records = ["RECORD0", "RECORD1", "RECORD2", "RECORD3"].into_iter();
        let records = records.zip(letters.iter().map(|dead| dead.record.to_string()));
        let events = inbox.events().await;
        let accepted = events
            .iter()
            .map(|event| ("TIME", Timestamp::from(event.accepted_at()).to_string()));
        let waiting = ["EVENT0", "EVENT1", "EVENT2"].into_iter();
        let waiting = waiting.zip(events.iter().map(|event| event.record.to_string()));
        let names = names.into_iter().chain(records).chain(times);
        let names = names.chain(waiting).chain(accepted).collect();
        Self {
            folder,
            names,
            _inbox: inbox,
        }
    }

    /// Runs a command, and writes what a person sees. A line of standard error begins with `!`.
    async fn transcript(&self, line: &str, more: &[&str], colour: bool) -> String {
        let words = line.split(' ').chain(more.iter().copied()).map(|word| {
            let name = self.names.iter().find(|(name, _)| *name == word);
            name.map_or(word.to_owned(), |(_, value)| value.clone())
        });
        let words: Vec<_> = words.collect();
        let words: Vec<_> = words.iter().map(String::as_str).collect();
        let mut command = with_token(&words);
        if colour {
            command.env("CLICOLOR_FORCE", "1");
        }
        let output = output(command, b"").await;
        let mut text = format!("$ apideck-hooks {}\n", [&[line], more].concat().join(" "));
        text += &output.stdout;
        for line in output.stderr.lines() {
            text += &format!("! {line}\n");
        }
        if output.code != 0 {
            text += &format!("[{}]\n", output.code);
        }
        self.without_chance(&text) + "\n"
    }

    /// Replaces what differs from run to run: addresses, paths, times that passed, and ids.
    fn without_chance(&self, text: &str) -> String {
        let mut text = text.replace('\u{1b}', "␛");
        for (name, value) in &self.names {
            text = text.replace(value.trim_end_matches('/'), name);
        }
        text = text.replace(&self.folder.path().display().to_string(), "FOLDER");
        let is_uuid = |word: &str| word.len() == 36 && word.matches('-').count() == 4;
        let text = replace_words(&text, |word| is_uuid(word).then_some("UUID"));
        let text = replace_after(&replace_before(&text, " ms"), "\"ms\":");
        replace_after(&text, "_seconds\":")
    }
}

fn subscribe(api: &ApideckStandIn) {
    api.subscribe(json!({
        "id": "w-1", "description": "production", "unified_api": "vault", "status": "enabled", "disabled_reason": "none",
        "delivery_url": "https://example.com/webhooks/apideck",
        "events": ["vault.connection.created", "vault.connection.callable"],
    }));
    api.subscribe(json!({
        "id": "w-2", "description": null, "unified_api": "crm", "status": "disabled", "disabled_reason": "retry_limit",
        "delivery_url": "https://example.com/webhooks/apideck", "events": ["crm.lead.created"],
    }));
}

/// Replaces words of letters, digits and dashes.
fn replace_words(text: &str, replacement: impl Fn(&str) -> Option<&'static str>) -> String {
    let mut replaced = String::new();
    let mut word = String::new();
    for letter in text.chars().chain(['\0']) {
        if letter.is_ascii_alphanumeric() || letter == '-' {
            word.push(letter);
        } else {
            replaced += replacement(&word).unwrap_or(&word);
            word.clear();
            replaced.push(letter);
        }
    }
    replaced.pop();
    replaced
}

/// Replaces the digits before a unit.
fn replace_before(text: &str, unit: &str) -> String {
    let mut parts = text.split(unit).peekable();
    let mut replaced = String::new();
    while let Some(part) = parts.next() {
        if parts.peek().is_some() {
            replaced += part.trim_end_matches(|letter: char| letter.is_ascii_digit());
            replaced += &format!("N{unit}");
        } else {
            replaced += part;
        }
    }
    replaced
}

/// Replaces the digits after a name.
fn replace_after(text: &str, name: &str) -> String {
    let mut parts = text.split(name);
    let mut replaced = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let rest = part.trim_start_matches(|letter: char| letter.is_ascii_digit());
        let digit = if rest.len() < part.len() { "0" } else { "" };
        replaced += &format!("{name}{digit}{rest}");
    }
    replaced
}

async fn session(snapshot: &str, more: &[&str], colour: bool) {
    let desk = Desk::new().await;
    let mut transcript = String::new();
    for line in COMMANDS {
        transcript += &desk.transcript(line, more, colour).await;
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/cli/snapshots")
        .join(snapshot);
    if std::env::var_os("APIDECK_HOOKS_UPDATE").is_some() {
        std::fs::write(&path, &transcript).expect("a file");
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    for (found, kept) in transcript.split("$ ").zip(kept.split("$ ")) {
        assert_eq!(found, kept, "{snapshot}");
    }
    assert_eq!(transcript, kept, "{snapshot}");
}

#[tokio::test]
async fn a_plain_session() {
    session("plain.txt", &[], false).await;
}

#[tokio::test]
async fn a_coloured_session() {
    session("coloured.txt", &[], true).await;
}

#[tokio::test]
async fn a_session_of_json() {
    session("json.txt", &["--json"], true).await;
}

#[tokio::test]
async fn the_help_is_the_reference() {
    let tasks = [
        "",
        "events",
        "send",
        "verify",
        "check",
        "listen",
        "subscriptions",
        "backfill",
        "dead-letters",
        "inbox",
    ];
    let mut help = String::new();
    for task in tasks.into_iter().chain([
        "dead-letters list",
        "dead-letters replay",
        "inbox list",
        "inbox pause",
    ]) {
        let words: Vec<_> = task
            .split(' ')
            .filter(|word| !word.is_empty())
            .chain(["--help"])
            .collect();
        let told = output(command(&words), b"").await;
        help += &format!("$ apideck-hooks {}\n{}\n", words.join(" "), told.exits(0).stdout);
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli/snapshots/help.txt");
    if std::env::var_os("APIDECK_HOOKS_UPDATE").is_some() {
        std::fs::write(&path, &help).expect("a file");
    }
    assert_eq!(help, std::fs::read_to_string(&path).unwrap_or_default());
}
