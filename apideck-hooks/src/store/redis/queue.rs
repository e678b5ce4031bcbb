//! Calls that arrive while others are under way go together, which costs client and server little more than one of them.
//!
//! Few requests are under way at a time. Who finds less than that sends for itself, in its own task, and nothing else than its
//! call. Who finds more waits in the queue; a task takes all that waits, sends it as one request, and hands out the answers.
//! So a caller that is dropped takes nobody's answer with it.

use super::call::{Call, Form, Outcome};
use super::link::{Fault, Link};
use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::time::timeout;

/// How many requests are under way before calls wait for one another. More, and fewer calls share a request; fewer, and a
/// call waits on an idle server.
const UNDER_WAY: usize = 2;
/// How many calls go together: for about half a millisecond of the server's time.
const TOGETHER: usize = 64;
/// How many calls wait at the most. Others send for themselves.
const WAITING: usize = 1024;

/// Calls to one server.
pub(super) struct Queue {
    pub(super) link: Link,
    pub(super) form: Form,
    /// How long is waited for an answer, from the time of the call.
    patience: Duration,
    now: Mutex<Now>,
}

#[derive(Default)]
struct Now {
    under_way: usize,
    waiting: VecDeque<Waiting>,
}

/// What became of a call.
#[derive(Clone, Copy, Default)]
pub(super) struct Carried {
    pub(super) outcome: Outcome,
    /// It was sent before, without an answer.
    pub(super) again: bool,
}

struct Waiting {
    call: Call,
    caller: oneshot::Sender<Result<Carried, Fault>>,
}

impl Queue {
    pub(super) fn new(link: Link, form: Form) -> Self {
        Queue {
            patience: link.patience(),
            link,
            form,
            now: Mutex::default(),
        }
    }

    /// Carries out a call, perhaps together with others.
    pub(super) async fn send(self: &Arc<Self>, call: Call) -> Result<Carried, Fault> {
        let Some(answer) = self.wait(call) else {
            let _turn = Turn(self);
            let mut carried = self.carry_out(&[call]).await?;
            return Ok(carried.pop().unwrap_or_default());
        };
        match timeout(self.patience, answer).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(Fault::io(io::Error::other("the runtime is shutting down"))),
            Err(_) => Err(Fault::io(io::ErrorKind::TimedOut.into())),
        }
    }

    /// Joins the queue; or not, and takes a turn.
    fn wait(&self, call: Call) -> Option<oneshot::Receiver<Result<Carried, Fault>>> {
        let mut now = self.now();
        if now.under_way < UNDER_WAY || now.waiting.len() >= WAITING {
            now.under_way += 1;
            return None;
        }
        let (caller, answer) = oneshot::channel();
        now.waiting.push_back(Waiting { call, caller });
        Some(answer)
    }

    /// What became of each call, in their order.
    async fn carry_out(&self, calls: &[Call]) -> Result<Vec<Carried>, Fault> {
        let reply = self.link.send_plain(&self.form.pipeline(calls)).await?;
        let outcomes = Form::outcomes(calls, &reply.values).into_iter();
        Ok(outcomes
            .map(|outcome| Carried {
                outcome,
                again: reply.again,
            })
            .collect())
    }

    fn now(&self) -> MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request of one caller, until it is answered or given up. Then those go who have waited for it.
struct Turn<'a>(&'a Arc<Queue>);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut now = self.0.now();
        // As one task carries them all: when it ends, nothing waits.
        if now.waiting.is_empty() || now.under_way > UNDER_WAY {
            now.under_way -= 1;
            return;
        }
        drop(now);
        let carrier = Carrier(Some(Arc::clone(self.0)));
        if let Ok(runtime) = Handle::try_current() {
            drop(runtime.spawn(carrier.run()));
        }
    }
}

/// Carries out what waits, until nothing does; then it has no queue any more.
struct Carrier(Option<Arc<Queue>>);

