//! The page in headless Chromium.

use super::inbox_page::{
    hides_what_the_store_lacks, pauses_and_resumes_by_keyboard, shows_an_inbox_in_light_and_dark,
};
use super::web_driver::{Browser, ENTER, ESCAPE, TAB};
use super::{EVENT, Site, TOKEN, refusals, token};
use apideck_hooks::console::Console;
use apideck_hooks::testing::Event;
use apideck_hooks_tests::kit::{Deliver, event};
use apideck_hooks_tests::probe::Step;
use std::collections::BTreeSet;
use std::net::SocketAddr;

const LIST: &str = "document.querySelector('.list tr.row')";
pub(super) const MARKUP: &str =
    "<script>window.hit=1</script><img src=x onerror=window.hit=1>\"'&</textarea><svg onload=window.hit=1>";

/// Fails if the page has asked for anything elsewhere, or has complained.
pub(super) async fn has_behaved(browser: &Browser, addr: SocketAddr) {
    let own = format!("http://{addr}/");
    let requests = browser.requests().await;
    let elsewhere: BTreeSet<_> = requests
        .iter()
        .map(|url| url.replace(&format!("me:{TOKEN}@"), ""))
        .filter(|url| !url.starts_with(&own) && !url.starts_with("data:") && !url.starts_with("chrome://"))
        .collect();
    assert!(elsewhere.is_empty(), "{elsewhere:?}");
    assert!(requests.len() > 3, "{requests:?}");
    let complaints = browser.complaints().await;
    assert!(complaints.is_empty(), "{complaints:#?}");
    // Ends the page's own requests, so that the next page has a log of its own.
    browser.open("about:blank").await;
    browser.requests().await;
    browser.complaints().await;
}

/// Waits until a change has ended, and returns its title.
pub(super) async fn answered(browser: &Browser) -> String {
    let title = "document.querySelector('#question').textContent";
    browser.until(&format!("!/[?…]$/.test({title})")).await;
    let title = browser.script(&format!("return {title}")).await;
    title.as_str().expect("text").to_owned()
}

/// A person without a mouse finds a dead letter, reads it, replays it, and purges another one.
async fn replays_and_purges_by_keyboard(browser: &Browser) {
    let console = Console::with_token(token()).allow_changes();
    let steps = [refusals(2), vec![Step::Fail, Step::Succeed]].concat();
    let site = Site::new(console, steps).await;
    for id in ["e1", "e2"] {
        site.dead_letter_of(
            &Event::new(EVENT)
                .id(id)
                .consumer("acme")
                .set("entity.settings.api_key", "hush"),
        )
        .await;
    }
    browser
        .open(&format!("http://me:{TOKEN}@{}/hooks", site.addr))
        .await;
    browser.until(LIST).await;
    browser.press(TAB).await;
    browser.tab_to("Dead letters2").await;
    browser.press(ENTER).await;
    browser
        .until("document.querySelector('#sum')?.textContent === '2 dead letters'")
        .await;
    // The first button of the list, behind the fields and their buttons.
    browser.tab_to("Purge all…").await;
    browser.press(TAB).await;
    assert_eq!(
        browser
            .script("return document.activeElement.getAttribute('aria-expanded')")
            .await,
        "false"
    );
    browser.press(ENTER).await;
    browser.until("document.querySelector('pre')").await;
    let body = browser
        .script("return document.querySelector('pre').textContent")
        .await;
    let body = body.as_str().expect("text");
    assert!(
        body.contains("\"event_id\":\"e2\"")
            && body.contains("\"api_key\":\"[hidden]\"")
            && !body.contains("hush"),
        "{body}"
    );

    // Escape changes nothing and gives the focus back.
    browser.tab_to("Replay…").await;
    browser.press(ENTER).await;
    browser.until("document.querySelector('dialog[open]')").await;
    let question = browser
        .script("return document.querySelector('dialog').textContent")
        .await;
    let question = question.as_str().expect("text");
    assert!(
        question.contains(EVENT) && question.contains("Id e2") && question.contains("acme"),
        "{question}"
    );
    assert_eq!(browser.focused().await, "Cancel");
    browser.press(ESCAPE).await;
    browser.until("!document.querySelector('dialog[open]')").await;
    assert_eq!(browser.focused().await, "Replay…");
    assert_eq!(site.probe.count(), 2);

    for expected in ["Replayed: dead lettered", "Replayed: handled"] {
        browser.press(ENTER).await;
        browser.tab_to("Replay").await;
        browser.press(ENTER).await;
        assert_eq!(answered(browser).await, expected);
        browser.press(ENTER).await;
        browser.until("!document.querySelector('dialog[open]')").await;
        if expected.ends_with("lettered") {
            browser
                .until("document.querySelector('#sum').textContent === '2 dead letters'")
                .await;
            browser.tab_to("Purge all…").await;
            browser.press(TAB).await;
            browser.press(ENTER).await;
            browser.until("document.querySelector('pre')").await;
            browser.tab_to("Replay…").await;
        }
    }
    browser
        .until("document.querySelector('#sum').textContent === '1 dead letter'")
        .await;
    browser.tab_to("Purge all…").await;
    browser.press(ENTER).await;
    browser
        .until("document.querySelector('#question')?.textContent === 'Purge 1 dead letter?'")
        .await;
    browser.tab_to("Purge 1").await;
    browser.press(ENTER).await;
    assert_eq!(answered(browser).await, "Done");
    browser.press(ENTER).await;
    browser
        .until("document.querySelector('#sum').textContent === '0 dead letters'")
        .await;
    assert_eq!(site.hooks.snapshot().await.dead_letters, Some(0));
    assert_eq!(site.probe.count(), 4);
    has_behaved(browser, site.addr).await;
}

