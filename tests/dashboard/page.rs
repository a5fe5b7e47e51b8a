//! What the page shows, remembers and refuses.

use std::os::unix::fs::PermissionsExt as _;

use super::browser::{Seen, browse};
use super::{HOSTILE, TOKEN, config};
use crate::support::gateway::{Gateway, command, free_base};
use crate::support::network::own;
use crate::support::{Sandbox, installed};

#[test]
fn the_page_shows_the_host_and_the_token_leaves_the_address_bar() {
    browse(async {
        let sandbox = Sandbox::new();
        let seen = Seen::new(&sandbox, true).await;
        seen.open(&format!("#token={TOKEN}")).await;
        seen.until("document.getElementById('link').dataset.link === 'live'")
            .await;
        seen.until("document.querySelectorAll('#map > li').length === 4")
            .await;
        seen.until("document.querySelectorAll('#findings .kind').length > 0")
            .await;
        assert_eq!(seen.js("location.href").await, seen.address.as_str());
        assert_eq!(seen.js("history.length").await, 2, "about:blank and the page");
        assert_eq!(seen.js("sessionStorage.getItem('openclaw.token')").await, TOKEN);
        assert_eq!(seen.js("localStorage.length").await, 0);
        let markup = seen.js("document.documentElement.outerHTML").await;
        assert!(!markup.as_str().unwrap().contains(TOKEN));
        let text = seen.js("document.body.innerText").await;
        let text = text.as_str().unwrap();
        for shown in [
            "rescue",
            "18789",
            "18809",
            "20789",
            "workbench",
            "Attention:",
            "Warning",
            "openclaw --profile lab",
            "Its ports",
        ] {
            assert!(text.contains(shown), "{shown} in {text}");
        }
        // The hostile name stands there as it is, and did nothing.
        assert!(text.contains(HOSTILE), "{text}");
        assert_eq!(seen.js("document.querySelectorAll('main img').length").await, 0);
        assert_eq!(seen.js("typeof window.broken").await, "undefined");

        seen.width(1200).await;
        seen.choose("theme", "light").await;
        seen.picture("en-light-wide.png").await;
        seen.choose("theme", "dark").await;
        assert_eq!(
            seen.js("getComputedStyle(document.body).backgroundColor").await,
            "rgb(19, 21, 23)"
        );
        seen.choose("language", "tr").await;
        seen.until(
            "document.body.innerText.includes('Uyarı') && document.body.innerText.includes('temel port')",
        )
        .await;
        assert_eq!(seen.js("document.documentElement.lang").await, "tr");
        seen.picture("tr-dark-wide.png").await;
        for width in [390, 360] {
            seen.width(width).await;
            let fits = "document.documentElement.scrollWidth <= innerWidth";
            assert_eq!(seen.js(fits).await, true, "{width}");
            seen.picture(&format!("tr-dark-{width}.png")).await;
        }
        // What was chosen is remembered, and so is the token of this tab.
        seen.page.reload().await.unwrap();
        seen.until("document.getElementById('link').dataset.link === 'live'")
            .await;
        assert_eq!(seen.js("document.documentElement.lang").await, "tr");
        assert_eq!(seen.js("document.documentElement.dataset.theme").await, "dark");
        assert_eq!(seen.complaints(), Vec::<String>::new());
        seen.close().await;
    });
}

#[test]
fn a_wrong_token_is_said_and_asked_for_again() {
    browse(async {
        let sandbox = Sandbox::new();
        let seen = Seen::new(&sandbox, false).await;
        seen.open("#token=wrong").await;
        seen.until("!document.getElementById('ask').hidden && !document.getElementById('refused').hidden")
            .await;
        assert_eq!(seen.js("location.hash").await, "");
        assert_eq!(
            seen.js("sessionStorage.length").await,
            0,
            "a token that is refused is not kept"
        );
        let text = seen.js("document.getElementById('refused').innerText").await;
        assert!(text.as_str().unwrap().contains("token mismatch"), "{text}");
        assert_eq!(seen.js("document.activeElement.id").await, "token");
        assert_eq!(seen.js("document.getElementById('board').hidden").await, true);
        seen.choose("theme", "light").await;
        seen.picture("en-light-token.png").await;
        let field = seen.page.find_element("#token").await.unwrap();
        field
            .click()
            .await
            .unwrap()
            .type_str(TOKEN)
            .await
            .unwrap()
            .press_key("Enter")
            .await
            .unwrap();
        seen.until("document.querySelectorAll('#map > li').length === 4")
            .await;
        assert_eq!(seen.js("document.getElementById('ask').hidden").await, true);
        assert_eq!(seen.complaints(), Vec::<String>::new());
        seen.close().await;
    });
}

