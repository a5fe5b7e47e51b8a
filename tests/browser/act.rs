//! Tests of actions on a page as the command lines of both releases of OpenClaw ask for them
//! (docs/openclaw.md#browser-actions).

use serde_json::{Value, json};

use super::{TestSite, browser_json, configure, headless_config, request};
use crate::support::gateway::{Gateway, free_base};
use crate::support::{Sandbox, installed};

/// A page with a form in the browser of a gateway.
struct FormPage {
    sandbox: Sandbox,
    site: TestSite,
    gateway: Gateway,
}

impl FormPage {
    fn open() -> Self {
        let (sandbox, site) = (Sandbox::new(), TestSite::new());
        configure(&sandbox, "main", free_base(), &headless_config());
        let gateway = Gateway::start(&sandbox, "main");
        browser_json(&sandbox, "main", "start");
        browser_json(&sandbox, "main", &format!("navigate {}", site.url("/form")));
        Self {
            sandbox,
            site,
            gateway,
        }
    }

    /// Sends an action and returns its response.
    #[track_caller]
    fn act(&self, body: &Value) -> Value {
        let params = json!({ "method": "POST", "path": "/act", "body": body });
        let answer = request(&self.sandbox, "main", &params).exits(0).json();
        assert_eq!(answer["ok"], true, "{body}: {answer}");
        answer
    }

    /// Sends an action that is refused and returns the message.
    #[track_caller]
    fn refused(&self, body: &Value) -> String {
        let params = json!({ "method": "POST", "path": "/act", "body": body });
        let answer = request(&self.sandbox, "main", &params).exits(1).json();
        answer["message"].as_str().unwrap().to_owned()
    }

    /// Runs JavaScript in the page and returns its result.
    #[track_caller]
    fn evaluate(&self, source: &str) -> Value {
        self.act(&json!({ "kind": "evaluate", "fn": source }))["result"].clone()
    }

    /// Returns what the page has noted since the last look at its notes.
    #[track_caller]
    fn log(&self) -> Vec<String> {
        let notes = self.evaluate(
            "() => { const log = document.getElementById('log'); \
             const notes = [...log.children].map((item) => item.textContent); log.replaceChildren(); return notes; }",
        );
        serde_json::from_value(notes).unwrap()
    }

    /// Takes a snapshot and returns the reference of the element with this role and name.
    #[track_caller]
    fn reference(&self, role: &str, name: &str) -> String {
        let params = json!({ "method": "GET", "path": "/snapshot", "query": { "format": "ai" } });
        let snapshot = request(&self.sandbox, "main", &params).exits(0).json();
        let refs = snapshot["refs"].as_object().unwrap();
        let found = refs
            .iter()
            .find(|(_, element)| element["role"] == role && element["name"] == name);
        found
            .unwrap_or_else(|| panic!("{role} {name}: {snapshot}"))
            .0
            .clone()
    }
}

#[test]
fn elements_of_a_snapshot_are_clicked_filled_and_dragged() {
    if !installed("chromium") {
        return;
    }
    let page = FormPage::open();
    clicks_arrive_as_those_of_a_mouse(&page);
    text_is_typed_and_keys_are_pressed(&page);
    fields_of_a_form_are_filled(&page);
    let (from, to) = (
        page.reference("button", "Source"),
        page.reference("button", "Target"),
    );
    page.act(&json!({ "kind": "drag", "startRef": from, "endRef": to }));
    assert!(page.log().contains(&"dropped".to_owned()));
    elements_that_no_user_could_use_are_refused(&page);
    let _ = page.gateway.stop().with(0);
}

