//! The HTTP client.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode, Uri};
use http_body::Body;
use http_body_util::{BodyExt, Limited};
use hyper_rustls::{ConfigBuilderExt, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::{ClientConfig, RootCertStore, crypto::ring};

use crate::exit::Trouble;
use crate::url::{is_https, shown};

pub(crate) type Client<B> = legacy::Client<HttpsConnector<HttpConnector>, B>;

/// Makes a client for a URL. The certificates of the system are read for `https` only.
pub(crate) fn client<B>(url: &Uri) -> Result<Client<B>, Trouble>
where
    B: Body + Send,
    B::Data: Send,
{
    let provider = Arc::new(ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.map_err(|error| Trouble::unreachable(format_args!("TLS: {error}")))?;
    let config = if is_https(url) {
        config.with_native_roots().map_err(|error| {
            Trouble::unreachable(format_args!(
                "the certificates of this system cannot be read: {error}. `SSL_CERT_FILE` names a file with others"
            ))
        })?
    } else {
        config.with_root_certificates(RootCertStore::empty())
    };
    let connector = HttpsConnectorBuilder::new().with_tls_config(config.with_no_client_auth());
    let connector = connector.https_or_http().enable_http1().build();
    // A connection that was kept may have been closed meanwhile, and a delivery is not to be sent
    // twice by the client itself.
    let client = legacy::Client::builder(TokioExecutor::new())
        .pool_max_idle_per_host(0)
        .build(connector);
    Ok(client)
}

/// A response that has arrived whole.
pub(crate) struct ReadResponse {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// Sends a request and reads the whole response.
///
/// # Errors
///
/// There is no response within this time, or its body is longer than the limit.
pub(crate) async fn fetch<B>(
    client: &Client<B>,
    request: Request<B>,
    patience: Duration,
    limit: usize,
) -> Result<ReadResponse, Trouble>
where
    B: Body + Send + Unpin + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let url = shown(request.uri());
    let whole = async {
        let response = client.request(request).await.map_err(|error| chain(&error))?;
        let (parts, body) = response.into_parts();
        let body = Limited::new(body, limit)
            .collect()
            .await
            .map_err(|error| chain(&*error))?;
        Ok(ReadResponse {
            status: parts.status,
            headers: parts.headers,
            body: body.to_bytes(),
        })
    };
    let whole = tokio::time::timeout(patience, whole).await;
    whole
        .unwrap_or_else(|_| Err(format!("no response within {patience:?}")))
        .map_err(|error: String| Trouble::unreachable(format_args!("{url}: {error}")))
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
