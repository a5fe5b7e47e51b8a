//! `openclaw dashboard`: the address of this instance's page, and the page itself where there is a browser.
//!
//! The token never stands on the screen or in an argument list, which every user of the host can read.
//! The browser gets it from a file of the state folder that only its owner can read (0600) and that does
//! nothing but lead on to the page, the token in the URL's fragment; the file is removed at once after.
//! The browser is only opened where the gateway of this very instance holds the port: whoever else
//! listens there would be handed the token.
//!
//! With `--json`: `ok` (whether its gateway runs), `url` (without the token), `port`, `opened`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use serde_json::json;

use super::Context;
use crate::apply;
use crate::error::{Error, ErrorKind, Result};
use crate::host::Host;
use crate::host::process::CommandSpec;
use crate::i18n::msg;
use crate::instance::Instance;
use crate::probe::{self, ProbeVerdict};
use crate::settings::Proof;

/// How long the file with the token is there for the browser to read.
const LEAD: Duration = Duration::from_secs(10);

/// How long its gateway is asked.
const PATIENCE: Duration = Duration::from_secs(3);

/// The flags.
#[derive(Debug, Args)]
pub(crate) struct DashboardArgs {
    #[arg(long)]
    pub no_open: bool,
    #[arg(long)]
    pub json: bool,
}

/// Carries the verb out.
pub(super) fn run(context: &Context<'_>, args: &DashboardArgs) -> Result<ExitCode> {
    let (host, instance, ui) = (context.host, &context.instance, context.ui);
    let (probe, proof) = probe::probe_for_client(context.instance_context(), PATIENCE);
    let authority = probe.url.trim_start_matches("ws://");
    let url = format!("http://{authority}/");
    let port = probe.port_number();
    let running = probe.is_running() && probe.verdict != ProbeVerdict::Slow;
    let opener = opener(host).filter(|_| !args.no_open && running);
    let lead = opener
        .is_some()
        .then(|| lead(instance, &url, &proof))
        .transpose()?;
    let outcome = opener
        .as_ref()
        .zip(lead.as_ref())
        .map(|(opener, lead)| open(host, opener, lead));
    if ui.is_json() {
        ui.print_json(&json!({
            "ok": running,
            "url": url,
            "port": port,
            "opened": matches!(outcome, Some(Ok(()))),
        }));
    } else {
        ui.print_line(&msg!("dashboard.url", url = url));
    }
    match &outcome {
        Some(Ok(())) => ui.eprint_paragraph(&msg!("dashboard.opening", seconds = LEAD.as_secs())),
        Some(Err(error)) => ui.print_note(&error.msg),
        None if running => {
            if !args.no_open {
                let command = format!("ssh -N -L {port}:{authority} {}", here(host));
                ui.print_note(&msg!("dashboard.no-browser", command = command));
            }
            ui.eprint_paragraph(&msg!("dashboard.ask", path = instance.config_path.display()));
        }
        None => {
            ui.eprint_paragraph(&probe.msg(instance.profile.as_str()));
            for hint in probe.hints(instance) {
                ui.eprint_paragraph(&hint);
            }
        }
    }
    if let Some(lead) = lead {
        if matches!(outcome, Some(Ok(()))) {
            // A browser says nothing of having read it.
            std::thread::sleep(LEAD);
        }
        apply::remove_file(&lead)?;
    }
    Ok(if running {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(ErrorKind::Failure.exit_code())
    })
}

/// Writes the file that leads a browser on to the page with the token.
fn lead(instance: &Instance, url: &str, proof: &Proof) -> Result<PathBuf> {
    let fragment = match proof {
        Proof::Token(secret) | Proof::Password(secret) => {
            format!("#token={}", encoded(secret.expose()))
        }
        Proof::None => "#token=".to_owned(),
    };
    let page = format!(
        "<!doctype html><meta charset=\"utf-8\"><meta name=\"referrer\" content=\"no-referrer\">\
         <meta http-equiv=\"refresh\" content=\"0;url={url}{fragment}\"><title>OpenClaw</title>\n"
    );
    let path = instance.state_dir.join("dashboard-open.html");
    apply::write_file(&path, page.as_bytes())?;
    Ok(path)
}

/// A text as it may stand in a fragment and in an attribute: everything but letters and digits encoded.
fn encoded(text: &str) -> String {
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

/// What opens a page on this desktop; none where there is no desktop.
fn opener(host: &Host) -> Option<PathBuf> {
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

fn open(host: &Host, opener: &PathBuf, lead: &std::path::Path) -> Result<()> {
    host.spawn(&CommandSpec::new(opener, [lead]))
        .map(drop)
        .map_err(|cause| {
            Error::failed(msg!("dashboard.not-opened", program = opener.display())).because(cause)
        })
}

/// `user@host`, as far as the environment tells.
fn here(host: &Host) -> String {
    let user = host.var("USER").or_else(|| host.var("LOGNAME")).unwrap_or("USER");
    // The address that this session came to: client, its port, this host, its port.
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
    fn the_file_that_leads_on_holds_the_token_for_its_owner_only_and_no_markup_of_it() {
        let dir = tempfile::tempdir().unwrap();
        let instance = Instance::canonical(dir.path(), ProfileName::parse("rescue").unwrap());
        let proof = Proof::Token(Secret::new("a\"><script>&b"));
        let path = lead(&instance, "http://127.0.0.1:19789/", &proof).unwrap();
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
    fn without_a_desktop_there_is_no_browser_and_the_way_by_ssh_names_this_host() {
        let host = Host::fixed(
            &[],
            [
                ("PATH", "/usr/bin:/bin"),
                ("USER", "ada"),
                ("SSH_CONNECTION", "192.0.2.7 50000 192.0.2.9 22"),
            ],
        );
        if cfg!(target_os = "linux") {
            assert_eq!(opener(&host), None);
        }
        assert_eq!(here(&host), "ada@192.0.2.9");
    }
}