fn clicks_arrive_as_those_of_a_mouse(page: &FormPage) {
    let button = page.reference("button", "Press");
    let answer = page.act(&json!({ "kind": "click", "ref": button }));
    assert_eq!(answer["url"], page.site.url("/form"));
    assert_eq!(page.log(), ["mouseenter button", "click button"]);
    page.act(&json!({ "kind": "click", "ref": format!("@{button}"), "modifiers": ["Shift"] }));
    assert_eq!(page.log(), ["click button with shift"]);
    page.act(&json!({ "kind": "click", "ref": button, "doubleClick": true }));
    assert_eq!(page.log(), ["click button", "click button", "dblclick button"]);
    page.act(&json!({ "kind": "click", "ref": button, "button": "right" }));
    assert_eq!(page.log(), ["contextmenu button"]);
    // An element far below is scrolled to; one in a frame is clicked there.
    page.act(&json!({ "kind": "click", "ref": page.reference("button", "Deep") }));
    assert!(page.log().contains(&"click deep".to_owned()));
    page.act(&json!({ "kind": "click", "ref": page.reference("button", "Framed") }));
    assert_eq!(page.log(), ["framed"]);
    page.act(&json!({ "kind": "hover", "selector": "#source" }));
    assert_eq!(page.log(), ["mouseenter source"]);
    page.act(&json!({ "kind": "scrollIntoView", "selector": "#button" }));
    let middle = page.evaluate(
        "() => { const box = document.getElementById('button').getBoundingClientRect(); \
         return [box.x + box.width / 2, box.y + box.height / 2]; }",
    );
    page.act(&json!({ "kind": "clickCoords", "x": middle[0], "y": middle[1] }));
    assert!(page.log().contains(&"click button".to_owned()));
}

fn text_is_typed_and_keys_are_pressed(page: &FormPage) {
    let name = page.reference("textbox", "Name");
    page.act(&json!({ "kind": "type", "ref": name, "text": "Ada 🦞" }));
    assert_eq!(page.log(), ["name Ada 🦞"]);
    page.act(&json!({ "kind": "type", "ref": name, "text": "", "submit": true }));
    assert_eq!(
        page.log(),
        ["key Delete Delete", "name ", "key Enter Enter", "submitted"]
    );
    page.act(&json!({ "kind": "type", "ref": name, "text": "aB", "slowly": true }));
    assert_eq!(page.log(), ["key a KeyA", "name a", "key B KeyB", "name aB"]);
    page.act(&json!({ "kind": "insertText", "text": "ü" }));
    page.act(&json!({ "kind": "press", "key": "Control+a" }));
    page.act(&json!({ "kind": "press", "key": "Backspace" }));
    let log = page.log();
    assert_eq!(log[0], "name aBü");
    assert_eq!(log.last().unwrap(), "name ", "{log:?}");
    let notes = page.reference("textbox", "Notes");
    page.act(&json!({ "kind": "type", "ref": notes, "text": "new" }));
    assert_eq!(
        page.evaluate("document.getElementById('notes').textContent"),
        "new"
    );
    page.log();
}

fn fields_of_a_form_are_filled(page: &FormPage) {
    page.reference("textbox", "Name");
    let reference = |role: &str, name: &str| page.reference(role, name);
    let fields = json!([
        { "ref": reference("textbox", "Name"), "type": "text", "value": "Grace" },
        { "ref": reference("checkbox", "Agree"), "type": "checkbox", "value": true },
        { "ref": reference("radio", "Large"), "type": "radio", "value": true },
        { "selector": "#birthday", "type": "text", "value": "2000-02-29" },
    ]);
    page.act(&json!({ "kind": "fill", "fields": fields }));
    let filled = page.evaluate(
        "() => ['name', 'agree', 'large', 'birthday'].map((id) => document.getElementById(id)) \
         .map((field) => ['checkbox', 'radio'].includes(field.type) ? field.checked : field.value)",
    );
    assert_eq!(filled, json!(["Grace", true, true, "2000-02-29"]));
    page.log();
    let colour = reference("combobox", "Colour");
    page.act(&json!({ "kind": "select", "ref": colour, "values": ["Green"] }));
    assert_eq!(page.log(), ["colour g"]);
    let refused = page.refused(&json!({ "kind": "select", "ref": colour, "values": ["Blue"] }));
    assert!(
        refused.contains(&format!("{colour} doesn’t accept this value: Blue")),
        "{refused}"
    );
}

