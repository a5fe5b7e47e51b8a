//! Service files of gateways, as OpenClaw and this program install them (docs/openclaw.md#services): which instance
//! does it start, and on which port? A tolerant reader of what is needed for that, no more.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::env_file;
use crate::host::read;
use crate::instance::{CONFIG_FILE, Instance};
use crate::profile::ProfileName;

/// What a service file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// The file.
    pub file: PathBuf,
    /// The profile that its name stands for, where that is one.
    pub named: Option<ProfileName>,
    /// The profile that it starts, by its command or its variables.
    pub profile: Option<ProfileName>,
    /// The config that its gateway uses.
    pub config_path: PathBuf,
    /// The state folder that its gateway uses.
    pub state_dir: PathBuf,
    /// The port that it sets.
    pub port: Option<u16>,
    /// The words of its command.
    pub words: Vec<String>,
    /// The release of this program or of OpenClaw that wrote it (`OPENCLAW_SERVICE_VERSION`).
    pub version: Option<String>,
}

/// The words of its command and its variables.
#[derive(Debug, Default, PartialEq, Eq)]
struct Start {
    words: Vec<String>,
    vars: BTreeMap<String, String>,
}

const UNITS: &str = ".config/systemd/user";
const AGENTS: &str = "Library/LaunchAgents";

impl Service {
    /// The services of gateways that are installed for this user, in order of their files' names.
    pub fn installed(home: &Path) -> Vec<Self> {
        let mut services: Vec<_> = files(&home.join(UNITS), "openclaw-gateway", ".service")
            .map(|(file, suffix)| {
                let profile = if suffix.is_empty() {
                    "default"
                } else {
                    suffix.trim_start_matches('-')
                };
                (
                    unit(&read::text(&file).unwrap_or_default(), home),
                    file,
                    profile.to_owned(),
                )
            })
            .chain(
                files(&home.join(AGENTS), "ai.openclaw.", ".plist").map(|(file, label)| {
                    let profile = match label.as_str() {
                        "gateway" => "default",
                        // Profiles of OpenClaw's own names have a label beside.
                        label => label.strip_prefix("profile.").unwrap_or(label),
                    };
                    (
                        plist(&read::text(&file).unwrap_or_default()),
                        file,
                        profile.to_owned(),
                    )
                }),
            )
            .map(|(start, file, profile)| Self::of(&start, file, &profile, home))
            .collect();
        services.sort_by(|a, b| a.file.cmp(&b.file));
        services
    }

    /// What one file starts, by the manager that its ending names.
    fn at(file: &Path, home: &Path) -> Option<Self> {
        let text = read::text(file).ok()?;
        let start = match file.extension()?.to_str()? {
            "service" => unit(&text, home),
            "plist" => plist(&text),
            _ => return None,
        };
        Some(Self::of(&start, file.to_path_buf(), "default", home))
    }

    fn of(start: &Start, file: PathBuf, named: &str, home: &Path) -> Self {
        let flag = start
            .flag("--profile")
            .and_then(|name| ProfileName::parse(name).ok());
        let var = |name: &str| start.vars.get(name).map(|v| v.trim()).filter(|v| !v.is_empty());
        let path = |name: &str| var(name).map(|v| expand(home, v)).filter(|p| p.is_absolute());
        // A profile in the environment alone moves no path (docs/openclaw.md#order-of-precedence); one on the command line does.
        let state = path("OPENCLAW_STATE_DIR").unwrap_or_else(|| {
            Instance::canonical_state(home, &flag.clone().unwrap_or_else(ProfileName::default_profile))
        });
        let profile = flag.or_else(|| ProfileName::parse(var("OPENCLAW_PROFILE").unwrap_or(named)).ok());
        let port = start.flag("--port").or_else(|| var("OPENCLAW_GATEWAY_PORT"));
        Self {
            file,
            named: ProfileName::parse(named).ok(),
            version: var("OPENCLAW_SERVICE_VERSION").map(str::to_owned),
            words: start.words.clone(),
            profile,
            config_path: path("OPENCLAW_CONFIG_PATH").unwrap_or_else(|| state.join(CONFIG_FILE)),
            state_dir: state,
            port: port.and_then(|port| port.parse().ok()).filter(|port| *port > 0),
        }
    }
}

/// The config that the gateway of a service file uses, where the file can be read.
pub fn config_of_service(file: &Path, home: &Path) -> Option<PathBuf> {
    Service::at(file, home).map(|service| service.config_path)
}

