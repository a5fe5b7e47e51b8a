//! What a request of the control service means: method, path, query and body in, an action out. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use super::cdp::Format;
use super::profiles::{is_color, is_name};
use super::{Fault, Result, snapshot};
use crate::i18n::{Lang, msg};

/// A request, whichever way it came: over HTTP or as `browser.request` of the WebSocket.
#[derive(Clone, Debug)]
pub struct Request {
    /// `GET`, `POST`, `DELETE`.
    pub method: String,
    /// `/tabs/open`.
    pub path: String,
    /// The query, each name once.
    pub query: BTreeMap<String, String>,
    /// The body; `Null` where there is none.
    pub body: Value,
    /// How long the answer may take.
    pub limit: Option<Duration>,
    /// The language of an error.
    pub lang: Lang,
}

/// The answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Response {
    /// An HTTP status.
    pub status: u16,
    /// JSON.
    pub body: Value,
}

impl Response {
    /// A good one.
    pub fn ok(body: Value) -> Self {
        Self { status: 200, body }
    }

    /// A refusal in words: `{"error": …, "code": …}`, with the ways out where there are any.
    pub fn refused(fault: &Fault, lang: Lang) -> Self {
        let error = &fault.error;
        let mut body = json!({ "error": error.msg.render(lang), "code": error.code() });
        if !error.hints.is_empty() {
            body["hints"] = error.hints.iter().map(|hint| hint.render(lang)).collect();
        }
        if let Some(cause) = &error.cause {
            body["cause"] = format!("{cause:#}").into();
        }
        Self {
            status: fault.status,
            body,
        }
    }
}

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// How the browser is.
    Status,
    /// Every browser profile.
    Profiles,
    /// A new browser profile.
    Create {
        /// Its name.
        name: String,
        /// Its colour, where one is wished.
        color: Option<String>,
    },
    /// A browser profile's end.
    Delete(String),
    /// Start it.
    Start,
    /// End it.
    Stop,
    /// Every open page.
    Tabs,
    /// Open a page in a new tab.
    Open(String),
    /// Bring a tab to the front.
    Focus(String),
    /// Close a tab.
    Close(String),
    /// Show another page in a tab.
    Navigate(String, Option<String>),
    /// Take a picture.
    Screenshot {
        /// Of which tab.
        target: Option<String>,
        /// Of the whole page.
        full_page: bool,
        /// How it is kept.
        format: Format,
        /// In the answer itself, not as a file.
        inline: bool,
    },
    /// The accessibility tree.
    Snapshot {
        /// Of which tab.
        target: Option<String>,
        /// In at most so many lines.
        limit: usize,
    },
}

/// An action and the browser profile that it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Routed {
    /// The profile; the default one where none is named.
    pub profile: Option<String>,
    /// What is asked for.
    pub action: Action,
}

/// Understands a request.
///
/// # Errors
/// 404 for an unknown path, 400 for an argument that is missing or can't be used.
pub fn route(request: &Request) -> Result<Routed> {
    let field = |name: &str| text(request.body.get(name));
    let query = |name: &str| {
        let value = request.query.get(name).map(|value| value.trim());
        value.filter(|value| !value.is_empty()).map(str::to_owned)
    };
    let either = |name: &str| query(name).or_else(|| field(name));
    let needed =
        |name: &'static str| field(name).ok_or_else(|| Fault::bad(msg!("browser.argument", name = name)));
    let path = request.path.trim_end_matches('/');
    let method = request.method.to_ascii_uppercase();
    let action = match (method.as_str(), path) {
        ("GET", "") => Action::Status,
        ("GET", "/profiles") => Action::Profiles,
        ("POST", "/profiles/create") => create(needed("name")?, field("color"), &request.body)?,
        ("POST", "/start") => Action::Start,
        ("POST", "/stop") => Action::Stop,
        ("GET", "/tabs") => Action::Tabs,
        ("POST", "/tabs/open") => Action::Open(address(needed("url")?)?),
        ("POST", "/tabs/focus") => Action::Focus(needed("targetId")?),
        ("POST", "/navigate") => Action::Navigate(address(needed("url")?)?, field("targetId")),
        ("POST", "/screenshot") => Action::Screenshot {
            target: field("targetId"),
            full_page: flag(&request.body, "fullPage"),
            format: format(field("type").as_deref())?,
            inline: flag(&request.body, "base64"),
        },
        ("GET", "/snapshot") => Action::Snapshot {
            target: query("targetId"),
            limit: match query("limit") {
                None => snapshot::LIMIT,
                Some(limit) => limit
                    .parse()
                    .ok()
                    .filter(|limit| *limit > 0)
                    .ok_or_else(|| Fault::bad(msg!("browser.argument", name = "limit")))?,
            },
        },
        ("DELETE", path) if path.starts_with("/profiles/") => Action::Delete(last(path)),
        ("DELETE", path) if path.starts_with("/tabs/") => Action::Close(last(path)),
        _ => {
            return Err(Fault::unknown(msg!(
                "browser.no-route",
                method = method,
                path = request.path
            )));
        }
    };
    Ok(Routed {
        profile: either("profile"),
        action,
    })
}

