//! A line of the report.

use serde_json::json;

use crate::screen::Screen;
use crate::text::clean;

/// A line of the report.
pub(super) struct Finding {
    name: &'static str,
    pub(super) mark: Mark,
    detail: String,
}

/// The result of a test.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    Ok,
    Failed,
    NotTested,
}

impl Finding {
    pub(super) fn ok(name: &'static str, detail: impl Into<String>) -> Self {
        Self::new(name, Mark::Ok, detail)
    }

    pub(super) fn failed(name: &'static str, detail: impl Into<String>) -> Self {
        Self::new(name, Mark::Failed, detail)
    }

    pub(super) fn not_tested(name: &'static str, detail: impl Into<String>) -> Self {
        Self::new(name, Mark::NotTested, detail)
    }

    fn new(name: &'static str, mark: Mark, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        Self { name, mark, detail }
    }

    pub(super) fn print(&self, screen: &mut Screen) {
        let Self { name, mark, detail } = self;
        let detail = clean(detail);
        let word = match mark {
            Mark::Ok => "ok",
            Mark::Failed => "failed",
            Mark::NotTested => "not_tested",
        };
        screen.result(
            json!({"check": name, "result": word, "detail": detail}),
            |paint| {
                let word = match mark {
                    Mark::Ok => paint.good("ok         "),
                    Mark::Failed => paint.bad("FAILED     "),
                    Mark::NotTested => paint.doubtful("not tested "),
                };
                format!("{word} {name:<24} {detail}")
            },
        );
    }
}
