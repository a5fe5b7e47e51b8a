//! Renders and parses the property list of a gateway's launchd agent.
//!
//! A list is rendered without the `plist` crate, because the comment at its top distinguishes the files of this program
//! and the keys have an order for human readers; it is parsed by the crate, because users and other programs write
//! comments and binary lists.

use std::fmt::Write as _;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use super::spec::TIMER_SECONDS;
use super::{ServiceCommand, ServiceSpec, launchd_label, timer_label};
use crate::text::escape_xml;

/// The first words, after the document type, of a launchd property list that this program wrote.
pub(super) const HEADER: &str = "<!-- Written by `openclaw gateway install`";

/// Minimum time between two starts of a launchd service, in seconds. launchd can't give up after certain exit codes:
/// it restarts a gateway that can't start for ever, at this interval. The interval also delays restarts on request,
/// so it is short.
const THROTTLE_SECONDS: u8 = 10;

/// Returns the path of the file to which launchd writes the standard error of a service.
pub(crate) fn error_log_path(state_dir: &Path) -> PathBuf {
    state_dir.join("logs/launchd.err.log")
}

/// Renders the launchd property list of a gateway's service. launchd restarts it after every exit but one with code
/// 0.
pub(crate) fn render(spec: &ServiceSpec) -> String {
    let agent = Agent {
        label: launchd_label(&spec.profile),
        comment: spec.description(),
        args: &spec.args(),
        variables: spec.variables(),
        schedule: format!(
            "<key>RunAtLoad</key>\n  <true/>\n  \
             <key>KeepAlive</key>\n  <dict>\n    <key>SuccessfulExit</key>\n    <false/>\n  </dict>\n  \
             <key>ThrottleInterval</key>\n  <integer>{THROTTLE_SECONDS}</integer>\n  \
             <key>ExitTimeOut</key>\n  <integer>30</integer>\n  \
             <key>ProcessType</key>\n  <string>Interactive</string>"
        ),
        output: spec.state_dir.join("logs/launchd.log"),
        errors: error_log_path(&spec.state_dir),
    };
    agent.render(spec)
}

/// Renders the launchd property list of the agent that looks whether a gateway answers.
pub(crate) fn render_check(spec: &ServiceSpec) -> String {
    let agent = Agent {
        label: timer_label(&spec.profile),
        comment: spec.timer_description(),
        args: &spec.timer_args(),
        variables: spec.timer_variables(),
        schedule: format!(
            "<key>StartInterval</key>\n  <integer>{TIMER_SECONDS}</integer>\n  \
             <key>ProcessType</key>\n  <string>Background</string>"
        ),
        output: PathBuf::from("/dev/null"),
        errors: spec.state_dir.join("logs/check.err.log"),
    };
    agent.render(spec)
}

/// A launchd agent of an instance: what differs between the gateway and its check.
struct Agent<'a> {
    label: String,
    comment: String,
    /// The arguments of the program.
    args: &'a [String],
    variables: Vec<(&'static str, String)>,
    /// The keys that say when and how launchd runs it.
    schedule: String,
    /// The files of the standard output and the standard error.
    output: PathBuf,
    errors: PathBuf,
}

impl Agent<'_> {
    /// Renders the property list of a launchd agent.
    fn render(&self, spec: &ServiceSpec) -> String {
        let path = |path: &Path| escape_xml(&path.to_string_lossy());
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n\
         {HEADER}; a change by hand is lost with the next one. -->\n\
         <plist version=\"1.0\">\n\
         <dict>\n  \
           <key>Label</key>\n  <string>{label}</string>\n  \
           <key>Comment</key>\n  <string>{comment}</string>\n  \
           <key>ProgramArguments</key>\n  <array>\n{args}  </array>\n  \
           <key>EnvironmentVariables</key>\n  <dict>\n{variables}  </dict>\n  \
           <key>WorkingDirectory</key>\n  <string>{folder}</string>\n  \
           {schedule}\n  \
           <key>Umask</key>\n  <integer>63</integer>\n  \
           <key>StandardInPath</key>\n  <string>/dev/null</string>\n  \
           <key>StandardOutPath</key>\n  <string>{out}</string>\n  \
           <key>StandardErrorPath</key>\n  <string>{err}</string>\n\
         </dict>\n\
         </plist>\n",
            label = escape_xml(&self.label),
            comment = escape_xml(&self.comment),
            args = string_list(spec, self.args),
            variables = string_table(&self.variables),
            folder = path(&spec.state_dir),
            schedule = self.schedule,
            out = path(&self.output),
            err = path(&self.errors),
        )
    }
}