fn elements_that_no_user_could_use_are_refused(page: &FormPage) {
    let off = page.reference("button", "Off");
    let click = |target: &str, value: &str| {
        page.refused(&json!({ "kind": "click", target: value, "timeoutMs": 500 }))
    };
    assert!(click("ref", &off).contains(&format!("{off} is disabled")));
    page.evaluate(
        "() => { const cover = document.createElement('div'); cover.id = 'cover'; \
         cover.style = 'position: fixed; inset: 0'; document.body.append(cover); }",
    );
    assert!(click("selector", "#button").contains("#button is covered by something else"));
    page.evaluate("document.getElementById('cover').remove()");
    assert!(click("selector", "#nowhere").contains("No element of the page matches #nowhere"));
    assert!(click("ref", "e9999").contains("no e9999: take a new one"));
    // A reference is good for one page: the next one has elements of its own.
    let away = page.reference("link", "Away");
    page.act(&json!({ "kind": "click", "ref": away }));
    page.act(&json!({ "kind": "wait", "url": "**/page", "loadState": "load" }));
    assert!(click("ref", &away).contains(&format!("no {away}: take a new one")));
}

#[test]
fn scripts_waits_and_batches_are_run_and_scripts_can_be_forbidden() {
    if !installed("chromium") {
        return;
    }
    let page = FormPage::open();
    scripts_return_their_result(&page);
    conditions_are_waited_for(&page);

    let batch = json!({ "kind": "batch", "actions": [
        { "kind": "click", "selector": "#button" },
        { "kind": "click", "selector": "#nowhere", "timeoutMs": 500 },
        { "kind": "evaluate", "fn": "1 + 1" },
    ] });
    let stopped = page.act(&batch);
    let outcome = |answer: &Value| -> Vec<bool> {
        let results = answer["results"].as_array().unwrap();
        results
            .iter()
            .map(|result| result["ok"].as_bool().unwrap())
            .collect()
    };
    assert_eq!(outcome(&stopped), [true, false]);
    assert_eq!(
        stopped["results"][1]["error"],
        "No element of the page matches #nowhere."
    );
    let mut all = batch;
    all["stopOnError"] = false.into();
    let all = page.act(&all);
    assert_eq!(
        (outcome(&all), &all["results"][2]["result"]),
        (vec![true, false, true], &json!(2))
    );

    page.act(&json!({ "kind": "resize", "width": 640, "height": 480 }));
    assert_eq!(page.evaluate("[innerWidth, innerHeight]"), json!([640, 480]));
    browser_json(&page.sandbox, "main", &format!("open {}", page.site.url("/page")));
    page.act(&json!({ "kind": "close" }));
    assert_eq!(
        browser_json(&page.sandbox, "main", "tabs")["tabs"]
            .as_array()
            .unwrap()
            .len(),
        1
    );

    // The gateway takes the config as it is.
    let set = "--profile main --lang en config set browser.evaluateEnabled false";
    let _ = page.sandbox.run(set.split_whitespace()).exits(0);
    let refused = crate::support::gateway::wait_for("scripts are refused", || {
        let params = json!({ "method": "POST", "path": "/act", "body": { "kind": "wait", "fn": "true" } });
        let ran = request(&page.sandbox, "main", &params);
        (ran.code == 1).then(|| ran.json())
    });
    let message = refused["message"].as_str().unwrap();
    assert!(message.contains("browser.evaluateEnabled"), "{message}");
    page.act(&json!({ "kind": "wait", "timeMs": 1 }));
    let _ = page.gateway.stop().with(0);
}

