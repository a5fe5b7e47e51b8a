//! Renders and parses the systemd unit of a gateway.
//!
//! `PrivateTmp` is left out on purpose: under a user's manager it implies a user namespace (systemd 254 and later), in
//! which a gateway that watches others can't see which process holds a port. The temporary files of the native gateway
//! are private in another way: its `TMPDIR` is a folder in the user's runtime folder that systemd creates and removes.
//! With all the settings that are used here, Chromium starts with its sandbox.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::spec::TIMER_SECONDS;
use super::{ServiceCommand, ServiceSpec, timer_unit_stem, unit_name};
use crate::error::ErrorKind;
use crate::record::Engine;

/// The first words of a systemd unit that this program wrote.
pub(super) const HEADER: &str = "# Written by `openclaw gateway install`";

/// The characters at which systemd splits the value of a unit's key into words.
const WHITESPACE: [char; 4] = [' ', '\t', '\n', '\r'];

/// Renders the systemd unit of a gateway's service.
pub(crate) fn render(spec: &ServiceSpec) -> String {
    let name = unit_name(&spec.profile);
    let stem = name.trim_end_matches(".service");
    let exec = exec_start(&spec.program.to_string_lossy(), &spec.args());
    let mut variables = String::new();
    for (name, value) in spec.variables() {
        let _ = writeln!(variables, "Environment={}", environment(name, &value));
    }
    let unset = spec.unset_variables().join(" ");
    // The native gateway notifies systemd when it is ready and that it is alive; OpenClaw from npm does not.
    let service_type = match spec.engine {
        Engine::Native => format!(
            "Type=notify\nNotifyAccess=main\nWatchdogSec=60\nRuntimeDirectory={stem}\nRuntimeDirectoryMode=0700\n\
             Environment=TMPDIR=%t/{stem}\n"
        ),
        Engine::Node => "Type=exec\n".to_owned(),
    };
    // Five starts of the longest possible duration (60 s to start or until the watchdog, 2 s between, 30 s to stop)
    // take less than 600 s: the start limit is reached however slowly the gateway fails. The longer time to stop of
    // OpenClaw from npm, which has no watchdog, passes only where somebody stops it.
    format!(
        "{HEADER}; a change by hand is lost with the next one.\n\
         # To change it for good: systemctl --user edit {name}\n\
         [Unit]\n\
         Description={description}\n\
         StartLimitIntervalSec=600\n\
         StartLimitBurst=5\n\
         \n\
         [Service]\n\
         {service_type}\
         ExecStart={exec}\n\
         WorkingDirectory=-{folder}\n\
         {variables}\
         UnsetEnvironment={unset}\n\
         Restart=on-failure\n\
         RestartSec=2\n\
         RestartPreventExitStatus={usage} {blocked}\n\
         SuccessExitStatus=143\n\
         TimeoutStartSec=60\n\
         TimeoutStopSec={stop}\n\
         KillMode=mixed\n\
         OOMPolicy=continue\n\
         UMask=0077\n\
         NoNewPrivileges=yes\n\
         LockPersonality=yes\n\
         RestrictRealtime=yes\n\
         RestrictSUIDSGID=yes\n\
         StandardOutput=journal\n\
         StandardError=journal\n\
         SyslogIdentifier={stem}\n\
         \n\
         [Install]\n\
         WantedBy=default.target\n",
        usage = ErrorKind::Usage.exit_code(),
        blocked = ErrorKind::Blocked.exit_code(),
        stop = spec.engine.stop_timeout().as_secs(),
        description = escape_specifiers(&spec.description()),
        folder = working_directory(&spec.state_dir.to_string_lossy()),
    )
}

/// Renders the systemd unit that looks once whether a gateway answers. Exit codes that tell that it does not are no failures of
/// the unit.
pub(crate) fn render_check(spec: &ServiceSpec) -> String {
    let stem = timer_unit_stem(&spec.profile);
    let mut variables = String::new();
    for (name, value) in spec.timer_variables() {
        let _ = writeln!(variables, "Environment={}", environment(name, &value));
    }
    format!(
        "{HEADER}; a change by hand is lost with the next one.\n\
         [Unit]\n\
         Description={description}\n\
         \n\
         [Service]\n\
         Type=oneshot\n\
         ExecStart={exec}\n\
         WorkingDirectory=-{folder}\n\
         {variables}\
         UnsetEnvironment={unset}\n\
         SuccessExitStatus={failed} {unhealthy}\n\
         TimeoutStartSec=120\n\
         UMask=0077\n\
         NoNewPrivileges=yes\n\
         SyslogIdentifier={stem}\n",
        description = escape_specifiers(&spec.timer_description()),
        exec = exec_start(&spec.program.to_string_lossy(), &spec.timer_args()),
        folder = working_directory(&spec.state_dir.to_string_lossy()),
        unset = spec.unset_variables().join(" "),
        failed = ErrorKind::Failure.exit_code(),
        unhealthy = ErrorKind::Unhealthy.exit_code(),
    )
}

