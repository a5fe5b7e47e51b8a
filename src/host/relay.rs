//! Programs whose output is passed on while they run, line by line, so that the caller can make it safe for a terminal.

use std::io::{self, BufRead, BufReader, Read as _};
use std::process::{Child, Stdio};
use std::sync::mpsc::{self, SyncSender};

use super::Host;
use super::process::CommandSpec;

/// Maximum length of a line that is passed on, in bytes. A longer one comes in pieces.
const MAX_LINE_BYTES: u64 = 64 * 1024;
/// Number of lines that wait to be passed on; a program that writes faster is stopped by its full pipe.
const QUEUED_LINES: usize = 64;

/// The output stream of a program from which a line came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OutputStream {
    /// Standard output: the results of the program.
    Stdout,
    /// Standard error: everything else.
    Stderr,
}

/// The end of a program whose output was passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RelayEnd {
    /// The program ended; with its exit code, or `None` where a signal ended it.
    Exit(Option<i32>),
    /// The receiver of the lines wanted no more, so that the program was killed.
    Stopped,
}

impl Host {
    /// Runs a program and passes each line of its output to `line`, without the line end and with bytes that are not UTF-8
    /// replaced, until `line` returns `false`. Where `has_input`, it reads the standard input of this program. It belongs to
    /// the process group of this program, so that a Ctrl-C in the terminal ends both.
    ///
    /// # Errors
    /// When the program can't be started.
    pub(crate) fn relay(
        &self,
        spec: &CommandSpec,
        has_input: bool,
        line: &mut dyn FnMut(OutputStream, String) -> bool,
    ) -> io::Result<RelayEnd> {
        let mut command = spec.to_command(self);
        command
            .stdin(if has_input {
                Stdio::inherit()
            } else {
                Stdio::null()
            })
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn()?;
        let (sender, lines) = mpsc::sync_channel(QUEUED_LINES);
        send_lines(child.stdout.take(), OutputStream::Stdout, sender.clone());
        send_lines(child.stderr.take(), OutputStream::Stderr, sender);
        for (stream, text) in &lines {
            if !line(stream, text) {
                return stop(&mut child);
            }
        }
        Ok(RelayEnd::Exit(child.wait()?.code()))
    }
}

/// Kills a program whose lines are wanted no more.
fn stop(child: &mut Child) -> io::Result<RelayEnd> {
    child.kill()?;
    child.wait()?;
    Ok(RelayEnd::Stopped)
}

/// Sends the lines of an output stream in a thread of its own, until the stream ends or nobody receives them.
fn send_lines(
    stream: Option<impl io::Read + Send + 'static>,
    kind: OutputStream,
    lines: SyncSender<(OutputStream, String)>,
) {
    let Some(stream) = stream else {
        return;
    };
    std::thread::spawn(move || {
        let mut reader = BufReader::new(stream);
        while let Some(text) = next_line(&mut reader) {
            if lines.send((kind, text)).is_err() {
                return;
            }
        }
    });
}

/// Reads the next line of a program's output, without its end and with bytes that are not UTF-8 replaced; one that is too
/// long comes in pieces. `None` at the end of the output, and where it can't be read.
pub(crate) fn next_line(reader: &mut impl BufRead) -> Option<String> {
    let mut bytes = Vec::new();
    let read = reader.take(MAX_LINE_BYTES).read_until(b'\n', &mut bytes);
    let text = String::from_utf8_lossy(&bytes);
    matches!(read, Ok(1..)).then(|| text.trim_end_matches(['\n', '\r']).to_owned())
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn relay(script: &str, max_lines: usize) -> (RelayEnd, Vec<(OutputStream, String)>) {
        let host = Host::fixed(&[], [("PATH", "/usr/bin:/bin")]);
        let mut lines = Vec::new();
        let spec = CommandSpec::new("/bin/sh", ["-c", script]);
        let end = host.relay(&spec, false, &mut |stream, line| {
            lines.push((stream, line));
            lines.len() < max_lines
        });
        lines.sort_by_key(|(stream, _)| *stream == OutputStream::Stderr);
        (end.unwrap(), lines)
    }

    #[test]
    fn lines_of_both_streams_are_passed_on_with_the_exit_code() {
        let (end, lines) = relay("echo one; echo two >&2; printf 'th\\377ree'; exit 3", 9);
        assert_eq!(end, RelayEnd::Exit(Some(3)));
        let line = |stream, text: &str| (stream, text.to_owned());
        assert_eq!(
            lines,
            [
                line(OutputStream::Stdout, "one"),
                line(OutputStream::Stdout, "th\u{fffd}ree"),
                line(OutputStream::Stderr, "two"),
            ]
        );
    }

    #[test]
    fn program_that_writes_without_end_is_killed_when_nobody_wants_more() {
        let (end, lines) = relay("exec yes", 5);
        assert_eq!((end, lines.len()), (RelayEnd::Stopped, 5));
        let (_, lines) = relay("head -c 100000 /dev/zero | tr '\\0' x; exec sleep 600", 1);
        assert_eq!(lines[0].1.len(), 64 * 1024, "a line without end comes in pieces");
    }
}
