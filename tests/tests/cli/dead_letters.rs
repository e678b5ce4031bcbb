//! `apideck-hooks dead-letters`, over a console.

use crate::console::{ConsoleStandIn, TOKEN};
use crate::program::{Output, command, output, run};

async fn letters(console: &str, arguments: &[&str]) -> Output {
    let mut command = command(&[&["dead-letters"], arguments, &["--console", console, "--json"]].concat());
    command.env("APIDECK_HOOKS_CONSOLE_TOKEN", TOKEN);
    output(command, b"").await
}

#[tokio::test]
async fn letters_are_listed_over_all_pages_replayed_and_purged() {
    let stand_in = ConsoleStandIn::with_letters(40);
    let url = stand_in.start().await;
    assert_eq!(letters(&url, &["list"]).await.exits(0).objects().len(), 40);
    assert_eq!(
        letters(&url, &["list", "--at-most", "9"])
            .await
            .exits(0)
            .objects()
            .len(),
        9
    );
    assert_eq!(
        letters(&url, &["list", "--event", "crm.lead.created"])
            .await
            .exits(0)
            .objects()
            .len(),
        0
    );

    let dry = letters(&url, &["replay", "--all", "--dry-run"]).await;
    assert_eq!(
        (&dry.exits(0).last_object()["count"], stand_in.letters()),
        (&40.into(), 40)
    );
    let replayed = letters(&url, &["replay", "--all", "--at-most", "10"]).await;
    let failed = replayed
        .exits(1)
        .objects()
        .iter()
        .filter(|letter| letter["disposition"] == "dead_lettered")
        .count();
    assert_eq!((failed, stand_in.letters()), (5, 35));

    let record = format!("{:032x}", 1);
    let shown = letters(&url, &["show", &record]).await;
    assert!(
        shown.exits(0).last_object()["body"]
            .as_str()
            .expect("a body")
            .starts_with("{\"payload\"")
    );
    letters(&url, &["purge", &record]).await.exits(0);
    assert_eq!(stand_in.letters(), 34);
    letters(&url, &["purge", &record]).await.exits(1);
    assert!(
        letters(&url, &["show", &record])
            .await
            .exits(1)
            .stderr
            .contains("no such dead letter")
    );
}

#[tokio::test]
async fn a_change_that_fails_half_way_tells_the_letters_before() {
    let stand_in = ConsoleStandIn::with_letters(4);
    let url = stand_in.start().await;
    stand_in.break_store();
    let told = letters(&url, &["purge", "--all"]).await;
    assert_eq!((told.exits(1).objects().len(), stand_in.letters()), (1, 3));
    assert!(
        told.stderr.contains("stopped: the store failed"),
        "{}",
        told.stderr
    );
}

#[tokio::test]
async fn wrong_use_and_a_wrong_token_are_told() {
    let url = ConsoleStandIn::default().start().await;
    let told = run(&["dead-letters", "list", "--console", &url]).await;
    assert!(told.exits(1).stderr.contains("set APIDECK_HOOKS_CONSOLE_TOKEN"));
    let mut wrong = command(&["dead-letters", "list", "--console", &url]);
    wrong.env("APIDECK_HOOKS_CONSOLE_TOKEN", "another");
    let told = output(wrong, b"").await;
    assert!(told.exits(1).stderr.contains("another token") && !told.stderr.contains("console-token"));
    for arguments in [
        &["show", "../receiver"][..],
        &["show", ".."],
        &["replay"],
        &["replay", "a", "--all"],
        &["replay", "a", "--dry-run"],
        &["list", "--since", "yesterday"],
        &["list", "--event", "nonsense"],
    ] {
        letters(&url, arguments).await.exits(2);
    }
    letters("http://127.0.0.1:1", &["list"]).await.exits(3);
    letters("http://192.0.2.1", &["list"]).await.exits(2);
    letters(&url.replace("/hooks", "/elsewhere"), &["list"])
        .await
        .exits(1);
}