fn create(name: String, color: Option<String>, body: &Value) -> Result<Action> {
    if !is_name(&name) {
        return Err(Fault::bad(msg!("browser.bad-name", name = name)));
    }
    if let Some(color) = color.as_ref().filter(|color| !is_color(color)) {
        return Err(Fault::bad(msg!("browser.bad-color", color = color)));
    }
    if text(body.get("cdpUrl")).is_some() {
        // What this names would have to stand in the config, and no entry fits both releases.
        return Err(Fault::bad(msg!("browser.remote-in-config", name = name)));
    }
    Ok(Action::Create { name, color })
}

fn text(value: Option<&Value>) -> Option<String> {
    let text = value?.as_str()?.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

fn flag(body: &Value, name: &str) -> bool {
    body.get(name).and_then(Value::as_bool).unwrap_or(false)
}

fn format(typed: Option<&str>) -> Result<Format> {
    match typed {
        None | Some("png") => Ok(Format::Png),
        Some("jpeg" | "jpg") => Ok(Format::Jpeg),
        Some(_) => Err(Fault::bad(msg!("browser.argument", name = "type"))),
    }
}

/// The last part of a path, as it was before it became one.
fn last(path: &str) -> String {
    let part = path.rsplit('/').next().unwrap_or_default();
    percent_decode_str(part).decode_utf8_lossy().into_owned()
}

/// An address that a page may be shown from: of the web, or empty. The files of this machine and the
/// browser's own pages are none: what drives a browser may be led by what a page says.
fn address(url: String) -> Result<String> {
    let scheme = url.split_once(':').map(|(scheme, _)| scheme.to_ascii_lowercase());
    let allowed = match scheme.as_deref() {
        Some("http" | "https") => url[scheme.as_ref().map_or(0, String::len)..].starts_with("://"),
        Some("about") => url.eq_ignore_ascii_case("about:blank"),
        _ => false,
    };
    if allowed {
        Ok(url)
    } else {
        Err(Fault::bad(msg!("browser.address", url = url)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(method: &str, path: &str, query: &[(&str, &str)], body: Value) -> Request {
        let pair = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Request {
            method: method.to_owned(),
            path: path.to_owned(),
            query: query.iter().map(pair).collect(),
            body,
            limit: None,
            lang: Lang::english(),
        }
    }

    fn routed(method: &str, path: &str, body: Value) -> Result<Action, u16> {
        route(&request(method, path, &[], body))
            .map(|routed| routed.action)
            .map_err(|fault| fault.status)
    }

    #[test]
    fn every_route_is_there() {
        let url = json!({"url": "https://a.b/"});
        for (method, path, body, action) in [
            ("GET", "/", Value::Null, Action::Status),
            ("GET", "/profiles", Value::Null, Action::Profiles),
            ("POST", "/start", Value::Null, Action::Start),
            ("POST", "/stop", Value::Null, Action::Stop),
            ("GET", "/tabs", Value::Null, Action::Tabs),
            (
                "post",
                "/tabs/open",
                url.clone(),
                Action::Open("https://a.b/".into()),
            ),
            (
                "POST",
                "/tabs/focus",
                json!({"targetId": "T"}),
                Action::Focus("T".into()),
            ),
            ("DELETE", "/tabs/T", Value::Null, Action::Close("T".into())),
            (
                "POST",
                "/navigate",
                url,
                Action::Navigate("https://a.b/".into(), None),
            ),
            (
                "DELETE",
                "/profiles/work%2D2",
                Value::Null,
                Action::Delete("work-2".into()),
            ),
        ] {
            assert_eq!(routed(method, path, body), Ok(action), "{method} {path}");
        }
        assert_eq!(routed("GET", "/start", Value::Null), Err(404));
        assert_eq!(routed("POST", "/tabs/open", Value::Null), Err(400));
    }

    #[test]
    fn the_query_names_the_profile_before_the_body() {
        let both = request("POST", "/start", &[("profile", "a")], json!({"profile": "b"}));
        assert_eq!(route(&both).unwrap().profile.as_deref(), Some("a"));
        let body = request("POST", "/start", &[("profile", " ")], json!({"profile": "b"}));
        assert_eq!(route(&body).unwrap().profile.as_deref(), Some("b"));
    }

    #[test]
    fn files_and_scripts_are_no_pages() {
        for url in [
            "file:///etc/passwd",
            "javascript:alert(1)",
            "chrome://settings",
            "a.b",
            "http:a",
            "data:text/html,x",
        ] {
            assert_eq!(
                routed("POST", "/navigate", json!({ "url": url })),
                Err(400),
                "{url}"
            );
        }
        assert!(routed("POST", "/navigate", json!({"url": "About:blank"})).is_ok());
    }

    #[test]
    fn a_new_profile_has_a_good_name_and_colour() {
        let create = |body| routed("POST", "/profiles/create", body);
        assert!(create(json!({"name": "work", "color": "#0066cc"})).is_ok());
        for body in [
            json!({"name": "../x"}),
            json!({"name": "Work"}),
            json!({"name": "a", "color": "red"}),
            json!({"name": "a", "cdpUrl": "http://10.0.0.1:9222"}),
            json!({}),
        ] {
            assert_eq!(create(body.clone()), Err(400), "{body}");
        }
    }

    #[test]
    fn a_refusal_has_words_and_a_code() {
        let fault = Fault::conflict(msg!("browser.tab-gone"));
        let response = Response::refused(&fault, Lang::english());
        assert_eq!(response.status, 409);
        assert_eq!(response.body["code"], "browser.tab-gone");
        assert!(response.body["error"].as_str().unwrap().len() > 5);
    }
}
