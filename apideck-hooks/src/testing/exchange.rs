//! One request and its response, over any service.

use std::error::Error;
use std::future::poll_fn;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body::Body;
use http_body_util::{BodyExt, Full, Limited};
use tokio::time::timeout;
use tower_service::Service;

use super::answer::Response;

pub(super) type AnyError = Box<dyn Error + Send + Sync>;

/// Maximum length of a response's body. A receiver's bodies are shorter than 1 KiB.
const LONGEST_BODY: usize = 1024 * 1024;

/// Sends a request and reads the whole response, within this time.
///
/// # Errors
///
/// There is no response, for this reason.
pub(super) async fn exchange<S, B>(
    service: S,
    request: Request<Full<Bytes>>,
    patience: Duration,
) -> Result<Response, String>
where
    S: Service<Request<Full<Bytes>>, Response = http::Response<B>>,
    S::Error: Into<AnyError>,
    B: Body,
    B::Error: Into<AnyError>,
{
    match timeout(patience, exchange_at_leisure(service, request)).await {
        Ok(Ok(response)) => Ok(response),
        Ok(Err(error)) => Err(chain(&*error)),
        Err(_) => Err(format!(
            "none within {patience:?}, after which the delivery is given up"
        )),
    }
}

async fn exchange_at_leisure<S, B>(
    mut service: S,
    request: Request<Full<Bytes>>,
) -> Result<Response, AnyError>
where
    S: Service<Request<Full<Bytes>>, Response = http::Response<B>>,
    S::Error: Into<AnyError>,
    B: Body,
    B::Error: Into<AnyError>,
{
    poll_fn(|cx| service.poll_ready(cx)).await.map_err(Into::into)?;
    let response = service.call(request).await.map_err(Into::into)?;
    let (parts, body) = response.into_parts();
    let body = Limited::new(body, LONGEST_BODY).collect().await?;
    Ok(Response {
        status: parts.status,
        headers: parts.headers,
        body: body.to_bytes(),
    })
}

/// Writes an error and its sources in one line.
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text += &format!(": {cause}");
        source = cause.source();
    }
    text
}
