//! What is asked of Redis: scripts on one key each, so that they run in a cluster too.

use ::redis::{Cmd, Script as Source};
use std::sync::LazyLock;

/// A Lua script, known to the server by its hash once it was run.
pub(super) struct Script(LazyLock<(Source, &'static str)>);

macro_rules! scripts {
    ($($name:ident = $file:literal),* $(,)?) => {
        $(pub(super) static $name: Script = Script(LazyLock::new(|| {
            let text = include_str!(concat!("scripts/", $file));
            (Source::new(text), text)
        }));)*
    };
}

scripts! {
    CLAIM = "claim.lua",
    WITHDRAW = "withdraw.lua",
    RENEW = "renew.lua",
    FINISH = "finish.lua",
    REOPEN = "reopen.lua",
    STATUS = "status.lua",
    RELEASE = "release.lua",
    PURGE = "purge.lua",
    REBIND = "rebind.lua",
    INDEX_ADD = "index_add.lua",
    INDEX_DROP = "index_drop.lua",
    INDEX_PAGE = "index_page.lua",
    INDEX_OLD = "index_old.lua",
}

/// One command on one key. Sent again it does no harm: whatever is not idempotent by itself carries its call's mark.
pub(super) struct Step {
    what: What,
    pub(super) key: Vec<u8>,
    args: Vec<Vec<u8>>,
}

enum What {
    Script(&'static Script),
    Command(&'static str),
}

/// How a value is sent.
pub(super) trait Arg {
    fn bytes(self) -> Vec<u8>;
}

impl Arg for &[u8] {
    fn bytes(self) -> Vec<u8> {
        self.to_vec()
    }
}

impl Arg for &str {
    fn bytes(self) -> Vec<u8> {
        self.into()
    }
}

impl Arg for u64 {
    fn bytes(self) -> Vec<u8> {
        self.to_string().into()
    }
}

impl Step {
    pub(super) fn script(script: &'static Script, key: Vec<u8>) -> Self {
        Step {
            what: What::Script(script),
            key,
            args: Vec::new(),
        }
    }

    pub(super) fn command(name: &'static str, key: Vec<u8>) -> Self {
        Step {
            what: What::Command(name),
            key,
            args: Vec::new(),
        }
    }

    pub(super) fn arg(mut self, arg: impl Arg) -> Self {
        self.args.push(arg.bytes());
        self
    }

    /// The command; a script by its hash, or in full for a server that does not know it.
    pub(super) fn build(&self, in_full: bool) -> Cmd {
        let mut cmd = match self.what {
            What::Script(script) => {
                let (source, text) = &*script.0;
                let mut cmd = if in_full {
                    ::redis::cmd("EVAL").arg(text).to_owned()
                } else {
                    ::redis::cmd("EVALSHA").arg(source.get_hash()).to_owned()
                };
                cmd.arg(1);
                cmd
            }
            What::Command(name) => ::redis::cmd(name),
        };
        cmd.arg(self.key.as_slice());
        for arg in &self.args {
            cmd.arg(arg.as_slice());
        }
        cmd
    }
}