#[test]
fn tabs_are_named_by_place_or_label_and_one_element_is_shown_on_a_screenshot() {
    if !installed("chromium") {
        return;
    }
    let page = FormPage::open();
    let action = |body: Value| {
        let params = json!({ "method": "POST", "path": "/tabs/action", "body": body });
        request(&page.sandbox, "main", &params)
    };
    let opened = action(json!({ "action": "new", "label": "mail" }))
        .exits(0)
        .json();
    assert_eq!(opened["tab"]["label"], "mail", "{opened}");
    let list = || action(json!({ "action": "list" })).exits(0).json()["tabs"].clone();
    let tabs = list();
    let place = |label: &str| {
        tabs.as_array()
            .unwrap()
            .iter()
            .position(|tab| tab["label"] == label)
    };
    let mail = place("mail").unwrap();
    assert_eq!(
        action(json!({ "action": "select", "index": mail }))
            .exits(0)
            .json()["targetId"],
        opened["tab"]["targetId"]
    );
    assert_eq!(
        page.act(&json!({ "kind": "evaluate", "fn": "location.href", "targetId": "mail" }))["result"],
        "about:blank"
    );
    let other = &tabs[1 - mail]["targetId"];
    let labelled = action(json!({ "action": "label", "targetId": other, "label": "form" }))
        .exits(0)
        .json();
    assert_eq!(labelled["tab"]["label"], "form");
    let _ = action(json!({ "action": "close", "index": mail })).exits(0);
    assert_eq!(list().as_array().unwrap().len(), 1);
    let refused = action(json!({ "action": "select", "index": 7 })).exits(1).json();
    assert!(
        refused["message"]
            .as_str()
            .unwrap()
            .contains("There is no tab 8."),
        "{refused}"
    );
    screenshot_shows_one_element(&page);
    let _ = page.gateway.stop().with(0);
}

fn screenshot_shows_one_element(page: &FormPage) {
    // The element is far below, and as large as the page says.
    let deep = page.reference("button", "Deep");
    let body = json!({ "ref": deep, "targetId": "form" });
    let params = json!({ "method": "POST", "path": "/screenshot", "body": body });
    let shot = request(&page.sandbox, "main", &params).exits(0).json();
    let bytes = std::fs::read(shot["path"].as_str().unwrap()).unwrap();
    let side = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap());
    let measured = page.evaluate(
        "(() => { const box = document.getElementById('deep').getBoundingClientRect(); \
                                  return [Math.round(box.width), Math.round(box.height)]; })()",
    );
    for (seen, name) in [(side(16), 0), (side(20), 1)] {
        assert!(
            i64::from(seen).abs_diff(measured[name].as_i64().unwrap()) <= 1,
            "{seen} {measured}"
        );
    }
}

fn scripts_return_their_result(page: &FormPage) {
    for (source, result) in [
        ("() => document.title", json!("Form")),
        ("document.title", json!("Form")),
        ("const title = document.title; return title;", json!("Form")),
        ("const el = document.title; return el;", json!("Form")),
        (
            "async () => { await 1; return [1, { a: null }]; }",
            json!([1, { "a": null }]),
        ),
        ("undefined", json!(null)),
    ] {
        assert_eq!(page.evaluate(source), result, "{source}");
    }
    let heading = page.reference("heading", "Form");
    let of_element = |source: &str| {
        page.act(&json!({ "kind": "evaluate", "fn": source, "ref": heading }))["result"].clone()
    };
    assert_eq!(of_element("(el) => el.tagName"), "H1");
    assert_eq!(of_element("return el.textContent"), "Form");
    let failed = page.refused(&json!({ "kind": "evaluate", "fn": "() => { throw new Error('no luck') }" }));
    assert!(failed.contains("no luck"), "{failed}");
}

fn conditions_are_waited_for(page: &FormPage) {
    page.evaluate("() => setTimeout(() => { document.querySelector('p').textContent = 'Other text'; }, 300)");
    page.act(
        &json!({ "kind": "wait", "text": "other TEXT", "textGone": "Some text", "selector": "#button" }),
    );
    page.act(&json!({ "kind": "wait", "loadState": "networkidle", "fn": "document.title === 'Form'" }));
    let missed = page.refused(&json!({ "kind": "wait", "text": "never", "timeoutMs": 500 }));
    assert!(missed.contains("text: never"), "{missed}");
    let endless = json!({ "kind": "evaluate", "fn": "() => { for (;;) {} }", "timeoutMs": 500 });
    assert!(page.refused(&endless).contains("1 s"));
    assert_eq!(page.evaluate("document.title"), "Form", "the script was ended");
    let wrong = page.refused(&json!({ "kind": "wait", "selector": "][" }));
    assert!(wrong.contains("not a valid selector"), "{wrong}");
}
