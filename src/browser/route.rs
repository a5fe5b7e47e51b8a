//! Parses requests to the control service: method, path, query and body in, an action out. Pure.
//!
//! The routes are those of docs/openclaw.md#browser-routes, as far as they are implemented here.

use std::time::Duration;

use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use super::act::{ActRequest, Target, parse_optional_target};
use super::arguments::{Query, argument_error, flag, non_empty_text, query_text};
use super::cdp::ScreenshotFormat;
use super::profiles::{is_color, is_valid_name};
use super::snapshot::SnapshotRequest;
use super::{BrowserError, Result};
use crate::i18n::{Lang, msg};

/// A request to the browser control service, received over HTTP or as `browser.request` over the WebSocket.
#[derive(Clone, Debug)]
pub(crate) struct ControlRequest {
    /// The HTTP method: `GET`, `POST` or `DELETE`, in any case.
    pub(crate) method: String,
    /// The path, such as `/tabs/open`.
    pub(crate) path: String,
    /// The parameters of the query, each name once.
    pub(crate) query: Query,
    /// The JSON body, or `Null`.
    pub(crate) body: Value,
    /// The time that the response may take; `None` for the default.
    pub(crate) timeout: Option<Duration>,
    /// The language of error messages.
    pub(crate) lang: Lang,
}

/// A response of the browser control service.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ControlResponse {
    /// The HTTP status.
    pub(crate) status: u16,
    /// The JSON body.
    pub(crate) body: Value,
}

impl ControlResponse {
    /// Creates the response to a browser control request that succeeded.
    pub(super) fn ok(body: Value) -> Self {
        Self { status: 200, body }
    }

    /// Creates the response to a browser control request that failed: `{"error": …, "code": …}`, with `hints` and
    /// `cause` where the error has them.
    pub(super) fn from_error(browser_error: &BrowserError, lang: Lang) -> Self {
        let error = &browser_error.error;
        let mut body = json!({ "error": error.msg.render(lang), "code": error.code() });
        if !error.hints.is_empty() {
            body["hints"] = error.hints.iter().map(|hint| hint.render(lang)).collect();
        }
        if let Some(cause) = &error.cause {
            body["cause"] = format!("{cause:#}").into();
        }
        Self {
            status: browser_error.status,
            body,
        }
    }
}

/// The action that a request to the browser control service asks for.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Action {
    /// Report the status of the browser.
    Status,
    /// List the browser profiles.
    Profiles,
    /// Create a browser profile.
    CreateProfile {
        /// The name of the new profile.
        name: String,
        /// The colour `#RRGGBB`; `None` for the next free one.
        color: Option<String>,
    },
    /// Delete the browser profile of this name.
    DeleteProfile(String),
    /// Start the browser.
    Start,
    /// Stop the browser.
    Stop,
    /// Do something with the tabs of the running browser.
    Tab(TabAction),
}

/// An action on the tabs of a running browser. A tab is named by its target id or a prefix of it; `None` is the tab
/// that was used last.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum TabAction {
    /// List the open tabs.
    List,
    /// Open a URL in a new tab, which may be given a label.
    Open {
        /// The URL to load.
        url: String,
        /// The label of the tab.
        label: Option<String>,
    },
    /// Open an empty tab, which may be given a label.
    New(Option<String>),
    /// Give a tab a label, by which later requests may name it.
    Label {
        /// The tab.
        tab: String,
        /// The label.
        label: String,
    },
    /// Bring a tab to the front.
    Focus(TabName),
    /// Close a tab.
    Close(TabName),
    /// Load another URL in a tab.
    Navigate {
        /// The URL to load.
        url: String,
        /// The tab.
        tab: Option<String>,
    },
    /// Take a screenshot of a tab.
    Screenshot(ScreenshotRequest),
    /// Act on the page in a tab.
    Act(ActRequest),
    /// Describe the page in a tab.
    Snapshot(SnapshotRequest),
}

/// The name of an open browser tab in a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum TabName {
    /// The target id of the tab, a prefix of it, or the tab's label.
    Id(String),
    /// The place of the tab in the list of tabs, counted from 0.
    Position(usize),
}

/// The options of a request for a screenshot of a browser tab.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ScreenshotRequest {
    /// The tab; `None` for the one that was used last.
    pub(super) tab: Option<String>,
    /// The element to show; `None` for the page.
    pub(super) element: Option<Target>,
    /// `true` for the whole page, `false` for its visible part.
    pub(super) full_page: bool,
    /// The image format.
    pub(super) format: ScreenshotFormat,
    /// `true` to return the image in the response, `false` to store it as a file.
    pub(super) inline: bool,
}

/// A parsed request to the browser control service: the action, and the browser profile that it is for.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct RoutedRequest {
    /// The name of the browser profile; `None` for the default one.
    pub(super) profile: Option<String>,
    /// The action.
    pub(super) action: Action,
}

