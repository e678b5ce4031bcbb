//! The command `apideck-hooks`: Apideck's events at the shell.
//!
//! It uses the public items of the library alone. The sender is that of the test kit. Results go to
//! standard output and everything else to standard error, so that a pipe gets results only.

mod apideck_api;
mod arguments;
mod backfill;
mod check;
mod client;
mod console_api;
mod console_arguments;
mod dead_letters;
mod events;
mod exit;
mod inbox;
mod key;
mod listen;
mod report;
mod screen;
mod send;
mod signed;
mod source;
mod subscriptions;
mod text;
mod url;
mod verify;

use std::process::ExitCode;

use clap::Parser;

use arguments::{CommandLine, Task};
use exit::{Exit, Trouble};
use screen::Screen;

fn main() -> ExitCode {
    let arguments = match CommandLine::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // A closed pipe is no reason to fail, so the result of printing is left alone.
            let _ = error.print();
            return if error.use_stderr() {
                Exit::WrongUse
            } else {
                Exit::AsWished
            }
            .into();
        }
    };
    let mut screen = Screen::new(arguments.json);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let ended = match runtime {
        Ok(runtime) => {
            let ended = runtime.block_on(run(arguments.task, &mut screen));
            // A resolver's thread may still wait for a name server.
            runtime.shutdown_background();
            ended
        }
        Err(error) => Err(Trouble::not_as_wished(format!(
            "the runtime does not start: {error}"
        ))),
    };
    match ended {
        Ok(exit) => exit.into(),
        Err(trouble) => {
            screen.fault(&trouble.message);
            trouble.exit.into()
        }
    }
}

async fn run(task: Task, screen: &mut Screen) -> Result<Exit, Trouble> {
    match task {
        Task::Events(arguments) => events::run(&arguments, screen),
        Task::Send(arguments) => send::run(arguments, screen).await,
        Task::Verify(arguments) => verify::run(&arguments, screen),
        Task::Check(arguments) => check::run(arguments, screen).await,
        Task::Listen(arguments) => listen::run(arguments, screen).await,
        Task::Subscriptions(arguments) => subscriptions::run(arguments, screen).await,
        Task::Backfill(arguments) => backfill::run(arguments, screen).await,
        Task::DeadLetters(arguments) => dead_letters::run(arguments, screen).await,
        Task::Inbox(arguments) => inbox::run(arguments, screen).await,
    }
}
