//! The property list of a gateway's agent, as text: pure.

use std::fmt::Write as _;
use std::path::Path;

use super::super::spec::{self, Spec};

/// How a file begins that this program wrote.
pub(in crate::service) const MARK: &str = "<!-- Written by `openclaw gateway install`";

/// The text of the agent. launchd knows no exit code that must not be tried again, so a minute lies between
/// two starts; an orderly end (0) is one.
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
    let logs = spec.state_dir.join("logs");
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
           <key>ThrottleInterval</key>\n  <integer>60</integer>\n  \
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
        out = path(&logs.join("launchd.log")),
        err = path(&logs.join("launchd.err.log")),
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
