//! `apideck-hooks listen`, between a sender and a receiver.

use crate::listener::{Listener, recordings};
use crate::program::{command, run};
use crate::receivers::{Handled, own};
use crate::recordings::Captured;
use apideck_hooks::Secret;
use apideck_hooks::signature::{Encoding, Form, Verifier};
use apideck_hooks::testing::{Event, Forgery};
use apideck_hooks_tests::SECRET;
use apideck_hooks_tests::directory::Directory;
use apideck_hooks_tests::kit::over_socket;
use apideck_hooks_tests::waiting::ends;
use bytes::Bytes;
use serde_json::{Value, json};
use std::path::PathBuf;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::Command;

const EVENT: &str = "vault.connection.callable";
/// A credential of an end user.
const CREDENTIAL: &str = "hunter2-of-an-end-user";

/// Forty events. Every second one holds a credential.
fn events() -> Vec<Event> {
    let forms = [
        (Form::Raw, Encoding::Hex),
        (Form::Sorted, Encoding::Base64),
        (Form::SortedInArrays, Encoding::Hex),
    ];
    let event = |number: usize| {
        let (form, encoding) = forms[number % 3];
        let event = Event::new(EVENT)
            .id(format!("e-{number}"))
            .key(format!("k-{number}"))
            .signed(form, encoding);
        let event = event.remove("entity.settings").remove("entity.metadata");
        let event = event
            .set_new("list", json!([{"b": 1, "a": 2}]))
            .header("cookie", "session=SECRET-COOKIE");
        match number % 2 {
            0 => event,
            _ => event.set("entity.settings.api_key", CREDENTIAL),
        }
    };
    (0..40).map(event).collect()
}

#[tokio::test]
async fn a_hundred_deliveries_with_retries_are_recorded_and_sent_again_byte_for_byte() {
    let (handled, folder) = (Handled::default(), Directory::default());
    for number in 0..40 {
        handled.fail(&format!("e-{number}"), 1 + number % 2);
    }
    let receiver = format!("http://{}/", own(&handled).await);
    let recorded = folder.file("recorded");
    let listener = Listener::start(&["--to", &receiver, "--save", recorded.to_str().unwrap()]).await;
    let apideck =
        over_socket(listener.addr, "/webhooks/apideck?token=SECRET-QUERY", SECRET).without_waiting();
    let mut sent = Vec::new();
    for event in events() {
        let story = apideck.deliver(&event).await;
        story.assert_handled();
        sent.extend(
            (1..)
                .take(story.len())
                .map(|attempt| event.clone().attempt(attempt)),
        );
    }
    assert_eq!((sent.len(), handled.ids().len()), (100, 40));
    let (objects, errors) = listener.interrupt().await;
    let summary = &objects.last().expect("a summary")["summary"];
    assert_eq!(
        (&summary["deliveries"], &summary["not_verified"]),
        (&100.into(), &0.into()),
        "{errors}"
    );
    assert_eq!(
        (
            &summary["events_delivered_again"],
            &summary["of_these_with_another_key"]
        ),
        (&40.into(), &0.into())
    );
    assert_eq!(
        (
            &summary["keys_delivered_again"],
            &summary["of_these_with_another_event"]
        ),
        (&40.into(), &0.into())
    );
    let signed: u64 = summary["signed"]
        .as_object()
        .expect("forms")
        .values()
        .filter_map(Value::as_u64)
        .sum();
    assert_eq!(
        (signed, summary["signed"].as_object().expect("forms").len()),
        (100, 3)
    );
    let told = format!("{objects:?}{errors}");

    let bodies = recordings(&recorded);
    assert_eq!(bodies.len(), 100);
    for file in std::fs::read_dir(&recorded).expect("a folder") {
        let text = std::fs::read_to_string(file.expect("a file").path()).expect("text");
        for secret in [SECRET, CREDENTIAL, "SECRET-COOKIE", "SECRET-QUERY"] {
            assert!(!text.contains(secret) && !told.contains(secret), "{text}");
        }
    }
    replay(&bodies, &sent).await;
}

/// Sends the recordings again, and compares each with the delivery that was recorded.
async fn replay(bodies: &[PathBuf], sent: &[Event]) {
    let captured = Captured::default();
    let url = captured.start().await;
    let secret = Secret::new(SECRET).unwrap();
    let verifier = Verifier::new([secret.clone()]).unwrap();
    let mut exact = 0;
    for (file, event) in bodies.iter().zip(sent) {
        let file = file.to_str().expect("a path");
        let again = run(&["send", "--exact", file, "--to", &url]).await;
        let (headers, body) = captured.take();
        let wanted = event.headers(&secret);
        let verified = verifier.verify(&headers, &body).expect("a genuine signature");
        if event.get("entity.settings.api_key").is_none() {
            exact += 1;
            assert_eq!((body.clone(), again.exits(0).stderr.as_str()), (event.body(), ""));
            assert_eq!(headers["x-apideck-signature"], wanted["x-apideck-signature"]);
            run(&["verify", file]).await.exits(0);
        } else {
            assert!(again.exits(0).stderr.contains("signed anew"), "{}", again.stderr);
            assert_eq!(
                headers["x-apideck-signature"].len(),
                wanted["x-apideck-signature"].len()
            );
        }
        assert!(!verified.text().is_empty());
        for name in [
            "x-apideck-event-type",
            "x-apideck-idempotency-key",
            "content-type",
        ] {
            assert_eq!(headers[name], wanted[name]);
        }
        assert!(!headers.contains_key("x-apideck-hooks-blanked") && !headers.contains_key("cookie"));
    }
    assert_eq!(exact, 40);
}

