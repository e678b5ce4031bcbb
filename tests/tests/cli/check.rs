//! `apideck-hooks check`, against our own receiver and against wrong ones.

use crate::program::run;
use crate::receivers::{BODY_DEADLINE, Handled, Mistake, by_hand, own};
use apideck_hooks::{Hooks, router};
use apideck_hooks_tests::inbox::{InboxFile, RunLog, Working, accepting, handle, quick, until_idle};
use apideck_hooks_tests::server;
use futures_util::future::join_all;
use std::collections::HashSet;

const EVENT: &str = "vault.connection.callable";

#[tokio::test]
async fn our_own_receiver_is_all_green() {
    let handled = Handled::default();
    let url = format!("http://{}/", own(&handled).await);
    let report = run(&["check", &url, "--event", EVENT, "--json"]).await;
    let objects = report.exits(0).objects();
    let (summary, findings) = objects.split_last().expect("findings");
    assert_eq!(summary["summary"]["failed"], 0);
    assert_eq!(summary["summary"]["not_tested"], 0);
    assert!(findings.len() > 25 && findings.iter().all(|finding| finding["result"] == "ok"));
    assert_eq!(handled.ids().len(), 1, "the event was handled once");

    let report = run(&["check", &url, "--json"]).await;
    let objects = report.exits(0).objects();
    let duplicates = objects
        .iter()
        .find(|finding| finding["check"] == "duplicates")
        .expect("a finding");
    assert_eq!(duplicates["result"], "not_tested");
    assert_eq!(handled.ids().len(), 1, "no further event was handled");
}

/// Whether its workers have run the event by then or not.
#[tokio::test]
async fn a_receiver_with_an_inbox_does_not_fail() {
    let (file, log) = (InboxFile::default(), RunLog::default());
    let hooks = accepting(Hooks::builder(router![handle]), file.store().await, &log);
    let hooks = hooks.body_deadline(BODY_DEADLINE).build().expect("a receiver");
    let url = format!("http://{}/", server::hyper(hooks.clone()).await);
    let check = || async { run(&["check", &url, "--event", EVENT, "--json"]).await };
    let objects = check().await.exits(0).objects();
    let again = ["same delivery again", "retry", "captured body"];
    for name in again {
        let finding = objects.iter().find(|finding| finding["check"] == name);
        assert_eq!(finding.expect("a finding")["result"], "not_tested");
    }
    let _workers = Working::begin(&hooks, quick());
    check().await.exits(0);
    until_idle(&hooks).await;
    // Bodies that are not events have no id.
    let events: Vec<_> = log.begun().into_iter().filter(|(id, _)| !id.is_empty()).collect();
    let different: HashSet<_> = events.iter().collect();
    assert_eq!(different.len(), events.len(), "{events:?}");
}

/// The names of the failed findings.
async fn failed(mistake: Mistake, wait: &str) -> (Mistake, i32, Vec<String>) {
    let url = format!("http://{}/", by_hand(mistake).await);
    let report = run(&["check", &url, "--event", EVENT, "--json", "--wait", wait]).await;
    let objects = report.objects();
    let failed = objects.iter().filter(|finding| finding["result"] == "failed");
    let failed = failed.map(|finding| finding["check"].as_str().expect("a name").to_owned());
    (mistake, report.code, failed.collect())
}

#[tokio::test]
async fn a_receiver_by_hand_without_a_mistake_is_all_green() {
    let (_, code, failed) = failed(Mistake::None, "300").await;
    assert_eq!((code, failed), (0, Vec::new()));
}

#[tokio::test]
async fn each_wrong_receiver_is_named() {
    let cases: [(Mistake, &[&str]); 10] = [
        (Mistake::ParsesFirst, &["verifies, then parses"]),
        (
            Mistake::AcceptsBadSignatures,
            &[
                "no signature",
                "malformed signature",
                "two signatures",
                "another key",
                "cut signature",
                "wrong end of signature",
                "another's signature",
                "changed body",
                "cut body",
                "verifies, then parses",
            ],
        ),
        (
            Mistake::FindsNoDuplicates,
            &["same delivery again", "retry", "captured body"],
        ),
        (
            Mistake::ConflictForDuplicates,
            &["same delivery again", "retry", "captured body"],
        ),
        (Mistake::RefusesUnknownEvents, &["unknown event"]),
        (Mistake::EchoesErrors, &["tells no internals"]),
        (Mistake::TrustsHeader, &["header's event"]),
        (Mistake::AcceptsCutSignatures, &["cut signature"]),
        (Mistake::NoSizeLimit, &["limit of a body's length"]),
        (Mistake::NoTimeLimit, &["limit of a body's time"]),
    ];
    let checked = cases.map(|(mistake, named)| async move {
        // The receiver without a limit is waited for in vain.
        let wait = if mistake == Mistake::NoTimeLimit {
            "1"
        } else {
            "300"
        };
        (failed(mistake, wait).await, named)
    });
    for ((mistake, code, failed), named) in join_all(checked).await {
        assert_eq!(failed, named, "{mistake:?}");
        assert_eq!(code, 1, "{mistake:?}");
    }
}

#[tokio::test]
async fn an_absent_receiver_is_unreachable() {
    let report = run(&["check", "http://127.0.0.1:1/"]).await;
    assert!(report.exits(3).stderr.contains("error: "));
    run(&["check", "http://192.0.2.1/"]).await.exits(2);
    run(&[
        "check",
        "http://127.0.0.1:1/",
        "--event",
        "vault.conection.created",
    ])
    .await
    .exits(2);
}
