//! The scripts, and a call of one.

use std::sync::LazyLock;

use ::redis::{Arg, Cmd, Script as Source, ToRedisArgs};

use crate::store::values::Rests;
use crate::store::{Claim, ClaimId, DeadLetter, Grant};

/// A Lua script. The server knows it by its hash after its first run.
pub(super) struct Script(LazyLock<(Source, &'static str)>);

macro_rules! scripts {
    ($($name:ident = $head:literal $($part:literal)+;)*) => {
        $(pub(super) static $name: Script = Script(LazyLock::new(|| {
            let text = concat!($head, $(include_str!(concat!("scripts/", $part, ".lua"))),+);
            (Source::new(text), text)
        }));)*
    };
}

// A full server runs the scripts that do not make a record or a letter.
scripts! {
    CLAIM = "" "record" "waits" "claim" "grant" "save";
    REPLAY = "" "record" "waits" "replay" "grant" "save";
    RENEW = "#!lua flags=allow-oom\n" "record" "renew" "save";
    FINISH = "#!lua flags=allow-oom\n" "record" "finish" "save";
    FINISH_WITH_LETTER = "" "record" "finish" "save";
    UNDO = "#!lua flags=allow-oom\n" "record" "undo" "save";
    STATUS = "#!lua flags=allow-oom\n" "record" "waits" "status" "save";
    LETTER = "#!lua flags=allow-oom\n" "record" "waits" "letter";
    PURGE = "#!lua flags=allow-oom\n" "record" "waits" "purge" "save";
    BIND = "" "bind";
    PLACE = "" "place";
    DISPLACE = "#!lua flags=allow-oom\n" "displace";
}

/// A call of a script, or a command, on one key.
pub(super) struct RedisCall {
    pub(super) command: Cmd,
    pub(super) key: Vec<u8>,
    script: Option<&'static Script>,
}

impl RedisCall {
    pub(super) fn script(script: &'static Script, key: Vec<u8>) -> Self {
        let mut command = Cmd::with_capacity(24, 512);
        command.arg("EVALSHA").arg(script.0.0.get_hash());
        command.arg(1).arg(key.as_slice());
        Self {
            command,
            key,
            script: Some(script),
        }
    }

    pub(super) fn command(name: &str, key: Vec<u8>) -> Self {
        let mut command = ::redis::cmd(name);
        command.arg(key.as_slice());
        Self {
            command,
            key,
            script: None,
        }
    }

    pub(super) fn arg(mut self, arg: impl ToRedisArgs) -> Self {
        self.command.arg(arg);
        self
    }

    pub(super) fn id(self, id: ClaimId) -> Self {
        self.arg(&id.to_bytes()[..])
    }

    /// The token and the claim id, as the record has them.
    pub(super) fn grant(self, grant: Grant) -> Self {
        let mut bytes = [0; 24];
        bytes[..8].copy_from_slice(&grant.token.0.to_be_bytes());
        bytes[8..].copy_from_slice(&grant.id.to_bytes());
        self.arg(&bytes[..])
    }

    /// The claim id, the lease and the rests, and the time to keep the record.
    pub(super) fn claim(self, claim: &Claim, retention: u64) -> Self {
        let lease = micros(claim.lease);
        let mut waits = [[0; 8]; 1 + Rests::LENGTH];
        waits[0] = lease.to_be_bytes();
        for (wait, rest) in waits[1..].iter_mut().zip(claim.rests.all()) {
            *wait = micros(*rest).to_be_bytes();
        }
        self.id(claim.id)
            .arg(waits.as_flattened())
            .keep(lease + retention)
    }

    /// The time to keep the record, from microseconds in milliseconds. Up to two more, because
    /// Redis cuts off its clock to milliseconds, too.
    pub(super) fn keep(self, micros: u64) -> Self {
        self.arg(micros / 1000 + 2)
    }

    /// The fields and values of a letter, and its time.
    pub(super) fn letter(mut self, letter: &DeadLetter, at: i64) -> Self {
        let context = letter.context.to_json();
        for (field, text) in [
            ("source", &letter.source),
            ("event_type", &letter.event_type),
            ("event_id", &letter.event_id),
            ("entity_id", &letter.entity_id),
            ("consumer_id", &letter.consumer_id),
            ("context", &context),
            ("error", &letter.error),
        ] {
            self.command.arg(field).arg(text);
        }
        self.arg("body").arg(&letter.body[..]).arg(at)
    }

    /// Replaces the script's hash by its text, for a server that does not know it. Returns `false`
    /// if the call has no hash.
    pub(super) fn in_full(&mut self) -> bool {
        let Some(script) = self.script.take() else {
            return false;
        };
        let mut command = ::redis::cmd("EVAL");
        command.arg(script.0.1);
        for arg in self.command.args_iter().skip(2) {
            if let Arg::Simple(bytes) = arg {
                command.arg(bytes);
            }
        }
        self.command = command;
        true
    }
}

/// A length in microseconds. At most 142 years, so that a script adds it to a time exactly.
pub(super) fn micros(length: std::time::Duration) -> u64 {
    const LONGEST: u64 = 1 << 52;
    u64::try_from(length.as_micros()).map_or(LONGEST, |micros| micros.min(LONGEST))
}
