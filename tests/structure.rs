//! The structure of the source: which module may use which, and rules that the compiler does not check.
//!
//! The layers from the top: `main`, `lib`, `cli`, then `wizard`, `help` and `ui`, then the domain (`plan`,
//! `apply`, `survey`, `ports`, `config`, `registry`, `instance`, `profile`), and at the bottom `error`,
//! `i18n` and `text`, which every module uses. `host` stands beside them and uses nothing of the domain.

mod fixed_ports;
mod references;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use crate::words::{root, sources};
use references::{Crate, References};

/// The whole crate, read from its source once for all tests.
static CRATE: LazyLock<Crate> = LazyLock::new(|| {
    Crate::read(&|file| {
        let text = std::fs::read_to_string(root().join("src").join(file));
        text.unwrap_or_else(|e| panic!("{}: {e}", file.display()))
    })
});

/// Returns the top module of a file below `src`: `cli/man.rs` is part of `cli`.
fn top_module(file: &Path) -> String {
    let first = file.components().next().expect("a file").as_os_str();
    first.to_str().expect("UTF-8").trim_end_matches(".rs").to_owned()
}

/// Finds the sets of files that reach each other through references: the strongly connected components of more
/// than one file.
fn circles(references: &References) -> Vec<BTreeSet<PathBuf>> {
    let reachable = |from: &PathBuf| {
        let mut seen = BTreeSet::new();
        let mut open = vec![from];
        while let Some(file) = open.pop() {
            let next = references.get(file).into_iter().flat_map(BTreeMap::keys);
            open.extend(next.filter(|next| seen.insert((*next).clone())));
        }
        seen
    };
    let reach: BTreeMap<&PathBuf, BTreeSet<PathBuf>> =
        references.keys().map(|file| (file, reachable(file))).collect();
    let mut circles: Vec<BTreeSet<PathBuf>> = Vec::new();
    for (file, reached) in reach.iter().filter(|(file, reached)| reached.contains(**file)) {
        if circles.iter().any(|circle| circle.contains(*file)) {
            continue;
        }
        let is_back = |other: &&PathBuf| reach.get(other).is_some_and(|reached| reached.contains(*file));
        circles.push(reached.iter().filter(is_back).cloned().collect());
    }
    circles
}

/// Describes a circle by its files and the names that tie them.
fn describe(circle: &BTreeSet<PathBuf>, references: &References) -> String {
    let mut lines = vec![format!("a circle of {} files:", circle.len())];
    for from in circle {
        for (to, names) in references[from].iter().filter(|(to, _)| circle.contains(*to)) {
            let names: Vec<_> = names.iter().map(String::as_str).collect();
            lines.push(format!(
                "  {} -> {}: {}",
                from.display(),
                to.display(),
                names.join(", ")
            ));
        }
    }
    lines.join("\n")
}

#[test]
fn circles_are_found_through_super_reexports_globs_and_macros() {
    let files = [
        ("lib.rs", "mod a; mod b; mod c; pub mod d; use a::Low;"),
        // a -> b by a path in a macro, b -> a/low by a re-export, a/low -> a by `super`.
        (
            "a.rs",
            "mod low; pub use low::Low; fn high() { println!(\"{}\", crate::b::middle()); } pub struct High;",
        ),
        ("a/low.rs", "use super::*; pub struct Low(High);"),
        ("b.rs", "pub fn middle() -> crate::a::Low { unreachable!() }"),
        // A reference from a test is not counted.
        (
            "c.rs",
            "use crate::d::D; pub struct C; #[cfg(all(test, unix))] mod tests { use crate::b; }",
        ),
        (
            "d.rs",
            "pub struct D; #[cfg(test)] fn of() -> crate::c::C { crate::c::C }",
        ),
    ];
    let read = |file: &Path| {
        let found = files.iter().find(|(name, _)| file == Path::new(name));
        found.expect("a file of the example").1.to_owned()
    };
    let references = Crate::read(&read).references();
    let circles = circles(&references);
    let expected = ["a.rs", "a/low.rs", "b.rs"].map(PathBuf::from);
    assert_eq!(circles, [BTreeSet::from(expected)], "{references:#?}");
    let description = describe(&circles[0], &references);
    for tie in [
        "a.rs -> b.rs: b::middle",
        "b.rs -> a/low.rs: a::Low",
        "a/low.rs -> a.rs: High",
    ] {
        assert!(description.contains(tie), "{tie}: {description}");
    }
}

#[test]
fn every_path_of_the_crate_is_resolved() {
    let unresolved = CRATE.unresolved();
    assert!(unresolved.is_empty(), "{unresolved:#?}");
}

