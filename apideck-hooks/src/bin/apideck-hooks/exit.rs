//! The ends of the command.

use std::fmt::Display;
use std::process::ExitCode;

/// The exit status.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Exit {
    AsWished = 0,
    NotAsWished = 1,
    WrongUse = 2,
    Unreachable = 3,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

impl Exit {
    pub(crate) fn as_wished_if(wished: bool) -> Self {
        if wished { Self::AsWished } else { Self::NotAsWished }
    }
}

/// An early end, with its reason.
#[derive(Debug)]
pub(crate) struct Trouble {
    pub(crate) exit: Exit,
    pub(crate) message: String,
}

impl Trouble {
    pub(crate) fn not_as_wished(message: impl Display) -> Self {
        Self::new(Exit::NotAsWished, message)
    }

    pub(crate) fn wrong_use(message: impl Display) -> Self {
        Self::new(Exit::WrongUse, message)
    }

    pub(crate) fn unreachable(message: impl Display) -> Self {
        Self::new(Exit::Unreachable, message)
    }

    fn new(exit: Exit, message: impl Display) -> Self {
        Self {
            exit,
            message: message.to_string(),
        }
    }
}
