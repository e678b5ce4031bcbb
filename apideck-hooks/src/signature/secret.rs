//! The key that signatures are made with.

use std::{env, fmt};

use zeroize::Zeroizing;

/// An application's API key, with which Apideck signs.
///
/// Its UTF-8 bytes are the key of the HMAC, to the last one: nothing is trimmed. A secret with whitespace at one of its
/// ends, as a file read without care gives it, works only if the key really has it; a warning is logged.
///
/// The memory is wiped when it is dropped, and `Debug` does not print it.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes the API key.
    ///
    /// # Errors
    ///
    /// It is empty: anybody can sign with an empty key.
    pub fn new(key: impl Into<String>) -> Result<Self, SecretError> {
        Self::named(Zeroizing::new(key.into()), None)
    }

    /// Reads the API key from an environment variable.
    ///
    /// # Errors
    ///
    /// The variable is not set, is not Unicode, or is empty.
    pub fn from_env(name: &str) -> Result<Self, SecretError> {
        match env::var(name) {
            Ok(key) => Self::named(Zeroizing::new(key), Some(name)),
            Err(env::VarError::NotPresent) => Err(SecretError::new(SecretErrorKind::Unset, Some(name))),
            Err(env::VarError::NotUnicode(_)) => {
                Err(SecretError::new(SecretErrorKind::NotUnicode, Some(name)))
            }
        }
    }

    fn named(key: Zeroizing<String>, variable: Option<&str>) -> Result<Self, SecretError> {
        if key.is_empty() {
            return Err(SecretError::new(SecretErrorKind::Empty, variable));
        }
        if key.trim().len() < key.len() {
            let newline = key.ends_with('\n');
            tracing::warn!(
                variable,
                newline,
                "the Apideck secret begins or ends with whitespace, which is taken as part of the key; \
                 if signatures do not match, remove it"
            );
        }
        Ok(Self(key))
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// A secret that cannot be used, or none where one is needed.
#[derive(Clone, Debug, PartialEq, Eq)]
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

    /// Whether the secret is the empty string.
    pub fn is_empty(&self) -> bool {
        self.kind == SecretErrorKind::Empty
    }

    /// Whether there is no secret: the environment variable is not set, or a list has no element.
    pub fn is_missing(&self) -> bool {
        matches!(self.kind, SecretErrorKind::Unset | SecretErrorKind::NoSecret)
    }

    /// The environment variable that was read.
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
            SecretErrorKind::Empty => "is empty; put the application's API key there",
            SecretErrorKind::Unset => "is not set; put the application's API key there",
            SecretErrorKind::NotUnicode => "is not Unicode, as API keys are",
            SecretErrorKind::NoSecret => "is missing; at least one is needed to verify signatures",
        })
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

    /// Keeps what is logged.
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
    fn whitespace_at_the_ends_gets_a_warning_that_does_not_show_the_key() {
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
                    assert!(log.contains("begins or ends with whitespace"), "{key:?}: {log}");
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
    fn nothing_is_trimmed() {
        assert_eq!(Secret::new(" key\n").unwrap().bytes(), b" key\n");
    }

    #[test]
    fn debug_is_redacted() {
        assert_eq!(format!("{:?}", Secret::new("sk_live").unwrap()), "Secret(..)");
    }

    #[test]
    fn a_variable_that_is_not_set_is_named() {
        let error = Secret::from_env("APIDECK_HOOKS_NO_SUCH_VARIABLE").unwrap_err();
        assert!(error.is_missing());
        assert_eq!(
            error.to_string(),
            "the environment variable `APIDECK_HOOKS_NO_SUCH_VARIABLE` is not set; put the application's API key there"
        );
        // Cargo sets this one for every test.
        assert!(Secret::from_env("CARGO_MANIFEST_DIR").is_ok());
    }
}