/// Renders the systemd timer that starts the unit of [`render_check`].
pub(crate) fn render_timer(spec: &ServiceSpec) -> String {
    format!(
        "{HEADER}; a change by hand is lost with the next one.\n\
         [Unit]\n\
         Description={description}\n\
         \n\
         [Timer]\n\
         OnActiveSec={TIMER_SECONDS}\n\
         OnUnitInactiveSec={TIMER_SECONDS}\n\
         AccuracySec=5\n\
         \n\
         [Install]\n\
         WantedBy=timers.target\n",
        description = escape_specifiers(&spec.timer_description()),
    )
}

/// Renders the value of `ExecStart=` in a systemd unit. `$` begins a variable in the arguments, within quotes too,
/// but not in the program.
pub(crate) fn exec_start(program: &str, args: &[String]) -> String {
    let mut line = quote_if_needed(program);
    for arg in args {
        line.push(' ');
        line.push_str(&quote_if_needed(&arg.replace('$', "$$")));
    }
    line
}

/// Renders the value of `Environment=` in a systemd unit for one variable. `$` has no meaning there.
pub(crate) fn environment(name: &str, value: &str) -> String {
    quote(&format!("{name}={value}"))
}

/// Renders the path of `WorkingDirectory=` in a systemd unit, which systemd neither unquotes nor unescapes. At the
/// end of a line, a backslash would join the next line, and a blank would be cut off, so a slash is appended to
/// either.
fn working_directory(path: &str) -> String {
    let slash = if path.ends_with('\\') || path.ends_with(WHITESPACE) {
        "/"
    } else {
        ""
    };
    format!("{}{slash}", escape_specifiers(path))
}

fn quote_if_needed(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:,@".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        quote(word)
    }
}

/// Renders a word of a systemd unit in double quotes, with a backslash before each quote and backslash
/// (systemd.syntax(7)).
fn quote(word: &str) -> String {
    let word = escape_specifiers(word);
    format!("\"{}\"", word.replace('\\', "\\\\").replace('"', "\\\""))
}

/// Doubles the percent signs of a text for a systemd unit, in which `%` begins a specifier.
pub(crate) fn escape_specifiers(text: &str) -> String {
    text.replace('%', "%%")
}

/// Returns whether systemd accepts a path as the program of `ExecStart=` in a unit: it refuses quotes and backslashes
/// there, however they are written.
pub(crate) fn is_startable_path(path: &str) -> bool {
    !path.contains(['"', '\'', '\\'])
}

/// The command and the environment in the `[Service]` section of a systemd unit.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct UnitFile {
    /// The last `ExecStart=` and the variables of `Environment=`.
    pub(crate) command: ServiceCommand,
    /// The paths of `EnvironmentFile=`, in order, without the `-` that allows a file to be missing. Variables of these
    /// files override those of `Environment=` (systemd.exec(5)).
    pub(crate) environment_files: Vec<PathBuf>,
    /// The user of `User=`, which only the system's manager reads.
    pub(crate) user: Option<String>,
}

