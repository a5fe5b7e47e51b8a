//! systemd's manager of this user. Every call has a time limit, asks for no password, and speaks English
//! and UTC, so that its answers can be read.

use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use super::trouble::{Surroundings, Trouble};
use super::{Manager, Seen, Site};
use crate::apply;
use crate::host::process::{CommandOutput, CommandSpec};
use crate::host::read;
use crate::service_files::{ServiceSpec, unit, unit_name};

mod show;

/// Questions are answered within this time, or not at all. Managers let them wait while they read all units.
const ASK: Duration = Duration::from_secs(5);
/// The same for what nobody depends on: lingering, and lines of the journal.
const ASK_BESIDE: Duration = Duration::from_secs(2);
/// Work that the manager does before it answers: reading all units anew, stopping a gateway.
const ACT: Duration = Duration::from_secs(45);
/// A start, until the gateway says that it is ready: somewhat more than the unit's own limits.
const UP: Duration = Duration::from_secs(100);
/// The folder of this user's units, below the home folder.
const UNITS: &str = ".config/systemd/user";
/// What a login starts.
const WANTS: &str = "default.target.wants";

/// The user's systemd.
pub(super) struct Systemd<'a> {
    site: Site<'a>,
    unit: String,
    folder: PathBuf,
}

impl<'a> Systemd<'a> {
    pub(super) fn new(site: Site<'a>) -> Self {
        Self {
            unit: unit_name(&site.instance.profile),
            folder: site.env.home.join(UNITS),
            site,
        }
    }

    /// A call of one of systemd's tools.
    fn call(&self, tool: &str, args: &[&str]) -> CommandSpec {
        let mut call = CommandSpec::new(tool, args)
            .env("LC_ALL", "C")
            .env("TZ", "UTC")
            .env("SYSTEMD_COLORS", "0")
            .env("SYSTEMD_PAGER", "");
        if let Some(folder) = self.runtime_dir() {
            call = call.env("XDG_RUNTIME_DIR", folder);
            // The bus of a shell that `sudo -u` left behind is another user's.
            call.env_removed.push("DBUS_SESSION_BUS_ADDRESS".into());
        }
        call
    }

    /// `/run/user/UID`, where it is there and the environment names none of this user's: under `sudo -u`
    /// and `su` the manager may run all the same.
    fn runtime_dir(&self) -> Option<PathBuf> {
        let host = self.site.host;
        let uid = host.user_id()?;
        let usable = |path: &Path| host.file_owner_id(path) == Some(uid);
        if host
            .var("XDG_RUNTIME_DIR")
            .is_some_and(|path| usable(Path::new(path)))
        {
            return None;
        }
        let own = PathBuf::from(format!("/run/user/{uid}"));
        usable(&own).then_some(own)
    }

    fn ctl(&self, args: &[&str], limit: Duration) -> Result<CommandOutput, Trouble> {
        let all: Vec<_> = ["--user", "--no-ask-password", "--no-pager"]
            .iter()
            .chain(args)
            .copied()
            .collect();
        let command = format!("systemctl --user {}", args.join(" "));
        let Ok(ended) = self.site.host.run(&self.call("systemctl", &all), limit) else {
            return Err(match self.surroundings() {
                around if around.systemd => Trouble::NoTool("systemctl"),
                around => around.without_bus(),
            });
        };
        match ended.code {
            Some(0) => Ok(ended),
            _ => Err(Trouble::of_systemctl(&command, &ended, self.surroundings())),
        }
    }

    fn surroundings(&self) -> Surroundings {
        let host = self.site.host;
        let container = ["/.dockerenv", "/run/.containerenv", "/run/systemd/container"]
            .iter()
            .any(|path| Path::new(path).exists());
        Surroundings {
            systemd: Path::new("/run/systemd/system").is_dir(),
            container: container || host.var("container").is_some(),
            wsl: is_wsl(),
            switched_user: (host.var("SUDO_UID").is_some()
                || host.var("XDG_SESSION_ID").is_none()
                || self.has_foreign_runtime_dir())
            .then(|| host.user_id().unwrap_or(0)),
        }
    }

