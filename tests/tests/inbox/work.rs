//! Inboxes of the user's own: `put` and `work`.

use apideck_hooks::testing::Answer;
use apideck_hooks::{Envelope, Hooks, Inbox, PutError, Retry, Worked, Workers, on, router};
use apideck_hooks_tests::SECRET;
use apideck_hooks_tests::inbox::{EVENT, InboxFile, RunLog, handle};
use apideck_hooks_tests::kit::{Deliver, Told, event};
use apideck_hooks_tests::probe::patient;
use apideck_hooks_tests::spy::Spy;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A queue in memory, of texts as a broker carries them.
#[derive(Clone, Default)]
struct Queue {
    messages: Arc<Mutex<VecDeque<Vec<u8>>>>,
    broken: Arc<AtomicBool>,
}

#[async_trait::async_trait]
impl Inbox for Queue {
    async fn put(&self, envelope: &Envelope) -> Result<(), PutError> {
        if self.broken.load(Ordering::SeqCst) {
            return Err(PutError::new("the broker is away"));
        }
        self.messages.lock().unwrap().push_back(envelope.to_json());
        Ok(())
    }
}

impl Queue {
    fn next(&self) -> Option<Envelope> {
        let text = self.messages.lock().unwrap().pop_front()?;
        Some(Envelope::from_json(&text).unwrap())
    }
}

async fn hooks(file: &InboxFile, queue: &Queue, log: &RunLog) -> Hooks {
    let hooks = patient(Hooks::builder(router![handle]).state(log.clone()))
        .secret(SECRET)
        .inbox(queue.clone());
    let hooks = hooks.store(file.store().await);
    let retry = Retry::exponential(Duration::ZERO).attempts(3);
    hooks.retry(retry).build().unwrap()
}

/// Works the queue off as a broker's consumer does, and counts the answers.
async fn work_off(hooks: &Hooks, queue: &Queue) -> [usize; 4] {
    let mut counts = [0; 4];
    while let Some(envelope) = queue.next() {
        let worked = hooks.work(envelope.clone()).await.unwrap();
        let (at, again) = match worked {
            Worked::Done => (0, false),
            Worked::Retry(_) => (1, true),
            Worked::NotNow(_) => (2, true),
            Worked::DeadLettered => (3, false),
            other => panic!("{other:?}"),
        };
        counts[at] += 1;
        if again {
            queue.messages.lock().unwrap().push_back(envelope.to_json());
        }
    }
    counts
}

#[tokio::test]
async fn an_envelope_is_worked_off_once() {
    let file = InboxFile::default();
    let (queue, log) = (Queue::default(), RunLog::default());
    let hooks = hooks(&file, &queue, &log).await;
    for id in ["good", "good", "flaky", "bad", "fail"] {
        event(EVENT, id).call(&hooks).await.assert_accepted();
    }
    assert!(log.begun().is_empty());
    let [done, retry, not_now, dead] = work_off(&hooks, &queue).await;
    assert_eq!((done, retry, not_now, dead), (3, 3, 0, 2));
    let counts = ["good", "flaky", "bad", "fail"].map(|id| log.count(id));
    assert_eq!(counts, [1, 2, 1, 3]);
    // A redelivery after the end.
    for id in ["good", "bad"] {
        event(EVENT, id).call(&hooks).await.assert_accepted();
    }
    assert_eq!(work_off(&hooks, &queue).await, [1, 0, 0, 1]);
}

#[tokio::test]
async fn what_runs_elsewhere_or_is_paused_is_not_run_now() {
    let file = InboxFile::default();
    let (queue, log) = (Queue::default(), RunLog::default());
    let hooks = hooks(&file, &queue, &log).await;
    for _ in 0..2 {
        event(EVENT, "hold").call(&hooks).await.assert_accepted();
    }
    let (first, again) = (queue.next().unwrap(), queue.next().unwrap());
    let running = tokio::spawn({
        let hooks = hooks.clone();
        async move { hooks.work(first).await }
    });
    log.until_begun(1).await;
    assert!(matches!(
        hooks.work(again.clone()).await.unwrap(),
        Worked::NotNow(_)
    ));
    log.open(1);
    assert_eq!(running.await.unwrap().unwrap(), Worked::Done);
    hooks.inbox().pause("*").await.unwrap();
    assert!(matches!(
        hooks.work(again.clone()).await.unwrap(),
        Worked::NotNow(_)
    ));
    hooks.inbox().resume("*").await.unwrap();
    assert_eq!(hooks.work(again).await.unwrap(), Worked::Done);
    assert_eq!(log.begun().len(), 1);
}

