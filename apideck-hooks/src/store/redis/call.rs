//! FirstHandlers and ends that are commands, any number of them in one request.

use crate::delivery::Key;
use crate::store::Token;
use ::redis::{Cmd, Pipeline, Value};

/// Tells a call from all others, so that it can be sent again when its answer was lost.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark(pub(super) [u8; 16]);

/// What an alias holds: the record, and which binding it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Binding {
    pub(super) record: Key,
    pub(super) mark: Mark,
}

impl Binding {
    pub(super) fn to_bytes(self) -> [u8; 32] {
        let mut bytes = [0; 32];
        bytes[..16].copy_from_slice(&self.record.to_bytes());
        bytes[16..].copy_from_slice(&self.mark.0);
        bytes
    }

    pub(super) fn from_bytes(bytes: [u8; 32]) -> Self {
        let (mut record, mut mark) = ([0; 16], [0; 16]);
        record.copy_from_slice(&bytes[..16]);
        mark.copy_from_slice(&bytes[16..]);
        Binding {
            record: Key::from_bytes(record),
            mark: Mark(mark),
        }
    }
}

/// A claim of a record.
#[derive(Clone, Copy)]
pub(super) struct Taking {
    pub(super) record: Key,
    pub(super) mark: Mark,
    /// Milliseconds.
    pub(super) lease: u64,
    /// Is put on the record's list.
    pub(super) delivery: Option<Key>,
}

impl Taking {
    /// Of the delivery key.
    pub(super) fn binding(&self) -> Binding {
        Binding {
            record: self.record,
            mark: self.mark,
        }
    }
}

/// What one command or two carry out in the common case, and a script in any other. They cost the server much less than a script.
#[derive(Clone, Copy)]
pub(super) enum Call {
    /// FirstHandlers a record that is not there under this token, and binds a delivery key that is not bound.
    First(Taking, Token),
    /// Marks a record as done that runs under this token.
    Done(Key, Token),
}

impl Call {
    /// How many commands.
    fn commands(&self) -> usize {
        match self {
            Call::First(taking, _) => 1 + usize::from(taking.delivery.is_some()),
            Call::Done(..) => 1,
        }
    }
}

/// What all calls of a store have in common.
pub(super) struct Form {
    pub(super) prefix: String,
    /// Milliseconds.
    pub(super) retention: u64,
}

/// Aliases are kept longer than a settled record by as much as Apideck's retries take, as the record starts its retention with
/// its last change and the alias with its first delivery. Milliseconds.
const GRACE: u64 = 24 * 60 * 60 * 1000;

/// The part of a delivery key that its record lists.
pub(super) fn short(delivery: Key) -> [u8; 8] {
    let [a, b, c, d, e, f, g, h, ..] = delivery.to_bytes();
    [a, b, c, d, e, f, g, h]
}

/// As records have it, which are compared byte by byte.
pub(super) fn digits(token: Token) -> [u8; 16] {
    padded(token.0)
}

/// The last so many digits.
fn padded<const N: usize>(mut number: u64) -> [u8; N] {
    let mut digits = [b'0'; N];
    for digit in digits.iter_mut().rev() {
        *digit += (number % 10) as u8;
        number /= 10;
    }
    digits
}

impl Form {
    pub(super) fn record_key(&self, record: Key) -> Vec<u8> {
        self.name(b'r', record)
    }

    pub(super) fn alias_key(&self, delivery: Key) -> Vec<u8> {
        self.name(b'a', delivery)
    }

    pub(super) fn alias_life(&self) -> u64 {
        self.retention + GRACE
    }

    fn name(&self, kind: u8, key: Key) -> Vec<u8> {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut name = Vec::with_capacity(self.prefix.len() + 35);
        name.extend(self.prefix.as_bytes());
        name.extend([b':', kind, b':']);
        // Not formatted: that costs more than the rest of it.
        for byte in key.to_bytes() {
            name.extend([byte >> 4, byte & 15].map(|digit| DIGITS[usize::from(digit)]));
        }
        name
    }