/// Markup in every field of an event is text on the page.
async fn shows_markup_as_text(browser: &Browser) {
    let site = Site::new(Console::unprotected().allow_changes(), refusals(1)).await;
    let hostile = Event::unlisted(EVENT)
        .id(format!("id{MARKUP}"))
        .consumer(format!("consumer{MARKUP}"))
        .set("entity_id", format!("entity{MARKUP}"))
        .set("entity.name", MARKUP)
        .set("entity.settings.x", MARKUP);
    site.dead_letter_of(&hostile).await;
    let named = Event::unlisted(format!("crm.{MARKUP}"));
    named
        .without_header("x-apideck-event-type")
        .call(&site.hooks)
        .await
        .assert_acknowledged();
    browser.open(&format!("http://{}/hooks/", site.addr)).await;
    browser.until(LIST).await;
    let click_all = "document.querySelectorAll('tr.row').forEach(row => row.click())";
    browser.script(click_all).await;
    browser
        .until("document.querySelectorAll('td.detail dl').length === 2")
        .await;
    let text = browser
        .script("return document.querySelector('main').textContent")
        .await;
    for field in ["id", "consumer", "entity", "crm."] {
        assert!(
            text.as_str().expect("text").contains(&format!("{field}{MARKUP}")),
            "{field}: {text}"
        );
    }
    browser.script("location.hash = 'dead-letters'").await;
    browser
        .until("document.querySelector('#sum')?.textContent === '1 dead letter'")
        .await;
    browser.script(click_all).await;
    browser.until("document.querySelector('pre')").await;
    let body = browser
        .script("return document.querySelector('pre').textContent")
        .await;
    assert!(
        body.as_str().expect("text").contains("<script>window.hit=1"),
        "{body}"
    );
    browser.script("[...document.querySelectorAll('button')].find(button => button.textContent === 'Purge…').click()").await;
    browser.until("document.querySelector('dialog[open]')").await;
    let made = "return document.querySelectorAll('main script, main img, main svg, dialog script, dialog img, dialog svg').length";
    assert_eq!(browser.script(made).await, 0);
    assert_eq!(browser.script("return window.hit === undefined").await, true);
    has_behaved(browser, site.addr).await;
}

/// After 10,000 deliveries the page shows the newest, older ones on demand, and stays usable.
async fn shows_many_deliveries(browser: &Browser) {
    let site = Site::new(Console::unprotected(), []).await;
    for n in 0..10_000 {
        event("crm.lead.created", &format!("e{n}"))
            .call(&site.hooks)
            .await
            .assert_acknowledged();
    }
    browser.open(&format!("http://{}/hooks", site.addr)).await;
    browser
        .until("document.querySelectorAll('tr.row').length === 100")
        .await;
    for shown in 2..=10 {
        browser
            .script("document.querySelector('.more button').click()")
            .await;
        browser
            .until(&format!(
                "document.querySelectorAll('tr.row').length === {}",
                shown * 100
            ))
            .await;
    }
    assert_eq!(
        browser.script("return document.querySelector('.more')").await,
        serde_json::Value::Null
    );
    let last = browser
        .script("return [...document.querySelectorAll('tr.row')].at(-1).textContent")
        .await;
    assert!(last.as_str().expect("text").contains("e9000"), "{last}");
    browser.script("const field = document.querySelector('[name=text]'); field.value = 'e9123'; field.dispatchEvent(new Event('input'))").await;
    browser
        .until("document.querySelectorAll('tr.row').length === 1")
        .await;
    let numbers = browser
        .script("return document.querySelector('#numbers').textContent")
        .await;
    assert!(numbers.as_str().expect("text").contains("10,000"), "{numbers}");
    has_behaved(browser, site.addr).await;
}

