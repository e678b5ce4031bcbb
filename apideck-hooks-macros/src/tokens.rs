//! Small tools for token streams.

use proc_macro2::{Span, TokenStream, TokenTree};

/// What stands between two commas.
pub(crate) struct Part {
    pub(crate) tokens: TokenStream,
    /// Its first token; where it has none, the comma after it.
    pub(crate) span: Span,
}

/// The parts between commas, so that a mistake in one does not hide those in the others. A comma at the end is fine.
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
