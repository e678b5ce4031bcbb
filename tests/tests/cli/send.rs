//! `apideck-hooks send` and `verify`, and how every task ends.

use crate::program::{command, output, run};
use crate::receivers::{Handled, own};
use crate::recordings::Captured;
use apideck_hooks::Secret;
use apideck_hooks::signature::{Form, Verifier};
use apideck_hooks_tests::SECRET;
use apideck_hooks_tests::directory::Directory;
use apideck_hooks_tests::services::skip;
use apideck_hooks_tests::waiting::ends;
use serde_json::{Value, json};
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::Command;

const EVENT: &str = "vault.connection.callable";

#[tokio::test]
async fn every_option_reaches_the_receiver() {
    let captured = Captured::default();
    let url = captured.start().await;
    let options = [
        "send",
        EVENT,
        "--to",
        &url,
        "--set",
        "entity.settings.limit=3",
        "--set",
        "entity.name=a=b",
        "--set-new",
        "brand_new=[1]",
        "--attempt",
        "4",
        "--key",
        "k-1",
        "-H",
        "X-Gateway: yes",
        "--form",
        "sorted",
        "--encoding",
        "base64",
    ];
    run(&options).await.exits(0);
    let (headers, body) = captured.take();
    let payload = &serde_json::from_slice::<Value>(&body).expect("JSON")["payload"];
    assert_eq!(payload["entity"]["settings"]["limit"], 3);
    assert_eq!(payload["entity"]["name"], "a=b");
    assert_eq!(
        (&payload["brand_new"], &payload["execution_attempt"]),
        (&json!([1]), &4.into())
    );
    assert_eq!(
        (&headers["x-gateway"], &headers["x-apideck-idempotency-key"]),
        (&"yes".parse().unwrap(), &"k-1".parse().unwrap())
    );
    assert_eq!(
        (
            headers["x-apideck-signature"].len(),
            &headers["x-apideck-event-type"]
        ),
        (44, &EVENT.parse().unwrap())
    );
    let verifier = Verifier::new([Secret::new(SECRET).unwrap()]).unwrap();
    assert_eq!(
        verifier.verify(&headers, &body).expect("genuine").form(),
        Form::Sorted
    );

    run(&["send", "vault.connection.paused", "--unlisted", "--to", &url])
        .await
        .exits(0);
    assert_eq!(
        captured.take().0["x-apideck-event-type"],
        "vault.connection.paused"
    );
}

#[tokio::test]
async fn a_body_comes_from_a_file_or_from_standard_input() {
    let captured = Captured::default();
    let (url, folder) = (captured.start().await, Directory::default());
    let body = "{ \"payload\": {\"event_type\":\"crm.lead.created\"} }";
    let file = folder.file("body.json");
    std::fs::write(&file, body).unwrap();
    run(&["send", file.to_str().unwrap(), "--to", &url])
        .await
        .exits(0);
    assert_eq!(captured.take().1, body);
    output(command(&["send", "-", "--to", &url]), body.as_bytes())
        .await
        .exits(0);
    assert_eq!(captured.take().1, body);
    let bare = output(
        command(&["send", "-", "--to", &url]),
        b"{\"event_type\":\"crm.lead.created\"}",
    )
    .await;
    assert!(bare.exits(2).stderr.contains("no `payload` around it"));
    let absent = folder.file("absent.json");
    run(&["send", absent.to_str().unwrap(), "--to", &url])
        .await
        .exits(2);
}

#[tokio::test]
async fn the_exit_status_tells_the_outcome() {
    let handled = Handled::default();
    handled.fail("e-1", 1);
    let url = format!("http://{}/", own(&handled).await);
    let send = ["send", EVENT, "--to", &url, "--set", "event_id=e-1", "--json"];
    assert_eq!(run(&send).await.exits(1).last_object()["status"], 500);
    let twice = run(&[&send[..], &["--times", "2"]].concat()).await;
    let words: Vec<_> = twice
        .exits(0)
        .objects()
        .iter()
        .map(|object| object["word"].clone())
        .collect();
    assert_eq!(words, ["handled", "duplicate"]);
    assert_eq!(handled.ids(), ["e-1"]);
    let mut other = command(&send);
    other.env("APIDECK_API_KEY", "another-key");
    let other = output(other, b"").await;
    assert!(other.exits(1).stderr.contains("another key"));
    assert!(!other.stderr.contains("another-key") && !other.stdout.contains("another-key"));

    let mut without = command(&send);
    without.env_remove("APIDECK_API_KEY");
    assert!(
        output(without, b"")
            .await
            .exits(2)
            .stderr
            .contains("there is no API key")
    );
    for wrong in [
        &["--to", "nonsense"][..],
        &["--to", "http://user:password@127.0.0.1:1/"],
        &["--to", &url, "--set", "nothing"],
        &["--to", &url, "--set", "entity=1", "--set-new", "entity.a.b=1"],
        &["--to", &url, "-H", "a b:c"],
        &["--to", &url, "--key", "a\nb"],
        &["--to", &url, "--attempt", "0"],
        &["--to", &url, "--times", "0"],
        &["--to", &url, "--exact", "--set", "entity.name=x"],
        &["--to", &url, "--exact"],
        &["--to", &url, "--key-file", "/no/such/file"],
        &[],
    ] {
        run(&[&["send", EVENT], wrong].concat()).await.exits(2);
    }
    run(&[]).await.exits(2);
    run(&["--version"]).await.exits(0);
}

