//! The pairing page in a real browser: what somebody who has nothing but a link sees and can do.

use reqwest::Method;
use rstest::rstest;
use serde_json::{Value, json};
use whatsapp_simulator::Fault;

use crate::support::browser::{Browser, ENTER, SPACE, TAB};
use crate::support::screen::{assert_fits, assert_readable, scan};
use crate::support::world::{Kind, World};

const NUMBER: &str = "+1 555 010-0001";

/// Waits until the page is in a state.
async fn reaches(browser: &Browser, state: &str) {
    browser.until(&format!("document.querySelector('#state')?.dataset.state === '{state}'")).await;
}

/// Waits until the page shows a QR code that can still be scanned.
async fn shows_qr(browser: &Browser) {
    reaches(browser, "waiting_for_qr").await;
    let code = "((qr) => qr.checkVisibility() && qr.complete && qr.naturalWidth > 0)(document.querySelector('#qr'))";
    browser.until(&format!("{code} && Number(document.querySelector('#qr-seconds').textContent) > 0")).await;
}

/// Waits for a pair code on the page, and gives it.
async fn pair_code(browser: &Browser) -> String {
    reaches(browser, "waiting_for_pair_code").await;
    let code =
        "((code) => code.checkVisibility() && code.innerText.trim().length > 8)(document.querySelector('#pair-code'))";
    browser.until(code).await;
    browser.text("#pair-code").await
}

/// Presses Tab until this element has the focus, which must be visible on every way station.
async fn tab_to(browser: &Browser, css: &str) {
    for _ in 0..12 {
        browser.press(TAB).await;
        let outline = browser.value("getComputedStyle(document.activeElement).outlineStyle").await;
        assert_ne!(outline, "none", "on the way to {css}");
        if browser.value(&format!("document.activeElement === document.querySelector({css:?})")).await == true {
            return;
        }
    }
    panic!("the keyboard does not reach {css}");
}

/// Asks for a pair code with the mouse.
async fn ask_code(browser: &Browser, number: &str) {
    if browser.value("document.querySelector('#number-way').open").await == false {
        browser.click("#number-way summary").await;
    }
    browser.value("document.querySelector('#phone-number').value = ''").await;
    browser.click("#phone-number").await;
    browser.press(number).await;
    browser.click("#ask-code").await;
}

/// A world with the session `shop`, a link to it, and a browser that has not opened it yet.
async fn invited(expires_in: u64) -> (World, String, Browser) {
    let world = World::new(Kind::Sqlite).await;
    world.door.create("shop").await;
    let answer = world.door.post("/shop/pairing-links", json!({ "expires_in": expires_in })).await.ok();
    let url = answer["pairing_link"]["url"].as_str().expect("an address").to_owned();
    assert!(url.starts_with(&format!("{}/pair#wpl_", world.server.base())), "{url}");
    (world, url, Browser::start().await)
}

/// Ends the world after a look at what the visit left behind: the token is in no address and in no log.
async fn finish(world: World, url: &str) {
    let (_, token) = url.split_once('#').expect("the token is behind the #");
    assert!(!world.finish().await.contains(token), "the token is in the server's log");
}

#[rstest]
#[tokio::test]
async fn a_scan_of_what_is_on_the_screen_links_the_phone(#[values("light", "dark")] scheme: &str) {
    let (world, url, browser) = invited(600).await;
    browser.prefer(scheme).await;
    browser.open(&url).await;
    shows_qr(&browser).await;
    let code = scan(&browser, None).await;
    world.phone().scan(&code).await.expect("the code on the screen is good");
    reaches(&browser, "linked").await;
    assert_eq!(browser.value("location.href").await, format!("{}/pair", world.server.base()));
    assert_eq!(browser.value("document.querySelector('#work').checkVisibility()").await, false);
    world.reaches("shop", "logged_in").await;
    finish(world, &url).await;
}

#[tokio::test]
async fn a_visit_asks_this_server_only_and_leaves_nothing_behind() {
    let (world, url, browser) = invited(600).await;
    let phone = world.phone();
    browser.open(&url).await;
    shows_qr(&browser).await;
    ask_code(&browser, NUMBER).await;
    let code = pair_code(&browser).await;
    phone.enter(&code).await.expect("the code on the page is good");
    reaches(&browser, "linked").await;
    let sent: Vec<_> = browser.requests().await.into_iter().map(|sent| sent.url).collect();
    let paths: Vec<_> = sent.iter().map(|url| url.strip_prefix(world.server.base()).unwrap_or(url)).collect();
    assert_eq!(paths, ["/pair", "/pair/live", "/pair/code"]);
    assert_eq!(browser.console().await, Vec::<String>::new(), "the console, where violations of the policy would be");
    let kept = "localStorage.length + sessionStorage.length + document.cookie.length";
    assert_eq!(browser.value(kept).await, 0);
    finish(world, &url).await;
}

