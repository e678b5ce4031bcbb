//! The arguments of the attribute: `"name", "other.*", unlisted = "new.name", inline, crate =
//! path`.

use proc_macro2::{Span, TokenStream};
use syn::parse::{ParseStream, Parser};
use syn::{Ident, LitStr, Token, ext::IdentExt};

use super::names;
use super::selector::Selector;
use crate::errors::Errors;
use crate::krate::Krate;
use crate::tokens::{Part, split_at_commas};

const EXPECTED_NAME: &str = "expected an event name in quotes, such as \"vault.connection.callable\"";

/// The arguments that could be parsed.
#[derive(Default)]
pub(crate) struct Args {
    /// Each selector with the span of its text.
    pub(crate) selectors: Vec<(Selector, Span)>,
    pub(crate) krate: Krate,
    /// The handler runs before its delivery is answered.
    pub(crate) inline: bool,
    /// Each warning with its span.
    pub(crate) warnings: Vec<(String, Span)>,
}

/// Parses the arguments and reports every mistake in them. `attribute` is the span of the
/// attribute.
pub(crate) fn parse(tokens: TokenStream, attribute: Span, errors: &mut Errors) -> Args {
    let mut args = Args::default();
    let mut any = false;
    for Part { tokens, span } in split_at_commas(tokens) {
        if tokens.is_empty() {
            errors.at(span, EXPECTED_NAME);
            any = true;
            continue;
        }
        match parse_arg.parse2(tokens) {
            Ok(Arg::Crate(krate)) => {
                args.krate = krate;
                continue;
            }
            Ok(Arg::Inline) => {
                args.inline = true;
                continue;
            }
            Ok(Arg::Name(literal)) => args.add(Selector::resolve(&literal.value()), &literal, errors),
            Ok(Arg::Unlisted(literal)) => {
                let name = literal.value();
                args.add(Selector::resolve_unlisted(&name), &literal, errors);
                let typo = names::likely_typo(&name);
                args.warnings.extend(typo.map(|text| (text, literal.span())));
            }
            Err(error) => errors.push(error),
        }
        any = true;
    }
    if !any {
        errors.at(
            attribute,
            "`#[on]` needs the name of an event, as in `#[on(\"vault.connection.callable\")]`",
        );
    }
    args
}

impl Args {
    /// Adds a selector unless it overlaps an earlier one.
    fn add(&mut self, resolved: Result<Selector, String>, literal: &LitStr, errors: &mut Errors) {
        let text = literal.value();
        let selector = match resolved {
            Ok(selector) => selector,
            Err(message) => return errors.at(literal.span(), message),
        };
        let mut earlier = self.selectors.iter().map(|(earlier, _)| earlier);
        match earlier.find(|earlier| earlier.overlaps(&selector)) {
            None => self.selectors.push((selector, literal.span())),
            Some(earlier) if *earlier == selector => {
                errors.at(literal.span(), format!("`{text}` appears twice: remove one"));
            }
            Some(earlier) => errors.at(
                literal.span(),
                format!(
                    "`{text}` overlaps `{}` in the same `#[on]`: keep the wider one",
                    earlier.text()
                ),
            ),
        }
    }
}

/// One argument.
enum Arg {
    Name(LitStr),
    Unlisted(LitStr),
    Inline,
    Crate(Krate),
}

fn parse_arg(input: ParseStream<'_>) -> syn::Result<Arg> {
    let arg = if input.peek(LitStr) {
        Arg::Name(input.parse()?)
    } else if input.peek(Ident::peek_any) {
        parse_option(input)?
    } else {
        return Err(input.error(EXPECTED_NAME));
    };
    if input.is_empty() {
        Ok(arg)
    } else {
        Err(input.error("expected `,`"))
    }
}

fn parse_option(input: ParseStream<'_>) -> syn::Result<Arg> {
    let start = input.fork();
    let option = input.call(Ident::parse_any)?;
    if is_value(&option, input) {
        let value: TokenStream = start.parse()?;
        let message = names::not_a_literal(&value);
        return Err(syn::Error::new_spanned(value, message));
    }
    if option == "inline" {
        return Ok(Arg::Inline);
    }
    if option == "crate" {
        return Krate::parse_after_keyword(input).map(Arg::Crate);
    }
    if option == "unlisted" {
        input.parse::<Token![=]>()?;
        return input.parse().map(Arg::Unlisted).map_err(|error| {
            syn::Error::new(
                error.span(),
                "expected an event name in quotes, as in `unlisted = \"vault.connection.paused\"`",
            )
        });
    }
    if input.peek(Token![.]) {
        let name: TokenStream = start.parse()?;
        let message = format!(
            "an event name must be in quotes: write \"{}\"",
            name.to_string().replace(' ', "")
        );
        return Err(syn::Error::new_spanned(name, message));
    }
    Err(syn::Error::new(
        option.span(),
        format!(
            "unknown option `{option}`: expected an event name in quotes, `unlisted = \"…\"`, `inline` or `crate = path`"
        ),
    ))
}

/// Returns `true` for a constant, a variant or a macro, which an option never is: it begins with a
/// path, has capitals as `NAME` and `ConnectionCallable` do, or is followed by `!`.
fn is_value(first: &Ident, rest: ParseStream<'_>) -> bool {
    let capital = first.to_string().starts_with(char::is_uppercase);
    capital && !rest.peek(Token![=]) && !rest.peek(Token![.]) || rest.peek(Token![::]) || rest.peek(Token![!])
}
