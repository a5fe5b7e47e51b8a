//! Tests of the dashboard in a browser: what it shows, stores and refuses.

use std::os::unix::fs::PermissionsExt as _;

use super::browser::{PageUnderTest, run_with_browser};
use super::{HOSTILE_NAME, TOKEN, config};
use crate::support::gateway::{Gateway, command, free_base};
use crate::support::network::own;
use crate::support::{Sandbox, installed};

#[test]
fn page_shows_the_host_and_removes_the_token_from_the_address() {
    run_with_browser(async {
        let sandbox = Sandbox::new();
        let page = PageUnderTest::new(&sandbox, true).await;
        page.sign_in().await;
        page.wait_until("document.querySelectorAll('#map > li').length === 4")
            .await;
        page.wait_until("document.querySelectorAll('#findings .kind').length > 0")
            .await;
        assert_eq!(page.evaluate("location.href").await, page.address.as_str());
        assert_eq!(
            page.evaluate("history.length").await,
            2,
            "about:blank and the page"
        );
        assert_eq!(
            page.evaluate("sessionStorage.getItem('openclaw.token')").await,
            TOKEN
        );
        assert_eq!(page.evaluate("localStorage.length").await, 0);
        let markup = page.evaluate("document.documentElement.outerHTML").await;
        assert!(!markup.as_str().unwrap().contains(TOKEN));
        assert_host_is_shown(&page).await;
        change_appearance(&page).await;
        // The choices are remembered, and so is the token of this tab.
        page.browser.reload().await;
        page.wait_until_live().await;
        assert_eq!(page.evaluate("document.documentElement.lang").await, "tr");
        assert_eq!(
            page.evaluate("document.documentElement.dataset.theme").await,
            "dark"
        );
        assert_eq!(page.errors(), Vec::<String>::new());
    });
}

/// Checks that the page shows the instances and findings of the host, and a hostile file name as text only.
async fn assert_host_is_shown(page: &PageUnderTest) {
    let text = page.evaluate("document.body.innerText").await;
    let text = text.as_str().unwrap();
    for shown in [
        "rescue",
        "18789",
        "18809",
        "20789",
        "workbench",
        "Warning:",
        "Warning",
        "openclaw --profile lab",
        "Port map of this host",
    ] {
        assert!(text.contains(shown), "{shown} in {text}");
    }
    // The hostile name is shown as text and has run nothing.
    assert!(text.contains(HOSTILE_NAME), "{text}");
    assert_eq!(
        page.evaluate("document.querySelectorAll('main img').length")
            .await,
        0
    );
    assert_eq!(page.evaluate("typeof window.broken").await, "undefined");
}

/// Checks that the cells of the port map cut no word, at the width at which they once did, and that ports and dates are
/// shown for a person.
async fn assert_nothing_is_cut(page: &PageUnderTest) {
    page.set_width(1185).await;
    let cut = "[...document.querySelectorAll('.cells .r')].filter((cell) => \
               cell.scrollWidth > cell.clientWidth || cell.scrollHeight > cell.clientHeight + 1).length";
    assert_eq!(page.evaluate(cut).await, 0);
    let sorted = "(() => { const ports = [...document.querySelectorAll('#ports td:first-child')]\
                  .map((cell) => parseInt(cell.innerText)); \
                  return ports.length > 5 && ports.every((port, at) => !at || ports[at - 1] < port); })()";
    assert_eq!(page.evaluate(sorted).await, true);
    let facts = page.evaluate("document.getElementById('facts').innerText").await;
    assert!(
        !facts.as_str().unwrap().contains("/20"),
        "no date like 11/28/2026: {facts}"
    );
}

/// Chooses the dark theme and Turkish, and checks that the page fits narrow screens.
async fn change_appearance(page: &PageUnderTest) {
    assert_nothing_is_cut(page).await;
    page.set_width(1200).await;
    page.select("theme", "light").await;
    page.save_screenshot("en-light-wide.png").await;
    page.select("theme", "dark").await;
    assert_eq!(
        page.evaluate("getComputedStyle(document.body).backgroundColor")
            .await,
        "rgb(19, 21, 23)"
    );
    page.select("language", "tr").await;
    page.wait_until(
        "document.body.innerText.includes('Uyarı') && document.body.innerText.includes('temel port')",
    )
    .await;
    assert_eq!(page.evaluate("document.documentElement.lang").await, "tr");
    page.save_screenshot("tr-dark-wide.png").await;
    for width in [390, 360] {
        page.set_width(width).await;
        let fits = "document.documentElement.scrollWidth <= innerWidth";
        assert_eq!(page.evaluate(fits).await, true, "{width}");
        page.save_screenshot(&format!("tr-dark-{width}.png")).await;
    }
}

