//! The settings of a server on which the store depends.

use std::collections::HashMap;

use ::redis::{Cmd, RedisResult, Value, from_redis_value};

use super::server::SharedConnection;

/// The first version with flags of scripts and `PEXPIRE … GT`.
const OLDEST: [u32; 2] = [7, 0];
/// The first version with `WAITAOF`.
const WAITAOF: [u32; 2] = [7, 2];

/// How a server keeps dead letters.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(super) enum Durability {
    /// A restart or an eviction can lose them, so the store keeps none.
    None = 0,
    /// Every write is on disk before its answer.
    Always = 1,
    /// A write is on disk after a `WAITAOF`.
    AfterWait = 2,
}

/// The settings of one server, as far as it tells them.
#[derive(Default, Debug)]
pub(super) struct ServerFacts {
    version: Option<[u32; 2]>,
    is_cluster: bool,
    policy: String,
    appends: bool,
    syncs_always: bool,
    replicas: u32,
}

impl ServerFacts {
    /// The commands that ask for them.
    pub(super) fn questions() -> [Cmd; 2] {
        let mut config = ::redis::cmd("CONFIG");
        config
            .arg("GET")
            .arg(&["maxmemory-policy", "appendonly", "appendfsync"]);
        [::redis::cmd("INFO"), config]
    }

    /// Asks all primaries.
    pub(super) async fn of_all(connection: &mut SharedConnection) -> RedisResult<Vec<Self>> {
        let [info, config] = Self::questions();
        let infos = match connection.send_to_all(&info).await {
            Err(error) if error.is_io_error() => return Err(error),
            Err(_) => vec![Value::Nil],
            Ok(infos) => infos,
        };
        // A provider can forbid it.
        let configs = connection.send_to_all(&config).await.unwrap_or_default();
        let mut configs = configs.into_iter();
        Ok(infos
            .into_iter()
            .map(|info| Self::read(info, configs.next().unwrap_or(Value::Nil)))
            .collect())
    }

    /// Reads the answers to the questions. An answer that is an error tells nothing.
    pub(super) fn read(info: Value, config: Value) -> Self {
        let info: String = from_redis_value(info).unwrap_or_default();
        let config: HashMap<String, String> = from_redis_value(config).unwrap_or_default();
        let line = |name: &str| {
            let mut lines = info.lines();
            lines.find_map(|line| line.trim_end().strip_prefix(name)?.strip_prefix(':'))
        };
        let set = |name: &str| config.get(name).map(String::as_str);
        let mut version = line("redis_version")
            .unwrap_or_default()
            .split('.')
            .map_while(|part| part.parse().ok());
        Self {
            version: version
                .next()
                .zip(version.next())
                .map(|(major, minor)| [major, minor]),
            is_cluster: line("cluster_enabled") == Some("1"),
            policy: set("maxmemory-policy")
                .or(line("maxmemory_policy"))
                .unwrap_or("unknown")
                .to_owned(),
            appends: set("appendonly") == Some("yes") || line("aof_enabled") == Some("1"),
            syncs_always: set("appendfsync") == Some("always"),
            replicas: line("connected_slaves")
                .and_then(|count| count.parse().ok())
                .unwrap_or(0),
        }
    }

    /// Tells why the store cannot use the server, and what to change.
    pub(super) fn refusal(&self, cluster: bool) -> Option<String> {
        if let Some([major, minor]) = self.version.filter(|version| *version < OLDEST) {
            return Some(format!(
                "Redis {major}.{minor} is too old: upgrade it to 7.0 or later"
            ));
        }
        match (self.is_cluster, cluster) {
            (true, false) => {
                Some("the server belongs to a Redis Cluster: use `RedisStore::cluster`".to_owned())
            }
            (false, true) if self.version.is_some() => {
                Some("the server does not belong to a Redis Cluster: use `RedisStore::builder`".to_owned())
            }
            _ => None,
        }
    }