#[test]
fn files_form_no_circle() {
    let references = CRATE.references();
    let circles = circles(&references);
    let circles: Vec<_> = circles
        .iter()
        .map(|circle| describe(circle, &references))
        .collect();
    assert!(circles.is_empty(), "{}", circles.join("\n"));
}

#[test]
fn modules_use_only_what_lies_below_them() {
    let edge = ["ui", "cli", "wizard", "help"];
    let mut faults = Vec::new();
    for (from_file, files) in CRATE.references() {
        let from = top_module(&from_file);
        for (to_file, names) in files {
            let to = top_module(&to_file);
            let is_allowed = match from.as_str() {
                "main" | "lib" | "cli" => true,
                "host" => ["host", "sync", "text"].contains(&to.as_str()),
                "error" | "i18n" | "text" | "secret" => {
                    ["error", "i18n", "text", "secret"].contains(&to.as_str())
                }
                "help" => !["cli", "ui", "wizard"].contains(&to.as_str()),
                "wizard" => !["cli", "help"].contains(&to.as_str()),
                "ui" => !["cli", "wizard", "help"].contains(&to.as_str()),
                _ => !edge.contains(&to.as_str()),
            };
            if !is_allowed && from != to {
                faults.push(format!("{} uses {names:?} of {to}", from_file.display()));
            }
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn modules_form_no_circle() {
    let mut modules = References::new();
    for (from, files) in CRATE.references() {
        for (to, names) in files {
            let (from, to) = (top_module(&from), top_module(&to));
            if from != to {
                let known = modules.entry(from.into()).or_default();
                known.entry(to.into()).or_default().extend(names);
            }
        }
    }
    let circles = circles(&modules);
    let circles: Vec<_> = circles.iter().map(|circle| describe(circle, &modules)).collect();
    assert!(circles.is_empty(), "{}", circles.join("\n"));
}

#[test]
fn one_file_reads_the_variables_of_openclaw() {
    for (path, source) in sources() {
        if path.ends_with("environment.rs") {
            continue;
        }
        for call in [".var(\"OPENCLAW_", "env::var", "env!(\"OPENCLAW_"] {
            let is_host = path.ends_with("host.rs") && call == "env::var";
            assert!(is_host || !source.contains(call), "{}: {call}", path.display());
        }
    }
}

#[test]
fn one_file_knows_the_port_numbers_of_openclaw() {
    for number in ["18789", "18_789", "19001", "19_001"] {
        let holders: Vec<_> = sources()
            .into_iter()
            .filter(|(_, source)| {
                let code = source.lines().filter(|line| !line.trim_start().starts_with("//"));
                code.into_iter().any(|line| line.contains(number))
            })
            .map(|(path, _)| path)
            .collect();
        assert!(holders.len() <= 1, "{number} is in {holders:?}");
    }
}

/// A plan gets what it needs of the host as data (`PlanInput`, `DiskSnapshot`), in its tests too.
#[test]
fn plan_touches_no_disk_and_no_socket() {
    const FORBIDDEN: [&str; 17] = [
        "host::",
        "Host::",
        "&Host",
        "survey_host",
        "Instance::resolve",
        "std::fs",
        "tempfile",
        "TcpListener",
        "TcpStream",
        "UdpSocket",
        ".is_dir()",
        ".is_file()",
        ".metadata()",
        "canonicalize",
        "read_link",
        "std::env",
        "::now()",
    ];
    let files = sources().into_iter().map(|(path, _)| path);
    let of_plan = files.filter(|path| path.starts_with("src/plan") || path.ends_with("src/plan.rs"));
    for path in of_plan.chain([PathBuf::from("src/plan/tests.rs")]) {
        let text = std::fs::read_to_string(root().join(&path)).unwrap();
        for line in text.lines().filter(|line| !line.trim_start().starts_with("//")) {
            for word in FORBIDDEN {
                assert!(!line.contains(word), "{}: {word} in {line}", path.display());
            }
        }
    }
}

/// A port that one file reads differently from another would escape the rules for ports
/// (docs/design.md#port-rules): `config set gateway.port 18790.0` must not pass where `18790` is refused.
#[test]
fn ports_are_parsed_in_one_file() {
    let parsers = [
        "as_u64",
        "as_i64",
        "as_f64",
        "as_integer",
        "parse::<u16>",
        "value_parser!(u16)",
    ];
    for (path, source) in sources()
        .into_iter()
        .filter(|(path, _)| !path.ends_with("ports/port.rs"))
    {
        for statement in source.split([';', ',', '{', '}']) {
            let code: Vec<_> = statement
                .lines()
                .filter(|line| !line.trim_start().starts_with("//"))
                .collect();
            let code = code.join("\n");
            let mut words = code.split(|c: char| !c.is_ascii_alphanumeric());
            let names = ["port", "cdpPort", "controlPort", "basePort"];
            let is_about_a_port = words.any(|word| names.contains(&word));
            let parser = parsers.iter().find(|parser| code.contains(**parser));
            assert!(
                !(is_about_a_port && parser.is_some()),
                "{}: {parser:?} where `Port` parses: {code}",
                path.display()
            );
        }
    }
}

/// Maximum number of lines of a file, its tests included: a long test module gets a file of its own.
const MAX_FILE_LINES: usize = 500;
/// Maximum number of lines of a function, from its signature to its closing brace.
const MAX_FUNCTION_LINES: usize = 60;

/// Returns every Rust file of the repository with its text: the program, tests, benchmarks, examples, and fuzz targets.
fn rust_files() -> Vec<(PathBuf, String)> {
    let mut files = Vec::new();
    let mut folders = ["src", "tests", "benches", "examples", "fuzz/fuzz_targets"]
        .map(|folder| root().join(folder))
        .to_vec();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                files.push((path.strip_prefix(root()).unwrap().to_path_buf(), text));
            }
        }
    }
    files.sort();
    files
}