    /// Whether the environment names another user's runtime folder, as `su` leaves it behind.
    fn has_foreign_runtime_dir(&self) -> bool {
        let host = self.site.host;
        let owner = host
            .var("XDG_RUNTIME_DIR")
            .and_then(|path| host.file_owner_id(Path::new(path)));
        owner.is_some() && owner != host.user_id()
    }

    fn show(&self) -> Result<show::Shown, Trouble> {
        let asked = format!("--property={}", show::PROPERTIES);
        let ended = self.ctl(&["show", &asked, &self.unit], ASK)?;
        Ok(show::parse(&ended.stdout))
    }

    /// Starts or restarts it. The manager does it, whatever becomes of the caller: a child of this very unit
    /// only asks for it.
    fn up(&self, verb: &str) -> Result<(), Trouble> {
        let args: &[&str] = if self.is_around() {
            &[verb, "--no-block"]
        } else {
            &[verb]
        };
        self.ctl(&[args, &[self.unit.as_str()]].concat(), UP).map(drop)
    }

    fn link(&self) -> PathBuf {
        self.folder.join(WANTS).join(&self.unit)
    }
}

/// Whether this is Linux within Windows.
pub(super) fn is_wsl() -> bool {
    let kernel = read::text(Path::new("/proc/sys/kernel/osrelease"));
    kernel.is_ok_and(|kernel| is_of_wsl(&kernel))
}

/// Whether a kernel's release is one of WSL: `5.15.153.1-microsoft-standard-WSL2`.
fn is_of_wsl(release: &str) -> bool {
    release.to_ascii_lowercase().contains("microsoft")
}