#[tokio::test]
async fn credentials_are_kept_only_if_it_is_said() {
    let folder = Directory::default();
    let recorded = folder.file("recorded");
    let listener = Listener::start(&[
        "--accept",
        "--save",
        recorded.to_str().unwrap(),
        "--keep-credentials",
    ])
    .await;
    let apideck = over_socket(listener.addr, "/", SECRET);
    let event = Event::new(EVENT).set("entity.settings.api_key", CREDENTIAL);
    apideck.send(&event).await.assert_status(200);
    // The key of the application itself is never saved.
    apideck
        .send(&Event::new(EVENT).set("entity.name", format!("x{SECRET}x")))
        .await
        .assert_status(200);
    apideck
        .send(&Event::new(EVENT).key(SECRET))
        .await
        .assert_status(200);
    let (_, errors) = listener.interrupt().await;
    assert_eq!(
        errors.matches("contains the API key itself").count(),
        2,
        "{errors}"
    );
    let bodies = recordings(&recorded);
    assert_eq!(bodies.len(), 1);
    assert_eq!(std::fs::read(&bodies[0]).unwrap(), event.body());
    run(&["verify", bodies[0].to_str().unwrap()]).await.exits(0);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(
            std::fs::metadata(&bodies[0]).unwrap().permissions().mode() & 0o777,
            0o600
        );
    }

    // A second run continues the numbers.
    let listener = Listener::start(&["--accept", "--save", recorded.to_str().unwrap()]).await;
    let event = Event::new("crm.lead.created");
    over_socket(listener.addr, "/", SECRET)
        .send(&event)
        .await
        .assert_status(200);
    listener.interrupt().await;
    let names: Vec<_> = recordings(&recorded)
        .iter()
        .map(|path| path.file_name().unwrap().to_owned())
        .collect();
    assert_eq!(
        names,
        [
            "00001-vault.connection.callable.json",
            "00002-crm.lead.created.json"
        ]
    );
}

#[tokio::test]
async fn without_a_receiver_nothing_is_lost_and_strangers_are_refused() {
    let listener = Listener::start(&[]).await;
    let apideck = over_socket(listener.addr, "/", SECRET);
    let event = Event::new(EVENT);
    apideck.send(&event).await.assert_later();
    apideck.send(&event.clone().replayed()).await.assert_later();
    apideck.validate().await.assert_later();
    for forgery in [Forgery::NoSignature, Forgery::OtherSecret, Forgery::ChangedBody] {
        apideck.forge(&event, forgery).await.assert_status(401);
    }
    let large = Event::new(EVENT).set("entity.name", "x".repeat(1 << 20));
    apideck.send(&large).await.assert_status(413);
    let (objects, errors) = listener.interrupt().await;
    let summary = &objects.last().expect("a summary")["summary"];
    assert_eq!(
        (
            &summary["deliveries"],
            &summary["not_verified"],
            &summary["refused"]
        ),
        (&6.into(), &3.into(), &1.into())
    );
    assert_eq!(
        (
            &summary["events_delivered_again"],
            &summary["of_these_with_another_key"]
        ),
        (&1.into(), &1.into())
    );
    assert_eq!(errors.matches("not verified: ").count(), 3, "{errors}");
}

