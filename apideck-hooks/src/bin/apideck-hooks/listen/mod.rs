//! `apideck-hooks listen`: a proxy that verifies, prints, saves and forwards deliveries.
//!
//! # How it works
//!
//! `server` accepts connections and reads requests, under limits. `proxy` verifies a request and
//! forwards it. `recorder` saves it, after `credentials` has removed those of end users. `summary`
//! counts, and tells at the end what the deliveries have in common. All state is behind one lock,
//! which is never held over a wait.

mod credentials;
mod proxy;
mod recorder;
mod seen;
mod server;
mod summary;

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use http::Uri;
use serde_json::json;
use tokio::net::TcpListener;

use crate::exit::{Exit, Trouble};
use crate::key::KeyArguments;
use crate::screen::Screen;
use crate::url::{parse_url, shown};
use proxy::Proxy;

/// Receive deliveries: verify, print, save and forward them
///
/// Every request is forwarded as it came, also one that does not verify, because the receiver
/// decides by itself. Without --to, a delivery that verifies is answered 503, so that Apideck sends
/// it again. An interrupt ends it with a summary: the forms and encodings that were signed, and if
/// ids and keys stayed the same over retries.
#[derive(Args)]
pub(crate) struct ListenArguments {
    /// Address to listen on
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:4000")]
    addr: SocketAddr,
    /// URL to forward to
    #[arg(long, value_name = "URL", value_parser = parse_url)]
    to: Option<Uri>,
    /// Directory for recordings: NAME.json has the body, and NAME.headers has the headers
    ///
    /// Both are exact. Headers that may hold credentials are left out, so Apideck's own,
    /// content-type and user-agent are kept. `send --exact` sends a recording again, and so does
    /// curl with `-H @NAME.headers --data-binary @NAME.json`. At most 10,000 recordings, 256 MiB
    /// and 100 deliveries that do not verify are saved.
    #[arg(long, value_name = "DIR")]
    save: Option<PathBuf>,
    /// Save settings and metadata too, which can hold credentials of end users
    ///
    /// Without it they are saved as {}, and the recording is marked. Its signature then belongs to
    /// another body, so `send --exact` signs it anew. A body that is not JSON is not saved.
    #[arg(long, requires = "save")]
    keep_credentials: bool,
    /// Answer 200 without --to. The events are then lost for other receivers
    #[arg(long, conflicts_with = "to")]
    accept: bool,
    #[command(flatten)]
    key: KeyArguments,
}

pub(crate) async fn run(arguments: ListenArguments, screen: &mut Screen) -> Result<Exit, Trouble> {
    let key = arguments.key.read()?;
    let listener = TcpListener::bind(arguments.addr).await;
    let listener =
        listener.map_err(|error| Trouble::wrong_use(format_args!("{}: {error}", arguments.addr)))?;
    let addr = listener.local_addr().map_err(Trouble::wrong_use)?;
    let recorder = match &arguments.save {
        Some(folder) => Some(recorder::Recorder::new(folder, arguments.keep_credentials)?),
        None => None,
    };
    let url = format!("http://{addr}");
    screen.object(json!({"listening": url}));
    let end = match (&arguments.to, arguments.accept) {
        (Some(to), _) => format!("forwards to {}", shown(to)),
        (None, true) => "answers 200".to_owned(),
        (None, false) => "answers 503, so that Apideck sends each event again".to_owned(),
    };
    screen.remark(format_args!("listens on {url} and {end}"));
    // The proxy runs in tasks, so it has a screen of its own.
    let own_screen = std::mem::replace(screen, Screen::new(false));
    let proxy = Proxy::new(key, arguments.to, arguments.accept, recorder, own_screen)?;
    server::serve(listener, &proxy).await;
    proxy.sum_up();
    Ok(Exit::AsWished)
}
