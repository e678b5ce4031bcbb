//! A history of a store, compared with the model at each step.

use super::invariants::Invariants;
use super::reference::{self, ALIASES, Crash, EVENTS, Kind, Model, Purged, RESTS, Response};
use super::seeds::histories;
use super::step::{End, Step, Whose, steps};
use super::worlds::World;
use apideck_hooks::store::{
    Claim, ClaimId, DeadLetter, DeadLetterStore, End as StoreEnd, Grant, Held, Key, LastDelivery,
    LetterFilter, Purged as StorePurged, RecordState, Rests, Status, Token, Verdict,
};
use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;
use proptest_state_machine::Sequential;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
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
    histories(default, &strategy(kind), |(model, steps, seen)| {
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
            runtime.block_on(history.clean_up(&model));
            Ok(())
        })
    });
}

/// Random histories of a store of this kind.
pub(crate) fn strategy(kind: Kind) -> impl Strategy<Value = (Model, Vec<Step>, Option<Arc<AtomicUsize>>)> {
    Sequential::new(
        (1..=LONGEST).into(),
        move || (2..=EVENTS).prop_map(move |events| Model::new(kind, events)),
        |model: &Model, step: &Step| model.defines(step),
        steps,
        |model: Model, step: &Step| model.apply(step),
    )
}

struct History<'a> {
    world: &'a mut dyn World,
    /// A number that makes the keys and the source of this history unique.
    number: u64,
    /// The claims that were sent, as in the model.
    claims: Vec<Claim>,
    /// The grants, as in the model.
    grants: Vec<Grant>,
    invariants: Invariants,
}

impl<'a> History<'a> {
    fn new(world: &'a mut dyn World) -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(1);
        History {
            world,
            number: COUNT.fetch_add(1, Ordering::Relaxed),
            claims: Vec::new(),
            grants: Vec::new(),
            invariants: Invariants::default(),
        }
    }

    /// Takes a step that the model has taken, and compares the results.
    async fn take(&mut self, step: &Step, model: &Model) -> TestCaseResult {
        let response = self.carry_out(step, model).await?;
        prop_assert_eq!(response, model.response, "{:?}", step);
        let mut statuses = BTreeMap::new();
        for event in 0..EVENTS {
            let status = self.world.store().status(self.event(event)).await;
            let status = status.expect("a status");
            compare(event, status, model)?;
            statuses.insert(event, status);
        }
        let finished = match step {
            Step::Finish { event, whose, end } => Some((self.grant(*event, *whose, model), *end)),
            _ => None,
        };
        self.invariants.check(step, finished, response, statuses)?;
        self.compare_letters(model).await
    }

    /// Takes a step. Returns the result in the terms of the model.
    async fn carry_out(&mut self, step: &Step, model: &Model) -> Result<Response, TestCaseError> {
        let time = |ticks| model.kind.time(ticks);
        Ok(match *step {
            Step::Claim(claim) => {
                self.claims.push(self.claim(claim, model));
                self.send(self.claims.len() - 1, model).await?
            }
            Step::Again { back } => self.send(self.claims.len() - 1 - back, model).await?,
            Step::Renew { event, whose, lease } => {
                let grant = self.grant(event, whose, model);
                held(
                    self.world
                        .store()
                        .renew(grant, time(lease))
                        .await
                        .expect("a result"),
                )
            }
            Step::Finish { event, whose, end } => {
                let grant = self.grant(event, whose, model);
                let end = self.end(end, model);
                held(self.world.store().finish(grant, end).await.expect("a result"))
            }
            Step::Purge { event } => {
                let purged = self.letters().purge(&self.source(), self.event(event)).await;
                Response::Purged(match purged.expect("a result") {
                    StorePurged::Yes => Purged::Yes,
                    StorePurged::Busy => Purged::Busy,
                    StorePurged::Unknown => Purged::Unknown,
                    other => panic!("{other:?}"),
                })
            }
            Step::EndRest { event } => {
                let rested = self.world.store().end_rest(self.event(event)).await;
                Response::Rested(rested.expect("a result"))
            }
            Step::OtherSource { event } => {
                self.other_source(event, time(5)).await?;
                Response::None
            }
            Step::Wait { ticks } => {
                self.world.pass(time(ticks), &self.keys()).await;
                Response::None
            }
            Step::SetBack { ticks } => {
                self.world.set_back(time(ticks), &self.keys()).await;
                Response::None
            }
            Step::Crash => {
                self.world.crash().await;
                if model.kind.crash != Crash::KeepsLeases {
                    self.claims.clear();
                    self.grants.clear();
                }
                if model.kind.crash == Crash::Forgets {
                    self.invariants = Invariants::default();
                }
                Response::None
            }
        })
    }

