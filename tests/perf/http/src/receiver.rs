//! The receivers that are measured.

use crate::request::Scheme;

#[derive(Clone, Copy)]
pub(crate) struct Receiver {
    pub(crate) name: &'static str,
    /// Its name in a table, in Markdown.
    pub(crate) label: &'static str,
    pub(crate) scheme: Scheme,
    pub(crate) program: Program,
}

#[derive(Clone, Copy)]
pub(crate) enum Program {
    /// A server of this program.
    Server(&'static str),
    /// A script for Node.js.
    Script(&'static str),
}

impl Receiver {
    pub(crate) fn is_node(&self) -> bool {
        matches!(self.program, Program::Script(_))
    }

    /// Its label without emphasis.
    pub(crate) fn plain(&self) -> String {
        self.label.replace("**", "")
    }
}

/// The receiver that the others are measured against.
pub(crate) const BASE: &str = "hyper";

const fn server(name: &'static str, server: &'static str, scheme: Scheme, label: &'static str) -> Receiver {
    Receiver {
        name,
        label,
        scheme,
        program: Program::Server(server),
    }
}

const fn script(name: &'static str, file: &'static str, scheme: Scheme, label: &'static str) -> Receiver {
    Receiver {
        name,
        label,
        scheme,
        program: Program::Script(file),
    }
}

pub(crate) const ALL: [Receiver; 14] = [
    server(BASE, "hyper", Scheme::Raw, "bare hyper: reads the body"),
    server("axum", "axum", Scheme::Raw, "bare axum: reads the body"),
    server(
        "ours-hyper",
        "ours-hyper",
        Scheme::Raw,
        "**apideck-hooks on hyper**, raw signature",
    ),
    server(
        "ours-hyper-sorted",
        "ours-hyper",
        Scheme::Sorted,
        "**apideck-hooks on hyper**, sorted signature",
    ),
    server(
        "ours-axum",
        "ours-axum",
        Scheme::Raw,
        "**apideck-hooks in axum**, raw signature",
    ),
    server(
        "ours-axum-sorted",
        "ours-axum",
        Scheme::Sorted,
        "**apideck-hooks in axum**, sorted signature",
    ),
    server(
        "by-hand-hyper",
        "by-hand-hyper",
        Scheme::Raw,
        "by hand on hyper, mutexed map, raw signature",
    ),
    server(
        "by-hand-hyper-sorted",
        "by-hand-hyper-sorted",
        Scheme::Sorted,
        "by hand on hyper, mutexed map, sorted signature",
    ),
    server("by-hand", "by-hand", Scheme::Raw, "by hand in axum, mutexed map"),
    server(
        "by-hand-moka",
        "by-hand-moka",
        Scheme::Raw,
        "by hand in axum, moka",
    ),
    server("svix", "svix", Scheme::Standard, "axum + svix, mutexed map"),
    server(
        "standardwebhooks",
        "standardwebhooks",
        Scheme::Standard,
        "axum + standardwebhooks, mutexed map",
    ),
    script(
        "octokit",
        "octokit.mjs",
        Scheme::GitHub,
        "Node.js, @octokit/webhooks, without deduplication",
    ),
    script(
        "express",
        "express.mjs",
        Scheme::Sorted,
        "Node.js, Express by Apideck's guide, without deduplication",
    ),
];

pub(crate) fn find(name: &str) -> Option<Receiver> {
    ALL.into_iter().find(|receiver| receiver.name == name)
}
