//! What the judge says to a config is what the release itself says: compared on generated configs, on configs of the
//! releases' own documentation, and on one config for each rule that is in no schema.

use std::path::{Path, PathBuf};
use std::process::Command;

use openclaw::config::document::ConfigDocument;
use openclaw::config::judge::ConfigJudge;
use serde_json::Value;

use crate::support::{Reason, skipped};

mod documented;
mod generator;
mod rules;

/// Number of configs that are generated for each release; another one may be named for a longer search.
const GENERATED_COUNT: usize = 400;
/// The environment variable that names another number of generated configs.
const COUNT_VARIABLE: &str = "OPENCLAW_TEST_CONFIGS";

/// An installed release of OpenClaw.
struct Peer {
    version: &'static str,
    schema: &'static str,
    node: PathBuf,
    package: PathBuf,
}

/// What a release says to a config.
struct Answer {
    valid: bool,
    issues: Vec<String>,
}

impl Peer {
    /// Returns both releases; empty where they are not installed.
    fn all() -> Vec<Self> {
        let Some(folder) = std::env::var_os("OPENCLAW_PEERS").map(PathBuf::from) else {
            skipped(Reason::NoPeers, "OPENCLAW_PEERS is not set");
            return Vec::new();
        };
        let early = include_str!("../../schemas/openclaw-2026.1.30.config.schema.json");
        let late = include_str!("../../schemas/openclaw-2026.9.6.config.schema.json");
        vec![
            Self::of_wrapper("2026.1.30", early, &folder.join("ocold")),
            Self::of_wrapper("2026.9.6", late, &folder.join("oc")),
        ]
    }

    /// Reads from the wrapper of a release which program runs which package.
    fn of_wrapper(version: &'static str, schema: &'static str, wrapper: &Path) -> Self {
        let text = std::fs::read_to_string(wrapper).expect("a wrapper script");
        let words: Vec<&str> = text.split_whitespace().collect();
        let entry = words.iter().position(|word| word.ends_with("openclaw.mjs"));
        let entry = entry.expect("the wrapper names the package's entry");
        Self {
            version,
            schema,
            node: words[entry - 1].into(),
            package: Path::new(words[entry]).parent().expect("a folder").to_owned(),
        }
    }

    /// Asks the release about configs, in the order of the configs.
    fn ask(&self, configs: &[String]) -> Vec<Answer> {
        let home = tempfile::tempdir().expect("a folder");
        let folder = home.path().join(".openclaw");
        std::fs::create_dir(&folder).expect("a folder");
        for (number, text) in configs.iter().enumerate() {
            std::fs::write(folder.join(format!("{number:06}.json")), text).expect("written");
        }
        let script = home.path().join("judge.mjs");
        std::fs::write(&script, include_str!("releases/judge.mjs")).expect("written");
        let output = Command::new(&self.node)
            .arg(&script)
            .args([self.package.join("dist"), folder])
            .env_clear()
            .env("HOME", home.path())
            .env("PATH", "/usr/bin:/bin")
            .output()
            .expect("node runs");
        let stdout = String::from_utf8_lossy(&output.stdout);
        let answers = stdout.lines().filter(|line| line.starts_with('{')).map(|line| {
            let answer: Value = serde_json::from_str(line).expect("JSON");
            let issues = answer["issues"].as_array().expect("issues").iter();
            Answer {
                valid: answer["valid"] == true,
                issues: issues
                    .map(|issue| issue.as_str().unwrap_or_default().to_owned())
                    .collect(),
            }
        });
        let answers: Vec<_> = answers.collect();
        assert_eq!(
            answers.len(),
            configs.len(),
            "{}: {}",
            self.version,
            String::from_utf8_lossy(&output.stderr)
        );
        answers
    }

    /// Returns the configs about which the judge says something else than the release.
    fn disagreements(&self, configs: &[String]) -> Vec<String> {
        let answers = self.ask(configs);
        let pairs = configs.iter().zip(answers);
        pairs
            .filter_map(|(text, answer)| {
                let refused = refused_lines(self.version, text);
                (refused.is_empty() != answer.valid).then(|| {
                    format!(
                        "{}: own {refused:?}, release {:?}\n  {text}",
                        self.version, answer.issues
                    )
                })
            })
            .collect()
    }
}

/// Returns what the judge refuses in a config for a release that has no plugins of others.
fn refused_lines(version: &str, config: &str) -> Vec<String> {
    let Ok(document) = ConfigDocument::parse(config) else {
        return vec!["a config that can't be read".to_owned()];
    };
    let verdict = ConfigJudge::for_version(version).judge(&document.value().clone().into());
    let findings = verdict.refused.iter().chain(&verdict.not_installed);
    findings
        .map(|finding| format!("{} {}", finding.path, finding.code))
        .collect()
}

fn assert_none(disagreements: &[String]) {
    assert!(
        disagreements.is_empty(),
        "{}:\n{}",
        disagreements.len(),
        disagreements.join("\n")
    );
}

#[test]
fn generated_configs_are_judged_as_by_the_releases() {
    let count = std::env::var(COUNT_VARIABLE)
        .ok()
        .and_then(|count| count.parse().ok());
    let mut disagreements = Vec::new();
    for peer in Peer::all() {
        let schema: Value = serde_json::from_str(peer.schema).expect("JSON");
        let mut generator = generator::Generator::new(&schema);
        let configs: Vec<_> = (0..count.unwrap_or(GENERATED_COUNT))
            .map(|_| generator.config().to_string())
            .collect();
        disagreements.extend(peer.disagreements(&configs));
    }
    assert_none(&disagreements);
}

#[test]
fn documented_configs_are_judged_as_by_the_releases() {
    let mut disagreements = Vec::new();
    for peer in Peer::all() {
        let configs = documented::configs(&peer.package);
        assert!(configs.len() > 100, "{} {}", peer.version, configs.len());
        disagreements.extend(peer.disagreements(&configs));
    }
    assert_none(&disagreements);
}

#[test]
fn rules_beyond_the_schemas_are_those_of_the_releases() {
    let configs: Vec<_> = rules::CASES
        .iter()
        .map(|(_, config)| (*config).to_owned())
        .collect();
    for peer in Peer::all() {
        for ((expected, config), answer) in rules::CASES.iter().zip(peer.ask(&configs)) {
            let version = peer.version;
            assert_eq!(
                answer.valid,
                expected.accepts(version),
                "{version} {config} {:?}",
                answer.issues
            );
        }
    }
    for (expected, config) in rules::CASES {
        for version in ["2026.1.30", "2026.9.6"] {
            let refused = refused_lines(version, config);
            assert_eq!(
                refused.is_empty(),
                expected.accepts(version),
                "{version} {config} {refused:?}"
            );
        }
    }
}
