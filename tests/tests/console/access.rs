//! Attacks on the console: guessing, other sites, rebinding.

use super::{EVENT, Site, TOKEN, change, refusals, request, token};
use apideck_hooks::console::Console;
use apideck_hooks_tests::delivery::{Delivery, Reply};
use apideck_hooks_tests::log::Log;
use apideck_hooks_tests::probe::Probe;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::{Method, Request};

fn basic(name: &str, password: &str) -> String {
    format!("Basic {}", BASE64_STANDARD.encode(format!("{name}:{password}")))
}

pub(super) fn with_token(request: Delivery) -> Delivery {
    request.header("authorization", &basic("me", TOKEN))
}

const PATHS: [&str; 8] = [
    "",
    "/",
    "?console.js",
    "/console.css",
    "/api/overview",
    "/api/deliveries",
    "/api/dead-letters",
    "/api/nothing",
];

#[tokio::test]
async fn nothing_is_shown_without_the_token() {
    let (log, _captured) = Log::capture();
    let site = Site::new(Console::with_token(token()).allow_changes(), []).await;
    let wrong = [
        None,
        Some(basic("me", "")),
        Some(basic("me", "wrong")),
        Some(basic("me", &TOKEN[..TOKEN.len() - 1])),
        Some(basic("me", &format!("{TOKEN}x"))),
        Some(basic("me", &format!("x:{TOKEN}"))),
        Some(basic(TOKEN, "")),
        Some(format!("Bearer {TOKEN}")),
        Some(format!("Basic {TOKEN}")),
        Some("Basic".to_owned()),
        Some("Basic ////".to_owned()),
    ];
    for path in PATHS {
        for authorization in &wrong {
            let mut request = request(Method::GET, &format!("/hooks{path}"));
            if let Some(authorization) = authorization {
                request = request.header("authorization", authorization);
            }
            let reply = request.send(site.addr).await;
            assert_eq!(reply.status, 401, "{path} {authorization:?}");
            let challenge = reply.headers["www-authenticate"].to_str().expect("text");
            assert!(challenge.starts_with("Basic realm="), "{challenge}");
            assert!(!String::from_utf8_lossy(&reply.body).contains(TOKEN));
            hardened(&reply);
        }
    }
    let twice =
        with_token(request(Method::GET, "/hooks/api/overview")).also("authorization", &basic("me", TOKEN));
    assert_eq!(twice.send(site.addr).await.status, 401);
    for path in PATHS.iter().filter(|path| **path != "/api/nothing") {
        let reply = with_token(request(Method::GET, &format!("/hooks{path}")))
            .send(site.addr)
            .await;
        assert_eq!(reply.status, 200, "{path}");
        hardened(&reply);
    }
    assert!(log.lines().iter().all(|line| !line.contains(TOKEN)));
}

/// The headers of every response.
fn hardened(reply: &Reply) {
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("cache-control", "no-store"),
        ("referrer-policy", "no-referrer"),
        ("x-frame-options", "DENY"),
    ] {
        assert_eq!(reply.headers[name], value);
    }
    let policy = reply.headers["content-security-policy"].to_str().expect("text");
    assert!(
        policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"),
        "{policy}"
    );
    assert!(!policy.contains("unsafe"), "{policy}");
}