#[test]
fn wrong_token_is_reported_and_another_asked_for() {
    run_with_browser(async {
        let sandbox = Sandbox::new();
        let page = PageUnderTest::new(&sandbox, false).await;
        page.open("#token=wrong").await;
        page.wait_until(
            "!document.getElementById('ask').hidden && !document.getElementById('refused').hidden",
        )
        .await;
        assert_eq!(page.evaluate("location.hash").await, "");
        assert_eq!(
            page.evaluate("sessionStorage.length").await,
            0,
            "a refused token is not stored"
        );
        let text = page
            .evaluate("document.getElementById('refused').innerText")
            .await;
        let text = text.as_str().unwrap();
        assert!(text.contains("rejected this token. The right one"), "{text}");
        assert_eq!(page.evaluate("document.activeElement.id").await, "token");
        page.select("language", "tr").await;
        page.wait_until("document.getElementById('refused').innerText.includes('Doğru token')")
            .await;
        assert_focus_stays_while_a_token_is_tried(&page).await;
        page.select("language", "en").await;
        assert_eq!(
            page.evaluate("document.getElementById('board').hidden").await,
            true
        );
        page.select("theme", "light").await;
        page.save_screenshot("en-light-token.png").await;
        page.browser.type_into("#token", TOKEN).await;
        page.wait_until("document.querySelectorAll('#map > li').length === 4")
            .await;
        assert_eq!(page.evaluate("document.getElementById('ask').hidden").await, true);
        assert_eq!(page.errors(), Vec::<String>::new());
    });
}

/// Tries another wrong token, and checks that the form stays on the page and keeps the focus all the time.
async fn assert_focus_stays_while_a_token_is_tried(page: &PageUnderTest) {
    page.evaluate(
        "(() => { window.lost = []; for (const id of ['token', 'ask']) document.getElementById(id)\
         .addEventListener('focusout', () => window.lost.push(id)); \
         document.getElementById('token').focus(); document.getElementById('token').value = 'wrong'; \
         document.getElementById('refused').textContent = ''; \
         document.getElementById('ask').requestSubmit(); return true; })()",
    )
    .await;
    page.wait_until("document.getElementById('refused').innerText.includes('kabul etmedi')")
        .await;
    assert_eq!(page.evaluate("window.lost.length").await, 0);
    assert_eq!(page.evaluate("document.activeElement.id").await, "token");
}

#[test]
fn page_asks_for_a_token_and_reconnects_after_a_lost_connection() {
    run_with_browser(async {
        let sandbox = Sandbox::new();
        let page = PageUnderTest::new(&sandbox, false).await;
        page.open("").await;
        page.wait_until("!document.getElementById('ask').hidden").await;
        assert_eq!(
            page.evaluate("document.getElementById('refused').hidden").await,
            true
        );
        // As when a link is opened in the same tab.
        page.evaluate(&format!("location.hash = 'token={TOKEN}'")).await;
        page.wait_until_live().await;
        assert_eq!(page.evaluate("location.hash").await, "");
        page.set_closing(true);
        page.wait_until("document.getElementById('link').dataset.link === 'lost'")
            .await;
        page.set_closing(false);
        page.wait_until_live().await;
    });
}

/// Writes three instances with tokens of their own, in folders that are private to their user.
fn write_private_instances(sandbox: &Sandbox) {
    for (folder, port) in [
        (".openclaw", 18789),
        (".openclaw-rescue", 19789),
        (".openclaw-lab", 18809),
    ] {
        let text = config(port).replace(&format!("~/work-{port}"), &format!("~/{folder}/workspace"));
        let text = match folder {
            ".openclaw-rescue" => text,
            _ => text.replace(TOKEN, &format!("{port}-0f3a9c-{folder}-a71be2")),
        };
        let path = sandbox.write(format!("{folder}/openclaw.json"), text);
        std::fs::create_dir(sandbox.path(folder).join("workspace")).unwrap();
        for (path, mode) in [(path, 0o600), (sandbox.path(folder), 0o700)] {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
        }
    }
}

