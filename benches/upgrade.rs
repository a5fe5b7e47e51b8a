//! Measurements of how long a gateway does not answer while `openclaw engine upgrade` takes it to another release, and while an
//! upgrade that fails is put back: beside the time that a gateway of the release takes to start by itself.
//!
//! Releases that start this program's own gateway are measured, and OpenClaw 2026.1.30 and 2026.9.6 where `OPENCLAW_PEERS` has
//! them. The gateways run in the background, without a service manager. Prints a table and asserts nothing.

#![expect(
    clippy::disallowed_methods,
    reason = "the bench makes its own files and processes"
)]
#![expect(clippy::print_stdout, reason = "the bench prints its table")]

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;
use tempfile::TempDir;

mod support;

use support::{command, median, millis, peer, program};

/// Number of measured rounds.
const ROUND_COUNT: usize = 3;
/// Time between two questions to the gateway.
const POLL_INTERVAL: Duration = Duration::from_millis(5);
/// Time in which a gateway answers one question.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);
/// The releases, and the name of the folder of each in that of the peers.
const RELEASES: [(&str, &str); 2] = [("2026.1.30", "old"), ("2026.9.6", "app")];
/// What an upgrade may take longer than the new release's own start.
const UPGRADE_EXCESS: Duration = Duration::from_secs(1);
/// What an upgrade that fails may take longer than the old release's own start.
const PUT_BACK_EXCESS: Duration = Duration::from_secs(2);

/// The script of a release that starts this program's gateway. It refuses its config where `refuses` says so.
const SCRIPT: &str = "import { spawn } from 'node:child_process';
const args = process.argv.slice(2);
if (args.includes('--version')) { console.log('OpenClaw VERSION'); process.exit(0); }
if (REFUSES) process.exit(78);
const after = (name) => args[args.indexOf(name) + 1];
const words = ['--profile', after('--profile'), 'gateway', 'run', '--engine', 'native', '--port', after('--port')];
const child = spawn('PROGRAM', words, { stdio: 'inherit' });
for (const name of ['SIGTERM', 'SIGINT']) process.on(name, () => child.kill(name));
child.on('exit', (code) => process.exit(code ?? 1));
";

/// An instance whose gateway runs in the background, in a home folder of its own.
struct Main {
    home: TempDir,
    port: u16,
}

/// The times of one round.
struct Round {
    old_start: Duration,
    new_start: Duration,
    upgrade: Duration,
    put_back: Option<Duration>,
}

fn main() {
    println!("{ROUND_COUNT} rounds, medians\n");
    println!(
        "{:<44} {:>10} {:>12} {:>10} {:>10}",
        "", "down", "own start", "excess", "goal"
    );
    measure("releases that start this gateway", None);
    match peers() {
        Some(peers) => measure("OpenClaw 2026.1.30 and 2026.9.6", Some(&peers)),
        None => println!("no peers: neither OPENCLAW_PEERS nor the search path has them"),
    }
}

/// Returns the folder of the peers.
fn peers() -> Option<PathBuf> {
    Some(peer("oc")?.parent()?.to_path_buf())
}

fn measure(name: &str, peers: Option<&Path>) {
    let rounds: Vec<_> = (0..ROUND_COUNT).map(|_| Round::measure(peers)).collect();
    let of = |time: &dyn Fn(&Round) -> Duration| median(&mut rounds.iter().map(time).collect::<Vec<_>>());
    let new_start = of(&|round| round.new_start);
    print_row(
        &format!("upgrade, {name}"),
        of(&|round| round.upgrade),
        new_start,
        UPGRADE_EXCESS,
    );
    let mut put_back: Vec<_> = rounds.iter().filter_map(|round| round.put_back).collect();
    if !put_back.is_empty() {
        let old_start = of(&|round| round.old_start);
        print_row(
            &format!("failed upgrade, {name}"),
            median(&mut put_back),
            old_start,
            PUT_BACK_EXCESS,
        );
    }
}

fn print_row(name: &str, down: Duration, start: Duration, goal: Duration) {
    println!(
        "{name:<44} {:>7.0} ms {:>9.0} ms {:>7.0} ms {:>7.0} ms",
        millis(down),
        millis(start),
        millis(down) - millis(start),
        millis(goal)
    );
}

impl Main {
    /// Makes the home folder, with both releases.
    fn new(peers: Option<&Path>) -> Self {
        let home = tempfile::tempdir().expect("a temporary folder");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        // Its derived ports may be somebody's: that is a warning only.
        let port = listener.local_addr().expect("an address").port();
        drop(listener);
        let main = Self { home, port };
        for (version, folder) in RELEASES {
            main.put_release(
                version,
                peers.map(|peers| peers.join(folder).join("node_modules")),
                false,
            );
        }
        let state = main.home.path().join(".openclaw-main");
        std::fs::create_dir_all(&state).expect("a folder");
        let config = json!({
            "gateway": { "mode": "local", "port": port, "bind": "loopback", "auth": { "mode": "token", "token": "token-of-the-bench" } },
        });
        std::fs::write(state.join("openclaw.json"), config.to_string()).expect("a config");
        main.choose(RELEASES[0].0);
        main
    }

