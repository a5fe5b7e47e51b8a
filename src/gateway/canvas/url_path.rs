//! The URL paths of the canvas, and the names of files in them.
//!
//! Each part of a path is decoded once and must then be an ordinary file name. Whatever else it could mean to
//! some file system is refused.

use percent_encoding::percent_decode_str;

/// The URL path of the canvas on each of the gateway's ports that serve it.
pub(super) const CANVAS_PATH: &str = "/__openclaw__/canvas";
/// The URL path below which a canvas capability stands, and behind that what it opens.
pub(super) const CAPABILITY_PREFIX: &str = "/__openclaw__/cap";
/// The URL path of the live reload socket of the canvas.
pub(super) const RELOAD_PATH: &str = "/__openclaw__/ws";

/// Returns whether a URL path is that of a canvas page's live reload socket, with or without a capability.
pub(crate) fn is_reload_path(path: &str) -> bool {
    path == RELOAD_PATH || (path.starts_with(CAPABILITY_PREFIX) && path.ends_with("/ws"))
}

/// Returns the file names in a URL path of the canvas, from the canvas folder down; an empty list for the folder
/// itself. `None` where one of them is not an ordinary name.
pub(super) fn file_names(path: &str) -> Option<Vec<String>> {
    let path = path.strip_prefix('/').unwrap_or(path);
    let path = path.strip_suffix('/').unwrap_or(path);
    if path.is_empty() {
        return Some(Vec::new());
    }
    path.split('/').map(file_name).collect()
}

/// Decodes one part of a URL path of the canvas to an ordinary, visible file name. Overlong encodings are not UTF-8;
/// `..` begins like a hidden name.
fn file_name(part: &str) -> Option<String> {
    let name = percent_decode_str(part).decode_utf8().ok()?;
    let plain = !name.is_empty()
        && name.len() <= 255
        && !name.starts_with('.')
        && !name.contains(|c: char| c.is_control() || matches!(c, '/' | '\\' | ':'));
    plain.then(|| name.into_owned())
}

#[cfg(test)]
mod tests {
    use super::file_names;

    #[test]
    fn ordinary_names_are_decoded() {
        let table: [(&str, &[&str]); 6] = [
            ("", &[]),
            ("/", &[]),
            ("/index.html", &["index.html"]),
            ("/a/b%20c/", &["a", "b c"]),
            ("/%C5%9Fema.html", &["şema.html"]),
            ("/50%25.txt", &["50%.txt"]),
        ];
        for (path, expected) in table {
            assert_eq!(file_names(path).unwrap(), expected, "{path}");
        }
    }

    #[test]
    fn names_that_could_leave_the_folder_or_are_hidden_are_refused() {
        for path in [
            "/..",
            "/../openclaw.json",
            "/a/../../x",
            "/./x",
            "/%2e%2e/x",
            "/%2E%2e/x",
            "/.%2e/x",
            "/..%2fx",
            "/a%2fb",
            "/..%5cx",
            "/a\\..\\x",
            "/%5c..%5cx",
            "/%c0%ae%c0%ae/x",
            "/%c0%af",
            "/%e0%80%ae/x",
            "/a%00.html",
            "/%00",
            "/a%0d%0ab",
            "/C:/x",
            "/C%3a/x",
            "/a.txt::$DATA",
            "/.env",
            "/.git/config",
            "/a/.hidden/b",
            "//etc/passwd",
            "/a//b",
            "///",
            "/%ff",
        ] {
            assert_eq!(file_names(path), None, "{path}");
        }
        assert_eq!(file_names(&format!("/{}", "x".repeat(256))), None);
        // Decoded once, this is the name of a file that happens to look so.
        assert_eq!(file_names("/%252e%252e").unwrap(), ["%2e%2e"]);
    }
}