    /// Another source neither sees nor replays nor purges the letter.
    async fn other_source(&self, event: u8, lease: Duration) -> TestCaseResult {
        let (letters, record) = (self.letters(), self.event(event));
        let other = format!("{}0", self.source());
        prop_assert_eq!(letters.get(&other, record).await.expect("a result"), None);
        let replay = letters.replay(&other, Claim::new(record, lease)).await;
        prop_assert_eq!(replay.expect("a result"), None);
        let purged = letters.purge(&other, record).await.expect("a result");
        prop_assert_eq!(purged, StorePurged::Unknown);
        Ok(())
    }

    fn claim(&self, claim: reference::Claim, model: &Model) -> Claim {
        let mut made = Claim::new(self.event(claim.event), model.kind.time(claim.lease));
        made.alias = claim.alias.map(|alias| self.key(b'a', alias));
        if claim.rests {
            made.rests = Rests::new(RESTS.map(|ticks| model.kind.time(ticks)));
        }
        made.last = claim.last.map(|min_age| {
            let mut last = LastDelivery::new(self.letter(model.steps));
            last.min_age = model.kind.time(min_age);
            Box::new(last)
        });
        made
    }

    async fn send(&mut self, number: usize, model: &Model) -> Result<Response, TestCaseError> {
        let claim = self.claims[number].clone();
        let id = claim.id;
        let sent = model.claims[number].claim;
        if sent.replay {
            let event = claim.event;
            let verdict = self
                .letters()
                .replay(&self.source(), claim)
                .await
                .expect("a replay");
            let verdict = verdict.map(|verdict| self.verdict(event, verdict, id, model));
            return Ok(Response::Replayed {
                record: sent.event,
                verdict: verdict.transpose()?,
            });
        }
        let claimed = self.world.store().claim(claim).await.expect("a claim");
        let Some(record) = (0..EVENTS).find(|event| self.event(*event) == claimed.record) else {
            return Err(TestCaseError::fail(format!("no event's record: {claimed:?}")));
        };
        Ok(Response::Claimed {
            record,
            verdict: self.verdict(claimed.record, claimed.verdict, id, model)?,
            lettered: claimed.lettered,
        })
    }

    /// Converts a verdict into the terms of the model.
    fn verdict(
        &mut self,
        record: Key,
        verdict: Verdict,
        id: ClaimId,
        model: &Model,
    ) -> Result<reference::Verdict, TestCaseError> {
        let ticks = |time| model.kind.ticks(time);
        Ok(match verdict {
            Verdict::Granted { token, attempt } => {
                let granted = Grant::new(record, token, id);
                let known = self.grants.iter().position(|grant| *grant == granted);
                if known.is_none() {
                    self.grants.push(granted);
                    self.invariants.granted(granted)?;
                }
                reference::Verdict::Granted {
                    grant: known.unwrap_or(self.grants.len() - 1),
                    attempt,
                }
            }
            Verdict::Running { lease_left, kept } => reference::Verdict::Running {
                left: ticks(lease_left),
                kept,
            },
            Verdict::Resting { left } => reference::Verdict::Resting(ticks(left)),
            Verdict::Done => reference::Verdict::Done,
            Verdict::Dead { kept } => reference::Verdict::Dead { kept },
            Verdict::Full => reference::Verdict::Full,
            other => return Err(TestCaseError::fail(format!("{other:?}"))),
        })
    }

    /// The grant that a step uses. Without such a grant, it is one that was never given.
    fn grant(&self, event: u8, whose: Whose, model: &Model) -> Grant {
        if let Some(grant) = model.grant_of(event, whose) {
            return self.grants[grant];
        }
        let latest = model
            .grant_of(event, Whose::Latest)
            .map(|grant| self.grants[grant]);
        let (token, id) = latest.map_or((Token(1), ClaimId::random()), |latest| (latest.token, latest.id));
        match whose {
            Whose::Future => Grant::new(self.event(event), Token(token.0 + (1 << 60)), id),
            _ => Grant::new(self.event(event), token, ClaimId::random()),
        }
    }