    /// The commands of all these calls.
    pub(super) fn pipeline(&self, calls: &[Call]) -> Pipeline {
        let mut pipeline = Pipeline::with_capacity(calls.iter().map(Call::commands).sum());
        for call in calls {
            match call {
                Call::First(taking, token) => {
                    let record = self.first_record(taking, *token);
                    let name = self.record_key(taking.record);
                    pipeline.add_command(set_new(&name, &record, self.life(taking.lease)));
                    if let Some(delivery) = taking.delivery {
                        let (name, binding) = (self.alias_key(delivery), taking.binding());
                        pipeline.add_command(set_new(&name, &binding.to_bytes(), self.alias_life()));
                    }
                }
                Call::Done(record, token) => {
                    pipeline.add_command(settle(&self.record_key(*record), *token));
                }
            }
        }
        pipeline
    }

    /// What became of each of these calls, from the answers to its commands.
    pub(super) fn outcomes(calls: &[Call], answers: &[Value]) -> Vec<Outcome> {
        let mut answers = answers.iter();
        calls
            .iter()
            .map(|call| match call {
                Call::First(taking, _) => {
                    let record = answers.next();
                    let alias = taking.delivery.map(|_| answers.next().unwrap_or(&Value::Okay));
                    first_outcome(taking, record, alias)
                }
                Call::Done(..) => match answers.next() {
                    Some(Value::Array(sums)) if sums[..] == [Value::Int(SETTLED)] => Outcome::CarriedOut,
                    _ => Outcome::Unsure,
                },
            })
            .collect()
    }

    /// A record that runs for the first time, as `scripts/record.lua` reads it.
    fn first_record(&self, taking: &Taking, Token(token): Token) -> Vec<u8> {
        let mut record = Vec::with_capacity(75);
        record.extend(token.to_be_bytes());
        record.push(b'r');
        record.extend(padded::<16>(token));
        record.extend(padded::<16>(self.life(taking.lease) - taking.lease));
        record.extend(padded::<10>(1));
        record.extend(taking.mark.0);
        record.extend(taking.delivery.map(short).into_iter().flatten());
        record
    }

    /// How long the key of a record is kept that runs, in milliseconds: see `run` in `scripts/record.lua`.
    fn life(&self, lease: u64) -> u64 {
        self.retention + 100 * lease
    }
}

/// What became of a call.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Outcome {
    CarriedOut,
    /// Not, as the event is done, and the delivery key is bound to it.
    IsDone,
    /// It is for a script: the keys are as they were or as the call wanted them, or an error stood in the way.
    #[default]
    Unsure,
}

/// Of a first claim, by what the record and the delivery key, if there is one, held before.
fn first_outcome(taking: &Taking, record: Option<&Value>, alias: Option<&Value>) -> Outcome {
    let bound = |alias: &Value| match alias {
        Value::BulkString(binding) => binding.starts_with(&taking.record.to_bytes()),
        _ => false,
    };
    match record {
        Some(Value::Nil) if alias.is_none_or(|alias| *alias == Value::Nil) => Outcome::CarriedOut,
        Some(Value::BulkString(record)) if is_done(record) && alias.is_none_or(bound) => Outcome::IsDone,
        _ => Outcome::Unsure,
    }
}

/// Whether a record is done, as `scripts/record.lua` reads it.
fn is_done(record: &[u8]) -> bool {
    match record.get(8) {
        Some(b'r') => record.starts_with(&SETTLED.to_be_bytes()),
        Some(b'd') => true,
        _ => false,
    }
}

/// What a settled record begins with.
const SETTLED: i64 = i64::MAX;

/// Whether it can be a token of ours. Others have more digits than a record has room for, or are more than [`SETTLED`].
pub(super) fn is_token(Token(token): Token) -> bool {
    token < 10_u64.pow(16)
}

/// Makes a key that is not there, for so many milliseconds; answers what one that is there holds.
fn set_new(name: &[u8], value: &[u8], life: u64) -> Cmd {
    let mut command = Cmd::with_capacity(7, 64 + name.len() + value.len());
    command.arg("SET").arg(name).arg(value).arg("NX").arg("GET");
    command.arg("PX").arg(life);
    command
}

