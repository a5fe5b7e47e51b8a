//! Turns `locales/*.toml` into sorted tables that the program holds as static data: no catalogue is
//! parsed at run time, and a third language is one new file. Beside a language, `locales/workspace/CODE`
//! may hold its workspace files. And turns the config schemas of OpenClaw (`schemas/`) into nodes that are decoded one
//! by one, when a config is judged, and into the compressed texts that the gateway sends.

#![expect(
    clippy::disallowed_methods,
    reason = "the rules are for the program, not for its build"
)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use std::{env, fs};

use flate2::Compression;
use flate2::write::GzEncoder;

#[path = "build/config_schema.rs"]
mod config_schema;

fn main() {
    println!("cargo::rerun-if-changed=locales");
    let mut out = String::from("pub(super) static LOCALES: &[Locale] = &[\n");
    for (code, path) in files(Path::new("locales"), "toml") {
        println!("cargo::rerun-if-changed={path}");
        let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}"));
        let table: toml::Table = text.parse().unwrap_or_else(|e| panic!("{path}: {e}"));
        let mut entries = BTreeMap::new();
        flatten("", &toml::Value::Table(table), &mut entries);
        writeln!(out, "    Locale {{ code: {code:?}, messages: &[").unwrap();
        for (key, value) in entries {
            writeln!(out, "        ({key:?}, {value:?}),").unwrap();
        }
        out.push_str("    ], workspace: &[\n");
        for (name, path) in files(&Path::new("locales/workspace").join(&code), "md") {
            let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}"));
            writeln!(out, "        (\"{name}.md\", {text:?}),").unwrap();
        }
        out.push_str("    ] },\n");
    }
    out.push_str("];\n");
    write("locales.rs", &out);
    write_config_schemas();
    name_commit();
}

/// Passes the commit on to the program, as `SOURCE_COMMIT`: from a variable of that name, from the file that `cargo package`
/// adds, or from git. A debug build has none, so that a commit does not make the next test run compile everything anew.
fn name_commit() {
    println!("cargo::rerun-if-env-changed=SOURCE_COMMIT");
    if env::var_os("SOURCE_COMMIT").is_some() || env::var("PROFILE").unwrap() == "debug" {
        return; // the compiler sees the variable
    }
    let root = env::var("CARGO_MANIFEST_DIR").unwrap();
    let packaged = fs::read_to_string(Path::new(&root).join(".cargo_vcs_info.json")).ok();
    let packaged = packaged.and_then(|text| serde_json::from_str::<serde_json::Value>(&text).ok());
    let packaged = packaged.and_then(|info| Some(info.pointer("/git/sha1")?.as_str()?.to_owned()));
    if let Some(commit) = packaged.or_else(|| commit_of_work_tree(&root)) {
        println!("cargo::rustc-env=SOURCE_COMMIT={commit}");
    }
}

/// Returns the commit that is checked out in a folder; `None` where that is not the top of a work tree of git.
fn commit_of_work_tree(root: &str) -> Option<String> {
    let git = |args: &[&str]| {
        let output = Command::new("git").arg("-C").arg(root).args(args).output().ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        output.status.success().then(|| text.trim().to_owned())
    };
    let top = git(&["rev-parse", "--show-toplevel"])?;
    if fs::canonicalize(top).ok()? != fs::canonicalize(root).ok()? {
        return None;
    }
    // Its log changes with each commit and each switch of branches.
    let log = git(&["rev-parse", "--path-format=absolute", "--git-path", "logs/HEAD"])?;
    if Path::new(&log).exists() {
        println!("cargo::rerun-if-changed={log}");
    }
    git(&["rev-parse", "HEAD"])
}

fn write_config_schemas() {
    let mut nodes = config_schema::SchemaNodes::default();
    let releases = [("EARLY_ROOT", "2026.1.30"), ("LATE_ROOT", "2026.9.6")];
    let roots = releases.map(|(name, release)| {
        let path = format!("schemas/openclaw-{release}.config.schema.json");
        println!("cargo::rerun-if-changed={path}");
        let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}"));
        write_compressed(&format!("{release}.config.schema.json.gz"), &text);
        let schema = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{path}: {e}"));
        (name, nodes.add(&schema))
    });
    write("config_schema.json", &nodes.text());
    write("config_schema.rs", &nodes.index(&roots));
}

fn write(name: &str, text: &str) {
    let target = Path::new(&env::var("OUT_DIR").unwrap()).join(name);
    fs::write(target, text).unwrap();
}

fn write_compressed(name: &str, text: &str) {
    let target = Path::new(&env::var("OUT_DIR").unwrap()).join(name);
    let mut out = GzEncoder::new(fs::File::create(target).unwrap(), Compression::best());
    out.write_all(text.as_bytes()).unwrap();
    let _ = out.finish().unwrap();
}

/// The files of a folder with this ending, as (name without ending, path), in order of name.
fn files(folder: &Path, ending: &str) -> BTreeMap<String, String> {
    let Ok(entries) = fs::read_dir(folder) else {
        return BTreeMap::new();
    };
    entries
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let fits = path.extension().is_some_and(|e| e == ending);
            if !fits {
                return None;
            }
            Some((path.file_stem()?.to_str()?.to_owned(), path.to_str()?.to_owned()))
        })
        .collect()
}

/// Nested tables become dotted keys: `[ports] held = "…"` is `ports.held`.
fn flatten(prefix: &str, value: &toml::Value, into: &mut BTreeMap<String, String>) {
    match value {
        toml::Value::Table(table) => {
            for (key, value) in table {
                let dotted = if prefix.is_empty() {
                    key.clone()
                } else {
                    format!("{prefix}.{key}")
                };
                flatten(&dotted, value, into);
            }
        }
        toml::Value::String(text) => {
            into.insert(prefix.to_owned(), text.clone());
        }
        other => panic!("locales: {prefix} is {}, not a text", other.type_str()),
    }
}
