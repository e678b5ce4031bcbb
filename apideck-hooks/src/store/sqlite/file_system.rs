//! The file system of an open file, as the kernel names it.

use std::fs::File;
use std::os::fd::AsRawFd;

/// File systems that one machine uses by itself. `flock` is then a lock of its own, which SQLite's
/// locks do not meet. On NFS, for example, the kernel makes both of them one kind of lock.
const LOCAL: &[&str] = &[
    "bcachefs", "btrfs", "ecryptfs", "exfat", "ext2", "ext3", "ext4", "f2fs", "fuseblk", "jfs", "nilfs2",
    "ntfs3", "overlay", "ramfs", "reiserfs", "tmpfs", "vfat", "xfs", "zfs",
];

/// Checks that a file is on a local file system. Otherwise returns the file system's name.
pub(super) fn check_local(file: &File) -> Result<(), String> {
    match name_of(file) {
        Some(name) if LOCAL.contains(&&*name) => Ok(()),
        Some(name) => Err(name),
        None => Err("unknown".to_owned()),
    }
}

/// The descriptor leads to its mount. A device number does not: it differs between a file and its
/// mount on btrfs and overlayfs.
fn name_of(file: &File) -> Option<String> {
    let descriptor = format!("/proc/self/fdinfo/{}", file.as_raw_fd());
    let descriptor = std::fs::read_to_string(descriptor).ok()?;
    let mount = descriptor.lines().find_map(|line| line.strip_prefix("mnt_id:"))?;
    let mounts = std::fs::read("/proc/self/mountinfo").ok()?;
    name_in(&String::from_utf8_lossy(&mounts), mount.trim()).map(str::to_owned)
}

/// Finds the file system of the mount with this id.
///
/// <https://www.kernel.org/doc/html/latest/filesystems/proc.html#proc-pid-mountinfo-information-about-mounts>
fn name_in<'a>(mounts: &'a str, id: &str) -> Option<&'a str> {
    let line = mounts.lines().find(|line| line.split(' ').next() == Some(id))?;
    // A hyphen ends the optional fields. A space in a path is written as `\040`.
    line.split_once(" - ")?.1.split(' ').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mount_is_found_by_its_id() {
        const MOUNTS: &str = "\
36 35 98:0 / / rw,noatime master:1 shared:2 - ext4 /dev/root rw,errors=continue
136 36 0:55 /a\\040-\\040b /mnt/a\\040-\\040b rw - nfs4 server:/a rw
37 36 0:56 / /mnt/c rw - fuse.sshfs host: rw";
        for (id, name) in [
            ("36", Some("ext4")),
            ("136", Some("nfs4")),
            ("37", Some("fuse.sshfs")),
            ("13", None),
        ] {
            assert_eq!(name_in(MOUNTS, id), name, "{id}");
        }
    }

    #[test]
    fn a_file_of_the_kernel_is_not_on_a_local_file_system() {
        let file = File::open("/proc/self/mountinfo").unwrap();
        assert_eq!(check_local(&file), Err("proc".to_owned()));
    }
}