#[test]
fn running_gateways_are_distinguished_from_stopped_ones() {
    if !installed("chromium") {
        return;
    }
    own(|| {
        let sandbox = Sandbox::new();
        write_private_instances(&sandbox);
        let main = Gateway::launch(command(&sandbox, "default", &[]), 18789);
        run_with_browser(async {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:19789").await.unwrap();
            // A gateway also listens on the ports of its browser control and its canvas.
            let _derived =
                [19791, 19793].map(|port| std::net::TcpListener::bind(("127.0.0.1", port)).unwrap());
            let page = PageUnderTest::with_listener(&sandbox, listener, false).await;
            page.set_width(1000).await;
            page.open(&format!("#token={TOKEN}")).await;
            page.wait_until("document.querySelectorAll('#map > li').length === 3")
                .await;
            let running = "[...document.querySelectorAll('#map > li')].map((li) => \
                           [li.querySelector('b').innerText, !!li.querySelector('.tag.up'), \
                            li.querySelector('.cells li').classList.contains('own')].join(' ')).join(', ')";
            assert_eq!(
                page.evaluate(running).await,
                "default true true, lab false false, rescue true true"
            );
            // The dashboard of another gateway that runs is one click away.
            let links = "[...document.querySelectorAll('#map a')].map((link) => link.href).join()";
            assert_eq!(page.evaluate(links).await, "http://127.0.0.1:18789/");
            page.wait_until("document.querySelectorAll('#findings .kind').length > 0")
                .await;
            let kinds =
                "[...document.querySelectorAll('#findings .kind')].map((kind) => kind.className).join()";
            assert_eq!(page.evaluate(kinds).await, "kind warning");
            let watching = "document.getElementById('watching').hidden";
            assert_eq!(page.evaluate(watching).await, true);
            page.report_watched("default");
            page.wait_until("document.getElementById('watched').innerText.includes('default')")
                .await;
            page.select("theme", "light").await;
            page.save_screenshot("dashboard.png").await;
            page.select("language", "tr").await;
            page.wait_until("document.body.innerText.includes('temel port')")
                .await;
            page.set_width(1000).await;
            page.save_screenshot("dashboard.tr.png").await;
            drop(main);
            page.wait_until("document.querySelectorAll('#map .tag.up').length === 1")
                .await;
            assert_eq!(page.errors(), Vec::<String>::new());
        });
    });
}

#[test]
fn page_of_a_real_gateway_shows_that_gateway() {
    run_with_browser(async {
        let sandbox = Sandbox::new();
        let port = free_base();
        sandbox.write(".openclaw-rescue/openclaw.json", config(port));
        let _gateway = Gateway::launch(command(&sandbox, "rescue", &[]), port);
        let page = PageUnderTest::on_port(port, None).await;
        page.open("#token=wrong").await;
        page.wait_until("!document.getElementById('refused').hidden")
            .await;
        page.evaluate(&format!("location.hash = 'token={TOKEN}'")).await;
        page.wait_until_live().await;
        page.wait_until("document.querySelectorAll('#map > li').length === 1")
            .await;
        page.wait_until("Number(document.getElementById('count').innerText) > 0")
            .await;
        assert_eq!(
            page.evaluate("document.getElementById('profile').innerText")
                .await,
            "rescue"
        );
        let base = format!("document.querySelector('.cells .own .n').innerText === '{port}'");
        assert_eq!(page.evaluate(&base).await, true);
        let canvas = format!(
            "document.querySelector('#facts a').href.startsWith('http://127.0.0.1:{}/__openclaw__/cap/')",
            port + 4
        );
        assert_eq!(page.evaluate(&canvas).await, true);
        let clients = page
            .evaluate("document.getElementById('clients').innerText")
            .await;
        assert!(clients.as_str().unwrap().starts_with("Dashboard"), "{clients}");
        page.save_screenshot("real.png").await;
        assert_eq!(page.errors(), Vec::<String>::new());
    });
}
