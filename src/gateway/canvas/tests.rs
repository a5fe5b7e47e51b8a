//! Which folder is shown.
#![expect(clippy::disallowed_methods, reason = "the tests make the folders")]

use serde_json::json;

use crate::gateway::serve::tests::shared;

#[test]
fn a_configured_folder_is_shown_unless_it_holds_what_is_no_canvas() {
    let home = tempfile::tempdir().unwrap();
    let at = |below: &str| home.path().join(below);
    for folder in [
        ".openclaw/canvas",
        ".openclaw-rescue/canvas/sub",
        ".openclaw-rescue/workspace-rescue",
        ".openclaw-rescue/agents",
        "pages",
    ] {
        std::fs::create_dir_all(at(folder)).unwrap();
    }
    std::os::unix::fs::symlink(at(".openclaw"), at("link")).unwrap();
    let shared = shared(home.path(), json!({}));
    let root = |typed: &str| shared.canvas.root(&json!({"canvasHost": {"root": typed}}));
    let own = at(".openclaw-rescue/canvas");
    assert_eq!(shared.canvas.root(&json!({})), own);
    assert_eq!(root("~/pages"), at("pages"));
    assert_eq!(root(at("pages").to_str().unwrap()), at("pages"));
    assert_eq!(
        root("~/.openclaw-rescue/canvas/sub"),
        at(".openclaw-rescue/canvas/sub")
    );
    assert_eq!(
        root("~/.openclaw-rescue/workspace-rescue"),
        at(".openclaw-rescue/workspace-rescue")
    );
    for refused in [
        "~/.openclaw/canvas", // another instance's
        "~/.openclaw",
        "~/link/canvas",
        "~/link",
        "~/.openclaw-rescue", // config and token
        "~/.openclaw-rescue/agents",
        "~",
        "/",
        "  ",
    ] {
        assert_eq!(root(refused), own, "{refused}");
    }
}

#[test]
fn the_url_opens_this_start_only_and_is_none_where_it_is_switched_off() {
    let home = tempfile::tempdir().unwrap();
    let (one, other) = (shared(home.path(), json!({})), shared(home.path(), json!({})));
    let url = one.canvas_url().unwrap();
    let capability = url
        .strip_prefix("http://127.0.0.1:40004/__openclaw__/cap/")
        .unwrap();
    assert_eq!(capability.len(), 43, "256 bits: {capability}");
    assert_ne!(one.canvas_url(), other.canvas_url());
    assert!(
        !format!("{:?}", one.canvas).contains(capability),
        "never in a log"
    );
    let off = shared(home.path(), json!({"canvasHost": {"enabled": false}}));
    assert_eq!(off.canvas_url(), None);
}