/// Parses the text of a systemd unit. `home` is the home folder, for which the specifier `%h` stands.
pub(crate) fn parse(text: &str, home: &Path) -> UnitFile {
    let mut unit = UnitFile::default();
    let mut section = String::new();
    for line in logical_lines(text) {
        let line = line.trim_matches(WHITESPACE);
        if let Some(name) = line.strip_prefix('[') {
            name.trim_end_matches(']').clone_into(&mut section);
        }
        let Some((key, value)) = line.split_once('=').filter(|_| section == "Service") else {
            continue;
        };
        let words = || -> Vec<String> {
            let words = split_words(value).into_iter();
            words.map(|word| expand_specifiers(&word, home)).collect()
        };
        match key.trim_end_matches(WHITESPACE) {
            "ExecStart" => {
                let mut words = words();
                for arg in words.iter_mut().skip(1) {
                    *arg = arg.replace("$$", "$");
                }
                unit.command.argv = words;
            }
            "Environment" => {
                let words = words();
                if words.is_empty() {
                    // An empty assignment clears the earlier ones.
                    unit.command.env.clear();
                }
                let pairs = words.iter().filter_map(|word| word.split_once('='));
                let owned = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
                unit.command.env.extend(owned);
            }
            "User" => {
                let user = value.trim_matches(WHITESPACE);
                unit.user = (!user.is_empty()).then(|| user.to_owned());
            }
            "EnvironmentFile" => {
                let path = value.trim_matches(WHITESPACE);
                if path.is_empty() {
                    unit.environment_files.clear();
                } else {
                    let path = expand_specifiers(path.strip_prefix('-').unwrap_or(path), home);
                    unit.environment_files.push(path.into());
                }
            }
            _ => {}
        }
    }
    unit
}

/// Returns the assignments of a systemd unit, in order: section, key and value.
pub(super) fn assignments(text: &str) -> Vec<(String, String, String)> {
    let mut section = String::new();
    let mut found = Vec::new();
    for line in logical_lines(text) {
        let line = line.trim_matches(WHITESPACE);
        if let Some(name) = line.strip_prefix('[') {
            name.trim_end_matches(']').clone_into(&mut section);
        } else if let Some((key, value)) = line.split_once('=') {
            let trim = |text: &str| text.trim_matches(WHITESPACE).to_owned();
            found.push((section.clone(), trim(key), trim(value)));
        }
    }
    found
}

/// Returns the lines of a systemd unit without comments, with continued lines joined: a backslash at the end of a
/// line stands for a blank and the next line. Comments between continued lines are skipped.
fn logical_lines(text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut joined = String::new();
    for line in text.lines() {
        if line.trim_start_matches(WHITESPACE).starts_with(['#', ';']) {
            continue;
        }
        let backslashes = line.len() - line.trim_end_matches('\\').len();
        if backslashes % 2 == 1 {
            joined.push_str(&line[..line.len() - 1]);
            joined.push(' ');
        } else {
            joined.push_str(line);
            lines.push(std::mem::take(&mut joined));
        }
    }
    lines.push(joined);
    lines
}

/// Splits a value of a systemd unit into words at blanks, with quotes and escape sequences as in systemd.syntax(7).
pub(super) fn split_words(value: &str) -> Vec<String> {
    let mut words: Vec<Vec<u8>> = Vec::new();
    let mut word: Option<Vec<u8>> = None;
    let mut quote = None;
    let mut rest = value;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        match c {
            _ if quote == Some(c) => quote = None,
            '"' | '\'' if quote.is_none() => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            c if WHITESPACE.contains(&c) && quote.is_none() => words.extend(word.take()),
            '\\' => rest = push_unescaped(word.get_or_insert_default(), rest),
            c => push_char(word.get_or_insert_default(), c),
        }
    }
    words.extend(word);
    // `\xHH` stands for a byte, so only the whole word need be UTF-8.
    let text = |word: Vec<u8>| String::from_utf8_lossy(&word).into_owned();
    words.into_iter().map(text).collect()
}

/// Appends the character that an escape sequence in a systemd unit stands for to a word. `text` begins after the
/// backslash; returns the text after the sequence. The backslash of an unknown sequence is dropped.
fn push_unescaped<'a>(word: &mut Vec<u8>, text: &'a str) -> &'a str {
    let Some(first) = text.chars().next() else {
        return text;
    };
    let (start, end, radix) = match first {
        'x' => (1, 3, 16),
        'u' => (1, 5, 16),
        'U' => (1, 9, 16),
        '0'..='7' => (0, 3, 8),
        _ => (0, 0, 10),
    };
    let digits = text.get(start..end).unwrap_or_default();
    let number = u32::from_str_radix(digits, radix).ok();
    let bytes = number
        .filter(|_| digits.chars().all(|c| c.is_digit(radix)))
        .and_then(|number| match first {
            'u' | 'U' => char::from_u32(number).map(|c| c.to_string().into_bytes()),
            _ => u8::try_from(number).ok().map(|byte| vec![byte]),
        });
    if let Some(bytes) = bytes {
        word.extend(bytes);
        return &text[end..];
    }
    let plain = match first {
        'a' => '\u{7}',
        'b' => '\u{8}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\u{b}',
        's' => ' ',
        other => other,
    };
    push_char(word, plain);
    &text[first.len_utf8()..]
}