#[tokio::test]
async fn a_retry_waits_as_apideck_does_and_tells_for_how_long() {
    let handled = Handled::default();
    handled.fail("e-1", 100);
    let url = format!("http://{}/", own(&handled).await);
    let send = ["send", EVENT, "--to", &url, "--set", "event_id=e-1", "--retry"];
    for (attempt, pause) in [("1", "waits 3m"), ("4", "waits 30m"), ("9", "waits 12h")] {
        let mut child = command(&[&send[..], &["--attempt", attempt]].concat())
            .spawn()
            .expect("the command");
        let mut lines = BufReader::new(child.stderr.take().expect("a pipe")).lines();
        let line = ends("a line", lines.next_line())
            .await
            .expect("text")
            .expect("a line");
        assert!(line.starts_with(pause), "{line}");
        child.kill().await.expect("it is killed");
    }
    let last = run(&[&send[..], &["--attempt", "10"]].concat()).await;
    assert!(last.exits(1).stderr.contains("gives the event up"));
    run(&["send", EVENT, "--to", &url, "--retry"]).await.exits(0);
}

#[tokio::test]
async fn a_closed_pipe_is_no_panic() {
    let mut child = command(&["events"]).spawn().expect("the command");
    drop(child.stdout.take());
    let mut errors = String::new();
    child
        .stderr
        .take()
        .expect("a pipe")
        .read_to_string(&mut errors)
        .await
        .expect("text");
    let ended = ends("the command", child.wait()).await.expect("a status");
    assert_eq!((ended.code(), errors.as_str()), (Some(0), ""));
    let mut both = command(&["events", "nothing"]);
    both.stdout(Stdio::piped());
    let mut child = both.spawn().expect("the command");
    drop((child.stdout.take(), child.stderr.take()));
    assert_eq!(
        ends("the command", child.wait()).await.expect("a status").code(),
        Some(1)
    );
}

#[tokio::test]
async fn a_signature_is_verified_or_explained() {
    let folder = Directory::default();
    let file = folder.file("body.json");
    std::fs::write(&file, "{\"b\":1,\"a\":2}").unwrap();
    let file = file.to_str().unwrap();
    let sign = |form, encoding| {
        let secret = Secret::new(SECRET).unwrap();
        apideck_hooks::testing::sign(&secret, b"{\"b\":1,\"a\":2}", form, encoding).unwrap()
    };
    use apideck_hooks::signature::Encoding::{Base64, Hex};
    for (form, encoding) in [(Form::Raw, Hex), (Form::Sorted, Base64)] {
        let verified = run(&["verify", file, "--signature", &sign(form, encoding), "--json"]).await;
        let told = verified.exits(0).last_object();
        assert_eq!(
            (&told["form"], &told["encoding"]),
            (&form.name().into(), &encoding.name().into())
        );
    }
    let refused = run(&["verify", file, "--signature", &"0".repeat(64)]).await;
    assert!(refused.exits(1).stdout.contains("does not match"));
    run(&["verify", file, "--signature", "nonsense"]).await.exits(1);
    run(&["verify", file]).await.exits(2);
    let trailing = output(
        command(&["verify", "-", "--signature", &sign(Form::Raw, Hex)]),
        b"{\"b\":1,\"a\":2}\n",
    )
    .await;
    assert!(
        trailing.exits(1).stdout.contains("whitespace"),
        "{}",
        trailing.stdout
    );
}

/// `openssl s_server` with a certificate of its own answers one request.
#[tokio::test]
async fn a_receiver_behind_tls_is_reached_if_its_certificate_is_trusted() {
    let folder = Directory::default();
    let [key, cert] = ["key.pem", "cert.pem"].map(|name| folder.file(name).display().to_string());
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-days",
            "2",
            "-subj",
            "/CN=localhost",
            "-keyout",
            &key,
        ])
        .args([
            "-out",
            &cert,
            "-addext",
            "subjectAltName=DNS:localhost",
            "-addext",
            "basicConstraints=critical,CA:FALSE",
        ])
        .output();
    if !made.await.is_ok_and(|made| made.status.success()) {
        return skip("openssl");
    }
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    drop(listener);
    let mut server = Command::new("openssl")
        .args([
            "s_server",
            "-accept",
            &format!("127.0.0.1:{port}"),
            "-cert",
            &cert,
            "-key",
            &key,
            "-naccept",
            "2",
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("openssl");
    let mut lines = BufReader::new(server.stdout.take().expect("a pipe")).lines();
    let mut stdin = server.stdin.take().expect("a pipe");
    while !ends("a line", lines.next_line())
        .await
        .expect("text")
        .expect("a line")
        .contains("ACCEPT")
    {}
    let url = format!("https://localhost:{port}/");
    let distrusted = run(&["send", EVENT, "--to", &url]).await;
    assert!(
        distrusted.exits(3).stdout.contains("certificate"),
        "{}",
        distrusted.stdout
    );

    let mut trusted = command(&["send", EVENT, "--to", &url, "--json"]);
    trusted.env("SSL_CERT_FILE", &cert);
    let answer = async {
        while !ends("a line", lines.next_line())
            .await
            .expect("text")
            .expect("a line")
            .contains("x-apideck-signature")
        {}
        let response = b"HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\n{\"status\":\"handled\"}\n";
        stdin.write_all(response).await.expect("a pipe");
    };
    let (sent, ()) = tokio::join!(output(trusted, b""), answer);
    assert_eq!(sent.exits(0).last_object()["word"], "handled");
}
