//! Helpers for token streams.

use std::collections::HashSet;

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::Type;

/// The tokens between two commas.
pub(crate) struct Part {
    pub(crate) tokens: TokenStream,
    /// The span of the first token. For an empty part, the span of the comma after it.
    pub(crate) span: Span,
}

/// Splits tokens at their commas, so that a mistake in one part does not hide those in the others.
/// A trailing comma adds no part.
pub(crate) fn split_at_commas(tokens: TokenStream) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut part: Option<Part> = None;
    for token in tokens {
        let span = token.span();
        let is_comma = matches!(&token, TokenTree::Punct(punct) if punct.as_char() == ',');
        let open = part.get_or_insert_with(|| Part {
            tokens: TokenStream::new(),
            span,
        });
        if is_comma {
            parts.extend(part.take());
        } else {
            open.tokens.extend([token]);
        }
    }
    parts.extend(part);
    parts
}

/// The identifiers of a user that could be names of generated items, which begin with `__` too.
pub(crate) struct Taken(HashSet<String>);

impl Taken {
    /// Collects the identifiers in the tokens of a user.
    pub(crate) fn by(tokens: TokenStream) -> Self {
        let mut taken = Self(HashSet::new());
        taken.add(tokens);
        taken
    }

    fn add(&mut self, tokens: TokenStream) {
        for token in tokens {
            match token {
                TokenTree::Group(group) => self.add(group.stream()),
                TokenTree::Ident(ident) => {
                    let name = ident.to_string();
                    if name.starts_with("__") {
                        self.0.insert(name);
                    }
                }
                _ => {}
            }
        }
    }

    /// Returns the name, with `_` after it if the user has the name.
    pub(crate) fn free(&self, name: &str, span: Span) -> Ident {
        let mut name = name.to_owned();
        while self.0.contains(&name) {
            name.push('_');
        }
        Ident::new(&name, span)
    }
}

/// Prints a type as a person writes it: `Tx<Postgres>`, and not `Tx < Postgres >` as its tokens do.
pub(crate) fn readable(ty: &Type) -> String {
    let mut text = String::new();
    for word in ty.to_token_stream().to_string().split(' ') {
        let glued = text.is_empty()
            || word.starts_with(['<', '>', ',', ':', ')', ']', ';', '!'])
            || text.ends_with(['<', ':', '(', '[', '&', '!', '*'])
            || word.starts_with('(') && text.ends_with(char::is_alphanumeric);
        if !glued {
            text.push(' ');
        }
        text.push_str(word);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_readable() {
        for text in [
            "Tx<Postgres>",
            "HashMap<String, Vec<u8>>",
            "std::sync::Arc<dyn Fn(&str) -> u32 + Send>",
            "[u8; 4]",
            "(A, B)",
            "&'static str",
            "Box<dyn for<'a> Fn(&'a T)>",
        ] {
            assert_eq!(readable(&syn::parse_str(text).unwrap()), text);
        }
    }
}