/// Parses a request to the browser control service.
///
/// # Errors
/// 404 for an unknown route, 400 for an argument that is missing or cannot be used.
pub(super) fn route(request: &ControlRequest) -> Result<RoutedRequest> {
    let field = |name: &str| non_empty_text(request.body.get(name));
    let either = |name: &str| query_text(&request.query, name).or_else(|| field(name));
    let required = |name: &'static str| field(name).ok_or_else(|| argument_error(name));
    let path = request.path.trim_end_matches('/');
    let method = request.method.to_ascii_uppercase();
    let action = match (method.as_str(), path) {
        ("GET", "") => Action::Status,
        ("GET", "/profiles") => Action::Profiles,
        ("POST", "/profiles/create") => parse_create(required("name")?, field("color"), &request.body)?,
        ("POST", "/start") => Action::Start,
        ("POST", "/stop") => Action::Stop,
        ("GET", "/tabs") => Action::Tab(TabAction::List),
        ("POST", "/tabs/open") => Action::Tab(TabAction::Open {
            url: check_page_url(required("url")?)?,
            label: field("label"),
        }),
        ("POST", "/tabs/action") => Action::Tab(parse_tab_action(&request.body)?),
        ("POST", "/tabs/focus") => Action::Tab(TabAction::Focus(TabName::Id(required("targetId")?))),
        ("POST", "/navigate") => Action::Tab(TabAction::Navigate {
            url: check_page_url(required("url")?)?,
            tab: field("targetId"),
        }),
        ("POST", "/screenshot") => Action::Tab(TabAction::Screenshot(parse_screenshot(&request.body)?)),
        ("POST", "/act") => Action::Tab(TabAction::Act(ActRequest::parse(&request.body)?)),
        ("GET", "/snapshot") => Action::Tab(TabAction::Snapshot(SnapshotRequest::parse(&request.query)?)),
        ("DELETE", path) if path.starts_with("/profiles/") => Action::DeleteProfile(last_segment(path)),
        ("DELETE", path) if path.starts_with("/tabs/") => {
            Action::Tab(TabAction::Close(TabName::Id(last_segment(path))))
        }
        _ => {
            return Err(BrowserError::not_found(msg!(
                "browser.no-route",
                method = method,
                path = request.path
            )));
        }
    };
    Ok(RoutedRequest {
        profile: either("profile"),
        action,
    })
}

/// Parses the body of `POST /tabs/action`, which names tabs by their place in the list.
fn parse_tab_action(body: &Value) -> Result<TabAction> {
    let field = |name: &str| non_empty_text(body.get(name));
    let position = match body.get("index") {
        None => None,
        Some(index) => {
            let index = index.as_u64().and_then(|index| usize::try_from(index).ok());
            Some(index.ok_or_else(|| argument_error("index"))?)
        }
    };
    Ok(match field("action").as_deref() {
        Some("list") => TabAction::List,
        Some("new") => TabAction::New(field("label")),
        Some("label") => TabAction::Label {
            tab: field("targetId").ok_or_else(|| argument_error("targetId"))?,
            label: field("label").ok_or_else(|| argument_error("label"))?,
        },
        Some("select") => TabAction::Focus(TabName::Position(
            position.ok_or_else(|| argument_error("index"))?,
        )),
        Some("close") => TabAction::Close(TabName::Position(position.unwrap_or(0))),
        _ => return Err(argument_error("action")),
    })
}

/// Checks the arguments of a request to create a browser profile.
fn parse_create(name: String, color: Option<String>, body: &Value) -> Result<Action> {
    if !is_valid_name(&name) {
        return Err(BrowserError::bad_request(msg!("browser.bad-name", name = name)));
    }
    if let Some(color) = color.as_ref().filter(|color| !is_color(color)) {
        return Err(BrowserError::bad_request(msg!(
            "browser.bad-color",
            color = color
        )));
    }
    if non_empty_text(body.get("cdpUrl")).is_some() {
        // A remote browser is an entry of the config, and no entry is valid in both releases of OpenClaw.
        return Err(BrowserError::bad_request(msg!(
            "browser.remote-in-config",
            name = name
        )));
    }
    Ok(Action::CreateProfile { name, color })
}

/// Parses the body of a request for a screenshot of a browser tab.
fn parse_screenshot(body: &Value) -> Result<ScreenshotRequest> {
    let request = ScreenshotRequest {
        tab: non_empty_text(body.get("targetId")),
        element: parse_optional_target(body, "ref", "element")?,
        full_page: flag(body, "fullPage"),
        format: parse_format(non_empty_text(body.get("type")).as_deref())?,
        inline: flag(body, "base64"),
    };
    if request.full_page && request.element.is_some() {
        return Err(argument_error("fullPage"));
    }
    if flag(body, "labels") {
        return Err(argument_error("labels"));
    }
    Ok(request)
}

/// Parses the image format that a request for a screenshot names; PNG where it names none.
fn parse_format(name: Option<&str>) -> Result<ScreenshotFormat> {
    match name {
        None | Some("png") => Ok(ScreenshotFormat::Png),
        Some("jpeg" | "jpg") => Ok(ScreenshotFormat::Jpeg),
        Some(_) => Err(argument_error("type")),
    }
}

