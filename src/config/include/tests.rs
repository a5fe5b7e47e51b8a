use super::*;
use serde_json::json;

/// A folder with a config and the files that it includes, for tests.
struct ConfigFolder(tempfile::TempDir);

impl ConfigFolder {
    fn with_files(files: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = dir.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        Self(dir)
    }

    fn effective(&self) -> Result<Value, ConfigError> {
        let path = self.0.path().join("openclaw.json");
        let LoadedConfig::Ok(document) = load(&path) else {
            panic!("the config itself can be read")
        };
        effective(&path, &document).map(|config| config.value)
    }

    fn error_text(&self) -> String {
        self.effective()
            .unwrap_err()
            .why
            .render(crate::i18n::Lang::english())
    }
}

#[test]
fn own_keys_override_included_ones() {
    let folder = ConfigFolder::with_files(&[
        (
            "openclaw.json",
            "{ $include: './base.json5', gateway: { port: 20789, trustedProxies: ['b'] } }",
        ),
        (
            "base.json5",
            "{ gateway: { $include: 'parts/gateway.json', bind: 'loopback' }, x: '${NOT_READ}' }",
        ),
        (
            "parts/gateway.json",
            "{ port: 1, mode: 'local', trustedProxies: ['a'], more: { $include: '../more.json' } }",
        ),
        ("more.json", "{ deep: true }"),
    ]);
    let expected = json!({
        "x": "${NOT_READ}",
        "gateway": { "mode": "local", "more": { "deep": true }, "bind": "loopback", "port": 20789,
                     "trustedProxies": ["a", "b"] },
    });
    assert_eq!(folder.effective().unwrap(), expected);
}

#[test]
fn listed_files_are_merged_in_order() {
    let folder = ConfigFolder::with_files(&[
        ("openclaw.json", "{ $include: ['a.json', 'b.json'] }"),
        ("a.json", "{ gateway: { port: 1, bind: 'lan' } }"),
        ("b.json", "{ gateway: { port: 2 } }"),
    ]);
    assert_eq!(
        folder.effective().unwrap(),
        json!({ "gateway": { "port": 2, "bind": "lan" } })
    );
}

#[test]
fn missing_or_broken_file_is_named() {
    let missing = ConfigFolder::with_files(&[("openclaw.json", "{ $include: 'gone.json' }")]);
    assert!(
        missing.error_text().contains("gone.json"),
        "{}",
        missing.error_text()
    );
    let broken = ConfigFolder::with_files(&[
        ("openclaw.json", "{ a: { $include: 'b.json' } }"),
        ("b.json", "{\n  x: 1 y: 2 }"),
    ]);
    assert!(
        broken.error_text().contains("b.json:2:7"),
        "{}",
        broken.error_text()
    );
    let nested = ConfigFolder::with_files(&[
        ("openclaw.json", "{ $include: 'b.json' }"),
        ("b.json", "{ $include: 7 }"),
    ]);
    assert!(nested.error_text().contains("b.json"), "{}", nested.error_text());
}

#[test]
fn circles_and_too_many_files_are_error_text() {
    let circle = ConfigFolder::with_files(&[
        ("openclaw.json", "{ $include: 'a.json' }"),
        ("a.json", "{ x: { $include: './b/../openclaw.json' } }"),
    ]);
    assert_eq!(circle.effective().unwrap_err().why.key(), "config.include-broken");
    assert!(
        circle.error_text().contains("leads back to"),
        "{}",
        circle.error_text()
    );

    let names: Vec<String> = (0..=MAX_DEPTH).map(|n| format!("{n}.json")).collect();
    let texts: Vec<String> = (1..=MAX_DEPTH + 1)
        .map(|n| format!("{{ $include: '{n}.json' }}"))
        .collect();
    let mut files: Vec<_> = names
        .iter()
        .zip(&texts)
        .map(|(n, t)| (n.as_str(), t.as_str()))
        .collect();
    files.push(("openclaw.json", "{ $include: '0.json' }"));
    assert!(
        ConfigFolder::with_files(&files).error_text().contains("10"),
        "too deep"
    );

    let twice = "{ a: { $include: 'NEXT' }, b: { $include: 'NEXT' } }";
    let texts: Vec<String> = (1..=9)
        .map(|n| twice.replace("NEXT", &format!("{n}.json")))
        .collect();
    let mut files: Vec<_> = names
        .iter()
        .zip(&texts)
        .map(|(n, t)| (n.as_str(), t.as_str()))
        .collect();
    files.extend([("openclaw.json", "{ $include: '0.json' }"), ("9.json", "{}")]);
    assert!(
        ConfigFolder::with_files(&files).error_text().contains("100"),
        "too many"
    );
}

#[test]
fn config_without_includes_is_unchanged() {
    let folder = ConfigFolder::with_files(&[("openclaw.json", "{ gateway: { port: 18789 } }")]);
    assert_eq!(
        folder.effective().unwrap(),
        json!({ "gateway": { "port": 18789 } })
    );
}
