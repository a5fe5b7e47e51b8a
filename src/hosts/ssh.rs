//! The `ssh` of this host, as it is started to ask a remote host.
//!
//! The user's own `ssh` config, keys and agent are used. What is set on top keeps a run without a person short and harmless:
//! no password is asked for, nothing is forwarded to a host that may be hostile, and one connection is shared by the
//! commands of a minute (`ControlMaster`), which makes the second one immediate.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use super::fault::HostFault;
use super::list::RemoteHost;
use crate::apply;
use crate::host::Host;
use crate::host::process::CommandSpec;
use crate::i18n::Lang;
use crate::text::{quote_for_shell, sanitize_document};

/// Maximum size of the answer of a remote host, in bytes: a host with a thousand instances stays below it.
const MAX_ANSWER_BYTES: u64 = 8 * 1024 * 1024;
/// Time that a connection takes at most, on top of the time that the command there has.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Maximum length of the folder of the sockets of shared connections: with the file's name and a suffix of `ssh`, a path of a
/// socket must fit 104 bytes.
const MAX_SOCKET_FOLDER_LENGTH: usize = 44;
/// Shell program that starts `openclaw` on a remote host: its second name first, which OpenClaw from npm does not have, and also
/// from the folders that a login there adds to the search path.
const FIND_AND_RUN: &str = "PATH=\"$PATH:$HOME/.local/bin:$HOME/.cargo/bin:$HOME/.npm-global/bin:/usr/local/bin:/opt/homebrew/bin\"; \
    export PATH; for name in openclaw-rs openclaw; do command -v \"$name\" >/dev/null 2>&1 && exec \"$name\" \"$@\"; done; exit 127";

/// The `ssh` of this host.
#[derive(Clone, Debug)]
pub(crate) struct SshClient<'a> {
    host: &'a Host,
    /// Path of the program; `None` where there is none.
    program: Option<PathBuf>,
    /// Folder of the sockets of shared connections, which need not exist yet; `None` where connections are not shared.
    sockets: Option<PathBuf>,
    lang: Lang,
    /// The width to lay output out in, in columns.
    columns: Option<usize>,
}

/// A question for the `openclaw` of a remote host: a command whose answer is one JSON document.
#[derive(Clone, Debug)]
pub(crate) struct RemoteQuestion<'a> {
    /// The words of the command.
    pub(crate) words: &'a [&'a str],
    /// The bytes on its standard input.
    pub(crate) input: &'a [u8],
    /// Time that the command there may take. A connection may take [`CONNECT_TIMEOUT`] on top.
    pub(crate) limit: Duration,
}

impl<'a> SshClient<'a> {
    /// Finds the `ssh` of this host. The answers of remote hosts come in `lang`. Only reads.
    pub(crate) fn find(host: &'a Host, state_home: &Path, lang: Lang) -> Self {
        Self {
            host,
            program: host.find_program("ssh"),
            sockets: socket_folder(host, state_home),
            lang,
            columns: None,
        }
    }

    /// Has the remote hosts lay their output out for a terminal of this many columns.
    #[must_use]
    pub(crate) fn with_columns(self, columns: usize) -> Self {
        Self {
            columns: Some(columns),
            ..self
        }
    }

    /// Returns the command line that runs `openclaw` with these words on a remote host.
    ///
    /// # Errors
    /// Where there is no `ssh`.
    pub(crate) fn command<S: AsRef<str>>(
        &self,
        remote: &RemoteHost,
        words: &[S],
    ) -> Result<CommandSpec, HostFault> {
        let program = self.program.as_ref().ok_or(HostFault::NoSsh)?;
        let connect = format!("ConnectTimeout={}", CONNECT_TIMEOUT.as_secs());
        let mut options = vec![
            "BatchMode=yes".to_owned(),
            connect,
            "ServerAliveInterval=5".to_owned(),
            "ServerAliveCountMax=2".to_owned(),
            "ForwardAgent=no".to_owned(),
            "ForwardX11=no".to_owned(),
            "ClearAllForwardings=yes".to_owned(),
            "PermitLocalCommand=no".to_owned(),
            "RemoteCommand=none".to_owned(),
            "LogLevel=ERROR".to_owned(),
        ];
        let sockets = self.sockets.as_ref();
        match sockets.filter(|folder| apply::make_folders(folder).is_ok()) {
            Some(folder) => options.extend([
                "ControlMaster=auto".to_owned(),
                "ControlPersist=60".to_owned(),
                format!("ControlPath={}/%C", folder.display()),
            ]),
            None => options.extend(["ControlMaster=no".to_owned(), "ControlPath=none".to_owned()]),
        }
        let mut args = vec!["-T".to_owned()];
        args.extend(options.into_iter().flat_map(|option| ["-o".to_owned(), option]));
        args.extend(["--".to_owned(), remote.address.as_str().to_owned()]);
        args.push(self.remote_line(remote, words));
        Ok(CommandSpec::new(program, args))
    }

