use super::*;

/// Returns every part of a text between a start and the next end.
fn between<'a>(text: &'a str, start: &str, end: &str) -> Vec<&'a str> {
    text.split(start)
        .skip(1)
        .filter_map(|rest| rest.split_once(end))
        .map(|(inner, _)| inner)
        .collect()
}

#[test]
fn page_uses_exactly_the_texts_that_are_served() {
    let [(.., html), (.., script), (.., chat), ..] = FILES;
    let mut asked: std::collections::BTreeSet<_> = between(html, "data-text=\"", "\"")
        .into_iter()
        .map(str::to_owned)
        .collect();
    let named = [script, chat]
        .into_iter()
        .flat_map(|script| between(script, "'page-", "'"))
        .filter(|name| !name.is_empty());
    asked.extend(named.map(|name| format!("page-{name}")));
    let states = between(script, "STATES = [", "]")[0];
    let states = states.split(", ").map(|state| state.trim_matches('\''));
    asked.extend(states.map(|state| format!("page-{state}")));
    let known: std::collections::BTreeSet<_> = page_texts(Lang::english()).keys().cloned().collect();
    assert_eq!(asked, known);
}

#[test]
fn every_language_of_the_catalogue_can_be_chosen_on_the_page() {
    let [(.., html), (.., script), ..] = FILES;
    for lang in Lang::all() {
        let code = lang.code();
        assert!(html.contains(&format!("<option value=\"{code}\"")), "{code}");
        let list = between(script, "LANGUAGES = [", "]")[0];
        assert!(list.contains(&format!("'{code}'")), "{code}");
    }
}

#[test]
fn page_has_no_inline_script_or_style() {
    let (_, _, html) = FILES[0];
    for inline in ["<style", "style=", "onclick", "onload", "javascript:", "<script>"] {
        assert!(!html.contains(inline), "{inline}");
    }
    let (_, _, script) = FILES[1];
    for markup in [
        "innerHTML =",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
    ] {
        assert!(!script.contains(markup), "{markup}");
    }
    let policy = page_headers("text/html");
    let policy = policy[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'"));
    assert!(!policy.contains("unsafe"));
}

#[test]
fn only_the_files_of_the_page_are_public() {
    for (path, ..) in FILES {
        assert!(is_page_file(path), "{path}");
    }
    assert!(is_page_file(TEXTS_PATH));
    for path in [
        "/config",
        "/__openclaw__/canvas/",
        "/__openclaw__/dashboard",
        "//",
    ] {
        assert!(!is_page_file(path), "{path}");
    }
}
