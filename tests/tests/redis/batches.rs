//! Batches: calls that are sent together get their own responses.

use super::{LONG, PATIENCE, claim, connected, granted, key, ms, proxied, token_of};
use apideck_hooks::store::{Claim, End, Held, Key, Status, Store, Token, Verdict};
use apideck_hooks_tests::redis::Isolated;
use apideck_hooks_tests::redis::proxy::Mode;
use apideck_hooks_tests::waiting::until;
use futures_util::future::join_all;
use std::sync::Arc;
use std::time::Instant;
use tokio::time::sleep;

async fn put(isolated: &Isolated, command: &str, arguments: &[&str]) {
    let mut command = redis::cmd(command);
    let sent = command
        .arg(arguments)
        .exec_async(&mut isolated.client().await)
        .await;
    sent.unwrap();
}

#[tokio::test]
async fn one_failed_call_of_a_batch_does_not_fail_the_others() {
    let Some(isolated) = Isolated::new().await else {
        return;
    };
    let store = isolated.store().await;
    let events = [(); 40].map(|()| key());
    let broken = [(5, "LPUSH"), (15, "SET"), (25, "LPUSH")];
    for (n, command) in broken {
        let name = format!("{}:r:{}", isolated.prefix, events[n]);
        put(&isolated, command, &[&name, "not a record"]).await;
    }
    let deliveries = [(); 40].map(|()| key());
    let alias = format!("{}:a:{}", isolated.prefix, deliveries[35]);
    put(&isolated, "LPUSH", &[&alias, "not an alias"]).await;
    let claims = events.iter().zip(deliveries);
    let claims =
        join_all(claims.map(|(event, delivery)| store.claim(Claim::new(*event, Some(delivery), LONG))));
    let mut tokens = Vec::new();
    for (n, claimed) in claims.await.into_iter().enumerate() {
        if [5, 15, 25, 35].contains(&n) {
            claimed.unwrap_err();
            tokens.push(Token(1));
        } else {
            tokens.push(token_of(claimed.unwrap()).0);
        }
    }
    let ends = events.iter().zip(&tokens);
    let ends = join_all(ends.map(|(event, token)| store.finish(*event, *token, End::Done)));
    for (n, held) in ends.await.into_iter().enumerate() {
        match n {
            // The first three records are unreadable. The last claim failed.
            5 | 15 | 25 => drop(held.unwrap_err()),
            35 => assert_eq!(held.unwrap(), Held::Lost),
            _ => assert_eq!(held.unwrap(), Held::Yes),
        }
    }
}

#[tokio::test]
async fn a_dropped_call_does_not_take_the_response_of_another() {
    let Some(isolated) = Isolated::new().await else {
        return;
    };
    let (proxy, builder) = proxied(&isolated).await;
    let store = Arc::new(builder.connect().await.unwrap());
    super::done(&store, key()).await;
    for dropped in [&[0][..], &[0, 1], &[0, 1, 2, 4, 6], &[0, 1, 3, 5, 7]] {
        proxy.set(Mode::Stall);
        let mut callers = Vec::new();
        for event in [(); 12].map(|()| key()) {
            let store = Arc::clone(&store);
            callers.push((
                event,
                tokio::spawn(async move { granted(&store, event, LONG).await }),
            ));
            tokio::task::yield_now().await;
        }
        // The first calls are sent alone. The others wait for them and are then sent together.
        for n in dropped {
            sleep(ms(5)).await;
            callers[*n].1.abort();
        }
        sleep(ms(20)).await;
        proxy.set(Mode::Pass);
        for (n, (event, caller)) in callers.into_iter().enumerate() {
            if dropped.contains(&n) {
                let _ = caller.await;
                continue;
            }
            let (token, attempt) = caller.await.unwrap();
            assert_eq!(attempt, 1);
            assert_eq!(store.finish(event, token, End::Done).await.unwrap(), Held::Yes);
        }
    }
}

#[tokio::test]
async fn a_connection_that_never_responds_is_replaced() {
    let Some(isolated) = Isolated::new().await else {
        return;
    };
    let (proxy, builder) = proxied(&isolated).await;
    let store = Arc::new(builder.call_timeout(2 * PATIENCE).connect().await.unwrap());
    super::done(&store, key()).await;
    proxy.stall_existing();
    let asked = Instant::now();
    let callers: Vec<_> = (0..12)
        .map(|_| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { store.claim(Claim::new(key(), None, LONG)).await })
        })
        .collect();
    // The first calls are sent alone. They are dropped so soon that this says nothing about the
    // connection.
    sleep(ms(10)).await;
    callers[..2].iter().for_each(|caller| caller.abort());
    sleep(ms(300)).await;
    for caller in callers {
        caller.abort();
        assert!(caller.await.is_err(), "no call gets a response");
    }
    sleep(ms(20)).await;
    super::done(&store, key()).await;
    assert!(asked.elapsed() < PATIENCE, "another connection");
}