/// Returns the last segment of the path of an HTTP request, percent-decoded.
fn last_segment(path: &str) -> String {
    let segment = path.rsplit('/').next().unwrap_or_default();
    percent_decode_str(segment).decode_utf8_lossy().into_owned()
}

/// Checks that the browser may load a URL that a request names: its scheme is `http` or `https`, or it is
/// `about:blank`. Files of this machine and the browser's own pages are refused, because the client that drives the
/// browser may follow what a page tells it to do.
///
/// # Errors
/// 400 for any other URL.
fn check_page_url(url: String) -> Result<String> {
    let scheme = url.split_once(':').map(|(scheme, _)| scheme.to_ascii_lowercase());
    let allowed = match scheme.as_deref() {
        Some("http" | "https") => url[scheme.as_ref().map_or(0, String::len)..].starts_with("://"),
        Some("about") => url.eq_ignore_ascii_case("about:blank"),
        _ => false,
    };
    if allowed {
        Ok(url)
    } else {
        Err(BrowserError::bad_request(msg!("browser.address", url = url)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(method: &str, path: &str, query: &[(&str, &str)], body: Value) -> ControlRequest {
        let pair = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        ControlRequest {
            method: method.to_owned(),
            path: path.to_owned(),
            query: query.iter().map(pair).collect(),
            body,
            timeout: None,
            lang: Lang::english(),
        }
    }

    fn routed(method: &str, path: &str, body: Value) -> Result<Action, u16> {
        route(&request(method, path, &[], body))
            .map(|routed| routed.action)
            .map_err(|error| error.status)
    }

    #[test]
    fn tab_actions_name_tabs_by_place_and_one_element_is_no_full_page() {
        for (body, action) in [
            (json!({"action": "list"}), TabAction::List),
            (
                json!({"action": "new", "label": "mail"}),
                TabAction::New(Some("mail".into())),
            ),
            (
                json!({"action": "select", "index": 1}),
                TabAction::Focus(TabName::Position(1)),
            ),
            (json!({"action": "close"}), TabAction::Close(TabName::Position(0))),
        ] {
            assert_eq!(routed("POST", "/tabs/action", body), Ok(Action::Tab(action)));
        }
        for body in [
            json!({}),
            json!({"action": "select"}),
            json!({"action": "close", "index": -1}),
        ] {
            assert_eq!(routed("POST", "/tabs/action", body), Err(400));
        }
        for body in [json!({"fullPage": true, "ref": "e1"}), json!({"labels": true})] {
            assert_eq!(routed("POST", "/screenshot", body), Err(400));
        }
    }

    #[test]
    fn each_route_is_parsed_as_its_action() {
        let url = json!({"url": "https://a.b/"});
        for (method, path, body, action) in [
            ("GET", "/", Value::Null, Action::Status),
            ("GET", "/profiles", Value::Null, Action::Profiles),
            ("POST", "/start", Value::Null, Action::Start),
            ("POST", "/stop", Value::Null, Action::Stop),
            ("GET", "/tabs", Value::Null, Action::Tab(TabAction::List)),
            (
                "post",
                "/tabs/open",
                url.clone(),
                Action::Tab(TabAction::Open {
                    url: "https://a.b/".into(),
                    label: None,
                }),
            ),
            (
                "POST",
                "/tabs/focus",
                json!({"targetId": "T"}),
                Action::Tab(TabAction::Focus(TabName::Id("T".into()))),
            ),
            (
                "DELETE",
                "/tabs/T",
                Value::Null,
                Action::Tab(TabAction::Close(TabName::Id("T".into()))),
            ),
            (
                "POST",
                "/navigate",
                url,
                Action::Tab(TabAction::Navigate {
                    url: "https://a.b/".into(),
                    tab: None,
                }),
            ),
            (
                "DELETE",
                "/profiles/work%2D2",
                Value::Null,
                Action::DeleteProfile("work-2".into()),
            ),
        ] {
            assert_eq!(routed(method, path, body), Ok(action), "{method} {path}");
        }
        assert_eq!(routed("GET", "/start", Value::Null), Err(404));
        assert_eq!(routed("POST", "/tabs/open", Value::Null), Err(400));
    }

    #[test]
    fn profile_in_the_query_has_precedence_over_the_body() {
        let both = request("POST", "/start", &[("profile", "a")], json!({"profile": "b"}));
        assert_eq!(route(&both).unwrap().profile.as_deref(), Some("a"));
        let body = request("POST", "/start", &[("profile", " ")], json!({"profile": "b"}));
        assert_eq!(route(&body).unwrap().profile.as_deref(), Some("b"));
    }

    #[test]
    fn urls_other_than_web_pages_are_refused() {
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
    fn name_and_colour_of_a_new_profile_are_checked() {
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
    fn error_response_has_a_message_and_a_code() {
        let error = BrowserError::conflict(msg!("browser.tab-gone"));
        let response = ControlResponse::from_error(&error, Lang::english());
        assert_eq!(response.status, 409);
        assert_eq!(response.body["code"], "browser.tab-gone");
        assert!(response.body["error"].as_str().unwrap().len() > 5);
    }
}
