//! The inboxes of two stores, compared with each other at each step of random histories.
//!
//! SQLite decides by `record.rs` in this process, and PostgreSQL by functions on its server. Both
//! get the same acceptances, fetches, claims, ends, replays, pauses and times, and must answer the
//! same.

mod side;
mod step;

use super::seeds::histories;
use super::worlds::{LETTERS, LONG};
use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;
use side::{Side, postgres, sqlite};
use std::cell::RefCell;
use step::{Step, steps};

#[test]
fn case_31_the_inboxes_of_sqlite_and_postgres_are_equal() {
    let runtime = super::runtime();
    let sides = runtime.block_on(async { Some([sqlite().await, postgres().await?]) });
    let Some(sides) = sides else { return };
    // A run that was begun inline, and whose event was accepted after its lease, holds no lane. So
    // neither a clock that is set back nor a renewal revives it.
    let begun_inline = [
        accept(0, 0),
        claim(1),
        Step::Wait { ticks: 3 },
        accept(1, 4),
        Step::SetBack { ticks: 1 },
        Step::Renew { back: 0, lease: 3 },
        Step::Fetch { names: 7 },
        Step::Finish {
            back: 1,
            end: step::End::Done,
        },
    ];
    let sides = RefCell::new(sides);
    runtime
        .block_on(compare(&mut sides.borrow_mut(), true, &begun_inline))
        .expect("equal");
    histories(25, &(any::<bool>(), steps()), |(ordered, steps)| {
        runtime.block_on(compare(&mut sides.borrow_mut(), ordered, &steps))
    });
}

async fn compare(sides: &mut [Side; 2], ordered: bool, steps: &[Step]) -> TestCaseResult {
    for side in &mut *sides {
        side.begin(ordered).await;
    }
    let [one, other] = sides;
    for (n, step) in steps.iter().enumerate() {
        let before = (one.view().await, other.view().await);
        let answers = (one.take(step).await, other.take(step).await);
        prop_assert_eq!(&answers.0, &answers.1, "step {}: {:?} {:#?}", n, step, before);
        let views = (one.view().await, other.view().await);
        prop_assert_eq!(&views.0, &views.1, "after step {}: {:?} {:#?}", n, step, before);
    }
    Ok(())
}

fn accept(event: u8, at: u8) -> Step {
    let at = Some(at);
    Step::Accept {
        event,
        alias: None,
        at,
    }
}

fn claim(event: u8) -> Step {
    Step::Claim {
        event,
        alias: None,
        last: false,
    }
}

/// The most dead letters of a source, and the length of a tick.
const MOST_LETTERS: u64 = LETTERS;
const TICK: std::time::Duration = LONG;

impl Side {
    /// Takes a step, and returns the answer as a text without times and tokens of this store.
    async fn take(&mut self, step: &Step) -> String {
        match *step {
            Step::Accept { event, alias, at } => self.accept(event, alias, at).await,
            Step::Claim { event, alias, last } => self.claim(event, alias, last).await,
            Step::Fetch { names } => self.fetch(names).await,
            Step::Renew { back, lease } => self.renew(back, lease).await,
            Step::Finish { back, end } => self.finish(back, end).await,
            Step::Replay { event } => self.replay(event).await,
            Step::Purge { event } => self.purge(event).await,
            Step::EndRest { event } => self.end_rest(event).await,
            Step::Recover { attempts } => self.recover(attempts).await,
            Step::Pause { pattern } => self.pause(pattern, true).await,
            Step::Resume { pattern } => self.pause(pattern, false).await,
            Step::Wait { ticks } => {
                self.pass(i64::from(ticks)).await;
                String::new()
            }
            Step::SetBack { ticks } => {
                self.pass(-i64::from(ticks)).await;
                // Until then the stores may differ.
                self.recover(u32::MAX).await
            }
        }
    }
}
