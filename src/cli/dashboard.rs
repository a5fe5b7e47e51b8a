//! `openclaw dashboard`: prints the address of this instance's dashboard, and opens it where there is a browser.
//!
//! The token is never on the screen or in an argument list, which every user of the host can read. The browser gets it
//! from a file in the state folder that only its owner can read (0600). The file redirects to the dashboard, with the
//! token in the URL's fragment, and is removed soon after. The browser is opened only when the gateway of this instance
//! holds the port: any other process there would get the token.
//!
//! `--copy` sends the URL with the token to the clipboard of the terminal (OSC 52), which works over SSH too; it is not seen.
//!
//! `--code` asks the gateway for a one-time code that is typed into the page.
//!
//! `--qr` draws it for another device, where the gateway listens for others than this host.
//!
//! With `--json`: `ok` (the gateway runs), `url` (without the token), `port`, `opened`, with `--code` also `code` and
//! `expiresInMs`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use serde_json::json;

use super::Context;
use super::gateway::call::endpoint_of;
use crate::apply;
use crate::client;
use crate::error::{Error, ErrorKind, Result};
use crate::host::Host;
use crate::host::process::CommandSpec;
use crate::i18n::msg;
use crate::instance::Instance;
use crate::probe::{self, Probe, ProbeVerdict};
use crate::record::Engine;
use crate::settings::ClientAuth;
use crate::ui::{ReportOutcome, Ui};

mod qr;

/// Time for which the dashboard's redirect file exists, so that the browser can read it.
const REDIRECT_FILE_LIFETIME: Duration = Duration::from_secs(10);

/// Maximum time for the gateway to answer `openclaw dashboard`.
const PROBE_TIMEOUT: Duration = Duration::from_secs(3);

/// The arguments of `openclaw dashboard`.
#[derive(Debug, Default, Args)]
pub(crate) struct DashboardArgs {
    #[arg(long)]
    pub(crate) no_open: bool,
    #[arg(long)]
    pub(crate) copy: bool,
    #[arg(long, conflicts_with_all = ["copy", "json"])]
    pub(crate) qr: bool,
    #[arg(long, conflicts_with_all = ["copy", "qr"])]
    pub(crate) code: bool,
    #[arg(long)]
    pub(crate) json: bool,
}

/// Runs `openclaw dashboard`.
pub(super) fn run(context: &Context<'_>, args: &DashboardArgs) -> Result<ExitCode> {
    let (host, instance, ui) = (context.host, &context.instance, context.ui);
    require_terminal(context, args)?;
    let (probe, auth) = probe::probe_for_client(context.instance_context(), PROBE_TIMEOUT);
    let authority = probe.url.trim_start_matches("ws://");
    let url = format!("http://{authority}/");
    let port = probe.port_number();
    let running = is_served(&probe);
    let outcome = outcome(&probe, running);
    if args.code && running {
        return print_code(context, probe, auth);
    }
    let opener = find_opener(host).filter(|_| !args.no_open && !args.copy && !args.qr && running);
    let redirect_file = opener
        .is_some()
        .then(|| write_redirect_file(instance, &url, &auth))
        .transpose()?;
    let launch = opener
        .as_ref()
        .zip(redirect_file.as_ref())
        .map(|(opener, file)| open_in_browser(host, opener, file));
    print_url(ui, outcome, &url, port, matches!(launch, Some(Ok(()))));
    match &launch {
        Some(Ok(())) => ui.eprint_paragraph(&msg!(
            "dashboard.opening",
            seconds = REDIRECT_FILE_LIFETIME.as_secs()
        )),
        Some(Err(error)) => ui.print_note(&error.msg),
        None if running && args.qr => print_qr(context, port, &auth)?,
        None if running => {
            if !args.no_open && find_opener(host).is_none() {
                let command = format!("ssh -N -L {port}:{authority} {}", ssh_destination(host));
                ui.print_note(&msg!("dashboard.no-browser", command = command));
            }
            print_sign_in(context, args, &url, &auth);
        }
        None => {
            ui.eprint_paragraph(&probe.msg(instance.profile.as_str()));
            for hint in probe.hints(instance) {
                ui.eprint_paragraph(&hint);
            }
        }
    }
    if let Some(file) = redirect_file {
        if matches!(launch, Some(Ok(()))) {
            // Nothing tells when the browser has read the file.
            std::thread::sleep(REDIRECT_FILE_LIFETIME);
        }
        apply::remove_file(&file)?;
    }
    Ok(outcome.exit_code())
}

