//! Renders and parses the scheduled task of a gateway on Windows, and the script that the task runs.

use std::fmt::Write as _;
use std::path::Path;

use super::spec::TIMER_SECONDS;
use super::{ServiceCommand, ServiceSpec};
use crate::error::ErrorKind;
use crate::text::escape_xml;

/// The first lines of a script of a Windows task that this program wrote.
pub(super) const HEADER: &str = "@echo off\r\nrem Written by `openclaw gateway install`";

/// Exit codes after which the script of a gateway's Windows task does not restart the gateway: success, and errors
/// that persist until somebody acts.
const FINAL_EXIT_CODES: [u8; 3] = [0, ErrorKind::Usage.exit_code(), ErrorKind::Blocked.exit_code()];
/// Time between two starts of the gateway by the script of its Windows task, in seconds.
const RESTART_SECONDS: u8 = 10;
/// First words of those lines of a Windows task's script that are not the command of the gateway.
const OTHER_COMMANDS: [&str; 11] = [
    "@echo", "echo", "rem", "chcp", "setlocal", "endlocal", "cd", "if", "ping", "goto", "exit",
];

/// Renders the script of a gateway's Windows task, which sets the variables and restarts the gateway until it exits
/// with a final code: the Task Scheduler counts every start as a success, whatever the exit code, and would not
/// restart it. The script is UTF-8, so it sets the code page before the first character beyond ASCII; the variables
/// of the calling shell are restored when the script ends.
pub(crate) fn render_script(spec: &ServiceSpec) -> String {
    let mut text = script_start(spec, &spec.variables(), &spec.args());
    for code in FINAL_EXIT_CODES {
        let _ = write!(text, "if %ERRORLEVEL% equ {code} exit /b {code}\r\n");
    }
    text.push_str(&wait_and_repeat(RESTART_SECONDS));
    text
}

/// Renders the script of the Windows task that looks again and again whether a gateway answers.
pub(crate) fn render_check_script(spec: &ServiceSpec) -> String {
    let start = script_start(spec, &spec.timer_variables(), &spec.timer_args());
    start + &wait_and_repeat(TIMER_SECONDS)
}

/// Renders the end of a script that runs its command again after some seconds.
fn wait_and_repeat(seconds: u8) -> String {
    // `timeout` requires a keyboard, which a task does not have; a ping waits a second before each but the first.
    let count = u16::from(seconds) + 1;
    format!("ping -n {count} 127.0.0.1 >nul\r\ngoto start\r\n")
}

