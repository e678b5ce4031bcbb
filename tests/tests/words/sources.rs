//! The sources, and what their tokens tell.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use std::fs;
use std::path::Path;

pub(super) struct Source {
    /// The path inside the repository.
    pub(super) name: String,
    pub(super) text: String,
}

impl Source {
    /// Reads these files, and all Rust sources and pages in these folders.
    pub(super) fn read(names: &[&str]) -> Vec<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let mut sources = Vec::new();
        for name in names {
            add(&root, name, &mut sources);
        }
        sources
    }

    pub(super) fn is_rust(&self) -> bool {
        self.name.ends_with(".rs")
    }

    fn tokens(&self) -> TokenStream {
        let tokens = self.text.parse();
        tokens.unwrap_or_else(|error| panic!("{}: {error}", self.name))
    }
}

fn add(root: &Path, name: &str, sources: &mut Vec<Source>) {
    let path = root.join(name);
    if path.is_dir() {
        for entry in fs::read_dir(&path).expect("a folder") {
            let entry = entry.expect("an entry").file_name();
            let entry = entry.to_str().expect("a name");
            if !matches!(entry, "target" | "expansions") && !entry.starts_with('.') {
                add(root, &format!("{name}/{entry}"), sources);
            }
        }
    } else if name.ends_with(".rs") || name.ends_with(".md") {
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{name}: {error}"));
        sources.push(Source {
            name: name.to_owned(),
            text,
        });
    }
}

/// The functions of a source with their lengths in lines.
pub(super) fn functions(source: &Source) -> Vec<(String, usize)> {
    let mut found = Vec::new();
    find_functions(source.tokens(), &mut found);
    found
}

fn find_functions(tokens: TokenStream, found: &mut Vec<(String, usize)>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    for (at, token) in tokens.iter().enumerate() {
        match token {
            TokenTree::Ident(ident) if ident == "fn" => {
                let rest = &tokens[at + 1..];
                let end = rest
                    .iter()
                    .position(|token| token.to_string() == ";")
                    .unwrap_or(rest.len());
                if let Some(body) = rest[..end].iter().find_map(braces) {
                    let lines = body.span_close().end().line - ident.span().start().line + 1;
                    found.push((rest[0].to_string(), lines));
                }
            }
            TokenTree::Group(group) => find_functions(group.stream(), found),
            _ => {}
        }
    }
}

fn braces(token: &TokenTree) -> Option<&proc_macro2::Group> {
    match token {
        TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => Some(group),
        _ => None,
    }
}

/// The types that a source defines outside of its functions and unit tests.
pub(super) fn type_names(source: &Source) -> Vec<String> {
    let tokens: Vec<TokenTree> = source.tokens().into_iter().collect();
    let defined = tokens.windows(2).filter_map(|pair| match pair {
        [TokenTree::Ident(kind), TokenTree::Ident(name)] => {
            let kind = kind.to_string();
            let defines = matches!(kind.as_str(), "struct" | "enum" | "trait" | "type" | "union");
            defines.then(|| name.to_string())
        }
        _ => None,
    });
    defined.collect()
}
