//! A history of a store, compared with the model at each step.

use super::reference::{Crash, DELIVERIES, EVENTS, Kind, Model, RETENTION, Response, State};
use super::seeds::histories;
use super::step::{End, Step, Whose, steps};
use super::worlds::{LONG, SHORT, World};
use apideck_hooks::store::{Claim, Claimed, DeadLetter, End as StoreEnd, Held, Key, Status, Token, Verdict};
use bytes::Bytes;
use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;
use proptest_state_machine::Sequential;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::runtime::Runtime;

/// The number of steps of the longest history.
const LONGEST: usize = 40;

/// Compares random histories with the model. `within` provides a world for each history.
pub(crate) fn beside_the_model(
    kind: Kind,
    default: u64,
    within: impl Fn(&dyn Fn(&Runtime, &mut dyn World) -> TestCaseResult) -> TestCaseResult,
) {
    let strategy = Sequential::new(
        (1..=LONGEST).into(),
        move || {
            let about = (2..=EVENTS, prop::bool::weighted(0.2));
            about.prop_map(move |(events, many_keys)| Model::new(kind, events, many_keys))
        },
        |model: &Model, step: &Step| model.defines(step),
        steps,
        |model: Model, step: &Step| model.apply(step),
    );
    histories(default, &strategy, |(model, steps, seen)| {
        let steps = &steps;
        within(&|runtime, world| {
            let mut model = model.clone();
            let mut history = History::new(world);
            for step in steps {
                if let Some(seen) = &seen {
                    seen.fetch_add(1, Ordering::SeqCst);
                }
                model = model.apply(step);
                runtime.block_on(history.take(step, &model))?;
            }
            runtime.block_on(history.end(&model));
            Ok(())
        })
    });
}

struct History<'a> {
    world: &'a mut dyn World,
    /// A number that makes the keys of this history unique.
    number: u64,
    /// The tokens of each event's claims in order. `None` where the store returned no token.
    tokens: BTreeMap<u8, Vec<Option<Token>>>,
    /// The greatest token of each event so far.
    greatest: BTreeMap<u8, Token>,
    seen: BTreeMap<u8, Status>,
}

impl<'a> History<'a> {
    fn new(world: &'a mut dyn World) -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(1);
        History {
            world,
            number: COUNT.fetch_add(1, Ordering::Relaxed),
            tokens: BTreeMap::new(),
            greatest: BTreeMap::new(),
            seen: (0..EVENTS).map(|event| (event, Status::Absent)).collect(),
        }
    }

    /// Takes a step that the model has taken, and compares the results.
    async fn take(&mut self, step: &Step, model: &Model) -> TestCaseResult {
        let response = self.carry_out(step, model).await?;
        prop_assert_eq!(response, model.response, "{:?}", step);
        let mut statuses = BTreeMap::new();
        for event in 0..EVENTS {
            let status = self
                .world
                .store()
                .status(self.event(event))
                .await
                .expect("a status");
            self.compare(event, status, model)?;
            statuses.insert(event, status);
        }
        for (event, after) in &statuses {
            invariants(*event, self.seen[event], *after, step, response)?;
        }
        self.seen = statuses;
        self.dead_letters(model).await
    }

    /// Takes a step. Returns the result in the terms of the model.
    async fn carry_out(&mut self, step: &Step, model: &Model) -> Result<Response, TestCaseError> {
        let store = self.world.store();
        let time = |ticks| model.kind.time(ticks);
        let told = |held: Result<Held, _>| Response::Told(held.expect("a result") == Held::Yes);
        Ok(match *step {
            Step::Claim {
                event,
                delivery,
                lease,
            } => {
                let delivery = delivery.map(|delivery| self.key(b'd', delivery));
                let claim = Claim::new(self.event(event), delivery, time(lease));
                let claimed = store.claim(claim).await.expect("a claim");
                self.response(claimed, model)?
            }
            Step::Renew { event, whose, lease } => {
                let token = self.token(event, whose, model);
                told(store.renew(self.event(event), token, time(lease)).await)
            }
            Step::Finish { event, whose, end } => {
                let token = self.token(event, whose, model);
                let end = match end {
                    End::Done => StoreEnd::Done,
                    End::Release => StoreEnd::Release,
                    End::Dead => StoreEnd::Dead(self.letter(event)),
                };
                told(store.finish(self.event(event), token, end).await)
            }
            Step::Release { event } => {
                let dead_letters = store.dead_letters().expect("a store with dead letters");
                Response::Told(dead_letters.release(self.event(event)).await.expect("a result"))
            }
            Step::Purge { event } => {
                let dead_letters = store.dead_letters().expect("a store with dead letters");
                Response::Told(dead_letters.purge(self.event(event)).await.expect("a result"))
            }
            Step::Wait { ticks } => {
                let keys = self.keys();
                self.world.pass(time(ticks), &keys).await;
                Response::None
            }
            Step::Crash => {
                self.world.crash().await;
                if model.kind.crash != Crash::Abandons {
                    self.tokens.clear();
                    self.greatest.retain(|event, _| model.records.contains_key(event));
                }
                Response::None
            }
        })
    }