#[test]
fn without_a_token_it_asks_and_a_lost_connection_comes_back() {
    browse(async {
        let sandbox = Sandbox::new();
        let seen = Seen::new(&sandbox, false).await;
        seen.open("").await;
        seen.until("!document.getElementById('ask').hidden").await;
        assert_eq!(seen.js("document.getElementById('refused').hidden").await, true);
        // As a link that is opened in the same tab.
        seen.js(&format!("location.hash = 'token={TOKEN}'")).await;
        seen.until("document.getElementById('link').dataset.link === 'live'")
            .await;
        assert_eq!(seen.js("location.hash").await, "");
        seen.closing(true);
        seen.until("document.getElementById('link').dataset.link === 'lost'")
            .await;
        seen.closing(false);
        seen.until("document.getElementById('link').dataset.link === 'live'")
            .await;
        seen.close().await;
    });
}

#[test]
fn gateways_that_run_are_told_from_those_that_do_not() {
    if !installed("chromium") {
        return;
    }
    own(|| {
        let sandbox = Sandbox::new();
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
        let main = Gateway::launch(command(&sandbox, "default", &[]), 18789);
        browse(async {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:19789").await.unwrap();
            // As a gateway listens: beside its base port on those of its browser control and its canvas.
            let _derived =
                [19791, 19793].map(|port| std::net::TcpListener::bind(("127.0.0.1", port)).unwrap());
            let seen = Seen::on(&sandbox, listener, false).await;
            seen.width(1000).await;
            seen.open(&format!("#token={TOKEN}")).await;
            seen.until("document.querySelectorAll('#map > li').length === 3")
                .await;
            let running = "[...document.querySelectorAll('#map > li')].map((li) => \
                           [li.querySelector('b').innerText, !!li.querySelector('.tag.up'), \
                            li.querySelector('.cells li').classList.contains('own')].join(' ')).join(', ')";
            assert_eq!(
                seen.js(running).await,
                "default true true, lab false false, rescue true true"
            );
            seen.until("document.querySelectorAll('#findings .kind').length > 0")
                .await;
            let kinds =
                "[...document.querySelectorAll('#findings .kind')].map((kind) => kind.className).join()";
            assert_eq!(seen.js(kinds).await, "kind warning");
            let watching = "document.getElementById('watching').hidden";
            assert_eq!(seen.js(watching).await, true);
            seen.watches("default");
            seen.until("document.getElementById('watched').innerText.includes('default')")
                .await;
            seen.choose("theme", "light").await;
            seen.picture("dashboard.png").await;
            seen.choose("language", "tr").await;
            seen.until("document.body.innerText.includes('temel port')").await;
            seen.width(1000).await;
            seen.picture("dashboard.tr.png").await;
            drop(main);
            seen.until("document.querySelectorAll('#map .tag.up').length === 1")
                .await;
            assert_eq!(seen.complaints(), Vec::<String>::new());
            seen.close().await;
        });
    });
}

#[test]
fn the_page_of_a_real_gateway_shows_that_gateway() {
    browse(async {
        let sandbox = Sandbox::new();
        let port = free_base();
        sandbox.write(".openclaw-rescue/openclaw.json", config(port));
        let _gateway = Gateway::launch(command(&sandbox, "rescue", &[]), port);
        let seen = Seen::at(port, None).await;
        seen.open("#token=wrong").await;
        seen.until("!document.getElementById('refused').hidden").await;
        seen.js(&format!("location.hash = 'token={TOKEN}'")).await;
        seen.until("document.getElementById('link').dataset.link === 'live'")
            .await;
        seen.until("document.querySelectorAll('#map > li').length === 1")
            .await;
        seen.until("Number(document.getElementById('count').innerText) > 0")
            .await;
        assert_eq!(
            seen.js("document.getElementById('profile').innerText").await,
            "rescue"
        );
        let base = format!("document.querySelector('.cells .own .n').innerText === '{port}'");
        assert_eq!(seen.js(&base).await, true);
        seen.picture("real.png").await;
        assert_eq!(seen.complaints(), Vec::<String>::new());
        seen.close().await;
    });
}