fn push_char(word: &mut Vec<u8>, c: char) {
    word.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
}

/// Expands the specifiers `%h` (the home folder) and `%%` in a text of a systemd unit; others stay as they are.
fn expand_specifiers(text: &str, home: &Path) -> String {
    let mut expanded = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '%' {
            expanded.push(c);
            continue;
        }
        match chars.next() {
            Some('h') => expanded.push_str(&home.to_string_lossy()),
            Some('%') | None => expanded.push('%'),
            Some(other) => expanded.extend(['%', other]),
        }
    }
    expanded
}

#[cfg(test)]
mod tests {
    use super::super::tests::plain_spec;
    use super::*;

    fn parsed(lines: &str) -> UnitFile {
        parse(&format!("[Service]\n{lines}"), Path::new("/home/ayşe"))
    }

    #[test]
    fn dollar_sign_is_doubled_in_arguments_only() {
        assert_eq!(exec_start("/a$b", &["a$b".to_owned()]), "\"/a$b\" \"a$$b\"");
        assert_eq!(environment("A", "a$b"), "\"A=a$b\"");
        assert_eq!(
            parsed("ExecStart=\"/a$b\" \"a$$b\"").command.argv,
            ["/a$b", "a$b"]
        );
    }

    #[test]
    fn working_directory_that_ends_with_a_backslash_does_not_join_the_next_line() {
        assert_eq!(working_directory("/home/ada"), "/home/ada");
        assert_eq!(working_directory("/100%\\"), "/100%%\\/");
        assert_eq!(working_directory("/blank "), "/blank /");
    }

    #[test]
    fn start_limit_is_reached_within_its_interval() {
        let text = render(&plain_spec());
        let number = |key: &str| -> u64 {
            let line = text
                .lines()
                .find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
            line.unwrap().parse().unwrap()
        };
        let slowest = number("TimeoutStartSec").max(number("WatchdogSec"))
            + number("RestartSec")
            + number("TimeoutStopSec");
        assert!(number("StartLimitBurst") * slowest < number("StartLimitIntervalSec"));
    }

    #[test]
    fn quotes_continuations_specifiers_and_comments_are_parsed() {
        let unit = parsed(
            "# Environment=OPENCLAW_GATEWAY_PORT=1\nEnvironment=A=1\nEnvironment=\n\
             Environment=\"OPENCLAW_STATE_DIR=%h/my state\" 'B=50%%' C=a\\x \\\n ; a comment\n  \
             OPENCLAW_GATEWAY_PORT=21789\nExecStart=/bin/openclaw gateway --port=22789\n",
        );
        let env: Vec<_> = unit.command.env.iter().map(|(k, v)| format!("{k}={v}")).collect();
        assert_eq!(
            env,
            [
                "B=50%",
                "C=ax",
                "OPENCLAW_GATEWAY_PORT=21789",
                "OPENCLAW_STATE_DIR=/home/ayşe/my state"
            ]
        );
        assert_eq!(unit.command.flag("--port"), Some("22789"));
    }

    #[test]
    fn escape_sequences_of_systemd_are_parsed() {
        let words = split_words(r#"a\x20b "\xc5\x9f\"" '\u015f\U0001F980' \101\s\t\\ \q \x2 \u12"#);
        assert_eq!(words, ["a b", "ş\"", "ş🦀", "A \t\\", "q", "x2", "u12"]);
        assert_eq!(split_words("a\u{a0}b ''"), ["a\u{a0}b", ""]);
    }

    #[test]
    fn environment_file_may_be_optional_and_is_not_split_at_blanks() {
        let unit = parsed(
            "EnvironmentFile=/cleared\nEnvironmentFile=\nEnvironmentFile=-%h/my env\nEnvironmentFile=/etc/b\n",
        );
        assert_eq!(
            unit.environment_files,
            [Path::new("/home/ayşe/my env"), Path::new("/etc/b")]
        );
    }

    #[test]
    fn other_sections_are_ignored() {
        let unit = parse(
            "[Unit]\nExecStart=no\n[Install]\nEnvironment=A=1\n",
            Path::new("/"),
        );
        assert_eq!(unit, UnitFile::default());
    }
}
