//! A receiver on AWS Lambda behind an API gateway or a function URL.
//!
//! Lambda freezes the process after the response. A handler that goes on after the response
//! deadline stops then. Give the receiver PostgreSQL or Redis, because each process has a memory of
//! its own.

use std::error::Error;

use apideck_hooks::{Hooks, Secret, events::ConnectionCallable, on, router};
use tracing::info;
use tracing_subscriber::EnvFilter;

#[on("vault.connection.callable")]
async fn start_sync(event: ConnectionCallable) {
    info!(
        consumer = event.entity.consumer_id,
        service = event.entity.service_id,
        "start the first sync"
    );
}

fn hooks(secret: Secret) -> Result<Hooks, Box<dyn Error + Send + Sync>> {
    Ok(Hooks::builder(router![start_sync, ..]).secret(secret).build()?)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    // `RUST_LOG` changes the log. CloudWatch adds the time, and shows no colours.
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| "info".into());
    let log = tracing_subscriber::fmt().without_time().with_ansi(false);
    log.with_env_filter(filter).init();
    lambda_http::run(hooks(Secret::from_env("APIDECK_API_KEY")?)?).await
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;
    use lambda_http::{Body, IntoResponse, Request, Service};

    use super::*;

    /// A delivery as the gateway hands it to the function, and the response as it goes back.
    async fn deliver(hooks: &mut Hooks, signature: &str, body: &str) -> (u16, String) {
        let mut request = Request::new(Body::from(body));
        *request.method_mut() = lambda_http::http::Method::POST;
        let signature = signature.parse().expect("a header value");
        request.headers_mut().insert("x-apideck-signature", signature);
        let response = hooks.call(request).await.expect("it cannot fail");
        let response = response.into_response().await;
        let (parts, body) = response.into_parts();
        let body = body.collect().await.expect("it is there").to_bytes();
        (parts.status.as_u16(), String::from_utf8_lossy(&body).into_owned())
    }

    #[tokio::test]
    async fn a_delivery_of_the_gateway_is_handled_once() {
        let mut hooks = hooks(Secret::new("my-api-key").expect("a secret")).expect("a receiver");
        let body = r#"{"payload":{"event_type":"crm.lead.created"}}"#;
        let signature = "77f4f15211ffc257f66dfd3b4c4f844239d441efb462c4894e10c9f3ad139f95";
        let (status, answer) = deliver(&mut hooks, signature, body).await;
        assert_eq!((status, answer.as_str()), (200, r#"{"status":"ignored"}"#));
        assert_eq!(deliver(&mut hooks, &"0".repeat(64), body).await.0, 401);
    }
}
