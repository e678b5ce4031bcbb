//! Reading what Redis answers.

use super::call::Binding;
use crate::delivery::Key;
use crate::store::StoreError;
use ::redis::Value;

/// Not what the script answers: another server's keys, or a proxy in between.
pub(super) fn unexpected() -> StoreError {
    StoreError::new("Redis gave an answer of another shape than expected")
}

/// One number.
pub(super) fn number(value: &Value) -> Result<i64, StoreError> {
    match value {
        Value::Int(number) => Ok(*number),
        _ => Err(unexpected()),
    }
}

/// Whether the script has answered `1`.
pub(super) fn flag(value: &Value) -> Result<bool, StoreError> {
    Ok(number(value)? == 1)
}

/// Bytes, or nothing.
pub(super) fn bytes(value: Value) -> Result<Option<Vec<u8>>, StoreError> {
    match value {
        Value::Nil => Ok(None),
        Value::BulkString(bytes) => Ok(Some(bytes)),
        // `SET … GET` and scripts answer bytes; a client may have made a short text of them.
        Value::SimpleString(text) => Ok(Some(text.into_bytes())),
        Value::Okay => Ok(Some(b"OK".to_vec())),
        _ => Err(unexpected()),
    }
}

/// So many values.
pub(super) fn array<const N: usize>(value: Value) -> Result<[Value; N], StoreError> {
    list(value)?.try_into().map_err(|_| unexpected())
}

/// Any number of values.
pub(super) fn list(value: Value) -> Result<Vec<Value>, StoreError> {
    match value {
        Value::Array(values) => Ok(values),
        _ => Err(unexpected()),
    }
}

/// What an alias holds, or nothing.
pub(super) fn binding(value: Value) -> Result<Option<Binding>, StoreError> {
    bytes(value)?
        .map(|bytes| Ok(Binding::from_bytes(bytes.try_into().map_err(|_| unexpected())?)))
        .transpose()
}

/// A text; what is no text in it is replaced.
pub(super) fn text(bytes: Option<Vec<u8>>) -> String {
    String::from_utf8_lossy(&bytes.unwrap_or_default()).into_owned()
}

/// A key as [`key_bytes`](Key::to_bytes) wrote it.
pub(super) fn key(bytes: &[u8]) -> Result<Key, StoreError> {
    Ok(Key::from_bytes(bytes.try_into().map_err(|_| unexpected())?))
}
