//! The files of the page.
//!
//! # How it works
//!
//! A router strips the prefix under which the console is mounted, so the console does not know it.
//! At `/hooks`, without a slash at its end, a link to `console.js` would lead to `/console.js`. A
//! link that is only a query, `?console.js`, keeps the path. So the page loads its files by query,
//! and its script finds the API from its own address.

use http::Response;

use super::response::file;
use crate::service::ResponseBody;

const PAGE: &str = include_str!("static/console.html");
const SCRIPT: &str = include_str!("static/console.js");
const STYLE: &str = include_str!("static/console.css");

/// Returns the file of a path and a query. `None` if the path is not that of a file.
pub(super) fn of(path: &str, query: Option<&str>) -> Option<Response<ResponseBody>> {
    let name = match path {
        "" => query.unwrap_or_default(),
        path => path,
    };
    match name {
        "console.js" => Some(file("text/javascript; charset=utf-8", SCRIPT)),
        "console.css" => Some(file("text/css; charset=utf-8", STYLE)),
        _ if path.is_empty() => Some(file("text/html; charset=utf-8", PAGE)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_are_small() {
        let size: usize = [PAGE, SCRIPT, STYLE].iter().map(|file| file.len()).sum();
        assert!(size < 25_000, "{size}");
    }

    /// The policy of the page forbids inline code, and the script writes texts only.
    #[test]
    fn the_page_has_no_inline_code() {
        for inline in ["<script>", "<style", "style=", "javascript:"] {
            assert!(!PAGE.contains(inline), "{inline}");
        }
        let is_handler = |rest: &str| rest.trim_start_matches(char::is_alphabetic).starts_with('=');
        assert!(!PAGE.split(" on").skip(1).any(is_handler));
        for html in [
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
            "://",
        ] {
            let script = SCRIPT.replace("http://www.w3.org/2000/svg", "");
            assert!(!script.contains(html), "{html}");
        }
    }
}
