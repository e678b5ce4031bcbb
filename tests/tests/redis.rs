//! The store on Redis.
#![cfg(unix)]

use apideck_hooks::store_conformance;
use apideck_hooks_tests::redis::url;

store_conformance!(stand_alone, async {
    match url().await {
        Some(url) => Some(
            apideck_hooks::RedisStore::builder(url)
                .prefix(apideck_hooks_tests::redis::prefix())
                .connect()
                .await
                .expect("Redis"),
        ),
        None => None,
    }
});
