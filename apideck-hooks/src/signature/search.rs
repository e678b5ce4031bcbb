//! The search for the form that was signed.
//!
//! # How it works
//!
//! Most of a refusal's time is spent on MACs and on sorting, so no text is computed twice. Two
//! flags remember the work that is done. `body_tried` says that the MAC of the body itself did not
//! match. `sorted_tried` says that no sorted form is left: the body has none, or the form that was
//! tried is the same as the other one.
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
    pub(super) body_tried: bool,
    pub(super) sorted_tried: bool,
}

impl<'a> Search<'_, 'a> {
    /// Compares the signature with one form, if that form is accepted and not yet tried.
    pub(super) fn attempt(&mut self, form: Form) -> Option<Verified<'a>> {
        if !self.forms.allow(form) {
            return None;
        }
        match form.sorting() {
            None => self.attempt_body(form),
            Some(sorting) => self.attempt_sorted(form, sorting),
        }
    }

    fn attempt_body(&mut self, form: Form) -> Option<Verified<'a>> {
        if self.body_tried {
            return None;
        }
        self.body_tried = true;
        let secret = self.keys.find(self.mac, self.body)?;
        Some(Verified {
            text: SignedText::Body(self.body),
            form,
            secret,
        })
    }

    fn attempt_sorted(&mut self, form: Form, sorting: Sorting) -> Option<Verified<'a>> {
        if self.sorted_tried {
            return None;
        }
        let Ok(canonical) = canonical(self.body, sorting) else {
            self.sorted_tried = true;
            return None;
        };
        let form = if canonical.differs() { form } else { Form::Sorted };
        self.sorted_tried = !canonical.differs();
        match canonical.into_new_text() {
            Some(text) => {
                let secret = self.keys.find(self.mac, &text)?;
                Some(Verified {
                    text: SignedText::New(text.into()),
                    form,
                    secret,
                })
            }
            None if self.forms.allow(Form::Raw) => self.attempt_body(Form::Raw),
            None => self.attempt_body(form),
        }
    }
}