impl Carrier {
    async fn run(mut self) {
        while let Some((queue, mut waiting)) = self.take() {
            let calls: Vec<_> = waiting.iter().map(|waiting| waiting.call).collect();
            let carried = tokio::select! {
                biased;
                carried = queue.carry_out(&calls) => carried,
                // As any call that nobody waits for any more.
                () = all_gone(&mut waiting) => continue,
            };
            match carried {
                Ok(answers) => {
                    for (waiting, answer) in waiting.into_iter().zip(answers) {
                        let _ = waiting.caller.send(Ok(answer));
                    }
                    // Those who were answered go on first, and what they ask next goes along.
                    tokio::task::yield_now().await;
                }
                Err(fault) => {
                    for waiting in waiting {
                        let _ = waiting.caller.send(Err(fault.clone()));
                    }
                }
            }
        }
    }

    /// What goes together; with nothing the turn is over.
    fn take(&mut self) -> Option<(Arc<Queue>, Vec<Waiting>)> {
        let queue = self.0.take()?;
        let mut now = queue.now();
        let mut together = Vec::with_capacity(now.waiting.len().min(TOGETHER));
        while together.len() < TOGETHER
            && let Some(waiting) = now.waiting.pop_front()
        {
            if !waiting.caller.is_closed() {
                together.push(waiting);
            }
        }
        if together.is_empty() {
            now.under_way -= 1;
            return None;
        }
        drop(now);
        self.0 = Some(Arc::clone(&queue));
        Some((queue, together))
    }
}

impl Drop for Carrier {
    /// Before its time, if the runtime ends: those who wait are told.
    fn drop(&mut self) {
        if let Some(queue) = &self.0 {
            let mut now = queue.now();
            now.under_way -= 1;
            now.waiting.clear();
        }
    }
}

async fn all_gone(waiting: &mut [Waiting]) {
    for waiting in waiting {
        waiting.caller.closed().await;
    }
}

#[cfg(test)]
mod tests {
    use super::super::server::{Address, Patience, Server};
    use super::*;
    use crate::delivery::Key;
    use crate::store::Token;

    const CALL: Call = Call::Done(Key::from_bytes([0; 16]), Token(1));

    fn queue() -> Arc<Queue> {
        let second = Duration::from_secs(1);
        let patience = Patience {
            connect: second,
            call: second,
        };
        let server = Server::new(Address::One("redis://127.0.0.1:1/".to_owned()), patience);
        let form = Form {
            prefix: "test".to_owned(),
            retention: 1000,
        };
        Arc::new(Queue::new(Link::new(server.expect("an address"), None), form))
    }

    #[test]
    fn only_so_many_wait_and_who_is_gone_is_not_sent() {
        let queue = queue();
        for _ in 0..UNDER_WAY {
            assert!(queue.wait(CALL).is_none());
        }
        let mut waiting: Vec<_> = (0..WAITING).map(|_| queue.wait(CALL).expect("room")).collect();
        assert!(queue.wait(CALL).is_none(), "it sends for itself");
        waiting.truncate(100);
        let mut carrier = Carrier(Some(Arc::clone(&queue)));
        let counts: Vec<_> =
            std::iter::from_fn(|| carrier.take().map(|(_, together)| together.len())).collect();
        assert_eq!(counts, [TOGETHER, 100 - TOGETHER]);
        // That was one turn.
        assert_eq!(queue.now().under_way, UNDER_WAY);
    }

    #[test]
    fn where_nothing_can_be_sent_who_waits_is_told() {
        let queue = queue();
        let turns: Vec<_> = (0..UNDER_WAY)
            .map(|_| {
                assert!(queue.wait(CALL).is_none());
                Turn(&queue)
            })
            .collect();
        let mut answer = queue.wait(CALL).expect("room");
        // No runtime.
        drop(turns);
        assert!(matches!(
            answer.try_recv(),
            Err(oneshot::error::TryRecvError::Closed)
        ));
        assert_eq!(queue.now().under_way, 0);
        assert!(queue.wait(CALL).is_none());
    }
}
