//! The bill of materials of a package in the format of `CycloneDX` 1.5: each crate with version, licence and checksum, and
//! what depends on what.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Crates, Package};

/// Renders the bill of materials of the program. A crate that is only run to build it has the scope `excluded`.
pub(super) fn render(
    crates: &Crates<'_>,
    checksums: &BTreeMap<(String, String), String>,
    time: &str,
) -> Value {
    let component = |package: &&Package| {
        let mut component = json!({
            "type": "library",
            "bom-ref": reference(package),
            "name": package.name,
            "version": package.version,
            "scope": if crates.contained.contains(&*package.id) { "required" } else { "excluded" },
            "purl": reference(package),
        });
        if let Some(licence) = &package.license {
            // The old way to write `OR`.
            component["licenses"] = json!([{ "expression": licence.replace('/', " OR ") }]);
        }
        if let Some(sum) = checksums.get(&(package.name.clone(), package.version.clone())) {
            component["hashes"] = json!([{ "alg": "SHA-256", "content": sum }]);
        }
        if let Some(url) = &package.repository {
            component["externalReferences"] = json!([{ "type": "vcs", "url": url }]);
        }
        component
    };
    let by_id: BTreeMap<&str, &Package> = crates
        .all
        .iter()
        .chain([&crates.root])
        .map(|package| (&*package.id, *package))
        .collect();
    let mut edges: Vec<Value> = crates
        .edges
        .iter()
        .map(|(from, to)| {
            let mut to: Vec<String> = to.iter().map(|id| reference(by_id[id])).collect();
            to.sort();
            json!({ "ref": reference(by_id[from]), "dependsOn": to })
        })
        .collect();
    edges.sort_by_key(|edge| edge["ref"].as_str().map(str::to_owned));
    json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "timestamp": time,
            "component": {
                "type": "application",
                "bom-ref": reference(crates.root),
                "name": crates.root.name,
                "version": crates.root.version,
                "licenses": [{ "license": { "id": crates.root.license } }],
            },
        },
        "components": crates.all.iter().map(component).collect::<Vec<_>>(),
        "dependencies": edges,
    })
}

/// Returns the URL of a crate's package, by which other tools know it.
fn reference(package: &Package) -> String {
    format!("pkg:cargo/{}@{}", package.name, package.version)
}
