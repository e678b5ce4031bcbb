//! The errors of a console.

use std::borrow::Cow;

use http::StatusCode;

use crate::store::StoreError;

/// An error that a request is answered with.
#[derive(Debug)]
pub(super) struct Problem {
    pub(super) status: StatusCode,
    pub(super) error: Cow<'static, str>,
    /// The methods that the resource has, for `405`.
    pub(super) allow: Option<&'static str>,
}

impl Problem {
    pub(super) fn new(status: StatusCode, error: impl Into<Cow<'static, str>>) -> Self {
        Self {
            status,
            error: error.into(),
            allow: None,
        }
    }

    pub(super) fn bad_request(error: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, error)
    }

    pub(super) fn unauthorized() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "the password is not the token of this console",
        )
    }

    pub(super) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "the console has no such page")
    }

    pub(super) fn no_letters() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "the store of this receiver keeps no dead letters",
        )
    }

    pub(super) fn method(allow: &'static str) -> Self {
        Self {
            allow: Some(allow),
            ..Self::new(StatusCode::METHOD_NOT_ALLOWED, "the method is not allowed here")
        }
    }

    pub(super) fn store(error: &StoreError) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, error.to_string())
    }
}
