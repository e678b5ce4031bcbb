//! What is looked at when connecting: whether this Redis can do what is asked of it, and keeps what it is given.

use super::link::Link;
use crate::store::StoreError;
use ::redis::Value;
use std::time::Duration;
use tokio::time::timeout;

/// `SET … NX GET` and the flags of scripts are newer than all before.
const OLDEST: u32 = 7;

/// Refuses a server that cannot do it; warns of one that may forget, or does not say.
pub(super) async fn check(link: &Link, within: Duration, cluster: bool) -> Result<(), StoreError> {
    let mut connection = link.connection().await?;
    let mut info = ::redis::cmd("INFO");
    info.arg("everything");
    let answer = timeout(within, connection.ask(&info)).await;
    let answer = match answer.map(|answer| answer.and_then(Value::extract_error)) {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) if error.is_io_error() => return Err(StoreError::new(error)),
        Err(_) => return Err(StoreError::new("no answer to INFO in time")),
        Ok(Err(error)) => {
            tracing::warn!(%error, "Redis does not say how it is set up: version and maxmemory-policy are not checked");
            return Ok(());
        }
    };
    let mut texts = Vec::new();
    collect(&answer, &mut texts);
    for text in texts {
        let field = |name: &str| {
            text.lines()
                .find_map(|line| line.trim_end().strip_prefix(name)?.strip_prefix(':'))
        };
        let version = field("redis_version").unwrap_or_default();
        if let Some(Ok(major)) = version.split('.').next().map(str::parse::<u32>)
            && major < OLDEST
        {
            return Err(StoreError::new(format!(
                "Redis {version} is too old: {OLDEST}.0 is needed"
            )));
        }
        if !cluster && field("cluster_enabled") == Some("1") {
            return Err(StoreError::new(
                "this is a Redis Cluster: use `RedisStore::cluster`",
            ));
        }
        match field("maxmemory_policy") {
            Some("noeviction") => {}
            policy => tracing::warn!(
                policy = policy.unwrap_or("unknown"),
                "maxmemory-policy is not noeviction: Redis may forget what was handled, and it would be handled again"
            ),
        }
    }
    Ok(())
}

/// What the server's clock says, since 1970.
pub(super) async fn time(link: &Link, within: Duration) -> Result<Duration, StoreError> {
    let mut connection = link.connection().await?;
    let ask = ::redis::cmd("TIME");
    let answer = timeout(within, connection.ask(&ask))
        .await
        .map_err(|_| StoreError::new("no answer to TIME in time"))?;
    let (seconds, micros): (u64, u64) = answer
        .and_then(|time| Ok(::redis::from_redis_value(time.extract_error()?)?))
        .map_err(StoreError::new)?;
    Ok(Duration::from_secs(seconds) + Duration::from_micros(micros))
}

/// All texts in an answer: a cluster's servers answer each for themselves.
fn collect(value: &Value, texts: &mut Vec<String>) {
    match value {
        Value::BulkString(bytes) => texts.push(String::from_utf8_lossy(bytes).into_owned()),
        Value::VerbatimString { text, .. } | Value::SimpleString(text) => texts.push(text.clone()),
        Value::Array(values) => values.iter().for_each(|value| collect(value, texts)),
        // The keys are the servers' names.
        Value::Map(entries) => entries.iter().for_each(|(_, value)| collect(value, texts)),
        _ => {}
    }
}
