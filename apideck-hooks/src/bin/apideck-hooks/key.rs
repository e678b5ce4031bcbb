//! The API key and the other secrets, which are never arguments.

use std::fs::File;
use std::io::Read;
use std::path::PathBuf;

use apideck_hooks::Secret;
use clap::Args;
use http::HeaderValue;
use zeroize::Zeroizing;

use crate::exit::Trouble;

const VARIABLE: &str = "APIDECK_API_KEY";

/// Longest file with a key.
const LONGEST: u64 = 64 * 1024;

#[derive(Args)]
pub(crate) struct KeyArguments {
    /// File with the API key, instead of the variable APIDECK_API_KEY
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
}

/// An API key, as a text that can be searched for and as a secret that signs.
pub(crate) struct ApiKey {
    text: Zeroizing<String>,
    pub(crate) secret: Secret,
}

impl KeyArguments {
    /// Reads the API key.
    pub(crate) fn read(&self) -> Result<ApiKey, Trouble> {
        let text = match &self.key_file {
            None => Zeroizing::new(std::env::var(VARIABLE).map_err(|_| {
                Trouble::wrong_use(format_args!(
                    "there is no API key: set the variable {VARIABLE}, or name a file with `--key-file`"
                ))
            })?),
            Some(file) => {
                let wrong = |error| Trouble::wrong_use(format_args!("{}: {error}", file.display()));
                let mut text = Zeroizing::new(String::new());
                let file = File::open(file).map_err(wrong)?;
                file.take(LONGEST).read_to_string(&mut text).map_err(wrong)?;
                // An editor ends a file with a newline, which is no part of a key.
                let key = text.strip_suffix('\n').unwrap_or(&text);
                Zeroizing::new(key.strip_suffix('\r').unwrap_or(key).to_owned())
            }
        };
        ApiKey::new(text)
    }
}

impl ApiKey {
    pub(crate) fn new(text: Zeroizing<String>) -> Result<Self, Trouble> {
        let secret = Secret::new(text.as_str()).map_err(Trouble::wrong_use)?;
        Ok(Self { text, secret })
    }

    /// Tells if these bytes contain the key.
    pub(crate) fn is_in(&self, bytes: &[u8]) -> bool {
        let key = self.text.as_bytes();
        bytes.windows(key.len()).any(|window| window == key)
    }

    /// Returns the header that shows the key to Apideck.
    pub(crate) fn bearer(&self) -> Result<HeaderValue, Trouble> {
        let header = Zeroizing::new(format!("Bearer {}", self.text.as_str()));
        sensitive(&header, VARIABLE)
    }
}

/// Returns the secret of an environment variable. `None` if it is not set.
pub(crate) fn variable(name: &str) -> Option<Zeroizing<String>> {
    let value = std::env::var(name).ok().filter(|value| !value.is_empty());
    value.map(Zeroizing::new)
}

/// Makes a header that no log prints.
pub(crate) fn sensitive(value: &str, name: &str) -> Result<HeaderValue, Trouble> {
    let header = HeaderValue::from_str(value);
    let mut header =
        header.map_err(|_| Trouble::wrong_use(format_args!("{name} cannot be sent in a header")))?;
    header.set_sensitive(true);
    Ok(header)
}