#[tokio::test]
async fn a_proxy_passes_on_what_it_does_not_know_and_says_if_nobody_is_there() {
    let captured = Captured::default();
    let url = captured.start().await;
    let listener = Listener::start(&["--to", &url]).await;
    let apideck = over_socket(listener.addr, "/", SECRET);
    let event = Event::new(EVENT)
        .header("x-custom", "kept")
        .header("te", "trailers");
    apideck
        .forge(&event, Forgery::OtherSecret)
        .await
        .assert_status(200);
    let (headers, body) = captured.take();
    assert_eq!(
        (&headers["x-custom"], headers.get("te"), body),
        (&"kept".parse().unwrap(), None, event.body())
    );
    let mut stream = TcpStream::connect(listener.addr).await.expect("a connection");
    stream
        .write_all(b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
        .await
        .expect("a request");
    let mut response = String::new();
    stream.read_to_string(&mut response).await.expect("a response");
    assert!(response.starts_with("HTTP/1.1 405"), "{response}");
    listener.interrupt().await;

    let listener = Listener::start(&["--to", "http://127.0.0.1:1/"]).await;
    over_socket(listener.addr, "/", SECRET)
        .send(&event)
        .await
        .assert_later();
    let (objects, errors) = listener.interrupt().await;
    assert_eq!(
        (&objects[0]["forwarded"], &objects[0]["status"]),
        (&false.into(), &503.into())
    );
    assert!(
        errors.contains("not forwarded: http://127.0.0.1:1/: "),
        "{errors}"
    );
}

/// The log's form without an envelope, and bodies that are no events, are recorded too.
#[tokio::test]
async fn an_unusual_body_is_recorded_and_sent_again() {
    let (folder, captured) = (Directory::default(), Captured::default());
    let recorded = folder.file("recorded");
    let listener = Listener::start(&["--accept", "--save", recorded.to_str().unwrap()]).await;
    let bodies = [
        "{\"event_type\":\"crm.lead.created\", \"event_id\":\"1\"}",
        "{}",
        "[1,  2.50]",
    ];
    let secret = Secret::new(SECRET).unwrap();
    for body in bodies {
        let signature =
            apideck_hooks::testing::sign(&secret, body.as_bytes(), Form::Raw, Encoding::Hex).unwrap();
        let mut stream = TcpStream::connect(listener.addr).await.expect("a connection");
        let request = format!(
            "POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\nx-apideck-signature: {signature}\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).await.expect("a request");
        let mut response = String::new();
        stream.read_to_string(&mut response).await.expect("a response");
        assert!(response.starts_with("HTTP/1.1 200"), "{response}");
    }
    over_socket(listener.addr, "/", SECRET)
        .forge(&Event::new(EVENT), Forgery::CutBody)
        .await
        .assert_status(401);
    let (objects, errors) = listener.interrupt().await;
    let summary = &objects.last().expect("a summary")["summary"];
    assert_eq!(
        (&summary["without_envelope"], &summary["with_envelope"]),
        (&1.into(), &0.into())
    );
    assert!(errors.contains("not saved: the body is not JSON"), "{errors}");
    let url = captured.start().await;
    for (file, body) in recordings(&recorded).iter().zip(bodies) {
        run(&["send", "--exact", file.to_str().unwrap(), "--to", &url])
            .await
            .exits(0);
        assert_eq!(captured.take().1, Bytes::from(body));
    }
    assert_eq!(recordings(&recorded).len(), 3);
}

/// The forms that a person sees, plain and coloured.
#[tokio::test]
async fn a_person_sees_each_delivery_and_a_summary() {
    for (colour, good, bad, later, strong, end) in [
        ("0", "", "", "", "", ""),
        (
            "1",
            "\u{1b}[32m",
            "\u{1b}[31m",
            "\u{1b}[33m",
            "\u{1b}[1m",
            "\u{1b}[0m",
        ),
    ] {
        let mut command = command(&["listen", "--addr", "127.0.0.1:0"]);
        command.env("CLICOLOR_FORCE", colour);
        let mut child = command.spawn().expect("the command");
        let mut stderr = BufReader::new(child.stderr.take().expect("a pipe")).lines();
        let first = ends("a line", stderr.next_line())
            .await
            .expect("text")
            .expect("a line");
        let addr = first
            .strip_prefix("listens on http://")
            .and_then(|rest| rest.split_once(' '));
        let (addr, rest) = addr.expect("an address");
        assert_eq!(rest, "and answers 503, so that Apideck sends each event again");
        let apideck = over_socket(addr.parse().expect("an address"), "/", SECRET);
        let event = Event::new(EVENT).id("e-1").key("k-1");
        apideck.send(&event).await.assert_later();
        let event = event.attempt(2).signed(Form::Sorted, Encoding::Base64);
        apideck.send(&event).await.assert_later();
        apideck
            .forge(&event, Forgery::OtherSecret)
            .await
            .assert_status(401);
        let mut stdout = child.stdout.take().expect("a pipe");
        let id = child.id().expect("a running process").to_string();
        assert!(
            Command::new("kill")
                .args(["-INT", &id])
                .status()
                .await
                .expect("kill")
                .success()
        );
        let mut text = String::new();
        stdout.read_to_string(&mut text).await.expect("text");
        let seen = format!(
            "{later}503{end}  {good}raw hex{end}  {EVENT} e-1, delivery 1\n\
             {later}503{end}  {good}sorted=sorted_in_arrays base64{end}  {EVENT} e-1, delivery 2\n\
             {bad}401{end}  {bad}not verified{end}  {EVENT} e-1, delivery 2\n\
             {strong}3 deliveries{end}: {bad}1 not verified{end}\n  signed raw hex: 1\n  signed sorted=sorted_in_arrays base64: 1\n  \
             1 event came again, each with the same idempotency key\n  \
             1 idempotency key came again, each with the same event id\n"
        );
        assert_eq!(text, seen);
    }
}
