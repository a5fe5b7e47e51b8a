//! Draws `docs/wizard*.svg`: the real wizard in a terminal, one picture for each language.
//!
//! `scripts/record` builds the program and runs this. The same program gives the same bytes: it runs in
//! a network in which nothing listens and in a home folder with a fixed name, both its own, and what is
//! pressed waits for what is on the screen.

#![expect(
    clippy::disallowed_methods,
    reason = "no part of the program: it starts it and keeps pictures of it"
)]

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use openclaw::i18n::Lang;
use tempfile::TempDir;

mod dialogue;
#[path = "../../tests/support/pty.rs"]
#[allow(
    dead_code,
    unreachable_pub,
    reason = "a tool of the tests, of which this needs a part"
)]
mod pty;
mod svg;

/// The program, as `cargo build` leaves it beside the folder of this example.
fn program() -> Result<PathBuf> {
    let here = std::env::current_exe()?;
    let built = here
        .ancestors()
        .nth(2)
        .context("a build folder")?
        .join("openclaw");
    if !built.is_file() {
        bail!("not built yet: {}", built.display());
    }
    Ok(built)
}

/// Where the wizard runs: a folder that it sees as `/home`, with one gateway set up, and no network.
pub(crate) struct Sandbox {
    homes: TempDir,
    program: PathBuf,
    lang: Lang,
}

impl Sandbox {
    fn new(lang: Lang) -> Result<Self> {
        let homes = tempfile::tempdir()?;
        let state = homes.path().join("you/.openclaw");
        std::fs::create_dir_all(&state)?;
        let config = r#"{ "gateway": { "mode": "local", "port": 18789 } }"#;
        std::fs::write(state.join("openclaw.json"), config)?;
        Ok(Self {
            homes,
            program: program()?,
            lang,
        })
    }

    /// The program with these arguments, in a network and with a `/home` of its own.
    pub(crate) fn command<S: AsRef<std::ffi::OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Command {
        // The checkout may lie in /home, which is about to be covered: the program is opened before. A key
        // that comes before the prompt reads it must not be echoed, nor be kept until a line is whole.
        const INSIDE: &str = "exec 3<\"$0\"; stty -echo -icanon -icrnl; PATH=$PATH:/usr/sbin:/sbin
            ip link set lo up && mount --bind \"$1\" /home && cd \"$HOME\" || exit
            shift; exec /proc/self/fd/3 \"$@\"";
        let mut command = Command::new("unshare");
        command
            .args(["--map-root-user", "--net", "--mount", "sh", "-c", INSIDE])
            .arg(&self.program)
            .arg(self.homes.path())
            .args(args)
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", "/home/you")
            .env("LANG", "C.UTF-8")
            .env("OPENCLAW_LANG", self.lang.code());
        command
    }
}

/// The file of a language: English has the plain name.
fn file(folder: &Path, lang: Lang) -> PathBuf {
    if lang == Lang::english() {
        folder.join("wizard.svg")
    } else {
        folder.join(format!("wizard.{}.svg", lang.code()))
    }
}

fn main() -> Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    std::fs::create_dir_all(&folder)?;
    for lang in Lang::all() {
        let sandbox = Sandbox::new(lang)?;
        let screen = dialogue::play(&sandbox, lang)?;
        let path = file(&folder, lang);
        let picture = svg::draw(&screen, "openclaw onboard")?;
        std::fs::write(&path, picture).with_context(|| path.display().to_string())?;
    }
    Ok(())
}
