//! The inbox in a stream of NATS JetStream.
//!
//! - An event is put when the server has confirmed that the stream keeps it. Otherwise it is
//!   refused, and Apideck sends it again. No `Nats-Msg-Id` is set, because the store finds
//!   duplicates, for longer than the stream could.
//! - The stream keeps a message until it is acknowledged, without an age limit. A full stream
//!   refuses new messages and drops none.
//! - A message is acknowledged after the store has recorded that its event is done or dead. A
//!   message that is delivered once more after that runs nothing.

use std::time::Duration;

use apideck_hooks::{Envelope, Hooks, Inbox, PutError, Worked};
use async_nats::connection::State;
use async_nats::jetstream::consumer::{AckPolicy, PullConsumer, pull};
use async_nats::jetstream::stream::{Config, DiscardPolicy, RetentionPolicy, StorageType, Stream};
use async_nats::jetstream::{self, AckKind, Context, Message};
use async_nats::{Client, ConnectOptions, Error};
use futures_util::TryStreamExt;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tracing::{error, warn};

/// The lease of a claim, for [`HooksBuilder::lease`](apideck_hooks::HooksBuilder::lease).
pub(crate) const LEASE: Duration = Duration::from_secs(10);
/// Time without a sign of life after which the server delivers a message once more. It is the lease
/// and a pause between two signs, so the claim of a worker that has died has ended by then.
const ACK_WAIT: Duration = Duration::from_secs(15);
const SIGN_OF_LIFE: Duration = Duration::from_secs(5);
/// Time limit of a request about the stream or the consumer.
const REQUEST_LIMIT: Duration = Duration::from_secs(30);
/// Time limit of a publish, below the five seconds after which the receiver gives up.
const PUBLISH_LIMIT: Duration = Duration::from_secs(4);
/// Time for which a slot waits for a message before it asks again. A server that has restarted does
/// not know the question any more.
const PULL: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_secs(1);
/// Pause before a refused message is delivered once more.
const REFUSED: Duration = Duration::from_secs(300);
/// Time between two looks for messages that are left behind.
const LOOK: Duration = Duration::from_secs(10);
const CONSUMER: &str = "workers";
const MAX_MESSAGES: i64 = 100_000;
const MAX_BYTES: i64 = 1 << 30;

/// A stream of envelopes. Clones share a connection, which reconnects by itself.
#[derive(Clone)]
pub(crate) struct Nats {
    client: Client,
    jetstream: Context,
    stream: Stream,
    subject: String,
}

impl Nats {
    /// Connects, and creates the stream of a source unless it is there. A stream with other
    /// settings is an error.
    pub(crate) async fn connect(url: &str, source: &str) -> Result<Self, Error> {
        // The client keeps up to this number of messages while the server is away.
        let options = ConnectOptions::new()
            .client_capacity(256)
            .request_timeout(Some(REQUEST_LIMIT));
        let client = options.connect(url).await?;
        let jetstream = jetstream::new(client.clone());
        let subject = format!("apideck.{source}");
        let stream = jetstream.create_stream(Config {
            name: format!("apideck-{source}"),
            subjects: vec![subject.clone()],
            storage: StorageType::File,
            retention: RetentionPolicy::WorkQueue,
            discard: DiscardPolicy::New,
            max_messages: MAX_MESSAGES,
            max_bytes: MAX_BYTES,
            // Three in a cluster of NATS servers.
            num_replicas: 1,
            ..Config::default()
        });
        Ok(Self {
            stream: stream.await?,
            client,
            jetstream,
            subject,
        })
    }

    /// The longest body whose envelope the server takes. An envelope holds the body in base64.
    pub(crate) fn body_limit(&self) -> usize {
        let envelope = self.client.server_info().max_payload.saturating_sub(16 * 1024);
        (envelope / 4 * 3).min(1024 * 1024)
    }

    /// Hands the stream's messages to the handlers, each to one process, until it is dropped.
    pub(crate) async fn work(&self, hooks: &Hooks, concurrency: usize) -> Result<(), Error> {
        let consumer = self.consumer().await?;
        let mut tasks = JoinSet::new();
        for _ in 0..concurrency {
            tasks.spawn(fill_slot(consumer.clone(), hooks.clone()));
        }
        tasks.spawn(renew_consumer(self.clone()));
        tasks.join_all().await;
        Ok(())
    }

