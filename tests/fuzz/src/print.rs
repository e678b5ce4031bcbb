//! `JSON.stringify`.

use crate::value::Value;

pub fn stringify(value: &Value) -> String {
    let mut text = String::new();
    put(value, &mut text);
    text
}

fn put(value: &Value, text: &mut String) {
    match value {
        Value::Literal(literal) => text.push_str(literal),
        Value::Number(number) if number.is_finite() => {
            text.push_str(ryu_js::Buffer::new().format(*number));
        }
        Value::Number(_) => text.push_str("null"),
        Value::String(string) => quote(string, text),
        Value::Array(elements) => {
            text.push('[');
            for (at, element) in elements.iter().enumerate() {
                text.push_str(if at > 0 { "," } else { "" });
                put(element, text);
            }
            text.push(']');
        }
        Value::Object(_) => {
            text.push('{');
            for (at, (key, value)) in value.clone().members().iter().enumerate() {
                text.push_str(if at > 0 { "," } else { "" });
                quote(key, text);
                text.push(':');
                put(value, text);
            }
            text.push('}');
        }
    }
}

fn quote(string: &[u16], text: &mut String) {
    text.push('"');
    for char in char::decode_utf16(string.iter().copied()) {
        match char {
            Ok('"') => text.push_str("\\\""),
            Ok('\\') => text.push_str("\\\\"),
            Ok('\u{8}') => text.push_str("\\b"),
            Ok('\t') => text.push_str("\\t"),
            Ok('\n') => text.push_str("\\n"),
            Ok('\u{c}') => text.push_str("\\f"),
            Ok('\r') => text.push_str("\\r"),
            Ok(control @ '\0'..' ') => text.push_str(&format!("\\u{:04x}", control as u32)),
            Ok(char) => text.push(char),
            Err(lone) => text.push_str(&format!("\\u{:04x}", lone.unpaired_surrogate())),
        }
    }
    text.push('"');
}