#[tokio::test]
async fn a_queued_call_waits_no_longer_than_for_a_response() {
    let Some(isolated) = Isolated::new().await else {
        return;
    };
    let (proxy, builder) = proxied(&isolated).await;
    let (connect, call) = (ms(1000), ms(1000));
    let store = connected(&builder.connect_timeout(connect).call_timeout(call)).await;
    proxy.set(Mode::Stall);
    let calls = join_all((0..500).map(|_| {
        let store = &store;
        async move {
            let asked = Instant::now();
            store
                .claim(Claim::new(key(), Some(key()), LONG))
                .await
                .unwrap_err();
            asked.elapsed()
        }
    }));
    // One call after another would take at least 500 seconds.
    let longest = calls.await.into_iter().max().unwrap();
    assert!(longest < PATIENCE, "{longest:?}");
    proxy.set(Mode::Pass);
    until("it recovers", async || {
        store.claim(Claim::new(key(), None, LONG)).await.is_ok()
    })
    .await;
}

#[tokio::test]
async fn more_calls_than_the_queue_holds_all_get_a_response() {
    let Some(isolated) = Isolated::new().await else {
        return;
    };
    let store = isolated.store().await;
    let claims = join_all((0..3000).map(|_| granted(&store, key(), LONG)));
    assert!(claims.await.into_iter().all(|(_, attempt)| attempt == 1));
}

/// Claims of one record may share a batch. Only one is granted, and only its finish applies.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_has_one_owner_at_a_time_in_any_batch() {
    let Some(isolated) = Isolated::new().await else {
        return;
    };
    let store = Arc::new(isolated.store().await);
    let events = Arc::new([(); 8].map(|()| (key(), key())));
    let callers = join_all((0..64).map(|n| {
        let (store, events) = (Arc::clone(&store), Arc::clone(&events));
        tokio::spawn(async move {
            let mut owned: Vec<(Key, Token, u32)> = Vec::new();
            for round in 0..40 {
                let (event, delivery) = events[(n + round) % events.len()];
                let claimed = claim(&store, event, Some(delivery), LONG).await;
                if let Verdict::Granted { token, attempt } = claimed.verdict {
                    owned.push((event, token, attempt));
                    let stale = Token(token.0 - 1);
                    let (held, lost) = tokio::join!(
                        store.finish(event, token, End::Release),
                        store.finish(event, stale, End::Done),
                    );
                    assert_eq!((held.unwrap(), lost.unwrap()), (Held::Yes, Held::Lost));
                }
            }
            owned
        })
    }));
    let mut owned: Vec<_> = callers.await.into_iter().flat_map(Result::unwrap).collect();
    owned.sort();
    for (event, _) in *events {
        let of_event: Vec<_> = owned.iter().filter(|(of, ..)| *of == event).collect();
        assert!(!of_event.is_empty());
        // In the order of the tokens the attempts have no gap.
        for (n, (_, _, attempt)) in of_event.iter().enumerate() {
            assert_eq!(*attempt as usize, n + 1);
        }
        let (_, token, attempt) = **of_event.last().unwrap();
        assert_eq!(
            store.status(event).await.unwrap(),
            Status::Released { token, attempt }
        );
    }
}

/// A record can be a string or a hash.
#[tokio::test]
async fn a_hash_without_a_dead_letter_is_a_record() {
    let Some(isolated) = Isolated::new().await else {
        return;
    };
    let store = isolated.store().await;
    let event = key();
    let name = format!("{}:r:{event}", isolated.prefix);
    let fields = [
        "s",
        "run",
        "t",
        "7",
        "n",
        "2",
        "u",
        "5",
        "m",
        "0123456789abcdef",
        "a",
        "",
    ];
    put(&isolated, "HSET", &[&[&*name], &fields[..]].concat()).await;
    let old = Status::Running {
        lease_left: ms(0),
        token: Token(7),
        attempt: 2,
    };
    assert_eq!(store.status(event).await.unwrap(), old);
    assert_eq!(
        store.finish(event, Token(8), End::Done).await.unwrap(),
        Held::Lost
    );
    let (token, attempt) = granted(&store, event, LONG).await;
    assert!(token > Token(7) && attempt == 3);
    assert_eq!(
        store.finish(event, Token(7), End::Done).await.unwrap(),
        Held::Lost
    );
    assert_eq!(store.finish(event, token, End::Done).await.unwrap(), Held::Yes);
    assert_eq!(store.status(event).await.unwrap(), Status::Done { token });
}