    fn response(&mut self, claimed: Claimed, model: &Model) -> Result<Response, TestCaseError> {
        let Some(record) = (0..EVENTS).find(|event| self.event(*event) == claimed.record) else {
            return Err(TestCaseError::fail(format!("no event's record: {claimed:?}")));
        };
        let response = match claimed.verdict {
            Verdict::Granted { token, attempt } => {
                let before = self.greatest.insert(record, token);
                prop_assert!(before < Some(token), "{:?} after {:?}", token, before);
                self.tokens.entry(record).or_default().push(Some(token));
                Response::Granted { record, attempt }
            }
            Verdict::Running { lease_left } => match model.response {
                Response::Running { left, .. } if model.kind.is_about(lease_left, left) => {
                    Response::Running { record, left }
                }
                _ => {
                    return Err(TestCaseError::fail(format!(
                        "{claimed:?}, not {:?}",
                        model.response
                    )));
                }
            },
            Verdict::Done => Response::Done { record },
            Verdict::Dead => Response::Dead { record },
            Verdict::Full => Response::Full { record },
        };
        for (event, grants) in &model.grants {
            let tokens = self.tokens.entry(*event).or_default();
            if tokens.len() < *grants {
                // A claim that was granted and taken back.
                tokens.push(None);
            }
        }
        Ok(response)
    }

    /// The token of a claim. Without such a claim, it is a token that was never given.
    fn token(&self, event: u8, whose: Whose, model: &Model) -> Token {
        let claim = model.claim_of(event, whose);
        let token = claim.and_then(|claim| *self.tokens.get(&event)?.get(claim - 1)?);
        token.unwrap_or_else(|| Token(self.greatest.get(&event).map_or(1, |token| token.0 + 1)))
    }

    /// Compares a status with the record of the model.
    fn compare(&mut self, event: u8, status: Status, model: &Model) -> TestCaseResult {
        let Some(record) = model.records.get(&event) else {
            prop_assert_eq!(status, Status::Absent, "of event {}", event);
            return Ok(());
        };
        let (state, token, attempt) = match status {
            Status::Absent => {
                return Err(TestCaseError::fail(format!(
                    "event {event} is absent: {record:?}"
                )));
            }
            Status::Running {
                lease_left,
                token,
                attempt,
            } => {
                let left = record.at.saturating_sub(model.now);
                prop_assert!(
                    model.kind.is_about(lease_left, left),
                    "{:?}, not {}",
                    lease_left,
                    left
                );
                (State::Running, token, attempt)
            }
            Status::Released { token, attempt } => (State::Released, token, attempt),
            Status::Done { token } => (State::Done, token, record.attempt),
            Status::Dead { token } => (State::Dead, token, record.attempt),
        };
        prop_assert_eq!(
            (state, attempt),
            (record.state, record.attempt),
            "of event {}",
            event
        );
        let greatest = self.greatest.get(&event).copied();
        match self.tokens.get(&event).and_then(|tokens| *tokens.last()?) {
            Some(last) => prop_assert_eq!(token, last, "of event {}", event),
            None => prop_assert!(greatest <= Some(token), "{:?} after {:?}", token, greatest),
        }
        self.greatest.insert(event, token);
        Ok(())
    }

