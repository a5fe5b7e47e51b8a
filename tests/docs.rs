//! References into the documents: every heading that a source cites and every file that a page links to exists.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use crate::words::root;

/// Folders whose files may cite a document.
const CITING_FOLDERS: [&str; 7] = ["benches", "docs", "examples", "fuzz", "locales", "src", "tests"];

/// Folders without pages of this repository, whether they are at its top or in `fuzz`.
const SKIPPED_FOLDERS: [&str; 3] = [".git", "corpus", "target"];

/// Names of pages outside of this repository, which nobody who clones it could read.
const FOREIGN_PAGES: [&str; 2] = [concat!("facts", ".md"), concat!("`design", ".md`")];

/// The page that describes the code by its names.
const ARCHITECTURE: &str = "docs/architecture.md";

/// Returns every file below a folder with its path from the top of the repository.
fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let entry = entry.unwrap();
            let skipped = SKIPPED_FOLDERS.iter().any(|name| entry.file_name() == *name);
            if entry.file_type().unwrap().is_dir() && !skipped {
                folders.push(entry.path());
            } else if entry.file_type().unwrap().is_file() {
                files.push(entry.path().strip_prefix(root()).unwrap().to_path_buf());
            }
        }
    }
    files.sort();
    files
}

/// Returns the text of a file, or `None` for a picture and the like.
fn text(path: &Path) -> Option<String> {
    String::from_utf8(std::fs::read(root().join(path)).unwrap()).ok()
}

/// Returns every page of the repository with its text.
fn pages() -> BTreeMap<PathBuf, String> {
    files_below(&root())
        .into_iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .filter_map(|path| Some((path.clone(), text(&path)?)))
        .collect()
}

/// Returns the lines of a page that lie outside of its fenced code blocks.
fn prose(page: &str) -> impl Iterator<Item = &str> {
    let mut in_code = false;
    page.lines().filter(move |line| {
        let is_fence = line.trim_start().starts_with("```");
        in_code ^= is_fence;
        !in_code && !is_fence
    })
}

/// Removes code spans from a text, so that what looks like a link in one is none.
fn without_code_spans(text: &str) -> String {
    text.split('`').step_by(2).collect()
}

/// Returns the anchor that GitHub makes of a heading: lower case, blanks as hyphens, other signs dropped.
fn slug(heading: &str) -> String {
    let lower = heading.trim().to_lowercase();
    let kept = lower
        .chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | ' '));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

/// Returns the anchors of a page. A heading that comes again gets a number, as on GitHub.
fn anchors(page: &str) -> BTreeSet<String> {
    let mut seen = BTreeMap::<String, usize>::new();
    prose(page)
        .filter_map(|line| {
            line.trim_start_matches('#')
                .strip_prefix(' ')
                .filter(|_| line.starts_with('#'))
        })
        .map(|heading| {
            let slug = slug(heading);
            let times = seen.entry(slug.clone()).or_default();
            *times += 1;
            if *times == 1 {
                slug
            } else {
                format!("{slug}-{}", *times - 1)
            }
        })
        .collect()
}

/// Returns every document that a text cites by its path from the top, with the anchor where one is named.
fn citations(text: &str) -> impl Iterator<Item = (PathBuf, Option<String>)> {
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
    text.match_indices("docs/").filter_map(move |(start, _)| {
        let rest = &text[start..];
        let end = rest.find(".md")? + ".md".len();
        let name = &rest[..end];
        let anchor = rest[end..].strip_prefix('#').map(|rest| {
            rest.chars()
                .take_while(|c| c.is_alphanumeric() || "-_".contains(*c))
                .collect()
        });
        name.chars()
            .all(is_of_name)
            .then(|| (PathBuf::from(name), anchor))
    })
}

/// Returns the targets of all links and pictures of a page, without those that lead to another host.
fn relative_links(page: &str) -> Vec<String> {
    let text: Vec<_> = prose(page).collect();
    let text = without_code_spans(&text.join("\n"));
    text.split("](")
        .skip(1)
        .filter_map(|rest| rest.split_once(')'))
        .map(|(target, _)| target.to_owned())
        .filter(|target| !target.contains("://") && !target.starts_with("mailto:"))
        .collect()
}

/// Joins a link with the folder of the page that holds it, resolving `.` and `..`.
fn join_link(folder: &Path, link: &str) -> PathBuf {
    let mut path = PathBuf::new();
    for component in folder.join(link).components() {
        match component {
            Component::ParentDir => {
                path.pop();
            }
            Component::Normal(name) => path.push(name),
            _ => {}
        }
    }
    path
}

