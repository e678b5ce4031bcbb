//! The search for the form that was signed.
//!
//! # How it works
//!
//! Most of a refusal's time is spent on MACs and on sorting, so no text is computed twice. Two
//! flags remember the finished work. `body_compared` says that the MAC of the body itself does not
//! match. `sorted_done` says that no sorted form is left: the body has none, or both are the same
//! and one was compared.
//!
//! A sorted form that is the same as the body is compared as the body. It is then reported as raw,
//! unless the raw form is not accepted.

use bytes::Bytes;

use super::{
    Form, Forms, Verified,
    canonical::{Sorting, canonical},
    header::Mac,
    keyed_secrets::KeyedSecrets,
    verified::SignedText,
};

/// A search for the form of `body` that `mac` belongs to.
pub(super) struct Search<'s, 'a> {
    pub(super) keys: &'s KeyedSecrets,
    pub(super) forms: Forms,
    pub(super) mac: &'s Mac,
    pub(super) body: &'a Bytes,
    pub(super) body_compared: bool,
    pub(super) sorted_done: bool,
}

impl<'a> Search<'_, 'a> {
    /// Compares the signature with one form, if that form is accepted and not yet compared.
    pub(super) fn compare(&mut self, form: Form) -> Option<Verified<'a>> {
        if !self.forms.allow(form) {
            return None;
        }
        match form.sorting() {
            None => self.compare_body(form),
            Some(sorting) => self.compare_sorted(form, sorting),
        }
    }

    fn compare_body(&mut self, form: Form) -> Option<Verified<'a>> {
        if self.body_compared {
            return None;
        }
        self.body_compared = true;
        let secret = self.keys.find(self.mac, self.body)?;
        Some(Verified {
            text: SignedText::Body(self.body),
            form,
            secret,
        })
    }

    fn compare_sorted(&mut self, form: Form, sorting: Sorting) -> Option<Verified<'a>> {
        if self.sorted_done {
            return None;
        }
        let Ok(canonical) = canonical(self.body, sorting) else {
            self.sorted_done = true;
            return None;
        };
        let form = if canonical.differs() { form } else { Form::Sorted };
        self.sorted_done = !canonical.differs();
        match canonical.into_new_text() {
            Some(text) => {
                let secret = self.keys.find(self.mac, &text)?;
                Some(Verified {
                    text: SignedText::New(text.into()),
                    form,
                    secret,
                })
            }
            None if self.forms.allow(Form::Raw) => self.compare_body(Form::Raw),
            None => self.compare_body(form),
        }
    }
}
