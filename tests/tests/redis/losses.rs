//! Data that Redis loses or keeps: a truncated append-only file, and a replica that was behind.

use super::{LONG, SOURCE, claim, claim_of, dead, done, granted, key, store_on, verdict};
use apideck_hooks::store::{Claim, DeadLetterStore, End, Held, LetterFilter, RecordState, Store, Verdict};
use apideck_hooks_tests::directory::Directory;
use apideck_hooks_tests::redis::proxy::{Mode, Proxy};
use apideck_hooks_tests::redis::server::{Server, can_start};
use apideck_hooks_tests::services::free_port;
use apideck_hooks_tests::waiting::until;
use std::path::{Path, PathBuf};

/// The append-only file.
fn log(directory: &Path) -> PathBuf {
    let files = std::fs::read_dir(directory.join("appendonlydir")).unwrap();
    let mut files = files.map(|file| file.unwrap().path());
    let log = files.find(|file| file.to_string_lossy().ends_with(".incr.aof"));
    log.expect("a log")
}

fn copy(from: &Path, to: &Path) {
    for file in std::fs::read_dir(from).unwrap() {
        let (name, from) = file.map(|file| (file.file_name(), file.path())).unwrap();
        let to = to.join(name);
        if from.is_dir() {
            std::fs::create_dir(&to).unwrap();
            copy(&from, &to);
        } else {
            std::fs::copy(from, to).unwrap();
        }
    }
}

/// After a power loss with `appendfsync always`, the file ends anywhere after the last acknowledged
/// write. Every acknowledged end is known.
#[tokio::test]
async fn a_truncated_append_only_file_keeps_everything_that_was_acknowledged() {
    if !can_start() {
        return;
    }
    let directory = Directory::default();
    let server = Server::durable(&directory, free_port()).await;
    let store = store_on(&server).await;
    let length = || std::fs::metadata(log(directory.path())).unwrap().len();
    let mut acknowledged = Vec::new();
    for n in 0..30 {
        let (event, delivery) = (key(), key());
        let (grant, _) = granted(&store, claim_of(event, Some(delivery))).await;
        let end = if n % 2 == 0 { End::Done } else { dead("{}") };
        assert_eq!(store.finish(grant, end).await.unwrap(), Held::Yes);
        acknowledged.push((event, delivery, n % 2 == 0, length()));
    }
    drop(store);
    drop(server);
    for cut in [0, 7, 15, 22, 29] {
        let image = Directory::default();
        copy(directory.path(), image.path());
        let at = acknowledged[cut].3;
        // A torn part of the next write.
        let torn = (at + 20).min(acknowledged[29].3);
        let file = std::fs::OpenOptions::new()
            .write(true)
            .open(log(image.path()))
            .unwrap();
        file.set_len(torn).unwrap();
        let server = Server::durable(&image, free_port()).await;
        let store = store_on(&server).await;
        for (event, delivery, handled, _) in &acknowledged[..=cut] {
            let again = claim(&store, key(), Some(*delivery)).await;
            let verdict = if *handled {
                Verdict::Done
            } else {
                Verdict::Dead { kept: true }
            };
            assert_eq!((again.record, again.verdict), (*event, verdict));
        }
        let letters = store.list(SOURCE, &LetterFilter::new(), None, 100).await.unwrap();
        let mut listed: Vec<_> = letters.iter().map(|dead| dead.record).collect();
        listed.reverse();
        let kept = acknowledged[..=cut].iter().filter(|(_, _, handled, _)| !handled);
        assert_eq!(listed, kept.map(|(event, ..)| *event).collect::<Vec<_>>());
    }
}

/// The primary dies before its replica gets a claim. The event is granted again, and a handled
/// event is handled again. The token fences the earlier owner.
#[tokio::test]
async fn a_failover_can_grant_a_claim_twice() {
    if !can_start() {
        return;
    }
    let directories = [Directory::default(), Directory::default()];
    let primary = Server::start(&directories[0], free_port(), &["--repl-diskless-sync-delay", "0"]).await;
    let line = Proxy::start(format!("127.0.0.1:{}", primary.port)).await;
    let of = format!("127.0.0.1 {}", line.addr.port());
    let replica = Server::start(&directories[1], free_port(), &["--replicaof", &of]).await;
    let before = {
        let store = store_on(&primary).await;
        let before = key();
        done(&store, before).await;
        before
    };
    let mut client = replica.client().await;
    until("the replica has the record", async || {
        let keys: usize = redis::cmd("DBSIZE").query_async(&mut client).await.unwrap();
        // The record, and the format of the keys.
        keys == 2
    })
    .await;
    // From now on the replica gets no writes, and the primary does not wait for it.
    line.set(Mode::Stall);
    let (running, handled) = (key(), key());
    let store = store_on(&primary).await;
    let (grant, _) = granted(&store, claim_of(running, None)).await;
    done(&store, handled).await;
    drop(store);
    drop(primary);
    line.set(Mode::Refuse);
    redis::cmd("REPLICAOF")
        .arg(&["NO", "ONE"])
        .exec_async(&mut client)
        .await
        .unwrap();
    let store = store_on(&replica).await;
    assert_eq!(verdict(&store, before).await, Verdict::Done);
    let (_, attempt) = granted(&store, claim_of(handled, None)).await;
    assert_eq!(attempt, 1, "the event is handled again");
    let (again, attempt) = granted(&store, claim_of(running, None)).await;
    assert!(attempt == 1 && again.token > grant.token, "{grant:?} {again:?}");
    assert_eq!(store.finish(grant, End::Done).await.unwrap(), Held::Lost);
    assert_eq!(store.renew(grant, LONG).await.unwrap(), Held::Lost);
    assert_eq!(store.finish(again, End::Done).await.unwrap(), Held::Yes);
    assert_eq!(store.status(running).await.unwrap().state, RecordState::Done);
    assert!(store.claim(Claim::new(key(), LONG)).await.is_ok());
}
