//! Clients that disconnect.

use super::{EVENT, head};
use apideck_hooks_tests::delivery::{Delivery, Encoding, Signed};
use apideck_hooks_tests::probe::{Probe, Step};
use apideck_hooks_tests::server;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A way to disconnect.
#[derive(Clone, Copy, Debug)]
enum Disconnect {
    Reset,
    Close,
    HalfClose,
}

#[tokio::test]
async fn case_15_a_client_that_disconnects_cancels_nothing() {
    for disconnect in [Disconnect::Reset, Disconnect::Close, Disconnect::HalfClose] {
        let gate = || Step::Gate(Box::new(Step::Succeed));
        let probe = Probe::new([gate(), gate()]);
        let hooks = probe.hooks().build().unwrap();
        for addr in [
            server::hyper(hooks.clone()).await,
            server::axum(axum::Router::new().route_service("/", hooks.clone())).await,
        ] {
            let before = probe.count();
            let delivery =
                Delivery::event(EVENT, &format!("e{before}")).signed(Signed::Sorted, Encoding::Base64);
            let mut request = head(&delivery, "1.1").into_bytes();
            request.extend_from_slice(format!("content-length: {}\r\n\r\n", delivery.body.len()).as_bytes());
            request.extend_from_slice(&delivery.body);
            let mut stream = TcpStream::connect(addr).await.unwrap();
            stream.write_all(&request).await.unwrap();
            probe.started().await;
            match disconnect {
                Disconnect::Reset => {
                    stream.set_zero_linger().unwrap();
                    drop(stream);
                }
                Disconnect::Close => drop(stream),
                Disconnect::HalfClose => {
                    stream.shutdown().await.unwrap();
                    let mut rest = Vec::new();
                    // The server may close the connection at once or send a response. In both cases
                    // the handler continues.
                    let patience = Duration::from_millis(200);
                    let _ = tokio::time::timeout(patience, stream.read_to_end(&mut rest)).await;
                }
            }
            // The server gives no sign when it notices. With too short a pause the test checks
            // less, but it does not fail.
            tokio::time::sleep(Duration::from_millis(100)).await;
            probe.open();
            probe.ended().await;
            let retry = delivery.send(addr).await;
            assert_eq!(retry.status, 200, "{disconnect:?}");
            assert_eq!(probe.count(), before + 1, "{disconnect:?}");
        }
    }
}
