//! The configs in the documentation that a release brings with it.

use std::path::Path;

use openclaw::config::document::ConfigDocument;
use serde_json::Value;

/// Returns the code blocks of a package's documentation that are configs.
pub(super) fn configs(package: &Path) -> Vec<String> {
    let mut configs = Vec::new();
    collect(&package.join("docs"), &mut configs);
    configs.sort();
    configs.dedup();
    configs
}

fn collect(folder: &Path, configs: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            // Translations repeat the configs.
            if path.file_name().is_some_and(|name| name.len() > 2) {
                collect(&path, configs);
            }
        } else if path
            .extension()
            .is_some_and(|extension| extension == "md" || extension == "mdx")
        {
            configs.extend(blocks(&std::fs::read_to_string(&path).unwrap_or_default()));
        }
    }
}

/// Returns the blocks of a page that hold an object with a section of a config.
fn blocks(page: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut block: Option<Vec<&str>> = None;
    for line in page.lines() {
        let line_start = line.trim_start();
        match &mut block {
            None if line_start.starts_with("```json") => block = Some(Vec::new()),
            None => {}
            Some(lines) if line_start.starts_with("```") => {
                let text = lines.join("\n");
                blocks.extend(Some(text).filter(|text| is_config(text)));
                block = None;
            }
            Some(lines) => lines.push(line),
        }
    }
    blocks
}

fn is_config(text: &str) -> bool {
    const SECTIONS: [&str; 14] = [
        "agents", "bindings", "browser", "channels", "commands", "cron", "env", "gateway", "hooks",
        "messages", "models", "plugins", "session", "tools",
    ];
    let Ok(document) = ConfigDocument::parse(text) else {
        return false;
    };
    let Value::Object(map) = document.value() else {
        return false;
    };
    // Other files and variables are not the subject here.
    let is_closed = !["$include", "${", "paths:"]
        .iter()
        .any(|outside| text.contains(outside));
    is_closed
        && SECTIONS
            .iter()
            .any(|section| map.get(*section).is_some_and(Value::is_object))
}