impl Manager for Systemd<'_> {
    fn kind(&self) -> &'static str {
        "systemd"
    }

    fn name(&self) -> &str {
        &self.unit
    }

    fn file(&self) -> PathBuf {
        self.folder.join(&self.unit)
    }

    fn files(&self, spec: &ServiceSpec) -> Vec<(PathBuf, Vec<u8>)> {
        vec![(self.file(), unit::render(spec).into_bytes())]
    }

    fn can_start(&self, program: &Path) -> bool {
        program.to_str().is_some_and(unit::is_startable_path)
    }

    fn commands(&self) -> Vec<String> {
        [
            "daemon-reload".to_owned(),
            format!("enable {}", self.unit),
            format!("restart {}", self.unit),
        ]
        .map(|words| format!("systemctl --user {words}"))
        .to_vec()
    }

    fn reach(&self) -> Result<(), Trouble> {
        let ended = self.ctl(&["show", "--property=UnitPath"], ASK)?;
        let own = read::canonicalize_existing(&self.folder);
        let folders = ended.stdout.trim().trim_start_matches("UnitPath=");
        // A folder's name may hold blanks, which part the list too: the whole is looked through.
        let listed = [&self.folder, &own]
            .iter()
            .any(|folder| format!(" {folders} ").contains(&format!(" {} ", folder.display())));
        if listed { Ok(()) } else { Err(Trouble::OtherHome) }
    }

    fn look(&self) -> Result<Seen, Trouble> {
        let shown = self.show()?;
        let ours =
            |path: &PathBuf| read::canonicalize_existing(path) == read::canonicalize_existing(&self.file());
        match &shown.fragment {
            Some(fragment) if !ours(fragment) => Err(Trouble::OtherHome),
            _ => Ok(shown.seen),
        }
    }

    fn verify(&self, staged: &Path) -> Result<(), Trouble> {
        let path = staged.to_string_lossy().into_owned();
        let call = self.call("systemd-analyze", &["--user", "verify", &path]);
        // Where the tool is missing or takes too long, the manager itself has the word.
        let Ok(ended) = self.site.host.run(&call, ACT) else {
            return Ok(());
        };
        let about_it = ended.stderr.lines().filter(|line| line.contains(&self.unit));
        let complaints: Vec<_> = about_it.collect();
        if complaints.is_empty() || ended.timed_out {
            Ok(())
        } else {
            Err(Trouble::BadFile(complaints.join("\n")))
        }
    }

    fn load(&self) -> Result<(), Trouble> {
        self.ctl(&["daemon-reload"], ACT)?;
        self.ctl(&["enable", &self.unit], ACT).map(drop)
    }

    #[cfg(unix)]
    fn load_later(&self) -> std::io::Result<()> {
        let link = self.link();
        #[expect(
            clippy::disallowed_methods,
            reason = "the folder of systemd's links, made as systemd makes it"
        )]
        std::fs::create_dir_all(self.folder.join(WANTS))?;
        apply::remove_if_present(&link)?;
        std::os::unix::fs::symlink(self.file(), link)
    }

    #[cfg(not(unix))]
    fn load_later(&self) -> std::io::Result<()> {
        Err(std::io::ErrorKind::Unsupported.into())
    }

    fn start(&self) -> Result<(), Trouble> {
        // One that gave up, or was started too often, may try again.
        let _ = self.ctl(&["reset-failed", &self.unit], ASK);
        self.up("start")
    }

    fn stop(&self, wait: bool) -> Result<(), Trouble> {
        let args: &[&str] = if wait { &["stop"] } else { &["stop", "--no-block"] };
        self.ctl(&[args, &[self.unit.as_str()]].concat(), ACT).map(drop)
    }

    fn restart(&self) -> Result<(), Trouble> {
        let _ = self.ctl(&["reset-failed", &self.unit], ASK);
        self.up("restart")
    }

    fn unload(&self) -> Result<(), Trouble> {
        self.ctl(&["disable", &self.unit], ACT).map(drop)
    }

    fn unload_later(&self) -> std::io::Result<()> {
        apply::remove_if_present(&self.link())
    }

    fn forget(&self) -> Result<(), Trouble> {
        self.ctl(&["daemon-reload"], ACT)?;
        let _ = self.ctl(&["reset-failed", &self.unit], ASK);
        Ok(())
    }

    fn is_around(&self) -> bool {
        let groups = read::text(Path::new("/proc/self/cgroup")).unwrap_or_default();
        groups
            .lines()
            .any(|line| line.split('/').any(|part| part == self.unit))
    }

    fn last_lines(&self, count: usize) -> Vec<String> {
        // What the manager says of its end is no line of the service's: `-u` would bring both.
        let own = format!("_SYSTEMD_USER_UNIT={}", self.unit);
        let count = format!("--lines={count}");
        // Nor is what it said before it was started the last time.
        let started = self.show().ok().and_then(|shown| shown.started);
        let since = started.and_then(|at| at.duration_since(UNIX_EPOCH).ok());
        let since = format!("--since=@{}", since.unwrap_or_default().as_secs());
        // From the newest on: with a time to begin at, the lines that are counted are the oldest.
        let args = [
            "--user",
            "--no-pager",
            "--quiet",
            "--output=cat",
            "--reverse",
            &count,
            &since,
            &own,
        ];
        let ended = self.site.host.run(&self.call("journalctl", &args), ASK_BESIDE);
        let text = ended.map(|ended| ended.stdout).unwrap_or_default();
        let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
        lines.reverse();
        lines
    }
}

impl Systemd<'_> {
    /// A call of `loginctl` about this user: its answer, where it gave one in time.
    pub(super) fn loginctl(&self, args: &[&str]) -> Option<CommandOutput> {
        self.site.host.run(&self.call("loginctl", args), ASK_BESIDE).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_is_known_by_the_name_of_its_kernel() {
        for release in ["5.15.153.1-microsoft-standard-WSL2", "4.4.0-19041-Microsoft"] {
            assert!(is_of_wsl(release), "{release}");
        }
        assert!(!is_of_wsl("6.12.48+deb13-cloud-amd64"));
    }
}