impl Start {
    /// The value of a flag, as `--flag value` or `--flag=value`.
    fn flag(&self, flag: &str) -> Option<&str> {
        self.words
            .iter()
            .enumerate()
            .find_map(|(at, word)| match word.strip_prefix(flag)? {
                "" => self.words.get(at + 1).map(String::as_str),
                rest => rest.strip_prefix('='),
            })
    }
}

/// The files of a folder whose names start and end so, with what stands between.
fn files(folder: &Path, start: &str, end: &str) -> impl Iterator<Item = (PathBuf, String)> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(move |entry| {
        let name = entry.file_name();
        let between = name.to_str()?.strip_prefix(start)?.strip_suffix(end)?;
        Some((entry.path(), between.to_owned()))
    })
}

fn expand(home: &Path, value: &str) -> PathBuf {
    match value.strip_prefix('~') {
        Some(rest) if rest.is_empty() || rest.starts_with('/') => home.join(rest.trim_start_matches('/')),
        _ => PathBuf::from(value),
    }
}

/// A unit of systemd: `ExecStart=`, `Environment=`, `EnvironmentFile=` of its `[Service]`.
fn unit(text: &str, home: &Path) -> Start {
    let joined = text.replace("\\\n", " ");
    let mut start = Start::default();
    let mut section = "";
    let mut from_files = BTreeMap::new();
    for line in joined.lines().map(str::trim) {
        if line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(name) = line.strip_prefix('[') {
            section = name.trim_end_matches(']');
        }
        let Some((key, value)) = line.split_once('=').filter(|_| section == "Service") else {
            continue;
        };
        let words = unit_words(value, home);
        match (key.trim_end(), words.is_empty()) {
            ("ExecStart", _) => start.words = words,
            // An empty assignment takes back what stood before.
            ("Environment", true) => start.vars.clear(),
            ("Environment", false) => {
                let pairs = words.iter().filter_map(|word| word.split_once('='));
                start
                    .vars
                    .extend(pairs.map(|(k, v)| (k.to_owned(), v.to_owned())));
            }
            ("EnvironmentFile", _) => {
                let text = words
                    .first()
                    .map(|word| read::text(Path::new(word.trim_start_matches('-'))));
                let text = text.and_then(Result::ok).unwrap_or_default();
                let pairs = env_file::assignments(&text);
                from_files.extend(pairs.map(|(k, v)| (k.to_owned(), v.to_owned())));
            }
            _ => {}
        }
    }
    // Files win over lines, as in systemd.exec(5).
    start.vars.extend(from_files);
    start
}

