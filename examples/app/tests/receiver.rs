//! The receiver in this process, on a paused clock. Its store is the memory, because the
//! connections of a database take real time.

use std::error::Error;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use apideck_hooks::testing::{Apideck, Event};
use apideck_hooks::{Hooks, router};
use app::notifier::Notifier;
use app::webhooks::connections;
use async_trait::async_trait;

/// Keeps the texts, after some failures.
#[derive(Default)]
struct Texts {
    failures: Mutex<u32>,
    sent: Mutex<Vec<String>>,
}

#[async_trait]
impl Notifier for Texts {
    async fn notify(&self, text: &str) -> Result<(), Box<dyn Error + Send + Sync>> {
        let mut failures = self.failures.lock().unwrap();
        if *failures > 0 {
            *failures -= 1;
            return Err("the mail server is down".into());
        }
        self.sent.lock().unwrap().push(text.to_owned());
        Ok(())
    }
}

/// A receiver of the handlers that use no database.
fn apideck(notifier: &Arc<Texts>) -> Apideck<Hooks> {
    let notifier: Arc<dyn Notifier> = notifier.clone();
    let hooks = Hooks::builder(router![connections::token_failed, ..])
        .secret("test-key")
        .state(notifier);
    Apideck::new(hooks.build().unwrap(), "test-key")
}

#[tokio::test(start_paused = true)]
async fn a_message_is_sent_once_the_mail_server_is_back() {
    let texts = Arc::new(Texts::default());
    *texts.failures.lock().unwrap() = 3;
    let apideck = apideck(&texts);
    let event = Event::new("vault.connection.token_refresh.failed").consumer("acme");

    let story = apideck.deliver(&event).await;
    story.assert_handled().assert_deliveries(4);
    assert_eq!(story[0].error(), Some("the mail server is down"));
    assert_eq!(story.duration(), Duration::from_secs((3 + 5 + 10) * 60));

    apideck.send(&event.replayed()).await.assert_duplicate();
    let sent = texts.sent.lock().unwrap();
    assert_eq!(sent.len(), 1);
    assert!(sent[0].starts_with("acme must sign in to "), "{sent:?}");
}