/// Guessing fills no log, and a name writes no line of its own.
#[tokio::test]
async fn wrong_tokens_cause_few_lines_and_names_are_escaped() {
    let (log, _captured) = Log::capture();
    let probe = Probe::new(refusals(1));
    let spy = apideck_hooks_tests::spy::Spy::with_letters();
    let hooks = probe
        .patient_hooks()
        .store(spy.clone())
        .build()
        .expect("a receiver");
    let console = Console::with_token(token()).allow_changes().serve(&hooks);
    let call = async |delivery: Delivery| {
        let mut console = console.clone();
        tower_service::Service::call(&mut console, delivery.request())
            .await
            .expect("infallible")
            .status()
            .as_u16()
    };
    let since = std::time::Instant::now();
    for n in 0..200 {
        let guess = request(Method::GET, "/").header("authorization", &basic("me", &format!("guess-{n}")));
        assert_eq!(call(guess).await, 401);
    }
    let most = since.elapsed().as_secs() as usize + 1;
    let lines = log.count("wrong token");
    assert!((1..=most).contains(&lines), "{lines} lines");
    let letter = apideck_hooks_tests::kit::event(EVENT, "e1");
    apideck_hooks_tests::kit::Deliver::call(&letter, &hooks)
        .await
        .assert_dead_lettered();
    let path = format!("/api/dead-letters/{}/purge", spy.last_claim().record);
    let name = "eve\nFORGED line\u{1b}[31m";
    let forged = change(&path, "{}").header("authorization", &basic(name, TOKEN));
    assert_eq!(call(forged).await, 200);
    let lines = log.lines();
    let told: Vec<_> = lines
        .iter()
        .filter(|line| line.contains("changed by the console"))
        .collect();
    assert_eq!(told.len(), 1, "{lines:#?}");
    assert!(
        told[0].contains(r#"eve\nFORGED line\u{1b}[31m"#) && told[0].contains("purge"),
        "{}",
        told[0]
    );
    assert!(lines.iter().all(|line| !line.starts_with("FORGED")));
}

#[tokio::test]
async fn a_change_needs_permission() {
    let site = Site::new(Console::with_token(token()), refusals(1)).await;
    let record = site.dead_letter("e1").await;
    for action in ["replay", "purge"] {
        for path in [
            format!("/hooks/api/dead-letters/{record}/{action}"),
            format!("/hooks/api/dead-letters/{action}"),
        ] {
            assert_eq!(change(&path, "{}").send(site.addr).await.status, 401);
            let reply = with_token(change(&path, "{}")).send(site.addr).await;
            assert_eq!(reply.status, 403, "{path}");
            assert!(
                reply.json()["error"]
                    .as_str()
                    .is_some_and(|error| error.contains("allow_changes"))
            );
        }
    }
    assert_eq!(site.probe.count(), 1);
    let count = with_token(request(Method::GET, "/hooks/api/dead-letters"))
        .send(site.addr)
        .await;
    assert_eq!(count.json()["count"], 1);
}

#[tokio::test]
async fn another_site_changes_and_reads_nothing() {
    let site = Site::new(Console::unprotected().allow_changes(), refusals(1)).await;
    let record = site.dead_letter("e1").await;
    let path = format!("/hooks/api/dead-letters/{record}/purge");
    let purge = || change(&path, "{}");
    let form = "application/x-www-form-urlencoded";
    for (attack, status) in [
        (purge().header("sec-fetch-site", "cross-site"), 403),
        (purge().header("sec-fetch-site", "same-site"), 403),
        (purge().header("sec-fetch-site", "none"), 403),
        (purge().header("origin", "http://evil.example"), 403),
        (purge().header("origin", "null"), 403),
        (purge().header("content-type", "text/plain"), 415),
        (purge().header("content-type", form), 415),
        (
            purge().header("content-type", "text/plain; application/json"),
            415,
        ),
        (purge().without("content-type"), 415),
        (
            Delivery {
                method: Method::GET,
                ..purge()
            },
            405,
        ),
        (
            Delivery {
                method: Method::PUT,
                ..purge()
            },
            405,
        ),
        (
            Delivery {
                method: Method::OPTIONS,
                ..purge()
            },
            405,
        ),
        (
            Delivery {
                method: Method::DELETE,
                path: "/hooks/api/overview".into(),
                ..purge()
            },
            405,
        ),
        (
            request(Method::GET, "/hooks/api/dead-letters").header("sec-fetch-site", "cross-site"),
            403,
        ),
    ] {
        let reply = attack.send(site.addr).await;
        assert_eq!(reply.status, status, "{attack:?}");
        assert!(reply.headers.get("access-control-allow-origin").is_none());
        assert_eq!(reply.headers.contains_key("allow"), status == 405);
    }
    // A link from elsewhere may lead to the page.
    let link = request(Method::GET, "/hooks").header("sec-fetch-site", "cross-site");
    assert_eq!(link.send(site.addr).await.status, 200);
    assert_eq!(site.read("dead-letters").await["count"], 1);
    let own = purge()
        .header("sec-fetch-site", "same-origin")
        .header("origin", "http://localhost");
    assert_eq!(
        own.header("content-type", "application/json; charset=utf-8")
            .send(site.addr)
            .await
            .json()["purged"],
        true
    );
}

/// A page of another site that resolves its own name to this machine.
#[tokio::test]
async fn rebinding_reaches_no_unprotected_console() {
    let hooks = Probe::new([]).hooks().build().expect("a receiver");
    let status = async |console: Console, host: Option<&str>| {
        let mut service = console.serve(&hooks);
        let mut request = Request::get("/api/overview");
        if let Some(host) = host {
            request = request.header("host", host);
        }
        let request = request.body(String::new()).expect("a request");
        tower_service::Service::call(&mut service, request)
            .await
            .expect("infallible")
            .status()
            .as_u16()
    };
    for host in [
        "localhost",
        "LocalHost:3000",
        "127.0.0.1",
        "127.0.0.1:80",
        "[::1]:3000",
        "[::1]",
        "10.0.0.5",
    ] {
        assert_eq!(status(Console::unprotected(), Some(host)).await, 200, "{host}");
    }
    for host in [
        "evil.example",
        "evil.example:3000",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "a@localhost",
        "",
    ] {
        assert_eq!(status(Console::unprotected(), Some(host)).await, 403, "{host}");
    }
    assert_eq!(status(Console::unprotected(), None).await, 403);
    let named = || Console::unprotected().host("Ops.example.com");
    assert_eq!(status(named(), Some("ops.example.com:8443")).await, 200);
    assert_eq!(status(named(), Some("example.com")).await, 403);
    // With a token any name is fine, because a browser sends the token to no other one.
    assert_eq!(
        status(Console::with_token(token()), Some("evil.example")).await,
        401
    );
}