    /// Tells how the server keeps dead letters, or what to change so that it keeps them.
    pub(super) fn durability(&self, sentinel: bool, acks: bool) -> Result<Durability, String> {
        let mut changes = Vec::new();
        if self.policy != "noeviction" {
            changes.push(format!(
                "set maxmemory-policy to noeviction (it is {})",
                self.policy
            ));
        }
        let can_wait = self.version.is_some_and(|version| version >= WAITAOF);
        if !self.appends {
            changes.push("set appendonly to yes".to_owned());
        }
        if !self.syncs_always && !can_wait {
            changes.push("set appendfsync to always, or upgrade to Redis 7.2".to_owned());
        }
        if (sentinel || self.replicas > 0) && !acks {
            changes.push("set min_replicas_ack, because the server has replicas".to_owned());
        }
        match changes.is_empty() {
            true if self.syncs_always => Ok(Durability::Always),
            true => Ok(Durability::AfterWait),
            false => Err(changes.join(", ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Value {
        Value::BulkString(text.as_bytes().to_vec())
    }

    fn config(fsync: &str) -> Value {
        let pairs = [
            "maxmemory-policy",
            "noeviction",
            "appendonly",
            "yes",
            "appendfsync",
            fsync,
        ];
        Value::Array(pairs.map(text).to_vec())
    }

    fn info(version: &str, more: &str) -> Value {
        text(&format!("# Server\r\nredis_version:{version}\r\n{more}"))
    }

    #[test]
    fn letters_are_kept_only_where_a_write_is_on_disk_before_its_answer() {
        let durability = |info, config| ServerFacts::read(info, config).durability(false, false);
        assert_eq!(
            durability(info("7.0.15", ""), config("always")),
            Ok(Durability::Always)
        );
        assert_eq!(
            durability(info("7.2.4", ""), config("everysec")),
            Ok(Durability::AfterWait)
        );
        let refused = durability(info("7.0.15", ""), config("everysec")).unwrap_err();
        assert_eq!(refused, "set appendfsync to always, or upgrade to Redis 7.2");
        // `CONFIG` is forbidden. `INFO` does not tell the policy of the append-only file.
        let told = "maxmemory_policy:noeviction\r\naof_enabled:1\r\n";
        assert_eq!(
            durability(info("8.0.0", told), Value::Nil),
            Ok(Durability::AfterWait)
        );
        assert!(durability(info("7.0.0", told), Value::Nil).is_err());
        let evicting = "maxmemory_policy:allkeys-lru\r\naof_enabled:0\r\n";
        let refused = durability(info("8.0.0", evicting), Value::Nil).unwrap_err();
        assert!(
            refused.contains("allkeys-lru") && refused.contains("appendonly"),
            "{refused}"
        );
        assert!(
            durability(Value::Nil, Value::Nil)
                .unwrap_err()
                .contains("unknown")
        );
    }

    #[test]
    fn replicas_must_acknowledge_letters() {
        let facts = ServerFacts::read(info("7.0.15", "connected_slaves:1\r\n"), config("always"));
        assert!(
            facts
                .durability(false, false)
                .unwrap_err()
                .contains("min_replicas_ack")
        );
        assert_eq!(facts.durability(false, true), Ok(Durability::Always));
        let alone = ServerFacts::read(info("7.0.15", "connected_slaves:0\r\n"), config("always"));
        assert!(alone.durability(true, false).is_err());
    }

    #[test]
    fn an_unusable_server_is_refused_with_the_change() {
        let refusal =
            |version, more, cluster| ServerFacts::read(info(version, more), Value::Nil).refusal(cluster);
        assert!(refusal("6.2.14", "", false).unwrap().contains("7.0"));
        assert!(
            refusal("7.0.0", "cluster_enabled:1\r\n", false)
                .unwrap()
                .contains("RedisStore::cluster")
        );
        assert!(
            refusal("7.0.0", "cluster_enabled:0\r\n", true)
                .unwrap()
                .contains("RedisStore::builder")
        );
        assert_eq!(refusal("10.0.1", "cluster_enabled:1\r\n", true), None);
        assert_eq!(ServerFacts::read(Value::Nil, Value::Nil).refusal(true), None);
    }
}
