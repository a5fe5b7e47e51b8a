//! The task of a gateway and the script that it runs, as text: pure.

use std::fmt::Write as _;
use std::path::Path;

use super::super::launchd::plist::xml;
use super::super::spec::Spec;

/// How a script begins that this program wrote.
pub(in crate::service) const MARK: &str = "@echo off\r\nrem Written by `openclaw gateway install`";

/// Exit codes after which the gateway is not started again: an orderly end, and what stays as it is until
/// somebody acts.
const FINAL: [u8; 3] = [0, 2, 78];
/// Seconds between two starts.
const PAUSE: u8 = 10;

/// The script: the variables, and the gateway, again and again until it ends for good: the Task Scheduler takes
/// a program that was started for a success, whatever its exit code. Its bytes are UTF-8, so the code page is
/// set before a letter beyond ASCII is read; what was set for the calling shell is back with its end.
pub(in crate::service) fn script(spec: &Spec) -> String {
    let mut text = format!(
        "{MARK}; a change by hand is lost with the next one.\r\nchcp 65001 >nul\r\nsetlocal DisableDelayedExpansion\r\n"
    );
    for (key, value) in spec.vars() {
        if key != "PATH" {
            let _ = write!(text, "set \"{key}={}\"\r\n", percent(&value));
        }
    }
    for name in spec.unset() {
        let _ = write!(text, "set \"{name}=\"\r\n");
    }
    let _ = write!(
        text,
        "cd /d \"{}\"\r\n",
        percent(&spec.state_dir.to_string_lossy())
    );
    let _ = write!(text, ":start\r\n\"{}\"", percent(&spec.program.to_string_lossy()));
    for arg in spec.args() {
        let _ = write!(text, " {arg}");
    }
    text.push_str("\r\n");
    for code in FINAL {
        let _ = write!(text, "if %ERRORLEVEL% equ {code} exit /b {code}\r\n");
    }
    // `timeout` wants a keyboard, which a task has none of; a ping waits a second before each but the first.
    let _ = write!(text, "ping -n {} 127.0.0.1 >nul\r\ngoto start\r\n", PAUSE + 1);
    text
}

/// Within quotes `&`, `^`, `!` and `<` are letters; a percent sign begins a variable all the same.
fn percent(text: &str) -> String {
    text.replace('%', "%%")
}

/// The task's document, as text; `schtasks` reads it as UTF-16 ([`utf16`]). It names the user: a task that
/// starts at the login of anybody at all is one that only administrators may register.
pub(in crate::service) fn document(spec: &Spec, script: &Path, user: Option<&str>) -> String {
    let user = |indent: &str| {
        user.map_or_else(String::new, |user| {
            format!("{indent}<UserId>{}</UserId>\r\n", xml(user))
        })
    };
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-16\"?>\r\n\
         <Task version=\"1.2\" xmlns=\"http://schemas.microsoft.com/windows/2004/02/mit/task\">\r\n  \
           <RegistrationInfo>\r\n    <Description>{description}</Description>\r\n  </RegistrationInfo>\r\n  \
           <Triggers>\r\n    <LogonTrigger>\r\n      <Enabled>true</Enabled>\r\n{trigger_user}    </LogonTrigger>\r\n  </Triggers>\r\n  \
           <Principals>\r\n    <Principal id=\"Author\">\r\n{principal_user}      <LogonType>InteractiveToken</LogonType>\r\n      \
           <RunLevel>LeastPrivilege</RunLevel>\r\n    </Principal>\r\n  </Principals>\r\n  \
           <Settings>\r\n    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>\r\n    \
           <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>\r\n    \
           <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>\r\n    \
           <ExecutionTimeLimit>PT0S</ExecutionTimeLimit>\r\n    \
           <RestartOnFailure>\r\n      <Interval>PT1M</Interval>\r\n      <Count>5</Count>\r\n    </RestartOnFailure>\r\n  \
           </Settings>\r\n  \
           <Actions Context=\"Author\">\r\n    <Exec>\r\n      <Command>{command}</Command>\r\n    </Exec>\r\n  </Actions>\r\n\
         </Task>\r\n",
        description = xml(&spec.description()),
        trigger_user = user("      "),
        principal_user = user("      "),
        command = xml(&format!("\"{}\"", script.display())),
    )
}

/// As `schtasks /XML` wants its file: UTF-16, little end first, with its mark.
pub(in crate::service) fn utf16(text: &str) -> Vec<u8> {
    std::iter::once(0xfeff)
        .chain(text.encode_utf16())
        .flat_map(u16::to_le_bytes)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::super::spec::tests::{golden, odd};
    use super::*;

    fn windows() -> Spec {
        let state = r"C:\Users\Ayşe Gül\50% & ^caret! (x)\.openclaw-A_b";
        Spec {
            program: r"C:\Program Files\Ağaç & 100%\openclaw.exe".into(),
            state_dir: state.into(),
            config_path: format!(r"{state}\openclaw.json").into(),
            ..odd()
        }
    }

    #[test]
    fn script_and_task_are_those_of_the_golden_files() {
        let (script, spec) = (script(&windows()), windows());
        assert!(
            !script.replace("\r\n", "").contains(['\r', '\n']),
            "every line ends with CRLF"
        );
        golden("script_odd", &script.replace("\r\n", "\n"));
        let document = document(
            &spec,
            Path::new(r"C:\Users\Ayşe Gül\50% & x\gateway.cmd"),
            Some(r"PC\Ayşe & Gül"),
        );
        assert!(!document.replace("\r\n", "").contains(['\r', '\n']));
        golden("task_odd", &document.replace("\r\n", "\n"));
    }

    #[test]
    fn the_document_is_utf_16() {
        assert_eq!(utf16("ş"), [0xff, 0xfe, 0x5f, 0x01]);
    }
}
