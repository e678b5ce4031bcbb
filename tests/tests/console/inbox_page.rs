//! The view of the inbox in headless Chromium.

use super::browser::{MARKUP, asked, confirmed, has_behaved, is_readable};
use super::inbox::InboxSite;
use super::web_driver::{Browser, ENTER, ESCAPE, TAB};
use super::{EVENT, Site};
use apideck_hooks::console::Console;
use apideck_hooks::testing::Event;
use apideck_hooks_tests::kit::{Deliver, event};

/// A person without a mouse finds a backlog of 10,000 events, pauses and resumes some of them, and
/// reads one whose body is markup.
pub(super) async fn pauses_and_resumes_by_keyboard(browser: &Browser) {
    let site = InboxSite::new(Console::unprotected().allow_changes()).await;
    let lead = |id: String| {
        Event::new("crm.lead.created")
            .id(id)
            .consumer(format!("consumer{MARKUP}"))
    };
    let hostile = lead("e-0".to_owned()).set_new("entity.description", MARKUP);
    hostile.call(&site.hooks).await.assert_accepted();
    // The same event many times, as a hundred names.
    site.file
        .execute(
            "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 9999)
            INSERT INTO apideck_hooks_records
            SELECT NULL, randomblob(16), phase, token, claim, boot, attempts, interrupted, lease_end,
                lease_length, rest_end, rest_length, first_seen, expires, accepted_at - n, due, lane,
                occurred_at, idempotency_key, source, event_type || (n % 100), 'e-' || n, entity_id,
                consumer_id, context, error, dead_at, body
            FROM apideck_hooks_records, n",
        )
        .await;
    browser.open(&format!("http://{}/hooks", site.addr)).await;
    browser
        .until("document.querySelector('#numbers').textContent.includes('Inbox10,000')")
        .await;
    browser.press(TAB).await;
    browser.tab_to("Inbox").await;
    browser.press(ENTER).await;
    browser
        .until("document.querySelectorAll('tr.row').length === 100")
        .await;
    let total = "document.querySelector('#sum').textContent === '10,000 waiting, 0 running'";
    browser.until(total).await;
    // The counts by name are bounded, too.
    let rows = browser
        .script("return document.querySelectorAll('tr').length")
        .await;
    assert_eq!(rows, 1 + 50 + 1 + 100);
    browser
        .script("document.querySelector('.more button').click()")
        .await;
    browser
        .until("document.querySelectorAll('tr.row').length === 200")
        .await;

    browser
        .script("document.querySelector('[name=event]').focus()")
        .await;
    browser.press("crm.lead.created9*").await;
    browser
        .until("document.querySelector('.list tr.row td:nth-child(2)')?.textContent.startsWith('crm.lead.created9')")
        .await;
    let question = asked(browser, "Pause…").await;
    assert!(question.contains("Pause crm.lead.created9*?"), "{question}");
    browser.press(ESCAPE).await;
    browser.until("!document.querySelector('dialog[open]')").await;
    assert_eq!(browser.focused().await, "Pause…");
    assert_eq!(site.hooks.snapshot().await.inbox_pauses, Some(0));
    asked(browser, "Pause…").await;
    assert_eq!(confirmed(browser, "Pause").await, "Paused");
    let pauses = site.hooks.inbox().pauses().await.expect("pauses");
    assert_eq!(pauses[0].pattern, "crm.lead.created9*");
    browser
        .until("document.querySelector('.list tr.row td:nth-child(4)')?.textContent === 'paused'")
        .await;
    let question = asked(browser, "Resume…").await;
    assert!(question.contains("Resume crm.lead.created9*?"), "{question}");
    assert_eq!(confirmed(browser, "Resume").await, "Resumed");
    assert_eq!(site.hooks.snapshot().await.inbox_pauses, Some(0));

    browser
        .script("const field = document.querySelector('[name=event]'); field.value = 'crm.lead.created'; field.dispatchEvent(new Event('input'))")
        .await;
    browser
        .until("document.querySelectorAll('tr.row').length === 1")
        .await;
    browser
        .script("document.querySelector('tr.row button').focus()")
        .await;
    browser.press(ENTER).await;
    browser.until("document.querySelector('pre')").await;
    let text = browser
        .script("return document.querySelector('main').textContent")
        .await;
    let text = text.as_str().expect("text");
    assert!(
        text.contains("<script>window.hit=1") && text.contains("consumer<script>"),
        "{text}"
    );
    let question = asked(browser, "Run now…").await;
    assert!(
        question.contains("Run now crm.lead.created?") && question.contains("Id e-0"),
        "{question}"
    );
    assert_eq!(confirmed(browser, "Run now").await, "It was due");
    let made = "return document.querySelectorAll('main script, main img, main svg, dialog script, dialog img, dialog svg').length";
    assert_eq!(browser.script(made).await, 0);
    assert_eq!(browser.script("return window.hit === undefined").await, true);
    has_behaved(browser, site.addr).await;
}

/// The view of the inbox in both schemes, without buttons where the console only reads.
pub(super) async fn shows_an_inbox_in_light_and_dark(browser: &Browser) {
    let site = InboxSite::new(Console::unprotected()).await;
    for (name, id) in [("crm.lead.created", "e-1"), (EVENT, "e-2")] {
        event(name, id).call(&site.hooks).await.assert_accepted();
    }
    site.hooks.inbox().pause("crm.*").await.expect("a pause");
    browser.open(&format!("http://{}/hooks#inbox", site.addr)).await;
    browser
        .until("document.querySelectorAll('.list table').length === 2")
        .await;
    let mut images = Vec::new();
    for scheme in ["light", "dark"] {
        browser.prefer(scheme).await;
        is_readable(browser, scheme).await;
        images.push(browser.screenshot().await);
    }
    assert_ne!(images[0], images[1]);
    let text = browser
        .script("return document.querySelector('.list').textContent")
        .await;
    let text = text.as_str().expect("text");
    assert!(text.contains("paused for ") && !text.contains('…'), "{text}");
    let buttons = "return document.querySelectorAll('main .filters button').length";
    assert_eq!(browser.script(buttons).await, 0);
    has_behaved(browser, site.addr).await;
}

/// A receiver without an inbox has no such view.
pub(super) async fn hides_what_the_store_lacks(browser: &Browser) {
    let site = Site::new(Console::unprotected(), []).await;
    browser.open(&format!("http://{}/hooks#inbox", site.addr)).await;
    browser.until("document.querySelector('.list')").await;
    let links = browser
        .script("return [...document.querySelectorAll('nav a')].filter(link => link.offsetParent).map(link => link.hash)")
        .await;
    assert_eq!(
        links,
        serde_json::json!(["#deliveries", "#dead-letters", "#receiver"])
    );
    let current = "return document.querySelector('nav [aria-current]').hash";
    assert_eq!(browser.script(current).await, "#deliveries");
    has_behaved(browser, site.addr).await;
}
