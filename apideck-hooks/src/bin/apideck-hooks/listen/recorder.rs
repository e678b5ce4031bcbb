//! Recordings of deliveries.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use apideck_hooks::testing::BLANKED;
use http::HeaderMap;

use super::credentials::without_credentials;
use super::seen::Seen;
use crate::exit::Trouble;
use crate::key::ApiKey;

const MAX_RECORDINGS: usize = 10_000;
const MAX_BYTES: usize = 256 * 1024 * 1024;
/// Strangers cause deliveries that do not verify, so they must not fill the place of the others.
const MAX_UNVERIFIED: usize = 100;

/// A directory of recordings.
pub(super) struct Recorder {
    folder: PathBuf,
    keep_credentials: bool,
    next: usize,
    saved: usize,
    unverified: usize,
    bytes: usize,
    told_full: bool,
}

impl Recorder {
    pub(super) fn new(folder: &Path, keep_credentials: bool) -> Result<Self, Trouble> {
        let wrong = |error| Trouble::wrong_use(format_args!("{}: {error}", folder.display()));
        fs::create_dir_all(folder).map_err(wrong)?;
        let mut last: usize = 0;
        for entry in fs::read_dir(folder).map_err(wrong)? {
            let name = entry.map_err(wrong)?.file_name();
            let number = name
                .to_string_lossy()
                .split('-')
                .next()
                .and_then(|number| number.parse().ok());
            last = last.max(number.unwrap_or(0));
        }
        Ok(Self {
            folder: folder.to_owned(),
            keep_credentials,
            next: last.saturating_add(1),
            saved: 0,
            unverified: 0,
            bytes: 0,
            told_full: false,
        })
    }

    /// Saves a delivery, and returns the name of the file with its body.
    ///
    /// # Errors
    ///
    /// It was not saved. Holds the reason if it is to be told.
    pub(super) fn save(
        &mut self,
        key: &ApiKey,
        seen: &Seen,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<String, Option<String>> {
        let unverified = usize::from(!seen.is_verified());
        let full = self.saved >= MAX_RECORDINGS || self.bytes + body.len() > MAX_BYTES;
        if full || self.unverified + unverified > MAX_UNVERIFIED {
            let first = !std::mem::replace(&mut self.told_full, true);
            return Err(first
                .then(|| "the directory has reached its limit. Further deliveries are left out".to_owned()));
        }
        let blanked = match self.keep_credentials {
            true => None,
            false => without_credentials(body).map_err(|_| {
                Some(
                    "the body is not JSON, so its credentials cannot be removed: add `--keep-credentials`"
                        .to_owned(),
                )
            })?,
        };
        let mut lines = lines(headers);
        if blanked.is_some() {
            let form = seen.form().map_or("raw", |form| form.name());
            let encoding = seen.encoding().unwrap_or("hex");
            lines.extend(format!("{BLANKED}: {form} {encoding}\n").into_bytes());
        }
        let body = blanked.as_deref().unwrap_or(body);
        if key.is_in(body) || key.is_in(&lines) {
            return Err(Some("the delivery contains the API key itself".to_owned()));
        }
        let name = format!("{:05}-{}", self.next, file_name(seen.event_type.as_deref()));
        // Also after a failure, because the name may be that of another recorder's file.
        self.next = self.next.saturating_add(1);
        let path = |ending: &str| self.folder.join(format!("{name}.{ending}"));
        let written = write(&path("headers"), &lines).and_then(|()| {
            // Headers without a body would be half a recording.
            write(&path("json"), body).inspect_err(|_| drop(fs::remove_file(path("headers"))))
        });
        written.map_err(|error| Some(format!("{}: {error}", self.folder.display())))?;
        self.saved += 1;
        self.unverified += unverified;
        self.bytes += body.len() + lines.len();
        Ok(format!("{name}.json"))
    }
}

/// Writes the headers that hold no credentials, one a line.
fn lines(headers: &HeaderMap) -> Vec<u8> {
    let kept = headers.iter().filter(|(name, _)| {
        let name = name.as_str();
        name.starts_with("x-apideck-") && name != BLANKED || matches!(name, "content-type" | "user-agent")
    });
    let mut lines = Vec::new();
    for (name, value) in kept {
        lines.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\n"].concat());
    }
    lines
}

/// Returns a part of a file's name. A stranger chooses the event's name.
fn file_name(event_type: Option<&str>) -> String {
    let name = event_type.unwrap_or("no-event").chars().take(80);
    name.map(|letter| match letter {
        'a'..='z' | 'A'..='Z' | '0'..='9' | '.' | '-' | '_' => letter,
        _ => '_',
    })
    .collect()
}

/// Writes a new file that only its owner can read. Leaves none that is incomplete, as on a full
/// disk.
fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(bytes).inspect_err(|_| drop(fs::remove_file(path)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use apideck_hooks::signature::Verifier;

    #[test]
    fn a_recording_that_fails_takes_no_other_with_it() {
        let folder = std::env::temp_dir().join(format!("apideck-hooks-recorder-{}", std::process::id()));
        let mut recorder = Recorder::new(&folder, false).unwrap();
        // As another recorder in the same directory writes it.
        fs::write(folder.join("00001-no-event.json"), "other").unwrap();
        let key = ApiKey::new("key".to_owned().into()).unwrap();
        let verifier = Verifier::new([key.secret.clone()]).unwrap();
        let headers = HeaderMap::new();
        let seen = Seen::new(&verifier, &headers, b"{}");
        let mut save = || recorder.save(&key, &seen, &headers, b"{}");
        assert!(save().unwrap_err().is_some());
        assert_eq!(save().unwrap(), "00002-no-event.json");
        let mut names: Vec<_> = fs::read_dir(&folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        names.sort();
        fs::remove_dir_all(&folder).unwrap();
        assert_eq!(
            names,
            [
                "00001-no-event.json",
                "00002-no-event.headers",
                "00002-no-event.json"
            ]
        );
    }
}
