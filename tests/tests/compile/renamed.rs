//! A crate that depends on this one under another name.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

/// Checks the source of such a crate.
fn check(source: &str) -> Output {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("renamed");
    let dependency = format!(
        "hooks = {{ package = \"apideck-hooks\", path = {:?} }}",
        tests.join("../apideck-hooks")
    );
    let manifest = format!(
        "[package]\nname = \"renamed\"\nedition = \"2024\"\n\n[dependencies]\n{dependency}\n\n[workspace]\n"
    );
    fs::create_dir_all(folder.join("src")).expect("a folder");
    fs::write(folder.join("Cargo.toml"), manifest).expect("a manifest");
    fs::write(folder.join("src/lib.rs"), source).expect("a source");
    fs::copy(tests.join("../Cargo.lock"), folder.join("Cargo.lock")).expect("the versions");
    Command::new(env!("CARGO"))
        .args(["check", "--quiet", "--target-dir", "target"])
        .current_dir(&folder)
        .output()
        .expect("cargo")
}

const SOURCE: &str = r#"
use hooks::{FromRef, Hooks, State, events::ConnectionCallable, on, router};

#[derive(FromRef)]
#[from_ref(crate = hooks)]
pub struct App {
    pub number: u32,
}

#[on("vault.connection.callable", crate = hooks)]
async fn handler(_event: ConnectionCallable, _number: State<u32>) {}

pub fn build(app: App) -> Result<Hooks, hooks::BuildError> {
    Hooks::builder(router![crate = hooks; handler, ..]).secret("key").state(app).build()
}
"#;

#[test]
fn macros_use_the_crate_path_that_they_are_given() {
    let with_path = check(SOURCE);
    let said = String::from_utf8_lossy(&with_path.stderr);
    assert!(with_path.status.success() && said.is_empty(), "{said}");

    // Without the path, each macro causes one error and no other.
    let without_path = SOURCE
        .replace(", crate = hooks)", ")")
        .replace("crate = hooks; ", "")
        .replace("#[from_ref(crate = hooks)]\n", "");
    let without_path = check(&without_path);
    let said = String::from_utf8_lossy(&without_path.stderr);
    let errors: Vec<_> = said.lines().filter(|line| line.starts_with("error[")).collect();
    assert_eq!(
        errors, ["error[E0432]: unresolved import `apideck_hooks`"; 3],
        "{said}"
    );
}