/// Panics when it is dropped, which a handler's time-out does.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("in a destructor");
    }
}

#[on("*")]
async fn explodes_when_it_is_stopped() {
    let _bomb = Bomb;
    std::future::pending().await
}

#[tokio::test]
async fn a_panic_outside_of_the_handler_does_not_reach_the_caller() {
    let (file, queue) = (InboxFile::default(), Queue::default());
    let hooks = patient(Hooks::builder(router![explodes_when_it_is_stopped]))
        .secret(SECRET)
        .inbox(queue.clone())
        .store(file.store().await)
        .handler_timeout(Duration::from_millis(1))
        .build()
        .unwrap();
    event(EVENT, "e1").call(&hooks).await.assert_accepted();
    let worked = hooks.work(queue.next().unwrap()).await.unwrap();
    assert!(matches!(worked, Worked::NotNow(_)), "{worked:?}");
}

/// The claim is taken back, although nobody waits for its answer.
#[tokio::test(start_paused = true)]
async fn work_that_is_dropped_during_its_claim_counts_no_attempt() {
    let (queue, log, spy) = (Queue::default(), RunLog::default(), Spy::with_letters());
    let hooks = patient(Hooks::builder(router![handle]).state(log.clone()))
        .secret(SECRET)
        .inbox(queue.clone())
        .store(spy.clone())
        .build()
        .unwrap();
    event(EVENT, "good").call(&hooks).await.assert_accepted();
    let envelope = queue.next().unwrap();
    spy.hang_responses(true);
    let work = hooks.work(envelope.clone());
    let second = Duration::from_secs(1);
    assert!(tokio::time::timeout(second, work).await.is_err());
    assert_eq!(spy.last_status().await.attempts, 1);
    spy.hang_responses(false);
    tokio::time::sleep(second).await;
    assert_eq!(spy.last_status().await.attempts, 0);
    assert_eq!(hooks.work(envelope).await.unwrap(), Worked::Done);
    assert_eq!(log.begun(), [("good".to_owned(), 1)]);
}

#[tokio::test]
async fn an_event_that_cannot_be_put_is_refused() {
    let file = InboxFile::default();
    let (queue, log) = (Queue::default(), RunLog::default());
    let hooks = hooks(&file, &queue, &log).await;
    queue.broken.store(true, Ordering::SeqCst);
    let answer: Answer = event(EVENT, "good").call(&hooks).await;
    assert!(answer.code() == 503 && answer.retry_after().is_some());
    queue.broken.store(false, Ordering::SeqCst);
    event(EVENT, "good").call(&hooks).await.assert_accepted();
    assert_eq!(work_off(&hooks, &queue).await, [1, 0, 0, 0]);
}

#[tokio::test]
async fn a_foreign_envelope_is_refused() {
    let file = InboxFile::default();
    let (queue, log) = (Queue::default(), RunLog::default());
    let hooks = hooks(&file, &queue, &log).await;
    event(EVENT, "good").call(&hooks).await.assert_accepted();
    let text = queue.messages.lock().unwrap().pop_front().unwrap();
    let text = String::from_utf8(text).unwrap();
    assert!(!text.contains("signature") && !text.contains(SECRET));
    let changed = text.replace("key-of-good", "key-of-evil");
    let refused = hooks.work(Envelope::from_json(changed.as_bytes()).unwrap()).await;
    assert!(refused.unwrap_err().to_string().contains("seal"));
    assert!(log.begun().is_empty());
    let envelope = Envelope::from_json(text.as_bytes()).unwrap();
    assert_eq!(hooks.work(envelope).await.unwrap(), Worked::Done);
}

#[tokio::test]
async fn inboxes_need_a_store_that_keeps_what_they_promise() {
    let build = || Hooks::builder(router![..]).secret(SECRET);
    let error = build().inbox(Queue::default()).build().unwrap_err();
    assert!(
        error.is_inbox() && error.to_string().contains("dead letters"),
        "{error}"
    );
    let hooks = build().build().unwrap();
    let error = hooks.workers(Workers::new()).await.unwrap_err();
    assert!(
        error.is_inbox() && error.to_string().contains("SqliteInbox"),
        "{error}"
    );
    assert!(hooks.inbox().stats().await.is_err());
    let file = InboxFile::default();
    let hooks = build().store(file.store().await).build().unwrap();
    let error = hooks.workers(Workers::new().concurrency(0)).await.unwrap_err();
    assert!(error.is_limit(), "{error}");
}