    fn end(&self, end: End, model: &Model) -> StoreEnd {
        match end {
            End::Done => StoreEnd::Done,
            End::Release { rest } => StoreEnd::Release {
                rest: model.kind.time(rest),
            },
            End::Dead { began } => StoreEnd::Dead {
                letter: Box::new(self.letter(model.steps)),
                began,
            },
            End::Withdraw => StoreEnd::Withdraw,
            End::Interrupt => StoreEnd::Interrupt,
        }
    }

    async fn compare_letters(&self, model: &Model) -> TestCaseResult {
        let Some(letters) = self.world.store().dead_letters() else {
            return Ok(());
        };
        let source = self.source();
        let wanted = model.letters();
        let described = |event: u8, text: usize| {
            let record = model.present(event).expect("a record with a letter");
            let running = matches!(model.state(event), reference::State::Running(_));
            (self.event(event), record.attempts, running, self.letter(text))
        };
        let wanted: Vec<_> = wanted
            .into_iter()
            .map(|(event, letter)| described(event, letter.text))
            .collect();
        let found = letters.list(&source, &LetterFilter::new(), None, 100).await;
        let found = found.expect("a list");
        let listed: Vec<_> = found
            .iter()
            .map(|dead| (dead.record, dead.attempts, dead.running, dead.letter.clone()))
            .collect();
        prop_assert_eq!(&listed, &wanted);
        let count = letters.count(&source, &LetterFilter::new()).await;
        prop_assert_eq!(count.expect("a count"), wanted.len() as u64);
        for event in 0..EVENTS {
            let dead = letters.get(&source, self.event(event)).await.expect("a result");
            let listed = found.iter().find(|dead| dead.record == self.event(event));
            prop_assert_eq!(dead.as_ref(), listed);
        }
        Ok(())
    }

    /// Deletes the letters and lets the other records expire.
    async fn clean_up(self, model: &Model) {
        for (event, _) in model.letters() {
            let purged = self.letters().purge(&self.source(), self.event(event)).await;
            purged.expect("a result");
        }
        let time = model.kind.time(4 * model.kind.retention);
        if !model.kind.exact {
            self.world.pass(time, &self.keys()).await;
        }
    }

    fn letters(&self) -> &dyn DeadLetterStore {
        let letters = self.world.store().dead_letters();
        letters.expect("a store with dead letters")
    }

    fn keys(&self) -> Vec<Key> {
        let events = (0..EVENTS).map(|event| self.event(event));
        events
            .chain((0..ALIASES).map(|alias| self.key(b'a', alias)))
            .collect()
    }

    fn event(&self, event: u8) -> Key {
        self.key(b'e', event)
    }

    fn key(&self, kind: u8, n: u8) -> Key {
        debug_assert!(n < EVENTS.max(ALIASES));
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&self.number.to_le_bytes());
        bytes[6..8].copy_from_slice(&[kind, n]);
        Key::from_bytes(bytes)
    }

    fn source(&self) -> String {
        format!("model-{}", self.number)
    }

    /// A letter of this text.
    fn letter(&self, text: usize) -> DeadLetter {
        DeadLetter::new(self.source(), format!("body {text}"))
            .event("vault.connection.created", text.to_string(), "", "")
            .error("no use")
    }
}

fn held(held: Held) -> Response {
    Response::Held(match held {
        Held::Yes => reference::Held::Yes,
        Held::Lost => reference::Held::Lost,
        Held::NoRoom => reference::Held::NoRoom,
        other => panic!("{other:?}"),
    })
}

/// Compares a status with the record of the model.
fn compare(event: u8, status: Status, model: &Model) -> TestCaseResult {
    let ticks = |time| model.kind.ticks(time);
    let state = match status.state {
        RecordState::Absent => reference::State::Absent,
        RecordState::Running { lease_left } => reference::State::Running(ticks(lease_left)),
        RecordState::Released { left } => reference::State::Released(ticks(left)),
        RecordState::Done => reference::State::Done,
        RecordState::Dead => reference::State::Dead,
        other => return Err(TestCaseError::fail(format!("{other:?}"))),
    };
    let record = model.present(event);
    let attempts = record.map_or(0, |record| record.attempts);
    let kept = record.is_some_and(|record| record.letter.is_some());
    let wanted = (model.state(event), attempts, kept);
    prop_assert_eq!(
        (state, status.attempts, status.kept),
        wanted,
        "of event {}",
        event
    );
    Ok(())
}
