//! Which Redis it is, and one connection to it.

use ::redis::aio::{ConnectionLike, MultiplexedConnection};
use ::redis::cluster::ClusterClient;
use ::redis::cluster_async::ClusterConnection;
use ::redis::cluster_routing::{Route, SingleNodeRoutingInfo, SlotAddr};
use ::redis::sentinel::{SentinelClient, SentinelNodeConnectionInfo, SentinelServerType};
use ::redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionAddr, ConnectionInfo, IntoConnectionInfo, Pipeline,
    RedisResult, TlsMode, Value,
};
use std::io;
use std::time::Duration;
use tokio::sync::Mutex;

/// Where to find it, as the user has said it.
#[derive(Clone)]
pub(super) enum Address {
    One(String),
    Sentinel {
        sentinels: Vec<String>,
        service: String,
        node: Option<String>,
    },
    Cluster(Vec<String>),
}

/// How long is waited for it.
#[derive(Clone, Copy)]
pub(super) struct Patience {
    pub(super) connect: Duration,
    pub(super) call: Duration,
}

/// A Redis to connect to.
pub(super) struct Server {
    kind: Kind,
    patience: Patience,
}

enum Kind {
    One(Client),
    Sentinel(Box<Mutex<SentinelClient>>),
    Cluster(Box<ClusterClient>),
}

/// A connection that many calls share.
#[derive(Clone)]
pub(super) enum Connection {
    One(MultiplexedConnection),
    Cluster(ClusterConnection),
}

/// How often the cluster's client sends a call again by itself: after a redirection, or while the slots move.
const CLUSTER_RETRIES: u32 = 4;

impl Server {
    pub(super) fn new(address: Address, patience: Patience) -> RedisResult<Self> {
        let kind = match address {
            Address::One(url) => Kind::One(Client::open(url)?),
            Address::Sentinel {
                sentinels,
                service,
                node,
            } => {
                let node = node
                    .map(|url| url.into_connection_info())
                    .transpose()?
                    .map(|info| node_info(&info));
                Kind::Sentinel(Box::new(Mutex::new(SentinelClient::build(
                    sentinels,
                    service,
                    node,
                    SentinelServerType::Master,
                )?)))
            }
            Address::Cluster(urls) => Kind::Cluster(Box::new(
                ClusterClient::builder(urls)
                    .connection_timeout(patience.connect)
                    .response_timeout(patience.call)
                    .overall_response_timeout(Some(patience.call))
                    .retries(CLUSTER_RETRIES)
                    .min_retry_wait(20)
                    .max_retry_wait(200)
                    .build()?,
            )),
        };
        Ok(Server { kind, patience })
    }

    /// A new connection. Not limited in time.
    pub(super) async fn connect(&self) -> RedisResult<Connection> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(self.patience.connect))
            .set_response_timeout(Some(self.patience.call));
        let client = match &self.kind {
            Kind::One(client) => client.clone(),
            // Asked every time: a failover shows in a connection that breaks, or that has become read-only.
            Kind::Sentinel(sentinel) => sentinel.lock().await.async_get_client().await?,
            Kind::Cluster(client) => return Ok(Connection::Cluster(client.get_async_connection().await?)),
        };
        Ok(Connection::One(
            client
                .get_multiplexed_async_connection_with_config(&config)
                .await?,
        ))
    }

    /// Whether all keys are on one server.
    pub(super) fn is_one(&self) -> bool {
        !matches!(self.kind, Kind::Cluster(_))
    }

    pub(super) fn patience(&self) -> Patience {
        self.patience
    }
}

impl Connection {
    /// Whether commands on several keys can be sent in one go, to be carried out in their order.
    pub(super) fn has_one_server(&self) -> bool {
        matches!(self, Connection::One(_))
    }

    /// Sends the commands at once to the server that has the key: an answer for each, an error of the server among them.
    pub(super) async fn send(&mut self, key: &[u8], commands: Vec<Cmd>) -> RedisResult<Vec<Value>> {
        let count = commands.len();
        let mut pipe = ::redis::Pipeline::with_capacity(count);
        for command in commands {
            pipe.add_command(command);
        }
        match self {
            Connection::One(connection) => connection.req_packed_commands(&pipe, 0, count).await,
            Connection::Cluster(connection) => {
                let route = SingleNodeRoutingInfo::SpecificNode(Route::with_key(key, SlotAddr::Master));
                connection.route_pipeline(pipe, 0, count, route).await
            }
        }
    }

    /// Sends the commands at once: an answer for each, an error of the server among them.
    pub(super) async fn send_plain(&mut self, commands: &Pipeline) -> RedisResult<Vec<Value>> {
        let Connection::One(connection) = self else {
            return Err(io::Error::from(io::ErrorKind::Unsupported).into());
        };
        match commands.cmd_iter().next() {
            // It costs less.
            Some(command) if commands.len() == 1 => Ok(vec![connection.send_packed_command(command).await?]),
            _ => connection.send_packed_commands(commands, 0, commands.len()).await,
        }
    }

    /// Sends a command that is about no key: to all primaries of a cluster, if it is for all.
    pub(super) async fn ask(&mut self, command: &Cmd) -> RedisResult<Value> {
        match self {
            Connection::One(connection) => connection.req_packed_command(command).await,
            Connection::Cluster(connection) => connection.req_packed_command(command).await,
        }
    }
}

/// How to log in to the servers that Sentinel names.
fn node_info(info: &ConnectionInfo) -> SentinelNodeConnectionInfo {
    let node = SentinelNodeConnectionInfo::default().set_redis_connection_info(info.redis_settings().clone());
    match info.addr() {
        ConnectionAddr::TcpTls { insecure: true, .. } => node.set_tls_mode(TlsMode::Insecure),
        ConnectionAddr::TcpTls { .. } => node.set_tls_mode(TlsMode::Secure),
        _ => node,
    }
}
