//! Reading a body of bounded length.

use std::error::Error;
use std::pin::Pin;

use bytes::{Buf, Bytes, BytesMut};
use http_body::Body;
use http_body_util::BodyExt;

use super::unread::Unread;
use crate::budget::{Budget, FREE, Share};

/// Tells if a body is certainly longer than the limit.
pub(super) fn is_too_large(body: &impl Body, limit: usize) -> bool {
    usize::try_from(body.size_hint().lower()).map_or(true, |length| length > limit)
}

/// Reads the whole body, of at most `limit` bytes.
///
/// It takes at most a small multiple of the limit in memory, even if the request declares a larger
/// length.
///
/// # Errors
///
/// The body is longer than the limit, ends early, or is cut because of the budget.
pub(super) async fn read<B>(mut body: Pin<&mut B>, limit: usize, budget: &Budget) -> Result<Bytes, Unread>
where
    B: Body,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let mut first = Bytes::new();
    let mut all = BytesMut::new();
    let mut share: Option<Share<'_>> = None;
    loop {
        let frame = match &mut share {
            None => body.frame().await,
            Some(share) => tokio::select! {
                biased;
                () = share.cut() => return Err(Unread::OverBudget),
                frame = body.frame() => frame,
            },
        };
        let Some(frame) = frame else { break };
        // Trailers are ignored.
        let Ok(mut data) = frame.map_err(Unread::of_error)?.into_data() else {
            continue;
        };
        let before = first.len() + all.len();
        let length = before + data.remaining();
        if length > limit {
            return Err(Unread::TooLarge);
        }
        if length > FREE {
            let added = length - before.max(FREE);
            share.get_or_insert_with(|| budget.share()).add(added);
        }
        if first.is_empty() && all.is_empty() {
            // Most bodies are one chunk. It is taken without a copy.
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
    use std::convert::Infallible;
    use std::pin::pin;

    use http_body::Frame;
    use http_body_util::{Full, Limited, StreamBody};

    use super::*;

    fn body(chunks: &[&'static str]) -> impl Body<Data = Bytes, Error = Infallible> + use<> {
        let frames = chunks
            .iter()
            .map(|chunk| Ok::<_, Infallible>(Frame::data(Bytes::from_static(chunk.as_bytes()))));
        StreamBody::new(futures_util::stream::iter(frames.collect::<Vec<_>>()))
    }

    async fn chunks(chunks: &[&'static str], limit: usize) -> Result<Bytes, Unread> {
        read(pin!(body(chunks)), limit, &Budget::new(1)).await
    }

    #[tokio::test]
    async fn one_chunk_is_not_copied() {
        let body = Bytes::from_static(b"abc");
        let read = read(pin!(Full::new(body.clone())), 3, &Budget::new(1))
            .await
            .unwrap();
        assert_eq!(read.as_ptr(), body.as_ptr());
    }

    #[tokio::test]
    async fn chunks_are_joined_up_to_the_limit() {
        assert_eq!(chunks(&[], 0).await.unwrap(), "");
        assert_eq!(chunks(&["a", "", "bc", "d"], 4).await.unwrap(), "abcd");
        assert_eq!(chunks(&["", "ab"], 2).await.unwrap(), "ab");
        assert!(matches!(
            chunks(&["a", "bc", "d"], 3).await,
            Err(Unread::TooLarge)
        ));
        assert!(matches!(chunks(&["abcd"], 3).await, Err(Unread::TooLarge)));
        assert!(is_too_large(&Full::new(Bytes::from_static(b"abcd")), 3));
    }

    #[tokio::test]
    async fn a_limit_layer_counts_as_too_large() {
        let limited = pin!(Limited::new(body(&["abcd"]), 3));
        let read = read(limited, 10, &Budget::new(1)).await;
        assert!(matches!(read, Err(Unread::TooLarge)));
    }

    #[tokio::test]
    async fn only_bytes_beyond_the_free_ones_count() {
        let half: &'static str = "x".repeat(FREE / 2).leak();
        let two = read(pin!(body(&[half, half])), 2 * FREE, &Budget::new(0)).await;
        assert_eq!(two.unwrap().len(), FREE);
        for (budget, read_to_its_end) in [(1, true), (0, false)] {
            let read = read(pin!(body(&[half, half, "x"])), 2 * FREE, &Budget::new(budget)).await;
            assert_eq!(read.is_ok(), read_to_its_end);
        }
    }
}