/// Renders the start of a script: its variables, its folder, and its command at the label `start`.
fn script_start(spec: &ServiceSpec, variables: &[(&'static str, String)], args: &[String]) -> String {
    let mut text = format!(
        "{HEADER}; a change by hand is lost with the next one.\r\nchcp 65001 >nul\r\nsetlocal DisableDelayedExpansion\r\n"
    );
    for (name, value) in variables {
        if *name != "PATH" {
            let _ = write!(text, "set \"{name}={}\"\r\n", escape_percent(value));
        }
    }
    for name in spec.unset_variables() {
        let _ = write!(text, "set \"{name}=\"\r\n");
    }
    let path = |path: &Path| escape_percent(&path.to_string_lossy());
    let _ = write!(text, "cd /d \"{}\"\r\n", path(&spec.state_dir));
    let _ = write!(text, ":start\r\n\"{}\"", path(&spec.program));
    for arg in args {
        let _ = write!(text, " {arg}");
    }
    text.push_str("\r\n");
    text
}

/// Doubles the percent signs of a text for a Windows command script. Within quotes `&`, `^`, `!` and `<` have no
/// meaning, but a percent sign still begins a variable.
fn escape_percent(text: &str) -> String {
    text.replace('%', "%%")
}

/// Parses the script of a gateway's Windows task: the variables that it sets, and its first command that is not a
/// command of the shell.
pub(crate) fn parse_script(text: &str) -> ServiceCommand {
    let mut command = ServiceCommand::default();
    for line in text.lines().map(|line| line.trim_matches([' ', '\t'])) {
        let (first, rest) = line.split_once([' ', '\t']).unwrap_or((line, ""));
        let first = first.to_ascii_lowercase();
        if first == "set" {
            apply_assignment(&mut command, rest.trim_start());
        } else if !line.is_empty()
            && !line.starts_with(':')
            && !OTHER_COMMANDS.contains(&first.as_str())
            && command.argv.is_empty()
        {
            command.argv = split_command(&line.replace("%%", "%"));
        }
    }
    command
}

/// Applies the assignment of a `set` command in a Windows script, `NAME=value` or `"NAME=value"`, to the variables of
/// a service command.
fn apply_assignment(command: &mut ServiceCommand, assignment: &str) {
    let quoted = assignment
        .strip_prefix('"')
        .and_then(|rest| rest.rsplit_once('"'));
    let assignment = quoted.map_or(assignment, |(inside, _)| inside);
    match assignment.split_once('=') {
        Some((name, "")) => {
            command.env.remove(name);
        }
        Some((name, value)) => {
            command.env.insert(name.to_owned(), value.replace("%%", "%"));
        }
        None => {}
    }
}

/// Splits a command in a Windows script at blanks outside of double quotes.
fn split_command(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut is_quoted = false;
    for c in line.chars() {
        match c {
            '"' => {
                is_quoted = !is_quoted;
                word.get_or_insert_default();
            }
            ' ' | '\t' if !is_quoted => words.extend(word.take()),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

/// Renders the XML document of a gateway's Windows task, which `schtasks` reads as UTF-16 ([`to_utf16`]). It names
/// the user, because only administrators may register a task that starts at the login of any user.
pub(crate) fn render_document(spec: &ServiceSpec, script: &Path, user: Option<&str>) -> String {
    document(&spec.description(), script, user)
}

/// Renders the XML document of the Windows task that looks whether a gateway answers.
pub(crate) fn render_check_document(spec: &ServiceSpec, script: &Path, user: Option<&str>) -> String {
    document(&spec.timer_description(), script, user)
}

/// Renders the XML document of a task that runs a script from the login of its user on.
fn document(description: &str, script: &Path, user: Option<&str>) -> String {
    let user = user.map_or_else(String::new, |user| {
        format!("      <UserId>{}</UserId>\r\n", escape_xml(user))
    });
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-16\"?>\r\n\
         <Task version=\"1.2\" xmlns=\"http://schemas.microsoft.com/windows/2004/02/mit/task\">\r\n  \
           <RegistrationInfo>\r\n    <Description>{description}</Description>\r\n  </RegistrationInfo>\r\n  \
           <Triggers>\r\n    <LogonTrigger>\r\n      <Enabled>true</Enabled>\r\n{user}    </LogonTrigger>\r\n  </Triggers>\r\n  \
           <Principals>\r\n    <Principal id=\"Author\">\r\n{user}      <LogonType>InteractiveToken</LogonType>\r\n      \
           <RunLevel>LeastPrivilege</RunLevel>\r\n    </Principal>\r\n  </Principals>\r\n  \
           <Settings>\r\n    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>\r\n    \
           <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>\r\n    \
           <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>\r\n    \
           <ExecutionTimeLimit>PT0S</ExecutionTimeLimit>\r\n    \
           <RestartOnFailure>\r\n      <Interval>PT1M</Interval>\r\n      <Count>5</Count>\r\n    </RestartOnFailure>\r\n  \
           </Settings>\r\n  \
           <Actions Context=\"Author\">\r\n    <Exec>\r\n      <Command>{command}</Command>\r\n    </Exec>\r\n  </Actions>\r\n\
         </Task>\r\n",
        description = escape_xml(description),
        command = escape_xml(&format!("\"{}\"", script.display())),
    )
}

/// Returns whether the XML document of a Windows task, as `schtasks /Query /XML` prints it, starts the task at login:
/// neither the task nor its trigger is switched off. Element names are never translated; the text may be UTF-16 that
/// was read as UTF-8.
pub(crate) fn is_enabled(document: &str) -> bool {
    !document.replace('\0', "").contains("<Enabled>false</Enabled>")
}

/// Encodes the document of a Windows task as `schtasks /XML` requires it: little-endian UTF-16 with a byte order
/// mark.
pub(crate) fn to_utf16(text: &str) -> Vec<u8> {
    std::iter::once(0xfeff)
        .chain(text.encode_utf16())
        .flat_map(u16::to_le_bytes)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn document_is_little_endian_utf_16_with_a_byte_order_mark() {
        assert_eq!(to_utf16("ş"), [0xff, 0xfe, 0x5f, 0x01]);
    }

    #[test]
    fn task_that_is_switched_off_is_not_enabled() {
        let document =
            |enabled: bool| format!("<Settings>\r\n    <Enabled>{enabled}</Enabled>\r\n  </Settings>");
        assert!(is_enabled(&document(true)));
        assert!(!is_enabled(&document(false)));
        let wide: String = document(false).chars().flat_map(|c| [c, '\0']).collect();
        assert!(!is_enabled(&wide));
    }

    #[test]
    fn script_of_openclaw_from_npm_is_parsed() {
        let command = parse_script(
            "@echo off\r\nrem OpenClaw Gateway (profile: rescue)\r\ncd /d C:\\x\r\nset HOME=C:\\Users\\ada\r\n\
             set OPENCLAW_GATEWAY_PORT=19789\r\n\"C:\\Program Files\\nodejs\\node.exe\" C:\\x\\index.js gateway --port 19789\r\n",
        );
        assert_eq!(
            command.argv[..3],
            [r"C:\Program Files\nodejs\node.exe", r"C:\x\index.js", "gateway"]
        );
        assert_eq!(command.flag("--port"), Some("19789"));
        assert_eq!(command.variable("OPENCLAW_GATEWAY_PORT"), Some("19789"));
    }
}
