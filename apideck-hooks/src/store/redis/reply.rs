//! The values that scripts return.

use ::redis::{ErrorKind, FromRedisValue, RedisError, Value, from_redis_value};

use super::fault::CallFault;
use crate::store::StoreError;

const UNEXPECTED: &str = "Redis returned a value of another form than expected";

pub(super) fn unexpected() -> StoreError {
    StoreError::new(UNEXPECTED)
}

pub(super) fn unexpected_fault() -> CallFault {
    RedisError::from((ErrorKind::UnexpectedReturnType, UNEXPECTED)).into()
}

/// Reads a value.
pub(super) fn read<T: FromRedisValue>(value: Value) -> Result<T, StoreError> {
    from_redis_value(value).map_err(|_| unexpected())
}

/// Reads a list, and fills it up with zeros.
pub(super) fn numbers<const N: usize>(value: Value) -> Result<[u64; N], StoreError> {
    let Value::Array(values) = value else {
        return Err(unexpected());
    };
    let mut numbers = [0; N];
    for (number, value) in numbers.iter_mut().zip(values) {
        *number = match value {
            Value::Int(value) => u64::try_from(value).map_err(|_| unexpected())?,
            value => read(value)?,
        };
    }
    Ok(numbers)
}

/// A key as its hexadecimal digits.
pub(super) fn key(text: &str) -> Result<crate::delivery::Key, StoreError> {
    text.parse().map_err(|_| unexpected())
}