/// Renders the words of a command as the elements of a list.
fn string_list(spec: &ServiceSpec, args: &[String]) -> String {
    let program = spec.program.to_string_lossy().into_owned();
    let words = std::iter::once(&program).chain(args);
    words.fold(String::new(), |mut list, word| {
        let _ = writeln!(list, "    <string>{}</string>", escape_xml(word));
        list
    })
}

/// Renders variables as the elements of a table.
fn string_table(variables: &[(&'static str, String)]) -> String {
    variables.iter().fold(String::new(), |mut table, (name, value)| {
        let value = escape_xml(value);
        let _ = writeln!(table, "    <key>{name}</key>\n    <string>{value}</string>");
        table
    })
}

/// Parses `ProgramArguments` and `EnvironmentVariables` of a launchd property list in any of its encodings. Returns
/// an empty command where the list can't be parsed.
pub(crate) fn parse(bytes: &[u8]) -> ServiceCommand {
    let list = plist::Value::from_reader(Cursor::new(bytes)).ok();
    let list = list.and_then(plist::Value::into_dictionary).unwrap_or_default();
    let strings = |values: &Vec<plist::Value>| -> Vec<String> {
        let texts = values.iter().filter_map(plist::Value::as_string);
        texts.map(str::to_owned).collect()
    };
    let variables = list.get("EnvironmentVariables").and_then(|v| v.as_dictionary());
    let text = |(name, value): (&String, &plist::Value)| Some((name.clone(), value.as_string()?.to_owned()));
    ServiceCommand {
        argv: list
            .get("ProgramArguments")
            .and_then(plist::Value::as_array)
            .map(strings)
            .unwrap_or_default(),
        env: variables.into_iter().flatten().filter_map(text).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_entities_and_other_keys_are_parsed() {
        let text = "<?xml version=\"1.0\"?><plist><dict><key>Label</key><string>ai.openclaw.rescue</string>\
            <key>RunAtLoad</key><true/><key>ProgramArguments</key>\n<array>\n<!-- <string>no</string> -->\
            <string>/usr/bin/node</string><string>a &lt; b</string></array>\
            <key>EnvironmentVariables</key><dict><key>OPENCLAW_STATE_DIR</key><string>/a &amp;lt; b</string>\
            <key>NUMBER</key><integer>1</integer></dict></dict></plist>";
        let command = parse(text.as_bytes());
        assert_eq!(command.argv, ["/usr/bin/node", "a < b"]);
        assert_eq!(command.variable("OPENCLAW_STATE_DIR"), Some("/a &lt; b"));
        assert_eq!(command.env.len(), 1);
    }

    #[test]
    fn binary_property_list_is_parsed() {
        let mut agent = plist::Dictionary::new();
        let args = ["/bin/openclaw", "gateway"].map(plist::Value::from);
        agent.insert("ProgramArguments".to_owned(), args.to_vec().into());
        let mut bytes = Vec::new();
        plist::Value::Dictionary(agent)
            .to_writer_binary(&mut bytes)
            .unwrap();
        assert_eq!(parse(&bytes).argv, ["/bin/openclaw", "gateway"]);
    }

    #[test]
    fn invalid_list_has_no_command() {
        for bytes in [
            &b""[..],
            b"<plist><dict><key>",
            b"\xff\xfe",
            b"<plist><array/></plist>",
        ] {
            assert_eq!(parse(bytes), ServiceCommand::default());
        }
    }
}