/// Returns the name of the function whose signature starts in this line.
fn function_name(line: &str) -> Option<&str> {
    let is_qualifier = |word: &&str| {
        ["pub", "const", "async", "unsafe"].contains(word) || word.starts_with("pub(") || word.ends_with(')')
    };
    let mut words = line.split_whitespace().skip_while(is_qualifier);
    let name = words.next().filter(|word| *word == "fn").and(words.next())?;
    name.split(|c: char| !c.is_alphanumeric() && c != '_').next()
}

/// Finds the functions of a source that have more than `max_lines` lines, and returns their names and lengths. A function
/// ends at the first closing brace with the indentation of its signature, where rustfmt puts it.
fn long_functions(source: &str, max_lines: usize) -> Vec<(String, usize)> {
    let lines: Vec<_> = source.lines().collect();
    let length = |start: usize| {
        let first = lines[start];
        let indent = &first[..first.len() - first.trim_start().len()];
        let is_end = |line: &&str| {
            let rest = line.strip_prefix(indent).unwrap_or_default();
            rest == "}" || (rest.starts_with(')') && rest.ends_with(';'))
        };
        let is_one_line = first.ends_with(['}', ';']);
        let end = lines[start..].iter().position(is_end).unwrap_or_default();
        if is_one_line { 1 } else { end + 1 }
    };
    let functions = (0..lines.len()).filter_map(|start| Some((function_name(lines[start])?, length(start))));
    functions
        .filter(|(_, length)| *length > max_lines)
        .map(|(name, length)| (name.to_owned(), length))
        .collect()
}

#[test]
fn long_functions_are_found_by_their_closing_brace() {
    let body = "        call();\n".repeat(4);
    let source = format!(
        "trait Sample {{\n    fn declared(\n        &self,\n    ) -> bool;\n    fn empty() {{}}\n}}\n\
         impl Sample {{\n    pub(in crate::sample) async fn long(self) {{\n{body}    }}\n\n\
         \x20   const fn short() {{\n        if true {{\n        }}\n    }}\n}}\n"
    );
    assert_eq!(long_functions(&source, 5), [("long".to_owned(), 6)]);
    assert_eq!(long_functions(&source, 6), []);
}

#[test]
fn no_function_and_no_file_is_too_long() {
    let mut faults = Vec::new();
    for (path, text) in rust_files() {
        let path = path.display();
        let count = text.lines().count();
        if count > MAX_FILE_LINES {
            faults.push(format!("{path}: {count} lines"));
        }
        let long = long_functions(&text, MAX_FUNCTION_LINES).into_iter();
        faults.extend(long.map(|(name, count)| format!("{path}: {name} has {count} lines")));
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn every_file_opens_with_a_doc_comment() {
    for (path, source) in sources() {
        assert!(
            source.starts_with("//! "),
            "{}: it opens without `//! `",
            path.display()
        );
    }
}

#[test]
fn source_has_no_mark_of_unfinished_work() {
    for (path, source) in sources() {
        for mark in ["TODO", "FIXME", "XXX", "todo!(", "unimplemented!(", "dbg!("] {
            assert!(!source.contains(mark), "{}: {mark}", path.display());
        }
    }
}
