//! Both crates as they will be published: packed, unpacked elsewhere, built, and used by a crate of
//! a stranger who has nothing but the README.

use apideck_hooks::signature::{Encoding, Form, Secret};
use apideck_hooks::testing::sign;
use apideck_hooks_tests::{SECRET, services::skip};
use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Duration;

const README: &str = include_str!("../../../README.md");
const CRATE: &str = include_str!("../../../apideck-hooks/src/lib.rs");
const CRATES: [&str; 2] = ["apideck-hooks-macros", "apideck-hooks"];
const VERSION: &str = env!("CARGO_PKG_VERSION");

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Kept between runs, so that dependencies are built once.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("packages")
}

/// Runs cargo and returns its standard output.
fn cargo(folder: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO"));
    command.current_dir(folder).args(arguments).arg("--offline");
    // The settings of the run that this test is part of.
    for name in ["CARGO_TARGET_DIR", "RUSTFLAGS", "RUSTDOCFLAGS"] {
        command.env_remove(name);
    }
    let output = command.output().expect("cargo starts");
    let [printed, text] =
        [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    assert!(output.status.success(), "cargo {arguments:?}:\n{printed}{text}");
    printed
}

/// The first block of the README in this language.
fn block(language: &str) -> &'static str {
    let (_, block) = README.split_once(&format!("```{language}\n")).expect("a block");
    block.split_once("```").expect("its end").0
}

/// Packs the crates and unpacks them into a workspace of their own, beside a crate of a stranger.
fn unpack() -> PathBuf {
    let packed = folder().join("packed");
    let packed = packed.to_str().expect("a path");
    let mut arguments = vec!["package", "--no-verify", "--allow-dirty", "--target-dir", packed];
    for krate in CRATES {
        arguments.extend(["-p", krate]);
    }
    cargo(&root(), &arguments);

    let workspace = folder().join("workspace");
    fs::create_dir_all(&workspace).expect("a folder");
    for krate in CRATES {
        let _ = fs::remove_dir_all(workspace.join(format!("{krate}-{VERSION}")));
        let archive = format!("{packed}/package/{krate}-{VERSION}.crate");
        let mut tar = Command::new("tar");
        let unpacked = tar.arg("xzf").arg(&archive).arg("-C").arg(&workspace).status();
        assert!(unpacked.is_ok_and(|status| status.success()), "{archive}");
    }
    fs::copy(root().join("Cargo.lock"), workspace.join("Cargo.lock")).expect("the lock file");
    let write = |name: &str, text: String| fs::write(workspace.join(name), text).expect("a file");
    write(
        "Cargo.toml",
        format!(
            "[workspace]\nresolver = \"3\"\nmembers = [\"apideck-hooks-{VERSION}\", \"stranger\"]\n\n\
             [patch.crates-io]\napideck-hooks-macros = {{ path = \"apideck-hooks-macros-{VERSION}\" }}\n"
        ),
    );
    fs::create_dir_all(workspace.join("stranger/src")).expect("a folder");
    let dependencies = block("toml");
    let checkout = "../apideck-hooks/apideck-hooks";
    assert!(dependencies.contains(checkout), "{dependencies}");
    // With the features that the lock file knows, so that no registry is asked.
    let dependencies = dependencies
        .replace(checkout, &format!("../apideck-hooks-{VERSION}"))
        .replace(
            "axum = \"0.8\"",
            "axum = { version = \"0.8\", default-features = false, features = [\"http1\", \"tokio\"] }",
        );
    write(
        "stranger/Cargo.toml",
        format!("[package]\nname = \"stranger\"\nedition = \"2024\"\n\n{dependencies}"),
    );
    workspace
}