/// The words of a line of a unit: blanks part them, quotes and backslashes as in systemd.syntax(7),
/// `%h` is the home folder and `%%` a percent sign.
fn unit_words(line: &str, home: &Path) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match c {
            _ if quote == Some(c) => quote = None,
            '"' | '\'' if quote.is_none() => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            c if c.is_whitespace() && quote.is_none() => words.extend(word.take()),
            '\\' => match chars.next() {
                Some('s') => word.get_or_insert_default().push(' '),
                Some('n') => word.get_or_insert_default().push('\n'),
                Some('t') => word.get_or_insert_default().push('\t'),
                Some(c) => word.get_or_insert_default().push(c),
                None => {}
            },
            '%' => match chars.next() {
                Some('h') => word.get_or_insert_default().push_str(&home.to_string_lossy()),
                Some('%') | None => word.get_or_insert_default().push('%'),
                Some(c) => word.get_or_insert_default().extend(['%', c]),
            },
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

/// A property list of launchd, by its keys and strings in order: `ProgramArguments` and the variables.
fn plist(text: &str) -> Start {
    let mut start = Start::default();
    let mut key = String::new();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once('<') {
        let Some((tag, after)) = after.split_once('>') else {
            break;
        };
        rest = after;
        let Some((content, _)) = after.split_once('<') else {
            break;
        };
        match (tag, key.as_str()) {
            ("key", _) => key = unescaped(content),
            ("string", "ProgramArguments") => start.words.push(unescaped(content)),
            ("string", _) => {
                start.vars.insert(std::mem::take(&mut key), unescaped(content));
            }
            _ => {}
        }
    }
    start
}

fn unescaped(xml: &str) -> String {
    let entities = [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&apos;", "'"),
        ("&amp;", "&"),
    ];
    entities
        .iter()
        .fold(xml.to_owned(), |text, (entity, c)| text.replace(entity, c))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOME: &str = "/home/ayşe";

    fn of_unit(text: &str, named: &str) -> Service {
        let home = Path::new(HOME);
        Service::of(&unit(text, home), PathBuf::from("x.service"), named, home)
    }

    #[test]
    fn a_unit_as_the_early_release_writes_it() {
        let text = "[Unit]\nDescription=OpenClaw Gateway (profile: rescue, v2026.1.30)\nExecStart=no\n\n[Service]\n\
            ExecStart=\"/usr/bin/node\" \"/opt/open claw/dist/index.js\" gateway --port 19789\nRestart=always\n\
            Environment=HOME=/home/ayşe\nEnvironment=\"OPENCLAW_PROFILE=rescue\"\n\
            Environment=OPENCLAW_STATE_DIR=/home/ayşe/.openclaw-rescue\n\
            Environment=OPENCLAW_CONFIG_PATH=/home/ayşe/.openclaw-rescue/openclaw.json\n\
            Environment=OPENCLAW_GATEWAY_PORT=20000\n\n[Install]\nWantedBy=default.target\n";
        let service = of_unit(text, "rescue");
        assert_eq!(service.port, Some(19789), "the command line wins");
        assert_eq!(service.profile.unwrap().as_str(), "rescue");
        assert_eq!(service.state_dir, Path::new(HOME).join(".openclaw-rescue"));
        assert_eq!(
            service.config_path,
            Path::new(HOME).join(".openclaw-rescue/openclaw.json")
        );
    }

    #[test]
    fn quotes_continuations_specifiers_and_comments() {
        let text = "[Service]\n# Environment=OPENCLAW_GATEWAY_PORT=1\nEnvironment=A=1\nEnvironment=\n\
            Environment=\"OPENCLAW_STATE_DIR=%h/my state\" 'B=50%%' C=a\\x \\\n  OPENCLAW_GATEWAY_PORT=21789\n\
            ExecStart=/bin/openclaw gateway --port=22789\n";
        let start = unit(text, Path::new(HOME));
        let vars: Vec<_> = start.vars.iter().map(|(k, v)| format!("{k}={v}")).collect();
        let state = format!("OPENCLAW_STATE_DIR={HOME}/my state");
        assert_eq!(vars, ["B=50%", "C=ax", "OPENCLAW_GATEWAY_PORT=21789", &state]);
        assert_eq!(start.flag("--port"), Some("22789"));
    }

    #[test]
    fn an_environment_file_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("gateway.env");
        crate::survey::tests::put(&file, "# x\nexport OPENCLAW_GATEWAY_PORT=\"23789\"\n");
        let text = format!(
            "[Service]\nEnvironmentFile=-{}\nEnvironmentFile=-/nowhere\n",
            file.display()
        );
        assert_eq!(of_unit(&text, "x").port, Some(23789));
    }

    #[test]
    fn a_profile_in_the_environment_alone_runs_on_the_default_paths() {
        let text = "[Service]\nEnvironment=OPENCLAW_PROFILE=foo\nExecStart=node x gateway\n";
        assert_eq!(of_unit(text, "foo").state_dir, Path::new(HOME).join(".openclaw"));
        let text = "[Service]\nExecStart=openclaw --profile foo gateway\n";
        let service = of_unit(text, "foo");
        assert_eq!(service.state_dir, Path::new(HOME).join(".openclaw-foo"));
        assert_eq!(service.port, None);
    }

    #[test]
    fn a_property_list() {
        let text = "<?xml version=\"1.0\"?><plist><dict><key>Label</key><string>ai.openclaw.rescue</string>\
            <key>RunAtLoad</key><true/><key>ProgramArguments</key>\n<array>\n<string>/usr/bin/node</string>\
            <string>gateway</string><string>--port</string><string>19789</string></array>\
            <key>EnvironmentVariables</key><dict><key>OPENCLAW_STATE_DIR</key><string>/a &amp;lt; b</string>\
            </dict></dict></plist>";
        let start = plist(text);
        let service = Service::of(&start, PathBuf::from("x.plist"), "rescue", Path::new("/Users/a"));
        assert_eq!(service.port, Some(19789));
        assert_eq!(service.state_dir, Path::new("/a &lt; b"));
        assert_eq!(service.profile.unwrap().as_str(), "rescue");
    }
}