    /// Makes the consumer of all workers, unless it is there.
    async fn consumer(&self) -> Result<PullConsumer, Error> {
        let consumer = self.stream.create_consumer(pull::Config {
            durable_name: Some(CONSUMER.to_owned()),
            ack_policy: AckPolicy::Explicit,
            ack_wait: ACK_WAIT,
            // The store counts the attempts, and dead-letters the event after the last one.
            max_deliver: -1,
            // An event that waits for its retry counts too, and must not hold up the others.
            max_ack_pending: MAX_MESSAGES,
            ..pull::Config::default()
        });
        Ok(consumer.await?)
    }

    /// Returns the first message if the consumer counts it as acknowledged.
    async fn left_behind(&self) -> Result<Option<u64>, Error> {
        let floor = self.consumer().await?.cached_info().ack_floor.stream_sequence;
        let state = self.stream.get_info().await?.state;
        let is_left = state.messages > 0 && state.first_sequence <= floor;
        Ok(is_left.then_some(state.first_sequence))
    }
}

/// Makes a new consumer if a message is left behind.
///
/// After a crash a server can still keep a message that its consumer counts as acknowledged. It is
/// never delivered again, and takes up room. NATS 2.9 leaves hundreds behind at a `kill -9`. A new
/// consumer delivers all messages that the stream keeps. No event runs twice or too early by that,
/// because the store knows which are done, which run and which rest.
async fn renew_consumer(nats: Nats) {
    let mut before = None;
    loop {
        sleep(LOOK).await;
        let renewed = async {
            let left = nats.left_behind().await?;
            // Seen twice, so it is not just being removed.
            if left.is_some() && left == before {
                warn!(
                    first = left,
                    "NATS: messages are left behind, and are delivered by a new consumer"
                );
                nats.stream.delete_consumer(CONSUMER).await?;
                nats.consumer().await?;
            }
            before = left;
            Ok::<_, Error>(())
        };
        if let Err(error) = renewed.await {
            warn!(%error, "NATS: the consumer could not be looked at");
        }
    }
}

#[async_trait::async_trait]
impl Inbox for Nats {
    async fn put(&self, envelope: &Envelope) -> Result<(), PutError> {
        // The client would keep the message, and send it long after it was refused.
        if self.client.connection_state() != State::Connected {
            return Err(PutError::new("NATS is away"));
        }
        let published = async {
            let publish = self
                .jetstream
                .publish(self.subject.clone(), envelope.to_json().into());
            publish.await?.await
        };
        let confirmed = timeout(PUBLISH_LIMIT, published).await.map_err(PutError::new)?;
        confirmed.map(drop).map_err(PutError::new)
    }
}

/// Takes one message after the other. A slot fetches none in advance, so no message waits in a
/// process while its time runs.
async fn fill_slot(consumer: PullConsumer, hooks: Hooks) {
    loop {
        // The store is away, or the process shuts down: the messages stay with the server.
        if !hooks.is_ready() {
            sleep(PAUSE).await;
        } else if let Err(error) = take_one(&consumer, &hooks).await {
            warn!(%error, "NATS: a message was not taken, or not acknowledged");
            sleep(PAUSE).await;
        }
    }
}

async fn take_one(consumer: &PullConsumer, hooks: &Hooks) -> Result<(), Error> {
    let mut messages = consumer.batch().max_messages(1).expires(PULL).messages().await?;
    match messages.try_next().await? {
        Some(message) => settle(&message, hooks).await,
        None => Ok(()),
    }
}

/// Runs the event of a message, and tells the server the result.
async fn settle(message: &Message, hooks: &Hooks) -> Result<(), Error> {
    let work = async { hooks.work(Envelope::from_json(&message.payload)?).await };
    // It never ends. Beside the work and not in between, because it waits while the server is away.
    let signs_of_life = async {
        loop {
            sleep(SIGN_OF_LIFE).await;
            let _ = message.ack_with(AckKind::Progress).await;
        }
    };
    let worked = tokio::select! {
        worked = work => worked,
        worked = signs_of_life => worked,
    };
    match worked {
        // Waits for the confirmation.
        Ok(Worked::Done | Worked::DeadLettered) => message.double_ack().await,
        Ok(Worked::Retry(after) | Worked::NotNow(after)) => message.ack_with(AckKind::Nak(Some(after))).await,
        // Its sender got a `200`, so it is never dropped here. Another secret or an older release
        // are the usual reasons. `nats stream rmm` deletes it.
        refused => {
            let info = message.info()?;
            error!(
                ?refused,
                stream = info.stream,
                sequence = info.stream_sequence,
                "a message is refused"
            );
            message.ack_with(AckKind::Nak(Some(REFUSED))).await
        }
    }
}