    /// Puts a release into the folder of the releases: a peer's packages, or a script.
    fn put_release(&self, version: &str, modules: Option<PathBuf>, refuses: bool) {
        let folder = self
            .home
            .path()
            .join(".local/state/openclaw/engines")
            .join(version);
        std::fs::create_dir_all(&folder).expect("a folder");
        let receipt = json!({
            "version": version, "integrity": "sha512-of-the-bench", "installedAt": "2026-11-30T00:00:00.000Z",
            "packages": 1, "bytes": 1, "nodeRange": ">=16", "node": null,
        });
        std::fs::write(folder.join("release.json"), receipt.to_string()).expect("a receipt");
        let target = folder.join("node_modules");
        if let Some(modules) = modules {
            std::os::unix::fs::symlink(modules, target).expect("a link");
            return;
        }
        let package = target.join("openclaw");
        std::fs::create_dir_all(&package).expect("a folder");
        let manifest = json!({
            "name": "openclaw", "version": version, "type": "module", "bin": { "openclaw": "openclaw.mjs" }, "engines": { "node": ">=16" },
        });
        std::fs::write(package.join("package.json"), manifest.to_string()).expect("a manifest");
        let script = SCRIPT
            .replace("VERSION", version)
            .replace("REFUSES", if refuses { "true" } else { "false" })
            .replace("PROGRAM", program().to_str().expect("text"));
        std::fs::write(package.join("openclaw.mjs"), script).expect("a script");
    }

    /// Writes the record that chooses a release.
    fn choose(&self, version: &str) {
        let record = format!("engine = 'node'\nrelease = '{version}'\n");
        std::fs::write(self.home.path().join(".openclaw-main/instance.toml"), record).expect("a record");
    }

    fn run(&self, words: &[&str]) -> bool {
        let words = [&["--profile", "main"], words].concat();
        let mut command = command(&program(), self.home.path(), &words);
        if let Some(peers) = peers() {
            // Their Node.
            command.env("PATH", format!("{}:/usr/bin:/bin", peers.display()));
        }
        command.status().expect("the program").success()
    }

    /// Returns whether the gateway answers over HTTP.
    fn answers(&self) -> bool {
        let ask = || -> std::io::Result<bool> {
            let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
            stream.set_read_timeout(Some(ANSWER_TIMEOUT))?;
            write!(
                stream,
                "GET /health HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nConnection: close\r\n\r\n",
                self.port
            )?;
            let mut start = [0; 12];
            stream.read_exact(&mut start)?;
            Ok(start.starts_with(b"HTTP/1.1 200"))
        };
        ask().unwrap_or_default()
    }

    /// Runs a command, and returns the longest time meanwhile in which the gateway did not answer.
    fn longest_silence(&self, words: &[&str]) -> Duration {
        let is_done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let poller = scope.spawn(|| {
                let (mut answered, mut longest) = (Instant::now(), Duration::ZERO);
                while !is_done.load(Ordering::Relaxed) {
                    if self.answers() {
                        longest = longest.max(answered.elapsed());
                        answered = Instant::now();
                    }
                    std::thread::sleep(POLL_INTERVAL);
                }
                longest
            });
            self.run(words);
            is_done.store(true, Ordering::Relaxed);
            poller.join().expect("a time")
        })
    }

    /// Returns the time from the start of the gateway to its first answer.
    fn start_time(&self) -> Duration {
        let since = Instant::now();
        std::thread::scope(|scope| {
            let start = scope.spawn(|| self.run(&["gateway", "start", "--background"]));
            while !self.answers() && !start.is_finished() {
                std::thread::sleep(POLL_INTERVAL);
            }
            let time = since.elapsed();
            assert!(start.join().expect("a start"), "the gateway starts");
            time
        })
    }

    /// Measures both starts by themselves: of the old release, and of the new one on the state that the old one left, which
    /// it brings up to date first, as in an upgrade.
    fn starts(&self) -> (Duration, Duration) {
        let old = self.start_time();
        self.stop();
        self.choose(RELEASES[1].0);
        let new = self.start_time();
        self.stop();
        (old, new)
    }

    fn stop(&self) {
        assert!(self.run(&["gateway", "stop"]), "the gateway stops");
    }

    /// Measures an upgrade, and where `fails` one to a release that does not start.
    fn upgrades(&self, fails: bool) -> (Duration, Option<Duration>) {
        let new = RELEASES[1].0;
        let words = [
            "engine",
            "upgrade",
            new,
            "--yes",
            "--no-rehearsal",
            "--accept-errors",
        ];
        let _ = self.start_time();
        let upgrade = self.longest_silence(&words);
        let put_back = fails.then(|| {
            assert!(self.run(&["engine", "rollback", "--yes"]), "the rollback");
            self.put_release(new, None, true);
            self.longest_silence(&words)
        });
        self.stop();
        (upgrade, put_back)
    }
}

impl Round {
    fn measure(peers: Option<&Path>) -> Self {
        let (old_start, new_start) = Main::new(peers).starts();
        let (upgrade, put_back) = Main::new(peers).upgrades(peers.is_none());
        Self {
            old_start,
            new_start,
            upgrade,
            put_back,
        }
    }
}
