//! The licence texts of the crates in the program, each text once, with the crates that it covers.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use super::{Crates, Package};

/// Beginnings of the names of files with a licence or a notice that has to be passed on, in lower case.
const FILE_NAME_PREFIXES: [&str; 5] = ["license", "licence", "copying", "notice", "unlicense"];
/// A line between two texts.
const RULE: &str = "------------------------------------------------------------------------";

/// Renders the list of the contained crates with their licences, and each licence text with the crates that it covers.
pub(super) fn render(crates: &Crates<'_>) -> String {
    let mut out = format!(
        "Crates in {} {}, each with the licence that its author names, then the texts.\n\n",
        crates.root.name, crates.root.version
    );
    // The text without its line breaks, so that the same licence is recognised in lines of another length.
    let mut texts: BTreeMap<String, (String, BTreeSet<String>)> = BTreeMap::new();
    let contained = crates
        .all
        .iter()
        .filter(|package| crates.contained.contains(&*package.id));
    for package in contained {
        let name = format!("{} {}", package.name, package.version);
        let licence = package.license.as_deref().unwrap_or("see its text");
        let found = licences(package);
        let note = if found.is_empty() {
            " (its package has no text)"
        } else {
            ""
        };
        writeln!(out, "{name}: {licence}{note}").expect("a text takes every line");
        for text in found {
            let key = text.split_whitespace().collect::<Vec<_>>().join(" ");
            let (_, covered) = texts.entry(key).or_insert_with(|| (text, BTreeSet::new()));
            covered.insert(name.clone());
        }
    }
    let mut texts: Vec<_> = texts.into_values().collect();
    texts.sort_by(|(_, a), (_, b)| a.cmp(b));
    for (text, covered) in texts {
        let names: Vec<_> = covered.into_iter().collect();
        let text = text.replace('\r', "");
        write!(
            out,
            "\n{RULE}\n{}\n{RULE}\n\n{}\n",
            names.join(", "),
            text.trim_end()
        )
        .expect("a text takes every line");
    }
    out
}

/// Returns the licences and notices of a crate: its files, or the comment at the head of its source where it has none.
fn licences(package: &Package) -> Vec<String> {
    let read =
        |path: PathBuf| String::from_utf8_lossy(&fs::read(path).expect("a file of a crate")).into_owned();
    let files = licence_files(package);
    if !files.is_empty() {
        return files.into_iter().map(read).collect();
    }
    let source = package.manifest_path.with_file_name("src").join("lib.rs");
    let source = if source.is_file() {
        read(source)
    } else {
        String::new()
    };
    let comment = source
        .trim_start()
        .strip_prefix("/*")
        .and_then(|rest| rest.split_once("*/"));
    let is_licence = |text: &&str| text.to_lowercase().contains("licen");
    let comment = comment.map(|(comment, _)| comment).filter(is_licence);
    let plain = |line: &str| {
        line.trim_start()
            .trim_start_matches("* ")
            .trim_start_matches('*')
            .to_owned()
    };
    let comment = comment.map(|comment| comment.lines().map(plain).collect::<Vec<_>>().join("\n"));
    comment.into_iter().collect()
}

/// Returns the files with licences and notices at the top of a crate's package, in order of name.
fn licence_files(package: &Package) -> Vec<PathBuf> {
    let folder = package.manifest_path.parent().expect("a folder");
    let entries = fs::read_dir(folder).expect("the crate's folder");
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| {
            let name = path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .to_lowercase();
            path.is_file() && FILE_NAME_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
        })
        .collect();
    files.extend(package.license_file.as_ref().map(|file| folder.join(file)));
    files.sort();
    files.dedup();
    files
}
