//! A record, and what each operation makes of it.

use super::clock::millis;
use crate::store::{End, Held, Status, Token, Verdict};
use std::time::Duration;

/// As the table has them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum State {
    Running = 1,
    Released = 2,
    Done = 3,
    Dead = 4,
}

impl State {
    pub(super) fn new(number: i64) -> Option<Self> {
        [State::Running, State::Released, State::Done, State::Dead]
            .into_iter()
            .find(|state| *state as i64 == number)
    }
}

/// Whether a record has a dead letter. As the table has it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Letter {
    None = 0,
    Whole = 1,
    WithoutBody = 2,
}

impl Letter {
    pub(super) fn new(number: i64) -> Option<Self> {
        [Letter::None, Letter::Whole, Letter::WithoutBody]
            .into_iter()
            .find(|letter| *letter as i64 == number)
    }
}

/// When it is, and whose turn.
#[derive(Clone, Copy, Debug)]
pub(super) struct Now {
    /// Milliseconds, by the store's clock.
    pub(super) at: i64,
    /// Counts how often the file was opened: what runs under another number has died with its process.
    pub(super) boot: i64,
    /// Milliseconds.
    pub(super) retention: i64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Record {
    pub(super) state: State,
    /// Milliseconds: when the lease of a running record ends, when any other was last changed.
    pub(super) at: i64,
    pub(super) boot: i64,
    pub(super) token: u64,
    pub(super) attempt: u32,
    /// How many delivery keys are bound to it.
    pub(super) aliases: u8,
    pub(super) letter: Letter,
}

impl Record {
    /// One that was never claimed. Its tokens will be over this one.
    pub(super) fn new(token: u64, now: &Now) -> Self {
        Record {
            state: State::Released,
            at: now.at,
            boot: now.boot,
            token,
            attempt: 0,
            aliases: 0,
            letter: Letter::None,
        }
    }

    /// Whether its retention is over.
    pub(super) fn is_over(&self, now: &Now) -> bool {
        self.state != State::Running && self.at.saturating_add(now.retention) <= now.at
    }

    /// Whether it runs under a claim that still keeps others away.
    pub(super) fn is_leased(&self, now: &Now) -> bool {
        self.state == State::Running && self.boot == now.boot && self.at > now.at
    }

    pub(super) fn claim(&mut self, now: &Now, lease: Duration) -> Verdict {
        match self.state {
            State::Done => Verdict::Done,
            State::Dead => Verdict::Dead,
            State::Running if self.is_leased(now) => Verdict::Running {
                lease_left: self.lease_left(now),
            },
            State::Running | State::Released => {
                self.state = State::Running;
                self.at = now.at.saturating_add(millis(lease));
                self.boot = now.boot;
                self.token = self.token.saturating_add(1);
                self.attempt = self.attempt.saturating_add(1);
                Verdict::Granted {
                    token: Token(self.token),
                    attempt: self.attempt,
                }
            }
        }
    }

    pub(super) fn renew(&mut self, token: Token, now: &Now, lease: Duration) -> Held {
        if !self.holds(token) {
            return Held::Lost;
        }
        self.at = now.at.saturating_add(millis(lease));
        self.boot = now.boot;
        Held::Yes
    }

    pub(super) fn finish(&mut self, token: Token, end: &End, now: &Now) -> Held {
        if !self.holds(token) {
            return Held::Lost;
        }
        self.state = match end {
            End::Done => State::Done,
            End::Release => State::Released,
            End::Dead(_) => State::Dead,
        };
        self.letter = match end {
            End::Done => Letter::None,
            End::Release => self.letter,
            End::Dead(letter) if letter.body.is_some() => Letter::Whole,
            End::Dead(_) => Letter::WithoutBody,
        };
        self.at = now.at;
        Held::Yes
    }

    /// As if it had not been claimed: whoever asked had gone before the answer. The token is not used again.
    pub(super) fn give_back(&mut self, token: Token, now: &Now) {
        if self.finish(token, &End::Release, now) == Held::Yes {
            self.attempt = self.attempt.saturating_sub(1);
        }
    }

    /// Makes what has a whole letter claimable, with no attempt used up.
    pub(super) fn release(&mut self, now: &Now) -> bool {
        if self.letter != Letter::Whole || self.is_leased(now) {
            return false;
        }
        self.state = State::Released;
        self.attempt = 0;
        self.at = now.at;
        true
    }

    pub(super) fn status(&self, now: &Now) -> Status {
        let (token, attempt) = (Token(self.token), self.attempt);
        match self.state {
            _ if self.is_over(now) => Status::Absent,
            State::Running => Status::Running {
                lease_left: self.lease_left(now),
                token,
                attempt,
            },
            State::Released => Status::Released { token, attempt },
            State::Done => Status::Done { token },
            State::Dead => Status::Dead { token },
        }
    }

    /// Whether it runs under this token. A lease that ran out and was not taken still holds.
    fn holds(&self, token: Token) -> bool {
        self.state == State::Running && self.token == token.0
    }

    fn lease_left(&self, now: &Now) -> Duration {
        if !self.is_leased(now) {
            return Duration::ZERO;
        }
        Duration::from_millis(u64::try_from(self.at.saturating_sub(now.at)).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Now = Now {
        at: 1_000_000,
        boot: 7,
        retention: 1000,
    };
    const LEASE: Duration = Duration::from_secs(30);

    #[test]
    fn what_another_boot_ran_is_free_and_its_token_grows() {
        let mut record = Record::new(0, &NOW);
        assert!(matches!(record.claim(&NOW, LEASE), Verdict::Granted { .. }));
        assert!(matches!(record.claim(&NOW, LEASE), Verdict::Running { lease_left } if lease_left == LEASE));
        let next = Now { boot: 8, ..NOW };
        assert!(matches!(record.status(&next), Status::Running { lease_left, .. } if lease_left.is_zero()));
        assert_eq!(
            record.claim(&next, LEASE),
            Verdict::Granted {
                token: Token(2),
                attempt: 2
            }
        );
    }

    #[test]
    fn the_retention_ends_to_the_millisecond_and_never_while_it_runs() {
        let at = |at| Now { at, ..NOW };
        let mut record = Record::new(0, &NOW);
        record.claim(&NOW, LEASE);
        assert!(!record.is_over(&at(i64::MAX)));
        assert_eq!(record.finish(Token(1), &End::Done, &NOW), Held::Yes);
        assert!(!record.is_over(&at(NOW.at + 999)));
        assert!(record.is_over(&at(NOW.at + 1000)));
        assert_eq!(record.status(&at(NOW.at + 1000)), Status::Absent);
    }

    #[test]
    fn a_claim_that_is_given_back_costs_no_attempt_but_its_token() {
        let mut record = Record::new(0, &NOW);
        record.claim(&NOW, LEASE);
        record.give_back(Token(1), &NOW);
        let claimed = record.claim(&NOW, LEASE);
        assert_eq!(
            claimed,
            Verdict::Granted {
                token: Token(2),
                attempt: 1
            }
        );
        record.give_back(Token(1), &NOW);
        assert!(record.is_leased(&NOW));
    }
}
