//! A small client of chromedriver (W3C WebDriver), with the parts that these tests need.

use apideck_hooks_tests::directory::Directory;
use apideck_hooks_tests::services::skip;
use apideck_hooks_tests::waiting::{ends, until};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::{Method, Request};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// Keys, as WebDriver names them.
pub(super) const TAB: &str = "\u{e004}";
pub(super) const ENTER: &str = "\u{e007}";
pub(super) const ESCAPE: &str = "\u{e00c}";

/// A headless Chromium. Both programs end when it is dropped.
pub(super) struct Browser {
    client: Client<HttpConnector, Full<Bytes>>,
    session: String,
    driver: Child,
    _profile: Directory,
}

impl Browser {
    /// Starts it. `None` if it is not installed, and the test is skipped.
    pub(super) async fn start() -> Option<Self> {
        let mut command = Command::new("chromedriver");
        command
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true);
        let Ok(mut driver) = command.spawn() else {
            skip("chromedriver (Debian's package chromium-driver)");
            return None;
        };
        let mut lines = BufReader::new(driver.stdout.take().expect("a pipe")).lines();
        let port = loop {
            let line = ends("a line of chromedriver", lines.next_line())
                .await
                .expect("text")
                .expect("its port");
            if let Some((_, port)) = line.split_once("successfully on port ") {
                break port.trim_end_matches('.').to_owned();
            }
        };
        // A full pipe would stop it.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        let profile = Directory::default();
        let mut browser = Self {
            client: Client::builder(TokioExecutor::new()).build_http(),
            session: format!("http://127.0.0.1:{port}/session"),
            driver,
            _profile: profile,
        };
        let directory = format!("--user-data-dir={}", browser._profile.path().display());
        let mut options = json!({ "args": [
            "--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--window-size=1280,900", directory,
        ]});
        if let Some(binary) = ["/usr/bin/chromium", "/usr/bin/google-chrome"]
            .iter()
            .find(|path| std::path::Path::new(path).exists())
        {
            options["binary"] = json!(binary);
        }
        let wanted = json!({ "capabilities": { "alwaysMatch": {
            "browserName": "chrome", "goog:chromeOptions": options, "goog:loggingPrefs": { "performance": "ALL", "browser": "ALL" },
        }}});
        match browser.try_call(Method::POST, "", Some(wanted)).await {
            Ok(session) => {
                let id = session["sessionId"].as_str().expect("an id");
                browser.session = format!("{}/{id}", browser.session);
                Some(browser)
            }
            Err(error) => {
                skip(&format!("chromium (Debian's package): {error}"));
                None
            }
        }
    }

    async fn try_call(&self, method: Method, path: &str, body: Option<Value>) -> Result<Value, String> {
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.session));
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        let request = request
            .header("content-type", "application/json")
            .body(Full::from(body))
            .expect("a request");
        let response = ends("a response of chromedriver", self.client.request(request)).await;
        let response = response.map_err(|error| error.to_string())?;
        let is_success = response.status().is_success();
        let body = response
            .into_body()
            .collect()
            .await
            .map_err(|error| error.to_string())?
            .to_bytes();
        let value: Value = serde_json::from_slice(&body).map_err(|error| error.to_string())?;
        match is_success {
            true => Ok(value["value"].clone()),
            false => Err(value["value"]["message"].to_string()),
        }
    }

    async fn call(&self, path: &str, body: Value) -> Value {
        let answer = self.try_call(Method::POST, path, Some(body)).await;
        answer.unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    pub(super) async fn open(&self, url: &str) {
        self.call("/url", json!({ "url": url })).await;
    }

    /// Runs a script and returns its value.
    pub(super) async fn script(&self, script: &str) -> Value {
        self.call("/execute/sync", json!({ "script": script, "args": [] }))
            .await
    }

    /// Waits until an expression is true.
    pub(super) async fn until(&self, expression: &str) {
        until(expression, async || {
            self.script(&format!("return !!({expression})")).await == true
        })
        .await;
    }

    /// Presses keys, one after the other.
    pub(super) async fn press(&self, keys: &str) {
        let press = |key: char| {
            [
                json!({ "type": "keyDown", "value": key.to_string() }),
                json!({ "type": "keyUp", "value": key.to_string() }),
            ]
        };
        let actions: Vec<_> = keys.chars().flat_map(press).collect();
        self.call(
            "/actions",
            json!({ "actions": [{ "type": "key", "id": "keyboard", "actions": actions }] }),
        )
        .await;
    }

    /// The text of the element that has the focus.
    pub(super) async fn focused(&self) -> String {
        let text = self.script("return document.activeElement.textContent").await;
        text.as_str().unwrap_or_default().trim().to_owned()
    }

    /// Presses the tab key until an element with this text has the focus.
    pub(super) async fn tab_to(&self, text: &str) {
        for _ in 0..60 {
            if self.focused().await == text {
                return;
            }
            self.press(TAB).await;
        }
        panic!("the tab key does not reach {text:?}");
    }

    pub(super) async fn prefer(&self, scheme: &str) {
        let feature = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        let command = json!({ "cmd": "Emulation.setEmulatedMedia", "params": { "features": feature } });
        self.call("/goog/cdp/execute", command).await;
    }

    pub(super) async fn screenshot(&self) -> Vec<u8> {
        let image = self
            .try_call(Method::GET, "/screenshot", None)
            .await
            .expect("an image");
        BASE64_STANDARD
            .decode(image.as_str().expect("base64"))
            .expect("base64")
    }

    /// The addresses of all requests of the page.
    pub(super) async fn requests(&self) -> Vec<String> {
        let entries = self.call("/se/log", json!({ "type": "performance" })).await;
        let messages = entries
            .as_array()
            .expect("entries")
            .iter()
            .map(|entry| entry["message"].as_str().expect("text"));
        let messages =
            messages.map(|message| serde_json::from_str::<Value>(message).expect("JSON")["message"].take());
        let sent = messages.filter(|message| message["method"] == "Network.requestWillBeSent");
        sent.filter_map(|message| message["params"]["request"]["url"].as_str().map(str::to_owned))
            .collect()
    }

    /// The errors and warnings of the page, among them violations of its policy.
    pub(super) async fn complaints(&self) -> Vec<String> {
        let entries = self.call("/se/log", json!({ "type": "browser" })).await;
        entries
            .as_array()
            .expect("entries")
            .iter()
            .map(|entry| entry["message"].to_string())
            .collect()
    }

    pub(super) async fn quit(mut self) {
        let _ = self.try_call(Method::DELETE, "", None).await;
        let _ = self.driver.kill().await;
    }
}