    /// Returns the line for the shell of a remote host that runs `openclaw` with these words.
    fn remote_line<S: AsRef<str>>(&self, remote: &RemoteHost, words: &[S]) -> String {
        let start = match &remote.program {
            Some(program) => quote_for_shell(program),
            None => format!("sh -c {} openclaw", quote_for_shell(FIND_AND_RUN)),
        };
        let width = self.columns.map(|columns| format!("env COLUMNS={columns} "));
        let words = words.iter().map(AsRef::as_ref);
        let words = ["--lang", self.lang.code()].into_iter().chain(words);
        let quoted: Vec<_> = words.map(quote_for_shell).collect();
        format!("{}{start} {}", width.unwrap_or_default(), quoted.join(" "))
    }

    /// Asks the `openclaw` of a remote host, and returns its JSON document. Its texts are safe for a terminal.
    ///
    /// # Errors
    /// The reason why there is no document. A document that reports a problem is none: the caller reads it.
    pub(crate) fn ask(&self, remote: &RemoteHost, question: &RemoteQuestion<'_>) -> Result<Value, HostFault> {
        let words: Vec<_> = question.words.iter().copied().chain(["--json"]).collect();
        let mut spec = self.command(remote, &words)?;
        spec.input = question.input.to_vec();
        spec.output_limit = Some(MAX_ANSWER_BYTES);
        let limit = question.limit + CONNECT_TIMEOUT;
        let output = self.host.run(&spec, limit).map_err(|_| HostFault::NoSsh)?;
        if output.overflowed {
            return Err(HostFault::TooLong);
        }
        if output.timed_out {
            return Err(HostFault::TimedOut(limit.as_secs()));
        }
        match serde_json::from_str::<Value>(&output.stdout) {
            Ok(document) if document.is_object() => Ok(sanitize_document(document)),
            _ => Err(HostFault::of_exit(output.code, &output.stderr).unwrap_or(HostFault::OtherProgram)),
        }
    }

    /// Ends the shared connection to a remote host, where there is one.
    pub(crate) fn disconnect(&self, remote: &RemoteHost) {
        let (Some(program), Some(folder)) = (&self.program, &self.sockets) else {
            return;
        };
        let path = format!("ControlPath={}/%C", folder.display());
        let args = ["-o", &path, "-O", "exit", "--", remote.address.as_str()];
        // Where there is no connection, there is nothing to end.
        let _ = self.host.run(&CommandSpec::new(program, args), CONNECT_TIMEOUT);
    }
}

/// Returns the folder for the sockets of shared connections, which is made so that nobody else may enter it. `None` where its path
/// is too long for a socket, or the `ssh` of the system has no shared connections (Windows).
fn socket_folder(host: &Host, state_home: &Path) -> Option<PathBuf> {
    let runtime = host.var("XDG_RUNTIME_DIR").map(Path::new);
    let runtime = runtime.filter(|folder| folder.is_absolute() && folder.is_dir());
    let folder = runtime.map_or_else(|| state_home.join("ssh"), |folder| folder.join("openclaw-ssh"));
    let text = folder.to_str()?;
    let is_usable = cfg!(unix) && text.len() <= MAX_SOCKET_FOLDER_LENGTH && !text.contains(['%', '"', ' ']);
    is_usable.then_some(folder)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hosts::{HostName, SshAddress};

    fn line(program: Option<&str>, words: &[&str]) -> String {
        let host = Host::fixed(&[], [("", ""); 0]);
        let client = SshClient {
            host: &host,
            program: Some("ssh".into()),
            sockets: None,
            lang: Lang::english(),
            columns: None,
        };
        let remote = RemoteHost {
            name: HostName::parse("box").unwrap(),
            address: SshAddress::parse("me@box").unwrap(),
            program: program.map(str::to_owned),
        };
        let spec = client.command(&remote, words).unwrap();
        let args: Vec<_> = spec.args.iter().map(|arg| arg.to_str().unwrap()).collect();
        assert_eq!(args[args.len() - 3..args.len() - 1], ["--", "me@box"]);
        assert!(args.contains(&"BatchMode=yes"), "{args:?}");
        args[args.len() - 1].to_owned()
    }

    #[test]
    fn words_reach_the_shell_of_a_remote_host_as_they_are() {
        assert_eq!(
            line(
                Some("/opt/my tools/openclaw"),
                &["config", "set", "a.b", "it's $HOME; `id`"]
            ),
            r"'/opt/my tools/openclaw' --lang en config set a.b 'it'\''s $HOME; `id`'"
        );
        let searched = line(None, &["status", ""]);
        assert!(searched.starts_with("sh -c '"), "{searched}");
        assert!(
            searched.ends_with("exit 127' openclaw --lang en status ''"),
            "{searched}"
        );
    }
}
