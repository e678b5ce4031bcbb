//! The version of the keys, and the formats of other versions.

use super::{claim_of, key};
use apideck_hooks::store::Store;
use apideck_hooks_tests::redis::Isolated;

async fn set(isolated: &Isolated, name: &str, value: &str) {
    redis::cmd("SET")
        .arg(format!("{}:{name}", isolated.prefix))
        .arg(value)
        .exec_async(&mut isolated.client().await)
        .await
        .unwrap();
}

/// The refusal of a store with this key under its prefix.
async fn refusal(name: &str, value: &str) -> Option<String> {
    let isolated = Isolated::new().await?;
    set(&isolated, name, value).await;
    let refused = isolated.builder().connect().await.unwrap_err().to_string();
    assert!(refused.contains(&isolated.prefix), "{refused}");
    Some(refused)
}

#[tokio::test]
async fn the_keys_of_an_older_version_are_refused() {
    let record = format!("r:{}", key());
    for (name, value, format) in [
        ("dead", "text", "format 1"),
        (&record, "text", "format 1"),
        ("format", "2", "format 2"),
    ] {
        let Some(refused) = refusal(name, value).await else {
            return;
        };
        assert!(
            refused.contains(format) && refused.contains("delete them"),
            "{refused}"
        );
    }
}

#[tokio::test]
async fn the_keys_of_a_newer_version_are_refused() {
    let Some(refused) = refusal("format", "4").await else {
        return;
    };
    assert!(
        refused.contains("newer release") && refused.contains("format 4"),
        "{refused}"
    );
    let refused = refusal("format", "text").await.unwrap();
    assert!(refused.contains("is not a format"), "{refused}");
}

/// A newer release has written one record while this one runs.
#[tokio::test]
async fn a_record_of_another_version_is_an_error() {
    let Some(isolated) = Isolated::new().await else {
        return;
    };
    let store = isolated.store().await;
    let event = key();
    let mut facts = [0_u8; 91];
    facts[0] = 2;
    redis::cmd("HSET")
        .arg(format!("{}:record:{event}", isolated.prefix))
        .arg("facts")
        .arg(&facts[..])
        .exec_async(&mut isolated.client().await)
        .await
        .unwrap();
    let error = store.claim(claim_of(event, None)).await.unwrap_err();
    assert!(error.to_string().contains("unknown version"), "{error}");
}

/// A prefix is not a pattern, and the keys of another prefix do not count.
#[tokio::test]
async fn the_version_is_marked_once_and_read_again() {
    let Some(mut isolated) = Isolated::new().await else {
        return;
    };
    set(&isolated, &format!("x:r:{}", key()), "text").await;
    isolated.prefix += ":*";
    isolated.store().await;
    let format: String = redis::cmd("GET")
        .arg(format!("{}:format", isolated.prefix))
        .query_async(&mut isolated.client().await)
        .await
        .unwrap();
    assert_eq!(format, "3");
    // Only the mark is read from now on.
    set(&isolated, "dead", "text").await;
    isolated.store().await;
}
