//! The shape of the source: which module may know which, and what stands in one place only.
//!
//! The way down: `main`, `lib`, `cli`, then `wizard`, `help` and `ui`, then what the program knows
//! (`plan`, `apply`, `survey`, `ports`, `config`, `registry`, `instance`, `profile`), and at the bottom
//! `error` and `i18n`, which everybody speaks. `host` stands beside and knows nothing of gateways.

use std::collections::{BTreeMap, BTreeSet};

use crate::words::{root, sources};

/// Who may know somebody above, and why.
const ALLOWED: &[(&str, &str)] = &[
    // It reads the flags as they were typed, and nothing else of the command line.
    ("src/wizard/given.rs", "cli"),
];

/// The top module of a file: `src/cli/man.rs` is part of `cli`.
fn module(path: &std::path::Path) -> String {
    let below = path.strip_prefix("src").unwrap();
    let first = below.components().next().unwrap().as_os_str().to_str().unwrap();
    first.trim_end_matches(".rs").to_owned()
}

/// The modules of this crate that a source names: in `use crate::x`, `use crate::{x, y}`, `crate::x::`.
fn known_by(source: &str) -> BTreeSet<String> {
    let code: String = source
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .flat_map(|line| [line, "\n"])
        .collect();
    let mut known = BTreeSet::new();
    for rest in code.split("crate::").skip(1) {
        let list = rest.strip_prefix('{').and_then(|list| list.split_once("};"));
        let names = list.map_or(rest, |(list, _)| list);
        let wanted = if list.is_some() { usize::MAX } else { 1 };
        for name in names.split(',').take(wanted) {
            let name: String = name
                .trim_start()
                .chars()
                .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
                .collect();
            known.insert(name);
        }
    }
    known.remove("");
    known
}

#[test]
fn modules_know_only_what_lies_below_them() {
    let edge = ["ui", "cli", "wizard", "help"];
    let mut faults = Vec::new();
    for (path, source) in sources() {
        let from = module(&path);
        for to in known_by(&source) {
            let allowed = match from.as_str() {
                "main" | "lib" | "cli" => true,
                "host" => to == "host",
                "error" | "i18n" | "letters" | "secret" => {
                    ["error", "i18n", "letters", "secret", "msg"].contains(&to.as_str())
                }
                "help" => !["cli", "ui", "wizard"].contains(&to.as_str()),
                "wizard" => !["cli", "help"].contains(&to.as_str()),
                "ui" => !["cli", "wizard", "help"].contains(&to.as_str()),
                _ => !edge.contains(&to.as_str()),
            };
            let excused = ALLOWED
                .iter()
                .any(|(file, module)| path.ends_with(file) && to == *module);
            if !allowed && !excused && from != to {
                faults.push(format!("{}: {from} knows {to}", path.display()));
            }
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

/// What lies below a module never comes back to it, however far down.
#[test]
fn modules_form_no_circle() {
    let mut below: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (path, source) in sources() {
        let known = known_by(source.split("#[cfg(test)]").next().unwrap());
        below.entry(module(&path)).or_default().extend(known);
    }
    for (module, known) in &mut below {
        known.remove(module);
    }
    // Again and again away with those that know nobody that is left: what stays is a circle, or above one.
    while let Some(done) = below
        .iter()
        .find(|(_, known)| !known.iter().any(|to| below.contains_key(to)))
        .map(|(module, _)| module.clone())
    {
        below.remove(&done);
    }
    assert!(below.is_empty(), "{below:#?}");
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
        let knowing: Vec<_> = sources()
            .into_iter()
            .filter(|(_, source)| {
                let code = source.lines().filter(|line| !line.trim_start().starts_with("//"));
                code.into_iter().any(|line| line.contains(number))
            })
            .map(|(path, _)| path)
            .collect();
        assert!(knowing.len() <= 1, "{number} stands in {knowing:?}");
    }
}

/// What a plan needs of the host comes in as data (`PlanInput`, `DiskSnapshot`), in its tests too.
#[test]
fn plan_touches_no_disk_and_no_socket() {
    const FORBIDDEN: [&str; 17] = [
        "host::",
        "Host::",
        "&Host",
        "survey::take",
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
    for (path, _) in sources() {
        if !path.starts_with("src/plan") && !path.ends_with("src/plan.rs") {
            continue;
        }
        let text = std::fs::read_to_string(root().join(&path)).unwrap();
        for line in text.lines().filter(|line| !line.trim_start().starts_with("//")) {
            for word in FORBIDDEN {
                assert!(!line.contains(word), "{}: {word}: {line}", path.display());
            }
        }
    }
}

#[test]
fn files_are_short_enough_to_be_read_at_once() {
    for (path, _) in sources() {
        // Its tests count too: a long test module gets a file of its own.
        let text = std::fs::read_to_string(root().join(&path)).unwrap();
        let lines = text.lines().count();
        assert!(lines <= 500, "{}: {lines} lines", path.display());
    }
}

#[test]
fn modules_say_what_they_are_responsible_for() {
    for (path, source) in sources() {
        assert!(
            source.starts_with("//! "),
            "{}: opens without a word",
            path.display()
        );
    }
}

#[test]
fn nothing_is_left_for_later() {
    for (path, source) in sources() {
        for mark in ["TODO", "FIXME", "XXX", "todo!(", "unimplemented!(", "dbg!("] {
            assert!(!source.contains(mark), "{}: {mark}", path.display());
        }
    }
}