#[tokio::test]
async fn a_phone_is_linked_by_its_number_and_the_keyboard_alone() {
    let (world, url, browser) = invited(600).await;
    let phone = world.phone();
    browser.open(&url).await;
    shows_qr(&browser).await;
    tab_to(&browser, "#number-way summary").await;
    browser.press(ENTER).await;
    tab_to(&browser, "#phone-number").await;
    browser.press(NUMBER).await;
    browser.press(ENTER).await;
    let code = pair_code(&browser).await;
    assert_eq!(browser.value("document.querySelector('#qr').checkVisibility()").await, false);
    assert_eq!(browser.value("document.querySelector('#phone-number').value").await, NUMBER);
    phone.enter(&code).await.expect("the code on the page is good");
    reaches(&browser, "linked").await;
    finish(world, &url).await;
}

#[tokio::test]
async fn whoever_has_a_pair_code_can_go_back_to_the_qr_code() {
    let (world, url, browser) = invited(600).await;
    world.phone();
    browser.open(&url).await;
    shows_qr(&browser).await;
    ask_code(&browser, NUMBER).await;
    pair_code(&browser).await;
    browser.click("#show-qr").await;
    let code = scan(&browser, Some("#qr")).await;
    world.phone().scan(&code).await.expect("the code on the screen is good");
    reaches(&browser, "linked").await;
    finish(world, &url).await;
}

#[rstest]
#[case::no_number("call me", "not a phone number", "true")]
#[case::unknown("+1 555 010-0099", "gave no code", "false")]
#[tokio::test]
async fn a_number_that_gets_no_code_is_kept_and_the_page_says_why(
    #[case] number: &str,
    #[case] why: &str,
    #[case] is_invalid: &str,
) {
    let (world, url, browser) = invited(600).await;
    browser.open(&url).await;
    shows_qr(&browser).await;
    ask_code(&browser, number).await;
    browser.until(&format!("document.querySelector('#number-note').innerText.includes({why:?})")).await;
    let field = "document.querySelector('#phone-number')";
    assert_eq!(browser.value(&format!("{field}.value")).await, number);
    assert_eq!(browser.value(&format!("{field}.getAttribute('aria-invalid')")).await, is_invalid);
    world.phone().scan(&scan(&browser, Some("#qr")).await).await.expect("the QR code is as good as before");
    reaches(&browser, "linked").await;
    finish(world, &url).await;
}

#[tokio::test]
async fn the_seconds_are_counted_down_and_not_announced() {
    let (world, url, browser) = invited(600).await;
    browser.open(&url).await;
    shows_qr(&browser).await;
    let watch = "window.said = 0, new MutationObserver(() => { said += 1 }).observe(document.querySelector('#state'), \
                 { subtree: true, childList: true, characterData: true, attributes: true })";
    browser.value(watch).await;
    let seconds: u64 = browser.text("#qr-seconds").await.parse().expect("a number");
    assert!((1..=60).contains(&seconds), "{seconds}");
    browser.until(&format!("Number(document.querySelector('#qr-seconds').textContent) < {seconds} - 1")).await;
    assert_eq!(browser.value("window.said").await, 0);
    finish(world, &url).await;
}

#[derive(Clone, Copy, Debug)]
enum End {
    Expired,
    Used,
    SessionDeleted,
}

#[rstest]
#[tokio::test]
async fn a_link_that_ends_says_so_to_whoever_has_it_open_and_to_whoever_comes_later(
    #[values(End::Expired, End::Used, End::SessionDeleted)] end: End,
) {
    let (world, url, browser) = invited(if matches!(end, End::Expired) { 8 } else { 600 }).await;
    browser.open(&url).await;
    shows_qr(&browser).await;
    let (now, later) = match end {
        End::Expired => ("expired", "expired"),
        End::Used => {
            world.link("shop", &world.phone()).await;
            ("linked", "used")
        }
        End::SessionDeleted => {
            world.door.delete("shop").await.ok();
            ("gone", "gone")
        }
    };
    reaches(&browser, now).await;
    assert_eq!(browser.value("location.hash").await, "");
    browser.open(&url).await;
    reaches(&browser, later).await;
    assert_eq!(browser.value("location.hash").await, "");
    finish(world, &url).await;
}

