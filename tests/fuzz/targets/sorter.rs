//! The sorted texts are the model's, and there are none where the model has none.

#![no_main]

use apideck_hooks::signature::canonical::{Sorting, canonical};
use apideck_hooks_fuzz::{json, print::stringify};
use libfuzzer_sys::fuzz_target;
use serde::de::IgnoredAny;

fuzz_target!(|body: &[u8]| {
    let model = str::from_utf8(body).ok().map(json::parse);
    // The model's grammar is not only its writer's.
    if let Some(model) = &model
        && !matches!(model, Err(json::Fault::TooDeep))
    {
        let text = str::from_utf8(body).expect("UTF-8");
        assert_eq!(model.is_ok(), serde_json::from_str::<IgnoredAny>(text).is_ok());
    }

    let mut texts = Vec::new();
    for (form, in_arrays) in [(Sorting::OutsideArrays, false), (Sorting::Everywhere, true)] {
        let engine = canonical(body, form);
        match &model {
            Some(Ok(value)) => {
                let engine = engine.expect("a text");
                assert_eq!(
                    engine.text(body).escape_ascii().to_string(),
                    stringify(&value.clone().sorted(in_arrays))
                        .as_bytes()
                        .escape_ascii()
                        .to_string(),
                );
                texts.push((engine.differs(), engine.text(body).to_vec()));
            }
            Some(Err(fault)) => {
                let error = engine.expect_err("no text");
                assert!(error.offset() <= body.len());
                if *fault == json::Fault::TooDeep {
                    assert!(error.is_limit());
                }
            }
            None => assert!(engine.expect_err("no text").is_not_utf8()),
        }
    }
    if let [(differs, sorted), (other_differs, in_arrays)] = &texts[..] {
        assert_eq!(differs, other_differs);
        assert!(*differs || sorted == in_arrays);
        // A sorted text is its own sorted text.
        let again = canonical(in_arrays, Sorting::Everywhere).expect("a text");
        assert_eq!(again.text(in_arrays), in_arrays);
        assert!(again.is_body());
    }
});
