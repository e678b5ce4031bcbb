//! The arguments of the command.

use clap::{Parser, Subcommand};

use crate::backfill::BackfillArguments;
use crate::check::CheckArguments;
use crate::dead_letters::DeadLettersArguments;
use crate::events::EventsArguments;
use crate::inbox::InboxArguments;
use crate::listen::ListenArguments;
use crate::send::SendArguments;
use crate::subscriptions::SubscriptionsArguments;
use crate::verify::VerifyArguments;

const AFTER_HELP: &str = "\
Environment:
  APIDECK_API_KEY              the application's API key, which signs its events
  APIDECK_APP_ID               the application's id, for Apideck's API
  APIDECK_HOOKS_CONSOLE_TOKEN  the token of a receiver's console
  NO_COLOR, CLICOLOR_FORCE     no colours, or colours also without a terminal
  SSL_CERT_FILE                certificates to trust, instead of those of the system

Exit status:
  0  as wished
  1  not as wished, such as an event that was not acknowledged
  2  wrong use
  3  the other side cannot be reached

Results go to standard output, everything else to standard error.";

/// Send, check, record and recover Apideck's events.
#[derive(Parser)]
#[command(name = "apideck-hooks", bin_name = "apideck-hooks", version, after_help = AFTER_HELP, max_term_width = 100)]
#[command(
    arg_required_else_help = true,
    subcommand_required = true,
    disable_help_subcommand = true
)]
pub(crate) struct CommandLine {
    /// Print one JSON object a line, each with `"schema": 1`
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) task: Task,
}

#[derive(Subcommand)]
pub(crate) enum Task {
    Events(EventsArguments),
    Send(Box<SendArguments>),
    Verify(VerifyArguments),
    Check(CheckArguments),
    Listen(ListenArguments),
    Subscriptions(SubscriptionsArguments),
    Backfill(BackfillArguments),
    DeadLetters(DeadLettersArguments),
    Inbox(InboxArguments),
}
