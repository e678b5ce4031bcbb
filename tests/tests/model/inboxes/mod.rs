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
use side::{Side, postgres, sqlite};
use std::cell::RefCell;
use step::{Step, steps};

#[test]
fn case_31_the_inboxes_of_sqlite_and_postgres_are_equal() {
    let runtime = super::runtime();
    let sides = runtime.block_on(async { Some([sqlite().await, postgres().await?]) });
    let Some(sides) = sides else { return };
    let sides = RefCell::new(sides);
    histories(25, &(any::<bool>(), steps()), |(ordered, steps)| {
        let sides = &mut *sides.borrow_mut();
        runtime.block_on(async {
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
        })
    });
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
