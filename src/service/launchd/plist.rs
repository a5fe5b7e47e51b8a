//! The property list of a gateway's agent, as text: pure.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::super::spec::{self, Spec};

/// How a file begins that this program wrote.
pub(in crate::service) const MARK: &str = "<!-- Written by `openclaw gateway install`";

/// Seconds between two starts, at least. launchd knows no exit code after which it gives up: one that can't
/// start is tried for ever, at this pace. It holds back restarts that a user asks for as well, so it is short.
const THROTTLE: u8 = 10;

/// Where launchd writes what a service complains of.
pub(super) fn error_log(state_dir: &Path) -> PathBuf {
    state_dir.join("logs/launchd.err.log")
}

/// The text of the agent. It is started again after every end but an orderly one (0).
pub(in crate::service) fn render(spec: &Spec) -> String {
    let mut args = String::new();
    for arg in [spec.program.to_string_lossy().into_owned()]
        .iter()
        .chain(&spec.args())
    {
        let _ = writeln!(args, "    <string>{}</string>", xml(arg));
    }
    let mut vars = String::new();
    for (key, value) in spec.vars() {
        let _ = writeln!(vars, "    <key>{key}</key>\n    <string>{}</string>", xml(&value));
    }
    let path = |path: &Path| xml(&path.to_string_lossy());
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n\
         {MARK}; a change by hand is lost with the next one. -->\n\
         <plist version=\"1.0\">\n\
         <dict>\n  \
           <key>Label</key>\n  <string>{label}</string>\n  \
           <key>Comment</key>\n  <string>{comment}</string>\n  \
           <key>ProgramArguments</key>\n  <array>\n{args}  </array>\n  \
           <key>EnvironmentVariables</key>\n  <dict>\n{vars}  </dict>\n  \
           <key>WorkingDirectory</key>\n  <string>{folder}</string>\n  \
           <key>RunAtLoad</key>\n  <true/>\n  \
           <key>KeepAlive</key>\n  <dict>\n    <key>SuccessfulExit</key>\n    <false/>\n  </dict>\n  \
           <key>ThrottleInterval</key>\n  <integer>{THROTTLE}</integer>\n  \
           <key>ExitTimeOut</key>\n  <integer>30</integer>\n  \
           <key>ProcessType</key>\n  <string>Interactive</string>\n  \
           <key>Umask</key>\n  <integer>63</integer>\n  \
           <key>StandardInPath</key>\n  <string>/dev/null</string>\n  \
           <key>StandardOutPath</key>\n  <string>{out}</string>\n  \
           <key>StandardErrorPath</key>\n  <string>{err}</string>\n\
         </dict>\n\
         </plist>\n",
        label = xml(&spec::label(&spec.profile)),
        comment = xml(&spec.description()),
        folder = path(&spec.state_dir),
        out = path(&spec.state_dir.join("logs/launchd.log")),
        err = path(&error_log(&spec.state_dir)),
    )
}

/// Text between tags.
pub(in crate::service) fn xml(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&apos;")
}

#[cfg(test)]
mod tests {
    use super::super::super::spec::tests::{golden, odd, plain};
    use super::*;

    #[test]
    fn the_agents_are_those_of_the_golden_files() {
        golden("agent_default", &render(&plain()));
        golden("agent_odd", &render(&odd()));
    }
}