#[test]
fn every_cited_document_and_heading_exists() {
    let pages = pages();
    let mut citing: Vec<_> = CITING_FOLDERS
        .into_iter()
        .flat_map(|folder| files_below(&root().join(folder)))
        .collect();
    citing.extend(pages.keys().cloned());
    let mut broken = BTreeSet::new();
    let mut count = 0;
    for path in citing {
        let Some(text) = text(&path) else { continue };
        for (document, anchor) in citations(&text) {
            count += 1;
            let page = pages.get(&document);
            let exists = page.is_some_and(|page| {
                anchor
                    .as_ref()
                    .is_none_or(|anchor| anchors(page).contains(anchor))
            });
            if !exists {
                let anchor = anchor.map(|anchor| format!("#{anchor}")).unwrap_or_default();
                broken.insert(format!("{}: {}{anchor}", path.display(), document.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
    assert!(count > 100, "only {count} citations were found");
}

#[test]
fn every_relative_link_leads_to_a_file_and_a_heading_that_exist() {
    let pages = pages();
    let mut broken = Vec::new();
    for (path, page) in &pages {
        for link in relative_links(page) {
            let (file, anchor) = match link.split_once('#') {
                Some((file, anchor)) => (file, Some(anchor)),
                None => (link.as_str(), None),
            };
            let target = match file {
                "" => path.clone(),
                file => join_link(path.parent().unwrap(), file),
            };
            let exists = root().join(&target).exists()
                && anchor.is_none_or(|anchor| {
                    pages
                        .get(&target)
                        .is_some_and(|page| anchors(page).contains(anchor))
                });
            if !exists {
                broken.push(format!("{}: {link}", path.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn no_file_cites_a_page_outside_of_the_repository() {
    for folder in CITING_FOLDERS {
        for path in files_below(&root().join(folder)) {
            let text = text(&path).unwrap_or_default();
            for page in FOREIGN_PAGES {
                assert!(!text.contains(page), "{}: {page}", path.display());
            }
        }
    }
}

/// Returns the code spans of a page: the texts between single backticks, outside of fenced blocks.
fn code_spans(page: &str) -> Vec<String> {
    let text: Vec<_> = prose(page).collect();
    let spans = text.join("\n");
    spans.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// Splits a text into words of letters, digits and underscores.
fn split_words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
}

#[test]
fn every_name_of_the_code_in_the_architecture_exists() {
    let page = text(Path::new(ARCHITECTURE)).unwrap();
    let sources: Vec<_> = files_below(&root().join("src")).into_iter().collect();
    let code: String = sources.iter().filter_map(|path| text(path)).collect();
    let known: BTreeSet<_> = split_words(&code).collect();
    let is_name = |span: &&String| {
        let name = span.trim_end_matches("()");
        !name.is_empty() && name.split("::").all(|part| split_words(part).eq([part]))
    };
    let missing: Vec<_> = code_spans(&page)
        .iter()
        .filter(is_name)
        .filter(|span| !split_words(span).all(|word| known.contains(word)))
        .cloned()
        .collect();
    assert!(missing.is_empty(), "not in src: {missing:#?}");

    let files = page.split(|c: char| !(c.is_ascii_alphanumeric() || "_./".contains(c)));
    let missing: BTreeSet<_> = files
        .filter(|word| {
            Path::new(word)
                .extension()
                .is_some_and(|extension| extension == "rs")
        })
        .filter(|file| !root().join(file).exists() && !sources.iter().any(|path| path.ends_with(file)))
        .collect();
    assert!(missing.is_empty(), "no such file: {missing:#?}");
}

#[test]
fn every_module_of_the_crate_is_in_the_architecture() {
    let page = text(Path::new(ARCHITECTURE)).unwrap();
    let spans: BTreeSet<_> = code_spans(&page).into_iter().collect();
    let library = text(Path::new("src/lib.rs")).unwrap();
    let (program, _) = library.split_once("#[cfg(test)]").expect("a module of tests");
    let modules = program.lines().filter_map(|line| {
        let (visibility, name) = line.strip_suffix(';')?.split_once("mod ")?;
        ["", "pub ", "pub(crate) "].contains(&visibility).then_some(name)
    });
    let missing: Vec<_> = modules.filter(|name| !spans.contains(*name)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn anchors_are_those_of_github() {
    let page =
        "# A `code` heading: 9.6!\n```sh\n# a comment\n```\n## Leak: reset\n## Leak: reset\n#no heading\n";
    let expected = ["a-code-heading-96", "leak-reset", "leak-reset-1"];
    assert_eq!(anchors(page), expected.map(str::to_owned).into());
}