/// Prints the URL of the dashboard, and with `--json` whether it was opened.
fn print_url(ui: Ui, outcome: ReportOutcome, url: &str, port: u16, opened: bool) {
    if ui.is_json() {
        ui.print_report(outcome, json!({ "url": url, "port": port, "opened": opened }));
    } else {
        ui.print_line(&msg!("dashboard.url", url = url));
    }
}

/// Asks the gateway for a one-time code, and prints it with the URL of the page that it is typed into.
///
/// # Errors
/// When the gateway requires no token, is OpenClaw from npm, or does not answer.
fn print_code(context: &Context<'_>, probe: Probe, auth: ClientAuth) -> Result<ExitCode> {
    if matches!(auth, ClientAuth::None) {
        return Err(Error::failed(msg!("dashboard.code-needless")));
    }
    if probe.engine == Engine::Node {
        let command = context.instance.command();
        return Err(
            Error::failed(msg!("dashboard.code-engine")).hint(msg!("dashboard.hint-copy", command = command))
        );
    }
    let url = format!("http://{}/", probe.url.trim_start_matches("ws://"));
    let port = probe.port_number();
    let endpoint = endpoint_of(context, probe, auth)?;
    let answer = client::call(&endpoint, "instance.signInCode", None, PROBE_TIMEOUT)?;
    let code = answer["code"].as_str().unwrap_or_default();
    let ui = &context.ui;
    if ui.is_json() {
        ui.print_json(&json!({
            "ok": true, "url": url, "port": port, "opened": false, "code": code,
            "expiresInMs": answer["expiresInMs"],
        }));
        return Ok(ExitCode::SUCCESS);
    }
    ui.print_line(&msg!("dashboard.url", url = url));
    ui.print_line(&msg!("dashboard.code", code = code));
    ui.eprint_paragraph(&msg!("dashboard.code-how"));
    Ok(ExitCode::SUCCESS)
}

/// Refuses `--copy` and `--qr` where no terminal would get the signed-in URL or could draw it.
fn require_terminal(context: &Context<'_>, args: &DashboardArgs) -> Result<()> {
    let is_terminal = context.host.terminal().stderr;
    if args.copy && !is_terminal {
        return Err(Error::usage(msg!("dashboard.copy-terminal")));
    }
    let can_draw = is_terminal && !context.ui.ascii() && !context.ui.plain();
    if args.qr && !can_draw {
        return Err(Error::usage(msg!("dashboard.qr-terminal")));
    }
    Ok(())
}

/// Draws the signed-in URL of the dashboard for another device.
fn print_qr(context: &Context<'_>, port: u16, auth: &ClientAuth) -> Result<()> {
    let address = qr::reachable_address(context, port)?;
    let url = signed_in_url(&format!("http://{address}/"), auth);
    context.ui.eprint(&qr::draw(&url, context.ui.error_width())?);
    context
        .ui
        .eprint_paragraph(&msg!("dashboard.qr-scan", address = address));
    Ok(())
}

/// Returns whether the gateway serves the dashboard's page now.
fn is_served(probe: &Probe) -> bool {
    probe.is_running() && probe.verdict != ProbeVerdict::Slow && !probe.verdict.is_in_transition()
}

/// Returns the outcome of `openclaw dashboard`: a failure where the gateway does not serve the page.
fn outcome(probe: &Probe, running: bool) -> ReportOutcome {
    if running {
        ReportOutcome::Fine
    } else {
        ReportOutcome::Problem(ErrorKind::Failure, probe.msg("").key())
    }
}

/// Sends the signed-in URL of the dashboard to the clipboard for `--copy`, else says how to sign in.
fn print_sign_in(context: &Context<'_>, args: &DashboardArgs, url: &str, auth: &ClientAuth) {
    let (ui, instance) = (context.ui, &context.instance);
    if args.copy {
        ui.copy_to_clipboard(&signed_in_url(url, auth));
        ui.eprint_paragraph(&msg!("dashboard.copied"));
        return;
    }
    if matches!(auth, ClientAuth::None) {
        return;
    }
    ui.eprint_paragraph(&msg!("dashboard.ask", path = instance.config_path.display()));
    ui.eprint_paragraph(&msg!("dashboard.hint-copy", command = instance.command()));
    ui.eprint_paragraph(&msg!("dashboard.hint-code", command = instance.command()));
}

