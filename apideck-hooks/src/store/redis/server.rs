//! A Redis to connect to, and one connection to it.

use std::time::Duration;

use ::redis::aio::{ConnectionLike, MultiplexedConnection};
use ::redis::cluster::ClusterClient;
use ::redis::cluster_async::ClusterConnection;
use ::redis::cluster_routing::{
    MultipleNodeRoutingInfo, Route, RoutingInfo, SingleNodeRoutingInfo, SlotAddr,
};
use ::redis::sentinel::{SentinelClient, SentinelNodeConnectionInfo, SentinelServerType};
use ::redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionAddr, ConnectionInfo, IntoConnectionInfo, Pipeline,
    RedisResult, TlsMode, Value,
};
use tokio::sync::Mutex;

/// The address, as the user wrote it.
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

#[derive(Clone, Copy)]
pub(super) struct Timeouts {
    pub(super) connect: Duration,
    pub(super) call: Duration,
}

pub(super) struct Server {
    kind: ServerClient,
    pub(super) timeouts: Timeouts,
}

enum ServerClient {
    One(Client),
    Sentinel(Box<Mutex<SentinelClient>>),
    Cluster(Box<ClusterClient>),
}

/// A connection that many calls share.
#[derive(Clone)]
pub(super) enum SharedConnection {
    One(MultiplexedConnection),
    Cluster(ClusterConnection),
}

/// Repetitions by the cluster client itself, after a redirection or while slots move.
const CLUSTER_RETRIES: u32 = 4;

impl Server {
    pub(super) fn new(address: Address, timeouts: Timeouts) -> RedisResult<Self> {
        let kind = match address {
            Address::One(url) => ServerClient::One(Client::open(url)?),
            Address::Sentinel {
                sentinels,
                service,
                node,
            } => {
                let node = node.map(|url| url.into_connection_info()).transpose()?;
                ServerClient::Sentinel(Box::new(Mutex::new(SentinelClient::build(
                    sentinels,
                    service,
                    node.as_ref().map(node_info),
                    SentinelServerType::Master,
                )?)))
            }
            Address::Cluster(urls) => ServerClient::Cluster(Box::new(
                ClusterClient::builder(urls)
                    .connection_timeout(timeouts.connect)
                    .response_timeout(timeouts.call)
                    .overall_response_timeout(Some(timeouts.call))
                    .retries(CLUSTER_RETRIES)
                    .min_retry_wait(20)
                    .max_retry_wait(200)
                    .build()?,
            )),
        };
        Ok(Self { kind, timeouts })
    }

    /// Makes a connection. It has no time limit of its own.
    pub(super) async fn connect(&self) -> RedisResult<SharedConnection> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(self.timeouts.connect))
            .set_response_timeout(Some(self.timeouts.call));
        let client = match &self.kind {
            ServerClient::One(client) => client.clone(),
            // Sentinel is asked each time, because a failover breaks the connection.
            ServerClient::Sentinel(sentinel) => sentinel.lock().await.async_get_client().await?,
            ServerClient::Cluster(client) => {
                return Ok(SharedConnection::Cluster(client.get_async_connection().await?));
            }
        };
        let connection = client.get_multiplexed_async_connection_with_config(&config);
        Ok(SharedConnection::One(connection.await?))
    }

    pub(super) fn is_cluster(&self) -> bool {
        matches!(self.kind, ServerClient::Cluster(_))
    }

    pub(super) fn is_sentinel(&self) -> bool {
        matches!(self.kind, ServerClient::Sentinel(_))
    }
}

impl SharedConnection {
    /// Sends the commands in their order to the server that has the key. An error of the server is
    /// a value.
    pub(super) async fn send(&mut self, key: &[u8], commands: &[Cmd]) -> RedisResult<Vec<Value>> {
        if let [command] = commands {
            // It costs less than a pipeline.
            return Ok(vec![match self {
                Self::One(connection) => connection.req_packed_command(command).await?,
                Self::Cluster(connection) => connection.req_packed_command(command).await?,
            }]);
        }
        let mut pipeline = Pipeline::with_capacity(commands.len());
        for command in commands {
            pipeline.add_command(command.clone());
        }
        match self {
            Self::One(connection) => connection.req_packed_commands(&pipeline, 0, commands.len()).await,
            Self::Cluster(connection) => {
                let route = SingleNodeRoutingInfo::SpecificNode(Route::with_key(key, SlotAddr::Master));
                connection
                    .route_pipeline(pipeline, 0, commands.len(), route)
                    .await
            }
        }
    }

    /// Sends a command to all primaries. Returns their values, in the order of their addresses.
    pub(super) async fn send_to_all(&mut self, command: &Cmd) -> RedisResult<Vec<Value>> {
        match self {
            Self::One(connection) => Ok(vec![connection.req_packed_command(command).await?]),
            Self::Cluster(connection) => {
                let all = RoutingInfo::MultiNode((MultipleNodeRoutingInfo::AllMasters, None));
                match connection.route_command(command.clone(), all).await? {
                    Value::Map(mut values) => {
                        values.sort_by_key(|(address, _)| format!("{address:?}"));
                        Ok(values.into_iter().map(|(_, value)| value).collect())
                    }
                    value => Ok(vec![value]),
                }
            }
        }
    }
}

/// The way to log in to the servers that Sentinel names.
fn node_info(info: &ConnectionInfo) -> SentinelNodeConnectionInfo {
    let node = SentinelNodeConnectionInfo::default().set_redis_connection_info(info.redis_settings().clone());
    match info.addr() {
        ConnectionAddr::TcpTls { insecure: true, .. } => node.set_tls_mode(TlsMode::Insecure),
        ConnectionAddr::TcpTls { .. } => node.set_tls_mode(TlsMode::Secure),
        _ => node,
    }
}
