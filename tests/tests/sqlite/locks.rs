//! One owner for each file, whatever its name (Case 37).

use super::{EVENT, granted, open, refusal};
use super::{end, handle, key};
use apideck_hooks::SqliteStore;
use apideck_hooks::store::{End, RecordState, Store};
use apideck_hooks_tests::directory::Directory;
use apideck_hooks_tests::kit::{Deliver, event};
use apideck_hooks_tests::services::say_skipped;
use apideck_hooks_tests::sqlite::{open_with, until_closed};
use std::path::Path;

#[tokio::test]
async fn case_37_a_second_store_is_refused_while_the_first_lives() {
    let directory = Directory::default();
    let file = directory.file("hooks.db");
    let first = open(&file).await;
    let (grant, _) = granted(&first, key(1)).await;
    let process = format!("is open in process {}", std::process::id());
    let error = refusal(&file).await;
    assert!(error.contains(&process) && error.contains("hooks.db"), "{error}");
    #[cfg(unix)]
    {
        let link = directory.file("link.db");
        std::os::unix::fs::symlink(&file, &link).unwrap();
        assert!(refusal(&link).await.contains(&process));
        let link = directory.file("hard.db");
        std::fs::hard_link(&file, &link).unwrap();
        assert!(refusal(&link).await.contains(&process));
    }
    end(&first, grant, End::Done).await;
    drop(first);
    let second = open(&file).await;
    assert_eq!(second.status(key(1)).await.unwrap().state, RecordState::Done);
}

/// Each store after the first one uses the descriptor of the first.
#[tokio::test]
async fn case_37_a_dropped_store_can_be_opened_again() {
    let directory = Directory::default();
    let file = directory.file("hooks.db");
    for n in 1..=20 {
        let store = open(&file).await;
        assert_eq!(granted(&store, key(1)).await.1, n);
    }
    until_closed(&file).await;
}

