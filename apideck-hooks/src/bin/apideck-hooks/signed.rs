//! The form and the encoding of a signature.

use apideck_hooks::signature::{Encoding, Explanation, Form, Found, Header};

/// Returns the form that was signed, and the names of the forms that are the same text. `None` if
/// the signature matches no form.
pub(crate) fn forms(explanation: &Explanation) -> Option<(Form, Vec<&'static str>)> {
    let forms = explanation.forms.iter();
    let (form, _) = forms
        .clone()
        .find(|(_, found)| matches!(found, Found::Match(_)))?;
    let same = forms.filter(|(_, found)| matches!(found, Found::Same(same) if same == form));
    Some((*form, same.map(|(form, _)| form.name()).collect()))
}

/// Returns the encoding of a well-formed signature.
pub(crate) fn encoding(explanation: &Explanation) -> Option<&'static str> {
    match explanation.header {
        Header::Good(encoding) => Some(Encoding::name(encoding)),
        _ => None,
    }
}
