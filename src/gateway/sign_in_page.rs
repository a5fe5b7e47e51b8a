//! The page that a person gets who opens an address of the gateway in a browser without its token: it says where the
//! gateway is opened. Programs get an error in the protocol's form instead.

use axum::extract::Request;
use axum::http::header::{ACCEPT, ACCEPT_LANGUAGE, HOST};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::{Html, IntoResponse as _, Response};

use super::state::GatewayState;
use crate::i18n::{Lang, msg};
use crate::instance::Instance;
use crate::text::escape_xml;

/// Returns whether an HTTP request is that of a person in a browser who opens a page: it names HTML among what it takes.
pub(super) fn is_wanted(request: &Request) -> bool {
    let accepts = |value: &HeaderValue| value.to_str().is_ok_and(|value| value.contains("text/html"));
    request.method() == Method::GET && request.headers().get_all(ACCEPT).iter().any(accepts)
}

/// Builds the HTTP reply to a browser that shows no token: 401, with a page in the browser's language that links to the
/// dashboard.
pub(super) fn reply(state: &GatewayState, headers: &HeaderMap) -> Response {
    let lang = preferred_lang(headers).unwrap_or(state.lang);
    let dashboard = format!(
        "http://{}:{}/",
        requested_host(headers),
        state.active().settings.port
    );
    let render = |msg: crate::i18n::Msg| escape_xml(&msg.render(lang));
    let title = render(msg!("guard.page-title", profile = state.identity.profile));
    let text = render(msg!("guard.page-text"));
    // A stranger reads this page: it names no path of this host.
    let instance = &state.context.instance;
    let command = Instance::canonical(&instance.home, instance.profile.clone()).command();
    let hint = render(msg!("guard.page-hint", command = command));
    let (code, dashboard) = (lang.code(), escape_xml(&dashboard));
    let page = format!(
        "<!doctype html><html lang=\"{code}\"><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>{title}</title>\
         <h1>{title}</h1><p>{text} <a href=\"{dashboard}\">{dashboard}</a></p><p>{hint}</p></html>\n"
    );
    (StatusCode::UNAUTHORIZED, Html(page)).into_response()
}

/// Returns the host that a request names, without its port. The guard has checked that it is one of the gateway.
fn requested_host(headers: &HeaderMap) -> &str {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let host = host.unwrap_or("127.0.0.1");
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

/// Returns the first of a browser's languages that the gateway speaks.
fn preferred_lang(headers: &HeaderMap) -> Option<Lang> {
    let languages = headers.get(ACCEPT_LANGUAGE)?.to_str().ok()?;
    languages
        .split(',')
        .find_map(|tag| Lang::from_code(tag.trim().get(..2)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: axum::http::HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
    }

    #[test]
    fn language_and_host_are_those_of_the_browser() {
        let lang = |value| preferred_lang(&headers(ACCEPT_LANGUAGE, value)).map(Lang::code);
        assert_eq!(lang("de-DE,tr;q=0.8,en;q=0.5"), Some("tr"));
        assert_eq!(lang("de"), None);
        for (value, host) in [
            ("127.0.0.1:18793", "127.0.0.1"),
            ("[::1]:5", "[::1]"),
            ("[::1]", "[::1]"),
            ("a.b", "a.b"),
        ] {
            assert_eq!(requested_host(&headers(HOST, value)), host);
        }
        assert_eq!(escape_xml("<a href=\"x\">&"), "&lt;a href=&quot;x&quot;&gt;&amp;");
    }
}