    async fn dead_letters(&self, model: &Model) -> TestCaseResult {
        let Some(dead_letters) = self.world.store().dead_letters() else {
            return Ok(());
        };
        let expected = model.dead_letters();
        for event in 0..EVENTS {
            let found = dead_letters.get(self.event(event)).await.expect("a result");
            let letter = expected.iter().find(|(of, _)| *of == event);
            prop_assert_eq!(
                found.map(|dead| (dead.record, dead.attempts, dead.letter)),
                letter.map(|(_, letter)| (self.event(event), letter.attempts, self.letter(event)))
            );
        }
        // The list also contains the dead letters of other histories.
        let mut listed = dead_letters.list(None, 1000).await.expect("a list");
        listed.retain(|dead| (0..EVENTS).any(|event| dead.record == self.event(event)));
        let listed: Vec<_> = listed.into_iter().map(|dead| dead.record).collect();
        let expected: Vec<_> = expected.iter().map(|(event, _)| self.event(*event)).collect();
        prop_assert_eq!(listed, expected);
        Ok(())
    }

    /// Lets the remaining records expire.
    async fn end(self, model: &Model) {
        let keys = self.keys();
        self.world.pass(model.kind.time(10 * RETENTION), &keys).await;
    }

    fn keys(&self) -> Vec<Key> {
        let events = (0..EVENTS).map(|event| self.event(event));
        events
            .chain((0..DELIVERIES).map(|delivery| self.key(b'd', delivery)))
            .collect()
    }

    fn event(&self, event: u8) -> Key {
        self.key(b'e', event)
    }

    fn key(&self, kind: u8, n: u8) -> Key {
        debug_assert!(n < EVENTS.max(DELIVERIES));
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&self.number.to_le_bytes());
        bytes[6..8].copy_from_slice(&[kind, n]);
        Key::from_bytes(bytes)
    }

    fn letter(&self, event: u8) -> DeadLetter {
        DeadLetter {
            source: "model".to_owned(),
            event_type: "vault.connection.created".to_owned(),
            event_id: format!("{}-{event}", self.number),
            error: "no use".to_owned(),
            body: Some(Bytes::from(vec![event; 10])),
        }
    }
}

impl Kind {
    fn time(&self, ticks: u64) -> Duration {
        self.tick() * u32::try_from(ticks).expect("few")
    }

    fn tick(&self) -> Duration {
        if self.exact { SHORT } else { LONG }
    }

    /// Compares a remaining time with a number of ticks. A clock that cannot be paused may have
    /// moved on by less than a tick.
    fn is_about(&self, left: Duration, ticks: u64) -> bool {
        let expected = self.time(ticks);
        left == expected || !self.exact && left < expected && expected < left + self.tick()
    }
}

/// Checks the invariants that do not depend on the model.
fn invariants(event: u8, before: Status, after: Status, step: &Step, response: Response) -> TestCaseResult {
    let changed = format!("event {event}, {before:?} became {after:?} by {step:?}");
    let (was, is) = (token_of(before), token_of(after));
    prop_assert!(was <= is || is.is_none(), "the token shrank: {}", changed);
    let same = without_lease(before) == without_lease(after);
    if matches!(step, Step::Renew { .. } | Step::Finish { .. }) && response == Response::Told(false) {
        prop_assert!(same, "a stale end applied: {}", changed);
    }
    let gone = after == Status::Absent;
    let may_change = match *step {
        Step::Wait { .. } | Step::Crash => gone,
        // The store evicted the record.
        Step::Claim { event: of, .. } => gone && of != event,
        Step::Release { event: of } => of == event && matches!(after, Status::Released { .. }),
        Step::Purge { event: of } => gone && of == event,
        Step::Renew { .. } | Step::Finish { .. } => false,
    };
    let settled = matches!(before, Status::Done { .. } | Status::Dead { .. });
    prop_assert!(
        !settled || same || may_change,
        "a settled record changed: {}",
        changed
    );
    Ok(())
}

fn token_of(status: Status) -> Option<Token> {
    match status {
        Status::Absent => None,
        Status::Running { token, .. }
        | Status::Released { token, .. }
        | Status::Done { token }
        | Status::Dead { token } => Some(token),
    }
}

fn without_lease(status: Status) -> Status {
    match status {
        Status::Running { token, attempt, .. } => Status::Running {
            lease_left: Duration::ZERO,
            token,
            attempt,
        },
        status => status,
    }
}