#[test]
fn what_is_published_builds_passes_its_doc_tests_and_runs_the_readme() {
    let workspace = unpack();
    for krate in CRATES {
        for file in [
            "LICENSE-APACHE",
            "LICENSE-MIT",
            "README.md",
            "Cargo.toml",
            "src/lib.rs",
        ] {
            let path = workspace.join(format!("{krate}-{VERSION}")).join(file);
            assert!(
                fs::metadata(&path).is_ok_and(|file| file.len() > 0),
                "{}",
                path.display()
            );
        }
        for folder in ["benches", "tests"] {
            let path = workspace.join(format!("{krate}-{VERSION}")).join(folder);
            assert!(!path.exists(), "{}", path.display());
        }
    }

    let address = free_address();
    let program = block("rust,no_run").replace("127.0.0.1:3000", &address);
    fs::write(workspace.join("stranger/src/main.rs"), program).expect("a file");
    cargo(&workspace, &["build", "-p", "stranger"]);
    let receiver = workspace.join("target/debug/stranger");
    let mut receiver = Receiver(
        Command::new(receiver)
            .env("APIDECK_API_KEY", SECRET)
            .spawn()
            .expect("it starts"),
    );
    assert!(receiver.answer(&address).contains(r#"{"status":"handled"}"#));
    assert!(receiver.answer(&address).contains(r#"{"status":"duplicate"}"#));
    drop(receiver);
    lint(&workspace);
    test_with_the_kit(&workspace);

    cargo(
        &workspace,
        &["test", "--doc", "-p", "apideck-hooks", "--features", "testing"],
    );
    cargo(&workspace, &["check", "-p", "apideck-hooks", "--all-features"]);
}

/// Tests the program of the README with the test kit: a handler, the receiver and the application.
fn test_with_the_kit(workspace: &Path) {
    let manifest = workspace.join("stranger/Cargo.toml");
    let dependencies = fs::read_to_string(&manifest).expect("a manifest");
    let kit = format!(
        "\n[dev-dependencies]\n\
         apideck-hooks = {{ path = \"../apideck-hooks-{VERSION}\", features = [\"testing\"] }}\n\
         tokio = {{ version = \"1\", features = [\"macros\", \"rt\", \"test-util\"] }}\n"
    );
    fs::write(&manifest, dependencies + &kit).expect("a file");
    let tests = include_str!("stranger.rs");
    fs::write(workspace.join("stranger/src/main.rs"), tests).expect("a file");
    let output = cargo(workspace, &["test", "-p", "stranger"]);
    assert!(output.contains("test result: ok. 3 passed"), "{output}");
}

/// Runs the strictest lints of Clippy on the programs of the README and the crate documentation.
fn lint(workspace: &Path) {
    let clippy = Command::new(env!("CARGO")).args(["clippy", "--version"]).output();
    if !clippy.is_ok_and(|output| output.status.success()) {
        return skip("cargo clippy");
    }
    let docs: String = CRATE
        .lines()
        .map_while(|line| line.strip_prefix("//!"))
        .map(|line| format!("{}\n", line.strip_prefix(' ').unwrap_or(line)))
        .collect();
    let (_, program) = docs.split_once("```no_run\n").expect("a program");
    let (program, _) = program.split_once("```").expect("its end");
    for program in [block("rust,no_run"), program] {
        let denied = format!("#![deny(warnings, clippy::all, clippy::pedantic)]\n\n{program}");
        fs::write(workspace.join("stranger/src/main.rs"), denied).expect("a file");
        cargo(workspace, &["clippy", "--no-deps", "-p", "stranger"]);
    }
}

fn free_address() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address").to_string()
}

struct Receiver(Child);

impl Receiver {
    /// Sends a signed event as soon as the receiver listens.
    fn answer(&mut self, address: &str) -> String {
        let mut stream = loop {
            if let Ok(stream) = TcpStream::connect(address) {
                break stream;
            }
            assert!(
                self.0.try_wait().expect("a process").is_none(),
                "the receiver has ended"
            );
            std::thread::sleep(Duration::from_millis(20));
        };
        let body =
            r#"{"payload":{"event_id":"e-1","event_type":"vault.connection.callable","entity_id":"c-1"}}"#;
        let secret = Secret::new(SECRET).expect("a secret");
        let signature = sign(&secret, body.as_bytes(), Form::Raw, Encoding::Hex).expect("a signature");
        write!(
            stream,
            "POST /webhooks/apideck HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\
             x-apideck-signature: {signature}\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
        .expect("a request");
        let mut response = String::new();
        stream.read_to_string(&mut response).expect("a response");
        response
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
