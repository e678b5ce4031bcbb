//! Reading a body of bounded size.

use super::refusal::Refusal;
use bytes::{Buf, Bytes, BytesMut};
use http_body::Body;
use http_body_util::BodyExt;
use std::pin::Pin;

/// Reads the whole body. It holds at most a small multiple of the limit, whatever length the request declares.
///
/// # Errors
///
/// The body is larger than the limit in bytes, or ends early.
pub(super) async fn read<B>(mut body: Pin<&mut B>, limit: usize) -> Result<Bytes, Refusal>
where
    B: Body,
{
    let too_large = |length: usize| length > limit;
    if usize::try_from(body.size_hint().lower()).map_or(true, too_large) {
        return Err(Refusal::TooLarge);
    }
    let mut first = Bytes::new();
    let mut all = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else {
            return Err(Refusal::Incomplete);
        };
        // Trailers are ignored.
        let Ok(mut data) = frame.into_data() else { continue };
        if too_large(first.len() + all.len() + data.remaining()) {
            return Err(Refusal::TooLarge);
        }
        if first.is_empty() && all.is_empty() {
            // Most bodies are one chunk, which is taken without a copy.
            first = data.copy_to_bytes(data.remaining());
            continue;
        }
        if all.is_empty() {
            all.reserve(first.len() + data.remaining());
            all.extend_from_slice(&std::mem::take(&mut first));
        }
        while data.has_remaining() {
            let chunk = data.chunk();
            all.extend_from_slice(chunk);
            let length = chunk.len();
            data.advance(length);
        }
    }
    Ok(if all.is_empty() { first } else { all.freeze() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body::Frame;
    use http_body_util::{Full, StreamBody};
    use std::convert::Infallible;
    use std::pin::pin;

    async fn chunks(chunks: &[&'static str], limit: usize) -> Result<Bytes, Refusal> {
        let frames = chunks
            .iter()
            .map(|chunk| Ok::<_, Infallible>(Frame::data(Bytes::from_static(chunk.as_bytes()))));
        let frames = futures_util::stream::iter(frames.collect::<Vec<_>>());
        read(pin!(StreamBody::new(frames)), limit).await
    }

    #[tokio::test]
    async fn one_chunk_is_not_copied() {
        let body = Bytes::from_static(b"abc");
        let read = read(pin!(Full::new(body.clone())), 3).await.unwrap();
        assert_eq!(read.as_ptr(), body.as_ptr());
    }

    #[tokio::test]
    async fn chunks_are_joined_up_to_the_limit() {
        assert_eq!(chunks(&[], 0).await.unwrap(), "");
        assert_eq!(chunks(&["a", "", "bc", "d"], 4).await.unwrap(), "abcd");
        assert_eq!(chunks(&["", "ab"], 2).await.unwrap(), "ab");
        assert_eq!(chunks(&["a", "bc", "d"], 3).await, Err(Refusal::TooLarge));
        assert_eq!(chunks(&["abcd"], 3).await, Err(Refusal::TooLarge));
    }
}
