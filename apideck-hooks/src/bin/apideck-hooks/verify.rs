//! `apideck-hooks verify`: a body and its signature.

use std::path::Path;

use apideck_hooks::Secret;
use apideck_hooks::signature::{Form, HEADER, Verifier};
use apideck_hooks::testing::{BLANKED, Event};
use clap::Args;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::json;

use crate::exit::{Exit, Trouble};
use crate::key::KeyArguments;
use crate::screen::Screen;
use crate::signed;
use crate::source::read_body;

/// Compare a body with its signature: form and encoding, or why it does not match
#[derive(Args)]
pub(crate) struct VerifyArguments {
    /// File with the body as it was received, or - for standard input
    file: String,
    /// Value of x-apideck-signature. A recording of `listen` has its own
    #[arg(long, value_name = "SIGNATURE")]
    signature: Option<String>,
    #[command(flatten)]
    key: KeyArguments,
}

pub(crate) fn run(arguments: &VerifyArguments, screen: &mut Screen) -> Result<Exit, Trouble> {
    let key = arguments.key.read()?;
    let body = read_body(&arguments.file)?;
    let headers = match &arguments.signature {
        Some(signature) => {
            let value = HeaderValue::from_bytes(signature.as_bytes());
            let value =
                value.map_err(|_| Trouble::wrong_use("HTTP does not allow this signature in a header"))?;
            HeaderMap::from_iter([(HeaderName::from_static(HEADER), value)])
        }
        None => recorded(&arguments.file, &key.secret)?,
    };
    let verifier = Verifier::new([key.secret.clone()]).map_err(Trouble::wrong_use)?;
    let explanation = verifier.explain(&headers, &body);
    let (matched, same) = signed::forms(&explanation).unzip();
    let same = same.unwrap_or_default();
    let encoding = signed::encoding(&explanation);
    let text = explanation.to_string();
    screen.result(
        json!({
            "matches": matched.is_some(),
            "form": matched.map(Form::name),
            "same_forms": same,
            "encoding": encoding,
            "explanation": text,
        }),
        |paint| match matched {
            Some(form) => {
                let also = match same.is_empty() {
                    true => String::new(),
                    false => format!(", which here is the same text as {}", same.join(" and ")),
                };
                let encoding = encoding.unwrap_or_default();
                paint.good(format_args!("matches: {}, {encoding}{also}", form.name()))
            }
            None => format!("{}: {text}", paint.bad("does not match")),
        },
    );
    Ok(Exit::as_wished_if(matched.is_some()))
}

/// Reads the headers of a recording.
fn recorded(file: &str, secret: &Secret) -> Result<HeaderMap, Trouble> {
    let lines = Path::new(file).with_extension("headers");
    if !lines.exists() {
        return Err(Trouble::wrong_use(format_args!(
            "there is no signature: add `--signature`, or name a recording, which has its headers in {}",
            lines.display()
        )));
    }
    let event = Event::recording(file).map_err(Trouble::wrong_use)?;
    if event.is_exact() {
        return Ok(event.headers(secret));
    }
    Err(Trouble::not_as_wished(format_args!(
        "credentials were removed from this recording ({BLANKED}), so its signature belongs to another body"
    )))
}
