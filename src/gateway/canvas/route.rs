//! From the path of a URL to names in a folder, or nothing.
//!
//! Each part is decoded once and must then be an ordinary name: what else it could mean to some file
//! system is refused, not understood.

use percent_encoding::percent_decode_str;

/// The names that a path means, from the folder down; none of them for the folder itself.
pub(super) fn names(path: &str) -> Option<Vec<String>> {
    let path = path.strip_prefix('/').unwrap_or(path);
    let path = path.strip_suffix('/').unwrap_or(path);
    if path.is_empty() {
        return Some(Vec::new());
    }
    path.split('/').map(name).collect()
}

/// One ordinary, visible name. Overlong encodings are no UTF-8; `..` begins as hidden names do.
fn name(part: &str) -> Option<String> {
    let name = percent_decode_str(part).decode_utf8().ok()?;
    let plain = !name.is_empty()
        && name.len() <= 255
        && !name.starts_with('.')
        && !name.contains(|c: char| c.is_control() || matches!(c, '/' | '\\' | ':'));
    plain.then(|| name.into_owned())
}

#[cfg(test)]
mod tests {
    use super::names;

    #[test]
    fn ordinary_names_are_taken_as_they_are() {
        let table: [(&str, &[&str]); 6] = [
            ("", &[]),
            ("/", &[]),
            ("/index.html", &["index.html"]),
            ("/a/b%20c/", &["a", "b c"]),
            ("/%C5%9Fema.html", &["şema.html"]),
            ("/50%25.txt", &["50%.txt"]),
        ];
        for (path, expected) in table {
            assert_eq!(names(path).unwrap(), expected, "{path}");
        }
    }

    #[test]
    fn whatever_could_lead_out_or_is_hidden_is_nothing() {
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
            assert_eq!(names(path), None, "{path}");
        }
        assert_eq!(names(&format!("/{}", "x".repeat(256))), None);
        // Decoded once, this is the name of a file that happens to look so.
        assert_eq!(names("/%252e%252e").unwrap(), ["%2e%2e"]);
    }
}