/// Settles a record as done, if it runs under this token, in one command that is no script: adds to the number that it begins with
/// what is missing from the token to [`SETTLED`], unless that overflows.
///
/// - **Another token, a later one, or settled**: the number is greater, and the sum overflows: nothing is changed.
/// - **A record that was forgotten, and claimed anew under a lesser token** (clocks differ): the sum is no `SETTLED`, which
///   tells. The number in the record is wrong from then on, so that its owner's own command does not settle it either; the
///   scripts go by the token in digits, and do.
/// - **A record that is gone**: a string of 8 bytes is left, which is no record, and which the script takes away that follows. A
///   crash in between leaves it for good.
fn settle(name: &[u8], Token(token): Token) -> Cmd {
    let missing = SETTLED.saturating_sub_unsigned(token);
    let mut command = Cmd::with_capacity(8, 96 + name.len());
    command.arg("BITFIELD").arg(name).arg("OVERFLOW").arg("FAIL");
    // 63 bits without a sign, from the second of the first eight bytes on.
    command.arg("INCRBY").arg("u63").arg(1).arg(missing);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form() -> Form {
        Form {
            prefix: "test".to_owned(),
            retention: 1000,
        }
    }

    fn taking(delivery: Option<Key>) -> Taking {
        Taking {
            record: Key::from_bytes([1; 16]),
            mark: Mark([2; 16]),
            lease: 30,
            delivery,
        }
    }

    #[test]
    fn each_call_has_the_answers_of_its_commands() {
        let key = Key::from_bytes([3; 16]);
        let calls = [
            Call::First(taking(None), Token(1)),
            Call::First(taking(Some(key)), Token(2)),
            Call::Done(key, Token(3)),
            Call::First(taking(Some(key)), Token(4)),
            Call::Done(key, Token(5)),
            Call::First(taking(Some(key)), Token(6)),
        ];
        assert_eq!(form().pipeline(&calls).len(), 9);
        let settled = || Value::Array(vec![Value::Int(SETTLED)]);
        let mut answers = vec![Value::Nil, Value::Nil, Value::Nil, settled()];
        answers.extend([Value::Nil, Value::Okay, Value::Array(vec![Value::Nil])]);
        answers.extend([Value::Okay, Value::Nil]);
        let (carried_out, unsure) = (Outcome::CarriedOut, Outcome::Unsure);
        let wanted = [carried_out, carried_out, carried_out, unsure, unsure, unsure];
        assert_eq!(Form::outcomes(&calls, &answers), wanted);
        let other = Value::Array(vec![Value::Int(SETTLED - 1)]);
        assert_eq!(Form::outcomes(&calls[2..3], &[other]), [unsure]);
        assert_eq!(Form::outcomes(&calls, &[]), [unsure; 6]);
    }

    #[test]
    fn what_is_done_under_its_delivery_key_is_a_duplicate() {
        let (with, without) = (taking(Some(Key::from_bytes([3; 16]))), taking(None));
        let running = form().first_record(&with, Token(7));
        let mut done = running.clone();
        done[..8].copy_from_slice(&SETTLED.to_be_bytes());
        let mut done_by_script = done.clone();
        done_by_script[8] = b'd';
        let mut free = done.clone();
        free[8] = b'f';
        let text = |bytes: &[u8]| Value::BulkString(bytes.to_vec());
        let own = text(&with.binding().to_bytes());
        let others = text(&[9; 32]);
        for (record, is_done) in [
            (done, true),
            (done_by_script, true),
            (free, false),
            (running, false),
        ] {
            let record = text(&record);
            let outcome = if is_done { Outcome::IsDone } else { Outcome::Unsure };
            assert_eq!(first_outcome(&without, Some(&record), None), outcome);
            assert_eq!(first_outcome(&with, Some(&record), Some(&own)), outcome);
            for alias in [&Value::Nil, &others, &Value::Okay] {
                assert_eq!(first_outcome(&with, Some(&record), Some(alias)), Outcome::Unsure);
            }
        }
        for short in [&b""[..], &[0x7f; 8]] {
            assert_eq!(first_outcome(&without, Some(&text(short)), None), Outcome::Unsure);
        }
    }

    #[test]
    fn names_are_as_they_are_documented() {
        let key = Key::from_bytes(std::array::from_fn(|n| (17 * n) as u8));
        let name = form().record_key(key);
        assert_eq!(name, format!("test:r:{key}").as_bytes());
        assert_eq!(name, b"test:r:00112233445566778899aabbccddeeff");
        assert_eq!(form().alias_key(key), format!("test:a:{key}").as_bytes());
    }

    #[test]
    fn a_record_is_as_the_scripts_read_it() {
        let record = form().first_record(&taking(Some(Key::from_bytes([4; 16]))), Token(258));
        let head = b"\0\0\0\0\0\0\x01\x02r000000000000025800000000000039700000000001";
        assert_eq!(record, [&head[..], &[2; 16], &[4; 8]].concat());
    }
}
