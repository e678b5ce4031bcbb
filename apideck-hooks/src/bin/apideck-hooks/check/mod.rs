//! `apideck-hooks check`: a report on a receiver, from outside.
//!
//! # How it works
//!
//! `subject` sends requests to the receiver. Each of the other files has the findings of one kind:
//! `signatures`, `forgeries`, `limits`, `errors` and `duplicates`. The event that is sent is one
//! that nobody lists, so that no handler runs for it but one for every event. A finding is a line
//! of the report.

mod duplicates;
mod errors;
mod finding;
mod forgeries;
mod limits;
mod signatures;
mod subject;

use std::time::Duration;

use apideck_hooks::testing::Event;
use clap::Args;
use http::Uri;
use serde_json::json;

use crate::exit::{Exit, Trouble};
use crate::key::KeyArguments;
use crate::screen::Screen;
use crate::source::at_the_shell;
use crate::url::{confirm, parse_url, shown};
use finding::{Finding, Mark};
use subject::CheckedReceiver;

/// Check a receiver from outside: a report to paste into a ticket
///
/// It sends the POST with which Apideck validates a URL, every form and encoding of a signature, an
/// event that nobody lists, forgeries, a body of 16 MiB and a body that does not arrive. A handler
/// for every event runs for them. With --event it also sends that event four times, to see if
/// duplicates are found.
#[derive(Args)]
pub(crate) struct CheckArguments {
    /// URL of the receiver
    #[arg(value_name = "URL", value_parser = parse_url)]
    url: Uri,
    /// Event that the receiver may handle once, to test duplicates
    #[arg(long, value_name = "EVENT")]
    event: Option<String>,
    /// Seconds for which the receiver may wait for a body that does not arrive
    #[arg(long, value_name = "SECONDS", default_value = "40", value_parser = clap::value_parser!(u64).range(1..=3600))]
    wait: u64,
    /// Check also a machine outside of private networks
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    key: KeyArguments,
}

pub(crate) async fn run(arguments: CheckArguments, screen: &mut Screen) -> Result<Exit, Trouble> {
    let event = arguments.event.as_deref().map(Event::try_new).transpose();
    let event = event.map_err(|error| Trouble::wrong_use(at_the_shell(&error)))?;
    let key = arguments.key.read()?;
    confirm(&arguments.url, arguments.yes).await?;
    let subject = CheckedReceiver::new(&arguments.url, key.secret)?;
    screen.plain(|paint| {
        let version = env!("CARGO_PKG_VERSION");
        paint.strong(format_args!(
            "apideck-hooks {version} checks {}",
            shown(&arguments.url)
        ))
    });
    let mut counts = [0; 3];
    // The body that does not arrive takes the longest, so it is sent beside the others.
    let slow = limits::slow_body(&subject, Duration::from_secs(arguments.wait));
    let others = async {
        let (first, base) = signatures::reach(&subject).await?;
        report(screen, &mut counts, first);
        report(screen, &mut counts, signatures::findings(&subject, &base).await);
        report(screen, &mut counts, forgeries::findings(&subject, &base).await);
        report(screen, &mut counts, errors::findings(&subject).await);
        report(screen, &mut counts, limits::large_body(&subject, &base).await);
        report(screen, &mut counts, duplicates::findings(&subject, event).await);
        Ok::<_, Trouble>(())
    };
    let slow = {
        let mut others = std::pin::pin!(others);
        let mut slow = std::pin::pin!(slow);
        tokio::select! {
            done = &mut others => {
                done?;
                slow.await
            }
            found = &mut slow => {
                others.await?;
                found
            }
        }
    };
    report(screen, &mut counts, vec![slow]);
    let [ok, failed, not_tested] = counts;
    screen.result(
        json!({"summary": {"ok": ok, "failed": failed, "not_tested": not_tested}}),
        |paint| paint.strong(format_args!("{ok} ok, {failed} failed, {not_tested} not tested")),
    );
    Ok(Exit::as_wished_if(failed == 0))
}

fn report(screen: &mut Screen, counts: &mut [usize; 3], findings: Vec<Finding>) {
    for finding in findings {
        counts[match finding.mark {
            Mark::Ok => 0,
            Mark::Failed => 1,
            Mark::NotTested => 2,
        }] += 1;
        finding.print(screen);
    }
}
