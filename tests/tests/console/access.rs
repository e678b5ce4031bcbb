//! Attacks on the console: guessing, other sites, rebinding, odd requests.

use super::{EVENT, Site, TOKEN, change, refusals, request, token};
use apideck_hooks::console::Console;
use apideck_hooks_tests::delivery::{Delivery, Reply};
use apideck_hooks_tests::log::Log;
use apideck_hooks_tests::probe::Probe;
use apideck_hooks_tests::waiting::ends;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::{Method, Request};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

fn basic(name: &str, password: &str) -> String {
    format!("Basic {}", BASE64_STANDARD.encode(format!("{name}:{password}")))
}

fn with_token(request: Delivery) -> Delivery {
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

#[tokio::test]
async fn a_body_is_bounded() {
    let site = Site::new(Console::unprotected().allow_changes(), []).await;
    let long = format!("{{\"event\":\"{}\"}}", "x".repeat(5000));
    assert_eq!(site.post("dead-letters/purge", &long).await.status, 413);
    let huge = "x".repeat(2 << 20);
    assert_eq!(site.post("dead-letters/purge", &huge).await.status, 413);
    // A body that nobody asked for is thrown away.
    let get = Delivery {
        body: huge.into(),
        ..request(Method::GET, "/hooks/api/overview")
    };
    assert_eq!(get.send(site.addr).await.status, 200);
    for body in [
        "",
        "[]",
        "x",
        "{\"evnt\":\"a\"}",
        "{\"at_most\":1001}",
        "{\"at_most\":-1}",
        "{\"dry_run\":1}",
        "{\"event\":\"a.*\"}",
    ] {
        let reply = site.post("dead-letters/purge", body).await;
        assert_eq!(reply.status, 400, "{body}: {reply:?}");
    }
    for body in ["", "[]", "{\"event\":\"a\"}"] {
        let path = "dead-letters/00000000000000000000000000000000/purge";
        assert_eq!(site.post(path, body).await.status, 400, "{body}");
    }
}

#[tokio::test]
async fn a_long_body_of_unknown_length_is_refused() {
    let hooks = Probe::new([]).hooks().build().expect("a receiver");
    let mut service = Console::unprotected().allow_changes().serve(&hooks);
    let chunk = || Ok::<_, std::io::Error>(hyper::body::Frame::data(bytes::Bytes::from(vec![b' '; 3000])));
    let chunks = http_body_util::StreamBody::new(futures_util::stream::iter([chunk(), chunk()]));
    let request = Request::post("http://localhost/api/dead-letters/purge");
    let request = request
        .header("content-type", "application/json")
        .body(chunks)
        .expect("a request");
    let response = tower_service::Service::call(&mut service, request).await;
    assert_eq!(response.expect("infallible").status(), 413);
}

#[tokio::test(start_paused = true)]
async fn a_slow_body_is_given_up() {
    let hooks = Probe::new([]).hooks().build().expect("a receiver");
    let mut service = Console::unprotected().allow_changes().serve(&hooks);
    let never = http_body_util::StreamBody::new(futures_util::stream::pending::<
        Result<hyper::body::Frame<bytes::Bytes>, std::io::Error>,
    >());
    let request =
        Request::post("http://localhost/api/dead-letters/purge").header("content-type", "application/json");
    let response = tower_service::Service::call(&mut service, request.body(never).expect("a request")).await;
    assert_eq!(response.expect("infallible").status(), 408);
}

/// A script of the page is found with and without a slash at the end of its address.
#[tokio::test]
async fn files_are_found_from_both_addresses() {
    let site = Site::new(Console::unprotected(), []).await;
    for base in ["/hooks", "/hooks/"] {
        let page = site.get(base).await;
        assert_eq!(page.headers["content-type"], "text/html; charset=utf-8");
        for (query, kind) in [("?console.js", "text/javascript"), ("?console.css", "text/css")] {
            assert!(String::from_utf8_lossy(&page.body).contains(query));
            let file = site.get(&format!("{base}{query}")).await;
            assert!(
                file.headers["content-type"]
                    .to_str()
                    .is_ok_and(|found| found.starts_with(kind))
            );
            assert!(!file.body.is_empty());
        }
    }
    let head = request(Method::HEAD, "/hooks/api/overview").send(site.addr).await;
    assert_eq!((head.status, head.body.len()), (200, 0));
    for path in [
        "/hooks/%2e%2e/console.js",
        "/hooks/../Cargo.toml",
        "/hooks/console.js/x",
        "/hooks/static/console.js",
    ] {
        assert_eq!(site.get(path).await.status, 404, "{path}");
    }
    assert_eq!(
        site.get("/hooks?../../Cargo.toml").await.body,
        site.get("/hooks").await.body
    );
}

/// Without axum, at the root of a hyper server.
#[tokio::test]
async fn a_console_is_a_service_of_hyper() {
    let hooks = Probe::new([]).hooks().build().expect("a receiver");
    let service = Console::unprotected().serve(&hooks);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
    let addr = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let http = hyper::server::conn::http1::Builder::new();
            tokio::spawn(http.serve_connection(TokioIo::new(stream), service.clone()));
        }
    });
    let reply = request(Method::GET, "/api/overview").send(addr).await;
    assert_eq!(reply.json()["observing"], false);
    let mut stream = TcpStream::connect(addr).await.expect("a connection");
    let head = "GET /api/overview HTTP/1.1\r\nhost: evil.example\r\nconnection: close\r\n\r\n";
    stream.write_all(head.as_bytes()).await.expect("a head");
    let mut text = String::new();
    ends("the response", stream.read_to_string(&mut text))
        .await
        .expect("a response");
    assert!(text.starts_with("HTTP/1.1 403 "), "{text}");
    let full = Request::get("http://localhost/")
        .body(Full::new(bytes::Bytes::new()))
        .expect("a request");
    let service = Console::unprotected().serve(&hooks);
    let page = hyper::service::Service::call(&service, full)
        .await
        .expect("infallible");
    assert!(
        page.into_body()
            .collect()
            .await
            .expect("infallible")
            .to_bytes()
            .starts_with(b"<!doctype html>")
    );
}
