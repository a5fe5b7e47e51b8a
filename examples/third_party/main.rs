//! Writes what a package says of the crates in the program: their licence texts, and a bill of materials (`CycloneDX`).
//!
//! ```text
//! cargo metadata --format-version 1 --locked --filter-platform TARGET |
//!     cargo run --example third_party -- FOLDER TIME
//! ```
//!
//! FOLDER gets `third-party.txt` and `sbom.cdx.json`. TIME is the time of the commit (RFC 3339), so that the same commit
//! gives the same bytes.

#![expect(
    clippy::disallowed_methods,
    reason = "the rules are for the program, not for its packages"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fs, io};

use serde::Deserialize;
use serde_json::Value;

mod bill_of_materials;
mod licence_texts;

/// The answer of `cargo metadata`, as far as it is read.
#[derive(Debug, Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    resolve: Resolve,
    workspace_root: PathBuf,
}

/// A crate as `cargo metadata` describes it.
#[derive(Debug, Deserialize)]
struct Package {
    id: String,
    name: String,
    version: String,
    license: Option<String>,
    license_file: Option<PathBuf>,
    repository: Option<String>,
    manifest_path: PathBuf,
}

/// The graph of dependencies between crates.
#[derive(Debug, Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
    root: String,
}

/// A crate in the graph of dependencies, with the features that are used.
#[derive(Debug, Deserialize)]
struct Node {
    id: String,
    deps: Vec<Dependency>,
}

/// An edge in the graph of dependencies.
#[derive(Debug, Deserialize)]
struct Dependency {
    pkg: String,
    dep_kinds: Vec<DependencyKind>,
}

/// The kind of a dependency: `None` for a normal one, else `build` or `dev`.
#[derive(Debug, Deserialize)]
struct DependencyKind {
    kind: Option<String>,
}

/// The crates that the program contains, and those that are only run to build it.
#[derive(Debug)]
struct Crates<'a> {
    root: &'a Package,
    /// Every crate but the root, by name and version.
    all: Vec<&'a Package>,
    /// The ids of the crates that are compiled into the program.
    contained: BTreeSet<&'a str>,
    /// The ids of the crates on which a crate depends, by its id.
    edges: BTreeMap<&'a str, BTreeSet<&'a str>>,
}

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    let [folder, time] = &args[..] else {
        return ExitCode::from(2);
    };
    let metadata: Metadata = serde_json::from_reader(io::stdin()).expect("the answer of cargo metadata");
    let lock = fs::read_to_string(metadata.workspace_root.join("Cargo.lock")).expect("Cargo.lock");
    let crates = crates_of(&metadata);
    let folder = Path::new(folder);
    fs::write(folder.join("third-party.txt"), licence_texts::render(&crates)).expect("third-party.txt");
    let bill: Value = bill_of_materials::render(&crates, &checksums(&lock), time);
    let text = serde_json::to_string_pretty(&bill).expect("text keys") + "\n";
    fs::write(folder.join("sbom.cdx.json"), text).expect("sbom.cdx.json");
    ExitCode::SUCCESS
}

/// Returns the crates on which the program depends, without those that only tests use.
fn crates_of(metadata: &Metadata) -> Crates<'_> {
    let nodes: BTreeMap<_, _> = metadata
        .resolve
        .nodes
        .iter()
        .map(|node| (&*node.id, node))
        .collect();
    let root = &*metadata.resolve.root;
    let reach = |kinds: &[Option<&str>]| -> BTreeMap<&str, BTreeSet<&str>> {
        let mut edges = BTreeMap::new();
        let mut open = vec![root];
        while let Some(id) = open.pop() {
            let used = nodes[id].deps.iter().filter(|dependency| {
                let mut of = dependency.dep_kinds.iter().map(|kind| kind.kind.as_deref());
                of.any(|kind| kinds.contains(&kind))
            });
            let targets: BTreeSet<&str> = used.map(|dependency| &*dependency.pkg).collect();
            open.extend(targets.iter().filter(|id| !edges.contains_key(*id)));
            edges.insert(id, targets);
        }
        edges
    };
    let edges = reach(&[None, Some("build")]);
    let contained = reach(&[None]).into_keys().collect();
    let mut all: Vec<&Package> = metadata
        .packages
        .iter()
        .filter(|package| package.id != root && edges.contains_key(&*package.id))
        .collect();
    all.sort_by_key(|package| (&package.name, &package.version));
    let root = metadata.packages.iter().find(|package| package.id == root);
    Crates {
        root: root.expect("the program's own crate"),
        all,
        contained,
        edges,
    }
}

/// Returns the checksum of each crate in the lock file, by name and version.
fn checksums(lock: &str) -> BTreeMap<(String, String), String> {
    let lock: toml::Table = lock.parse().expect("Cargo.lock is TOML");
    let text = |package: &toml::Value, key: &str| Some(package.get(key)?.as_str()?.to_owned());
    let packages = lock["package"].as_array().expect("packages").iter();
    packages
        .filter_map(|package| {
            let name = (text(package, "name")?, text(package, "version")?);
            Some((name, text(package, "checksum")?))
        })
        .collect()
}
