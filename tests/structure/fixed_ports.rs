//! The ports that tests listen on: a fixed one only in a network of the test's own, where no other test and no program of
//! the host can have it.

use std::path::{Path, PathBuf};

use crate::words::root;

/// Beginnings of calls that make something listen on the port in their arguments.
const LISTENING_CALLS: [&str; 5] = [
    "bind(",
    "Gateway::launch(",
    "Target::new(",
    "Target::install(",
    "UserHome::with_config(",
];
/// What a test in a network of its own contains: [`crate::support::network::own`], or the tests in a user manager, which
/// has one too.
const OWN_NETWORKS: [&str; 2] = ["own(||", "manager::is_inside()"];
/// The first port that the kernel may give to an outgoing connection, so that no test can count on it in any network.
const FIRST_EPHEMERAL_PORT: u32 = 32_768;

/// Returns the text of each function of a source that is nested in nothing.
fn functions(source: &str) -> impl Iterator<Item = &str> {
    source.split("\n}\n").filter_map(|part| {
        let start = part.rfind("\nfn ").or_else(|| part.rfind("\npub fn "))?;
        Some(&part[start..])
    })
}

/// Returns the literal ports in the arguments of calls that make something listen.
fn fixed_ports(function: &str) -> Vec<u32> {
    let mut ports = Vec::new();
    for call in LISTENING_CALLS {
        for (at, _) in function.match_indices(call) {
            let rest = &function[at..];
            let arguments = rest.split([';', '{']).next().unwrap_or_default();
            let words = arguments.split(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '.');
            let numbers = words.filter_map(|word| word.rsplit('.').next());
            ports.extend(numbers.filter_map(|word| word.replace('_', "").parse::<u32>().ok()));
        }
    }
    ports.retain(|port| *port >= 1024);
    ports
}

/// Enters every Rust file below a folder.
fn collect_files(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect_files(&path, into);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            into.push(path);
        }
    }
}

#[test]
fn fixed_ports_of_listening_calls_are_found() {
    let source = "\nfn a() {\n    TcpListener::bind(\"127.0.0.1:19789\");\n}\n\nfn b() {\n    \
                  Target::install(\"x\", 21_000);\n    bind((\"127.0.0.1\", 0));\n    bind(port);\n}\n";
    let found: Vec<_> = functions(source).map(fixed_ports).collect();
    assert_eq!(found, [vec![19789], vec![21000]]);
}

#[test]
fn tests_listen_on_a_fixed_port_only_in_a_network_of_their_own() {
    let mut files = Vec::new();
    collect_files(&root().join("tests"), &mut files);
    for path in files.iter().filter(|path| !path.ends_with("fixed_ports.rs")) {
        let source = std::fs::read_to_string(path).unwrap();
        for function in functions(&source) {
            let name = function.trim_start().lines().next().unwrap_or_default();
            let ports = fixed_ports(function);
            let is_own = OWN_NETWORKS.iter().any(|mark| function.contains(mark));
            assert!(
                is_own || ports.is_empty(),
                "{}: {name} {ports:?}: use gateway::free_base, or network::own",
                path.display()
            );
            assert!(
                ports.iter().all(|port| *port < FIRST_EPHEMERAL_PORT),
                "{}: {name} {ports:?}: the kernel gives such ports to connections",
                path.display()
            );
        }
    }
}