/// Returns the URL of the dashboard with the gateway's token in its fragment, which no server and no log gets.
fn signed_in_url(url: &str, auth: &ClientAuth) -> String {
    match auth {
        ClientAuth::Token(secret) | ClientAuth::Password(secret) => {
            format!("{url}#token={}", percent_encode(secret.expose()))
        }
        ClientAuth::None => format!("{url}#token="),
    }
}

/// Writes the file that redirects a browser to the dashboard, with the gateway's token.
fn write_redirect_file(instance: &Instance, url: &str, auth: &ClientAuth) -> Result<PathBuf> {
    let target = signed_in_url(url, auth);
    let page = format!(
        "<!doctype html><meta charset=\"utf-8\"><meta name=\"referrer\" content=\"no-referrer\">\
         <meta http-equiv=\"refresh\" content=\"0;url={target}\"><title>OpenClaw</title>\n"
    );
    let path = instance.state_dir.join("dashboard-open.html");
    apply::write_file(&path, page.as_bytes())?;
    Ok(path)
}

/// Percent-encodes everything but ASCII letters and digits, so that a text is safe in a URL's fragment and in an HTML
/// attribute.
fn percent_encode(text: &str) -> String {
    use std::fmt::Write as _;
    text.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() {
            out.push(char::from(byte));
        } else {
            // Writing to a String can't fail.
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}

/// Returns `true` if the dashboard's page can be opened in a browser of this desktop.
pub(super) fn can_open(host: &Host) -> bool {
    find_opener(host).is_some()
}

/// Returns the program that opens the dashboard's page on this desktop, or `None` without a desktop.
fn find_opener(host: &Host) -> Option<PathBuf> {
    if cfg!(target_os = "macos") {
        return host.find_program("open");
    }
    if cfg!(windows) {
        return host.find_program("explorer.exe");
    }
    let desktop = host.var("DISPLAY").or_else(|| host.var("WAYLAND_DISPLAY"));
    desktop?;
    ["xdg-open", "gio-open", "sensible-browser"]
        .iter()
        .find_map(|name| host.find_program(name))
}

/// Starts the desktop's program that opens a file in the browser.
fn open_in_browser(host: &Host, opener: &PathBuf, file: &std::path::Path) -> Result<()> {
    host.spawn(&CommandSpec::new(opener, [file]))
        .map(drop)
        .map_err(|cause| {
            Error::failed(msg!("dashboard.not-opened", program = opener.display())).because(cause)
        })
}

/// Returns `user@host` of this machine for `ssh`, as far as the environment tells.
fn ssh_destination(host: &Host) -> String {
    let user = host.var("USER").or_else(|| host.var("LOGNAME")).unwrap_or("USER");
    // The variable has four fields: the client's address and port, this host's address and port.
    let connection = host.var("SSH_CONNECTION");
    let address = connection.and_then(|text| text.split_whitespace().nth(2));
    let address = address.map(str::to_owned).or_else(|| host.hostname());
    format!("{user}@{}", address.as_deref().unwrap_or("HOST"))
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "the tests make their own files")]
mod tests {
    use super::*;
    use crate::profile::ProfileName;
    use crate::secret::Secret;

    #[test]
    fn redirect_file_is_private_and_escapes_the_token() {
        let dir = tempfile::tempdir().unwrap();
        let instance = Instance::canonical(dir.path(), ProfileName::parse("rescue").unwrap());
        let auth = ClientAuth::Token(Secret::new("a\"><script>&b"));
        let path = write_redirect_file(&instance, "http://127.0.0.1:19789/", &auth).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(
            text.contains("url=http://127.0.0.1:19789/#token=a%22%3E%3Cscript%3E%26b\""),
            "{text}"
        );
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = std::fs::metadata(&path).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[test]
    fn host_without_a_desktop_has_no_opener_and_gets_an_ssh_command() {
        let host = Host::fixed(
            &[],
            [
                ("PATH", "/usr/bin:/bin"),
                ("USER", "ada"),
                ("SSH_CONNECTION", "192.0.2.7 50000 192.0.2.9 22"),
            ],
        );
        if cfg!(target_os = "linux") {
            assert_eq!(find_opener(&host), None);
        }
        assert_eq!(ssh_destination(&host), "ada@192.0.2.9");
    }
}
