//! The pictures of the wizard in the READMEs, which `scripts/record` draws.

use openclaw::i18n::Lang;

use crate::words::root;

/// Returns the name of a language's picture, the page that shows it, and its text.
fn picture(lang: Lang) -> (String, &'static str, String) {
    let (name, page) = match lang.code() {
        "en" => ("docs/wizard.svg".to_owned(), "README.md"),
        "tr" => ("docs/wizard.tr.svg".to_owned(), "README.tr.md"),
        code => panic!("which page shows the picture in {code}?"),
    };
    let svg = std::fs::read_to_string(root().join(&name)).unwrap();
    (name, page, svg)
}

#[test]
fn every_language_has_a_current_picture_for_light_and_dark_pages() {
    for lang in Lang::all() {
        let (name, page, svg) = picture(lang);
        let shown = std::fs::read_to_string(root().join(page)).unwrap();
        assert!(shown.contains(&format!("]({name})")), "{page} shows {name}");
        assert!(svg.contains("@media(prefers-color-scheme:dark)"), "{name}");
        assert!(svg.len() < 40_000, "{name}: {} bytes", svg.len());
        for key in ["step.engine.ask", "step.gateway-port.ask", "onboard.confirm"] {
            let text = lang.text(key).unwrap();
            assert!(
                svg.contains(text),
                "{name} lacks {text:?}: run scripts/record again"
            );
        }
    }
}

#[test]
fn every_element_of_a_picture_is_closed() {
    for lang in Lang::all() {
        let (name, _, svg) = picture(lang);
        let mut open = Vec::new();
        for tag in svg.split('<').skip(1) {
            let (tag, _) = tag
                .split_once('>')
                .unwrap_or_else(|| panic!("{name}: no end: {tag}"));
            if let Some(closed) = tag.strip_prefix('/') {
                assert_eq!(open.pop(), Some(closed), "{name}");
            } else if !tag.ends_with('/') {
                open.push(tag.split(' ').next().unwrap());
            }
        }
        assert!(open.is_empty(), "{name}: {open:?}");
        for after in svg.split('&').skip(1) {
            let known = ["amp;", "lt;", "gt;"]
                .iter()
                .any(|entity| after.starts_with(entity));
            assert!(known, "{name}: a bare &: {after:.20}");
        }
    }
}

#[test]
fn picture_shows_no_path_and_no_token_of_its_machine() {
    for lang in Lang::all() {
        let (name, _, svg) = picture(lang);
        for folder in ["/home/", "/root", "/tmp/", "/Users/", env!("CARGO_MANIFEST_DIR")] {
            assert!(!svg.contains(folder), "{name} shows {folder}");
        }
        let secret = svg
            .split(|c: char| !c.is_ascii_hexdigit())
            .find(|word| word.len() >= 32);
        assert_eq!(secret, None, "{name} shows a token");
    }
}
