//! The formats of texts that the config schemas name.

use regex_lite::Regex;

/// Returns whether a text has a format. The releases look at formats only as closely as this: what a URL leads to, or
/// whether a day exists, they do not ask.
pub(super) fn fits(format: &str, text: &str) -> bool {
    match format {
        "uri" => is_url(text),
        "email" => is_match(r"^[^\s@]+@[^\s@]+\.[^\s@]+$", text),
        "date-time" => is_match(
            r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})$",
            text,
        ),
        // `starts_with` has a pattern beside it.
        _ => true,
    }
}

/// Returns whether a text is a URL: a scheme, and a host where the scheme is one of the web.
fn is_url(text: &str) -> bool {
    let Some((scheme, rest)) = text.trim().split_once(':') else {
        return false;
    };
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
    let has_host = match scheme.to_ascii_lowercase().as_str() {
        "http" | "https" | "ws" | "wss" | "ftp" => {
            let host = rest.trim_start_matches(['/', '\\']);
            !host.is_empty() && !host.starts_with(['?', '#', ':']) && !host.contains(char::is_whitespace)
        }
        _ => !rest.is_empty(),
    };
    is_scheme && has_host
}

fn is_match(pattern: &str, text: &str) -> bool {
    Regex::new(pattern).is_ok_and(|pattern| pattern.is_match(text))
}
