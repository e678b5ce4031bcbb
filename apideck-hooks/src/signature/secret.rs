//! The key of Apideck's signatures.

use std::{env, fmt};

use zeroize::Zeroizing;

/// An application's API key, with which Apideck signs that application's webhooks.
///
/// Its UTF-8 bytes are the key of the HMAC. Nothing is trimmed, so a newline at the end of a file
/// is part of the key. A key with quotes, whitespace or `Bearer` around it is accepted with a
/// warning in the log.
///
/// The key's memory is wiped when the secret is dropped. `Debug` does not print the key.
///
/// Source: Apideck's webhook reference.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Makes a secret from an API key.
    ///
    /// # Errors
    ///
    /// The key is empty. Anyone can sign with an empty key.
    pub fn new(key: impl Into<String>) -> Result<Self, SecretError> {
        Self::checked(Zeroizing::new(key.into()), None)
    }

    /// Reads the API key from an environment variable.
    ///
    /// # Errors
    ///
    /// The variable is not set, is empty or is not valid Unicode.
    pub fn from_env(name: &str) -> Result<Self, SecretError> {
        match env::var(name) {
            Ok(key) => Self::checked(Zeroizing::new(key), Some(name)),
            Err(env::VarError::NotPresent) => Err(SecretError::new(SecretErrorKind::Unset, Some(name))),
            Err(env::VarError::NotUnicode(_)) => {
                Err(SecretError::new(SecretErrorKind::NotUnicode, Some(name)))
            }
        }
    }

    fn checked(key: Zeroizing<String>, variable: Option<&str>) -> Result<Self, SecretError> {
        if key.is_empty() {
            return Err(SecretError::new(SecretErrorKind::Empty, variable));
        }
        let secret = Self(key);
        if secret.bare().is_some() {
            tracing::warn!(
                variable,
                newline = secret.0.ends_with('\n'),
                "the Apideck secret has quotes, whitespace or `Bearer` around it, which count as part of the key: \
                 remove them if signatures do not match"
            );
        }
        Ok(secret)
    }

    /// Returns the key without the quotes, the whitespace and the `Bearer` around it. `None` if
    /// there is nothing of the kind.
    pub(super) fn bare(&self) -> Option<&str> {
        let mut bare = self.0.as_str();
        loop {
            let before = bare;
            bare = bare.trim();
            for quote in ['"', '\''] {
                let inside = bare.strip_prefix(quote).and_then(|bare| bare.strip_suffix(quote));
                bare = inside.unwrap_or(bare);
            }
            if let Some((scheme, key)) = bare.split_once(' ')
                && scheme.eq_ignore_ascii_case("bearer")
            {
                bare = key;
            }
            if bare == before {
                break;
            }
        }
        (bare.len() < self.0.len() && !bare.is_empty()).then_some(bare)
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// The reason why a secret cannot be used.
///
/// `Debug` prints the same sentence as `Display`, because a `main` that returns a
/// `Box<dyn Error>` prints `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretError {
    kind: SecretErrorKind,
    variable: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SecretErrorKind {
    Empty,
    Unset,
    NotUnicode,
    NoSecret,
}

impl SecretError {
    pub(super) fn new(kind: SecretErrorKind, variable: Option<&str>) -> Self {
        Self {
            kind,
            variable: variable.map(str::to_owned),
        }
    }

    /// Returns `true` if the secret is the empty string.
    pub fn is_empty(&self) -> bool {
        self.kind == SecretErrorKind::Empty
    }

    /// Returns `true` if there is no secret. The environment variable is not set, or the list of
    /// secrets is empty.
    pub fn is_missing(&self) -> bool {
        matches!(self.kind, SecretErrorKind::Unset | SecretErrorKind::NoSecret)
    }

    /// Returns the name of the environment variable that was read. `None` if the secret was not
    /// read from one.
    pub fn variable(&self) -> Option<&str> {
        self.variable.as_deref()
    }
}

impl fmt::Display for SecretError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.variable {
            Some(name) => write!(f, "the environment variable `{name}` ")?,
            None => f.write_str("the Apideck secret ")?,
        }
        f.write_str(match self.kind {
            SecretErrorKind::Empty => "is empty: it must contain the application's API key",
            SecretErrorKind::Unset => "is not set: it must contain the application's API key",
            SecretErrorKind::NotUnicode => "is not valid Unicode",
            SecretErrorKind::NoSecret => "is missing: verifying signatures needs at least one",
        })
    }
}

impl fmt::Debug for SecretError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for SecretError {}

#[cfg(test)]
mod tests {
    use std::{
        fmt,
        sync::{Arc, Mutex},
    };

    use tracing::{
        Event, Metadata, Subscriber,
        field::{Field, Visit},
        span,
    };

    use super::Secret;

    /// A subscriber that keeps the log's events as text.
    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<String>>);

    impl Subscriber for Log {
        fn enabled(&self, _: &Metadata<'_>) -> bool {
            true
        }
        fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
            span::Id::from_u64(1)
        }
        fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
        fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
        fn event(&self, event: &Event<'_>) {
            event.record(&mut Line(&mut self.0.lock().unwrap()));
        }
        fn enter(&self, _: &span::Id) {}
        fn exit(&self, _: &span::Id) {}
    }

    struct Line<'a>(&'a mut String);

    impl Visit for Line<'_> {
        fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
            self.0.push_str(&format!("{field}={value:?} "));
        }
    }

    #[test]
    fn what_is_around_a_key_is_logged_without_the_key() {
        for (key, newline) in [
            ("sk_live\n", Some(true)),
            ("sk_live\r\n", Some(true)),
            (" sk_live", Some(false)),
            ("sk_live\t", Some(false)),
            ("sk_live\u{a0}", Some(false)),
            ("sk_live", None),
            ("sk live", None),
        ] {
            let log = Log::default();
            let secret = tracing::subscriber::with_default(log.clone(), || Secret::new(key)).unwrap();
            assert_eq!(secret.bytes(), key.as_bytes());
            let log = log.0.lock().unwrap();
            match newline {
                Some(newline) => {
                    assert!(log.contains("around it"), "{key:?}: {log}");
                    assert!(log.contains(&format!("newline={newline}")), "{key:?}: {log}");
                    assert!(!log.contains("sk_live"), "{log}");
                }
                None => assert_eq!(*log, "", "{key:?}"),
            }
        }
    }

    #[test]
    fn an_empty_secret_is_refused() {
        assert!(Secret::new("").unwrap_err().is_empty());
    }

    #[test]
    fn a_secret_is_not_trimmed() {
        assert_eq!(Secret::new(" key\n").unwrap().bytes(), b" key\n");
    }

    #[test]
    fn debug_does_not_print_the_key() {
        assert_eq!(format!("{:?}", Secret::new("sk_live").unwrap()), "Secret(..)");
    }

    #[test]
    fn the_error_names_a_variable_that_is_not_set() {
        let error = Secret::from_env("APIDECK_HOOKS_NO_SUCH_VARIABLE").unwrap_err();
        assert!(error.is_missing());
        assert_eq!(format!("{error:?}"), error.to_string());
        assert_eq!(
            error.to_string(),
            "the environment variable `APIDECK_HOOKS_NO_SUCH_VARIABLE` is not set: it must contain the application's API key"
        );
        // Cargo sets this one for every test.
        assert!(Secret::from_env("CARGO_MANIFEST_DIR").is_ok());
    }
}
