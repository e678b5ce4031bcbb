//! What is asked of Redis: commands and scripts.

use ::redis::{Arg, Cmd, Script as Source, ToRedisArgs};
use std::sync::LazyLock;

/// A Lua script, known to the server by its hash once it was run.
pub(super) struct Script(LazyLock<(Source, &'static str)>);

macro_rules! scripts {
    ($($name:ident = $($part:literal)+;)*) => {
        $(pub(super) static $name: Script = Script(LazyLock::new(|| {
            let text = concat!($(include_str!(concat!("scripts/", $part))),+);
            (Source::new(text), text)
        }));)*
    };
}

// `full.lua` is for what a server without memory must do all the same, `record.lua` for what knows what a record looks like.
scripts! {
    CLAIM = "record.lua" "claim.lua";
    WITHDRAW = "full.lua" "record.lua" "withdraw.lua";
    RENEW = "full.lua" "record.lua" "renew.lua";
    FINISH = "full.lua" "record.lua" "finish.lua";
    SET_ASIDE = "full.lua" "record.lua" "dead.lua";
    REOPEN = "full.lua" "record.lua" "reopen.lua";
    STATUS = "full.lua" "record.lua" "status.lua";
    LETTER = "full.lua" "record.lua" "letter.lua";
    RELEASE = "full.lua" "record.lua" "release.lua";
    PURGE = "full.lua" "record.lua" "purge.lua";
    BIND = "bind.lua";
    REBIND = "rebind.lua";
    INDEX_ADD = "index_add.lua";
    INDEX_DROP = "index_drop.lua";
    INDEX_PAGE = "index_page.lua";
    INDEX_OLD = "index_old.lua";
}

/// One command, on one key in a cluster. Sent again it does no harm: whatever is not idempotent by itself carries its call's
/// mark.
pub(super) struct Step {
    /// A script by its hash.
    cmd: Cmd,
    script: Option<&'static Script>,
    pub(super) key: Vec<u8>,
}

/// What most commands take: there is one allocation for each.
const ARGS: usize = 10;
const BYTES: usize = 256;

impl Step {
    pub(super) fn script(script: &'static Script, key: Vec<u8>) -> Self {
        let mut cmd = Cmd::with_capacity(ARGS, BYTES);
        cmd.arg("EVALSHA")
            .arg(script.0.0.get_hash())
            .arg(1)
            .arg(key.as_slice());
        Step {
            cmd,
            script: Some(script),
            key,
        }
    }

    pub(super) fn command(name: &'static str, key: Vec<u8>) -> Self {
        let mut cmd = Cmd::with_capacity(ARGS, BYTES);
        cmd.arg(name).arg(key.as_slice());
        Step {
            cmd,
            script: None,
            key,
        }
    }

    pub(super) fn arg(mut self, arg: impl ToRedisArgs) -> Self {
        self.cmd.arg(arg);
        self
    }

    /// The command; a script by its hash.
    pub(super) fn command_ref(&self) -> &Cmd {
        &self.cmd
    }

    /// The command; a script by its hash, or in full for a server that does not know it.
    pub(super) fn build(&self, in_full: bool) -> Cmd {
        let Some(script) = self.script.filter(|_| in_full) else {
            return self.cmd.clone();
        };
        let mut cmd = ::redis::cmd("EVAL");
        cmd.arg(script.0.1);
        for arg in self.cmd.args_iter().skip(2) {
            if let Arg::Simple(bytes) = arg {
                cmd.arg(bytes);
            }
        }
        cmd
    }
}