/// A network file system is simulated by a file system that is not in the list of local ones.
#[tokio::test]
async fn another_file_system_is_refused_by_name_unless_the_user_insists() {
    let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let name = format!("/dev/apideck-hooks-test-{}.db", std::process::id());
    let file = Path::new(&name);
    if !mounts.contains(" /dev devtmpfs ") || std::fs::write(file, "").is_err() {
        return say_skipped("the right to write to a `devtmpfs` at /dev");
    }
    let lock = format!("{name}.lock");
    {
        let error = refusal(file).await;
        assert!(error.contains("the file system `devtmpfs`"), "{error}");
        let store = open_with(SqliteStore::builder(file).any_file_system()).await;
        handle(&store, key(1)).await;
        // The lock is beside the file, and this process knows the file by its identity.
        assert!(Path::new(&lock).exists());
        let link = format!("{name}.link");
        std::fs::hard_link(file, &link).unwrap();
        for name in [file, Path::new(&link)] {
            let second = SqliteStore::builder(name).any_file_system().open().await;
            let error = second.expect_err("a refusal").to_string();
            assert!(error.contains("is open in process"), "{error}");
        }
        std::fs::remove_file(link).unwrap();
        drop(store);
        drop(open_with(SqliteStore::builder(file).any_file_system()).await);
    }
    for suffix in ["", ".lock", "-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{name}{suffix}"));
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use super::*;
    use apideck_hooks_tests::services::skip;
    use apideck_hooks_tests::sqlite::until_unowned;
    use apideck_hooks_tests::waiting::until;
    use std::os::unix::fs::MetadataExt;
    use std::process::Output;
    use tokio::process::Command;

    /// Counts the descriptors of this process with `flock` on a file.
    fn descriptors(file: &Path) -> usize {
        let inode = format!(":{} ", std::fs::metadata(file).unwrap().ino());
        let entries = std::fs::read_dir("/proc/self/fdinfo").unwrap().flatten();
        let infos = entries.map(|entry| std::fs::read_to_string(entry.path()).unwrap_or_default());
        infos
            .filter(|info| {
                info.lines()
                    .any(|line| line.contains("FLOCK") && line.contains(&inode))
            })
            .count()
    }

    /// The store uses one descriptor again and again. It is closed after the file was deleted.
    #[tokio::test]
    async fn a_file_has_one_descriptor_with_its_lock() {
        let directory = Directory::default();
        let file = directory.file("hooks.db");
        for _ in 0..5 {
            let store = open(&file).await;
            granted(&store, key(1)).await;
            assert_eq!(descriptors(&file), 1);
        }
        until_closed(&file).await;
        std::fs::remove_file(&file).unwrap();
        let deleted = format!("{} (deleted)", file.display());
        let open_deleted = || {
            let entries = std::fs::read_dir("/proc/self/fd").unwrap().flatten();
            let names = entries.filter_map(|entry| std::fs::read_link(entry.path()).ok());
            names.filter(|name| *name == Path::new(&deleted)).count()
        };
        until("the descriptor of the deleted file is closed", async || {
            drop(open(&directory.file("other.db")).await);
            open_deleted() == 0
        })
        .await;
    }

    /// Counts the locks of SQLite that this process holds on a file.
    fn locks_of_sqlite(file: &Path) -> usize {
        let inode = format!(":{}", std::fs::metadata(file).unwrap().ino());
        let process = std::process::id().to_string();
        let locks = std::fs::read_to_string("/proc/locks").unwrap();
        let fields = locks
            .lines()
            .map(|line| line.split_whitespace().collect::<Vec<_>>());
        fields
            .filter(|fields| fields[1] == "POSIX" && fields[4] == process && fields[5].ends_with(&inode))
            .count()
    }

    /// Runs a receiver on a file that another process has.
    async fn refused_receiver(mut command: Command, directory: &Directory) -> String {
        let Output { status, stderr, .. } = command
            .env("EFFECTS", directory.file("effects"))
            .output()
            .await
            .unwrap();
        let stderr = String::from_utf8_lossy(&stderr).into_owned();
        assert!(
            !status.success() && !directory.file("effects").exists(),
            "{stderr}"
        );
        stderr
    }

    const RECEIVER: &str = env!("CARGO_BIN_EXE_sqlite-receiver");

    fn receiver(file: &Path) -> Command {
        let mut command = Command::new(RECEIVER);
        command.env("DATABASE", file);
        command
    }

    #[tokio::test]
    async fn case_37_a_hard_link_is_refused_in_another_process() {
        let directory = Directory::default();
        let (file, link) = (directory.file("hooks.db"), directory.file("hard.db"));
        let store = open(&file).await;
        std::fs::hard_link(&file, &link).unwrap();
        // No `.lock` file has a part in it.
        assert!(!directory.file("hooks.db.lock").exists());
        for name in [&file, &link] {
            let error = refused_receiver(receiver(name), &directory).await;
            let owner = format!("is open in process {}", std::process::id());
            assert!(error.contains(&owner), "{error}");
        }
        handle(&store, key(1)).await;
    }

    /// Runs a script with a mount namespace of its own. Returns `None` if that is not permitted.
    async fn unshared(script: &str, file: &Path) -> Option<Command> {
        let permitted = Command::new("unshare").args(["--mount", "true"]).output().await;
        if !permitted.is_ok_and(|output| output.status.success()) {
            skip("the right to `unshare --mount`");
            return None;
        }
        let mut command = Command::new("unshare");
        command.args(["--mount", "sh", "-ec", script, RECEIVER]).arg(file);
        Some(command)
    }

    #[tokio::test]
    async fn case_37_a_second_mount_is_refused() {
        let directory = Directory::default();
        let file = directory.file("hooks.db");
        let store = open(&file).await;
        // Of the directory, and of the file alone.
        for script in [
            r#"d="$(dirname "$1")"; mkdir -p "$d/m"; mount --bind "$d" "$d/m"; DATABASE="$d/m/hooks.db" exec "$0""#,
            r#"d="$(dirname "$1")"; mkdir -p "$d/o"; touch "$d/o/b.db"; mount --bind "$1" "$d/o/b.db"
            DATABASE="$d/o/b.db" exec "$0""#,
        ] {
            let Some(command) = unshared(script, &file).await else {
                return;
            };
            let error = refused_receiver(command, &directory).await;
            assert!(error.contains("is open in process"), "{error}");
        }
        handle(&store, key(1)).await;
    }

    /// A process that closes any descriptor of a file loses SQLite's locks on it. Then another
    /// process can delete the log as the last connection of the file.
    #[tokio::test]
    async fn case_37_refused_and_dropped_stores_leave_the_locks_of_sqlite() {
        let directory = Directory::default();
        let (file, link) = (directory.file("hooks.db"), directory.file("hard.db"));
        let first = open(&file).await;
        handle(&first, key(1)).await;
        let locks = locks_of_sqlite(&file);
        assert!(locks > 0);
        std::fs::hard_link(&file, &link).unwrap();
        for name in [&file, &link] {
            refusal(name).await;
            assert_eq!(locks_of_sqlite(&file), locks, "{name:?}");
        }
        // A connection of the application's own holds its lock through the end of the store.
        let mut application = super::super::other_program(&file).await;
        sqlx::query(super::super::RECORDS)
            .fetch_one(&mut application)
            .await
            .unwrap();
        drop(first);
        until_unowned(&file).await;
        assert!(locks_of_sqlite(&file) > 0);
        let second = open(&file).await;
        handle(&second, key(2)).await;
        assert!(locks_of_sqlite(&file) >= locks);
        drop(application);
    }

    #[tokio::test]
    async fn the_ownership_ends_with_a_killed_process() {
        let directory = Directory::default();
        let file = directory.file("hooks.db");
        let mut command = receiver(&file);
        command.env("EFFECTS", directory.file("effects"));
        let receiver = apideck_hooks_tests::child::Receiver::of(command).await;
        let error = refusal(&file).await;
        assert!(error.contains(&format!("process {}", receiver.id())), "{error}");
        let delivery = event(EVENT, "good");
        delivery.send(receiver.addr).await.assert_handled();
        receiver.signal("KILL").await;
        assert!(!receiver.wait().await.success());
        granted(&open(&file).await, key(1)).await;
    }

    #[tokio::test]
    async fn a_file_of_the_kernel_is_refused() {
        let error = refusal(Path::new("/proc/self/comm")).await;
        assert!(error.contains("the file system `proc`"), "{error}");
    }
}