/// Opens the dialog of a button, and returns its question.
pub(super) async fn asked(browser: &Browser, button: &str) -> String {
    browser.tab_to(button).await;
    browser.press(ENTER).await;
    browser.until("document.querySelector('dialog[open]')").await;
    assert_eq!(browser.focused().await, "Cancel");
    let question = browser
        .script("return document.querySelector('dialog').textContent")
        .await;
    question.as_str().expect("text").to_owned()
}

/// Confirms a change, and returns its result.
pub(super) async fn confirmed(browser: &Browser, button: &str) -> String {
    browser.tab_to(button).await;
    browser.press(ENTER).await;
    let told = answered(browser).await;
    browser.press(ENTER).await;
    browser.until("!document.querySelector('dialog[open]')").await;
    told
}

/// Fails if a text has too little contrast, or the page is wider than the window.
pub(super) async fn is_readable(browser: &Browser, what: &str) {
    let low = browser.script(CONTRAST).await;
    assert_eq!(low, serde_json::json!([]), "{what}");
    let wide = "return document.documentElement.scrollWidth > innerWidth";
    assert_eq!(browser.script(wide).await, false, "{what}");
}

/// Light and dark differ, both are readable, and a console that only reads has no buttons.
async fn is_readable_in_light_and_dark(browser: &Browser) {
    let site = Site::new(Console::unprotected(), [refusals(1), vec![Step::Fail]].concat()).await;
    site.dead_letter("e1").await;
    event(EVENT, "e2").call(&site.hooks).await.assert_failed();
    browser
        .open(&format!("http://{}/hooks#dead-letters", site.addr))
        .await;
    browser.until(LIST).await;
    let mut images = Vec::new();
    for scheme in ["light", "dark"] {
        browser.prefer(scheme).await;
        for view in ["deliveries", "dead-letters", "receiver"] {
            browser.script(&format!("location.hash = '{view}'")).await;
            browser.until("document.querySelector('.list table')").await;
            is_readable(browser, &format!("{scheme} {view}")).await;
            images.push(browser.screenshot().await);
        }
    }
    assert_ne!(images[0], images[3]);
    let buttons = browser.script("return [...document.querySelectorAll('button')].filter(b => /Purge|Replay/.test(b.textContent)).length").await;
    assert_eq!(buttons, 0);
    has_behaved(browser, site.addr).await;
}

/// Returns the texts whose contrast is below 4.5 to 1 (WCAG 2.1, level AA).
const CONTRAST: &str = r#"
const parse = text => text.match(/[\d.]+/g).map(Number);
const light = ([r, g, b]) => {
  const [x, y, z] = [r, g, b].map(c => (c /= 255) <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
  return 0.2126 * x + 0.7152 * y + 0.0722 * z;
};
const ground = element => {
  for (; element; element = element.parentElement) {
    const color = parse(getComputedStyle(element).backgroundColor);
    if (color.length < 4 || color[3] > 0.99) return color;
  }
  return [255, 255, 255];
};
const low = [];
for (const element of document.querySelectorAll('body *')) {
  if (![...element.childNodes].some(node => node.nodeType === 3 && node.data.trim()) || !element.getClientRects().length) continue;
  const [a, b] = [light(parse(getComputedStyle(element).color)), light(ground(element))].sort((a, b) => b - a);
  if ((a + 0.05) / (b + 0.05) < 4.5) low.push(element.textContent.slice(0, 40));
}
return low;
"#;

/// One browser for all of it, because starting one takes the most time.
#[tokio::test]
async fn the_page_in_a_browser() {
    let Some(browser) = Browser::start().await else {
        return;
    };
    replays_and_purges_by_keyboard(&browser).await;
    shows_markup_as_text(&browser).await;
    shows_many_deliveries(&browser).await;
    is_readable_in_light_and_dark(&browser).await;
    pauses_and_resumes_by_keyboard(&browser).await;
    shows_an_inbox_in_light_and_dark(&browser).await;
    hides_what_the_store_lacks(&browser).await;
    browser.quit().await;
}