#[tokio::test]
async fn a_link_with_a_mistake_is_refused_and_the_right_one_in_the_same_tab_is_taken() {
    let (world, url, browser) = invited(600).await;
    let (page, token) = url.split_once('#').expect("the token is behind the #");
    browser.open(page).await;
    reaches(&browser, "incomplete").await;
    for wrong in [format!("{token}x"), token[..token.len() - 1].to_owned(), token.to_uppercase()] {
        browser.open(&format!("{page}#{wrong}")).await;
        reaches(&browser, "gone").await;
    }
    browser.value(&format!("location.hash = {token:?}")).await;
    shows_qr(&browser).await;
    finish(world, &url).await;
}

#[tokio::test]
async fn when_the_codes_are_over_a_new_one_is_a_key_away() {
    let (world, url, browser) = invited(600).await;
    browser.open(&url).await;
    shows_qr(&browser).await;
    let first = scan(&browser, Some("#qr")).await;
    world.sim.fault_pairing_connections(&Fault::RefsExhausted);
    reaches(&browser, "codes_over").await;
    assert_eq!(browser.value("document.querySelector('#qr').checkVisibility()").await, false);
    tab_to(&browser, "#again").await;
    browser.press(SPACE).await;
    shows_qr(&browser).await;
    // The button is hidden now; the focus is not lost with it.
    assert_eq!(browser.value("document.activeElement.id").await, "state");
    let second = scan(&browser, Some("#qr")).await;
    assert_ne!(second, first);
    world.phone().scan(&second).await.expect("the new code is good");
    reaches(&browser, "linked").await;
    finish(world, &url).await;
}

#[tokio::test]
async fn trouble_with_whatsapp_is_explained_until_it_is_over() {
    let (world, url, browser) = invited(600).await;
    world.door.post("/shop/disconnect", Value::Null).await.ok();
    world.sim.set_accepting(false);
    browser.open(&url).await;
    reaches(&browser, "trouble").await;
    assert_eq!(browser.text("#state small").await, "unreachable");
    assert!(browser.text("#state").await.contains("cannot be reached"));
    world.sim.set_accepting(true);
    shows_qr(&browser).await;
    assert_eq!(browser.text("#state small").await, "");
    finish(world, &url).await;
}

#[tokio::test]
async fn a_server_that_is_gone_is_asked_less_and_less_often() {
    let (mut world, url, browser) = invited(600).await;
    browser.open(&url).await;
    shows_qr(&browser).await;
    browser.requests().await;
    world.server.kill();
    reaches(&browser, "reconnecting").await;
    let asked = browser.requests_until(3).await;
    // After 1, 2 and 4 seconds; timers are never early.
    let waits = [asked[1].at - asked[0].at, asked[2].at - asked[1].at];
    assert!(waits[0] >= 1.9 && waits[1] >= 3.9, "{asked:?}");
    world.start_again();
    finish(world, &url).await;
}

#[rstest]
#[tokio::test]
async fn every_text_can_be_read_and_nothing_scrolls_sideways(#[values("light", "dark")] scheme: &str) {
    let (world, url, browser) = invited(600).await;
    world.phone();
    browser.prefer(scheme).await;
    browser.narrow(320).await;
    let look = async |state: &str| {
        reaches(&browser, state).await;
        assert_readable(&browser, state).await;
        assert_fits(&browser, state).await;
    };
    browser.open(&url).await;
    shows_qr(&browser).await;
    look("waiting_for_qr").await;
    ask_code(&browser, "no number").await;
    browser.until("document.querySelector('#number-note').className === 'failed'").await;
    look("waiting_for_qr").await;
    ask_code(&browser, NUMBER).await;
    pair_code(&browser).await;
    look("waiting_for_pair_code").await;
    world.sim.set_accepting(false);
    world.sim.fault_pairing_connections(&Fault::Abort);
    look("trouble").await;
    world.sim.set_accepting(true);
    shows_qr(&browser).await;
    world.link("shop", &world.phone()).await;
    look("linked").await;
    browser.open(&url).await;
    look("used").await;
    finish(world, &url).await;
}

#[tokio::test]
async fn the_page_says_its_language_and_its_title_and_names_every_control() {
    let (world, url, browser) = invited(600).await;
    browser.open(&url).await;
    shows_qr(&browser).await;
    let facts = "[document.documentElement.lang, document.title, document.querySelectorAll('h1').length, \
                 document.querySelectorAll('main').length, document.querySelector('#qr').alt.length > 0, \
                 [...document.querySelectorAll('input')].every((input) => input.labels.length === 1), \
                 document.querySelector('#state').getAttribute('role')]";
    assert_eq!(browser.value(facts).await, json!(["en", "Link your phone", 1, 1, true, true, "status"]));
    let page = world.door.send(world.door.anonymous(Method::GET, "/pair")).await;
    assert!(page.text().starts_with("<!doctype html>"), "{}", page.text());
    finish(world, &url).await;
}
