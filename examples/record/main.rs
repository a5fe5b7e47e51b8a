//! Draws `docs/wizard*.svg`: the real wizard in a terminal, one picture for each language.
//!
//! `scripts/record` builds the program and runs this example. The same program gives the same bytes: it runs in a network
//! namespace in which nothing listens, in a home folder with a fixed name, and each key waits for the text on the screen.

#![expect(
    clippy::disallowed_methods,
    reason = "a tool beside the program, which starts it and writes pictures of it"
)]

use std::os::unix::fs::PermissionsExt as _;
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
    reason = "a file of the tests, of which this example uses a part"
)]
mod pty;
mod svg;

/// Returns the program's path: `cargo build` puts it beside the folder of this example.
fn program_path() -> Result<PathBuf> {
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

/// The programs on the wizard's search path: what it finds on the host is the same on each machine.
const TOOLS: [(&str, &str); 2] = [
    ("google-chrome", "#!/bin/sh\n"),
    (
        "systemctl",
        "#!/bin/sh\necho UnitPath=/home/you/.config/systemd/user\n",
    ),
];

/// The surroundings in which the wizard runs: a folder that it sees as `/home`, with one gateway set up, and no network.
pub(crate) struct Sandbox {
    homes: TempDir,
    program: PathBuf,
    lang: Lang,
}

impl Sandbox {
    /// Creates the folder with the default instance.
    fn new(lang: Lang) -> Result<Self> {
        let homes = tempfile::tempdir()?;
        let state = homes.path().join("you/.openclaw");
        std::fs::create_dir_all(&state)?;
        let config = r#"{ "gateway": { "mode": "local", "port": 18789 } }"#;
        std::fs::write(state.join("openclaw.json"), config)?;
        let tools = homes.path().join("you/tools");
        std::fs::create_dir(&tools)?;
        for (name, text) in TOOLS {
            let path = tools.join(name);
            std::fs::write(&path, text)?;
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755))?;
        }
        Ok(Self {
            homes,
            program: program_path()?,
            lang,
        })
    }

    /// Returns the command that runs the program with these arguments, with its own network and its own `/home`.
    pub(crate) fn command<S: AsRef<std::ffi::OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Command {
        // The checkout may be in /home, which the mount hides, so the program is opened before. A key that comes before
        // the prompt reads it must not be echoed, nor be held back until the line ends.
        const INSIDE: &str = "exec 3<\"$0\"; stty -echo -icanon -icrnl; PATH=$PATH:/usr/sbin:/sbin
            ip link set lo up && mount --bind \"$1\" /home && cd \"$HOME\" || exit
            shift; PATH=$HOME/tools exec /proc/self/fd/3 \"$@\"";
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

/// Returns the path of a language's picture. English has the plain name.
fn picture_path(folder: &Path, lang: Lang) -> PathBuf {
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
        let screen = dialogue::run(&sandbox, lang)?;
        let path = picture_path(&folder, lang);
        let picture = svg::draw(&screen, "openclaw onboard")?;
        std::fs::write(&path, picture).with_context(|| path.display().to_string())?;
    }
    Ok(())
}
