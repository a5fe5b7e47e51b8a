//! `openclaw man`: man pages from the same commands and words as the help.
//!
//! The pages are written with `roff` itself: `clap_mangen` sets its English headings between our words
//! and puts them in upper case by rules that are wrong for a Turkish i.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Command};
use roff::{Inline, Roff, bold, italic, roman};

use crate::error::{Error, Result};
use crate::help;
use crate::i18n::{Lang, Msg, msg};
use crate::ui::Ui;

/// `openclaw man`
#[derive(Debug, Args)]
pub(crate) struct ManArgs {
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
}

/// The section of commands.
const SECTION: &str = "1";

/// The same page comes out on every day. Blank, because `roff` would leave an empty argument out.
const NO_DATE: &str = " ";

/// Prints the program's page, or writes the page of each command into a folder.
pub(super) fn run(ui: Ui, program: Command, args: &ManArgs) -> Result<ExitCode> {
    let mut root = help::localise(program, ui.lang());
    root.build();
    match &args.dir {
        None => ui.print(page(&root, &root, ui.lang()).trim_end()),
        Some(dir) => {
            if !dir.is_dir() {
                let error = Error::failed(msg!("man.not-a-folder", path = dir.display()));
                return Err(error.hint(msg!("man.make-folder", path = dir.display())));
            }
            for command in commands(&root) {
                let path = dir.join(format!("{}.{SECTION}", title(command)));
                write(&path, &page(&root, command, ui.lang()))?;
                ui.print_note(&msg!("man.written", path = path.display()));
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The command and all below it.
fn commands(command: &Command) -> Vec<&Command> {
    let mut all = vec![command];
    all.extend(command.get_subcommands().flat_map(commands));
    all
}

/// `openclaw-config-set`
fn title(command: &Command) -> String {
    command
        .get_bin_name()
        .unwrap_or(command.get_name())
        .replace(' ', "-")
}

fn page(root: &Command, command: &Command, lang: Lang) -> String {
    let say = |msg: Msg| msg.render(lang);
    let mut page = Roff::new();
    let title = title(command);
    let source = concat!("openclaw ", env!("CARGO_PKG_VERSION"));
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    page.control("TH", [&title, SECTION, NO_DATE, source, &say(msg!("man.manual"))]);
    // groff would break our words by the rules of English.
    page.control("nh", []);
    page.control("ad", ["l"]);
    page.control("SH", [say(msg!("man.name")).as_str()]);
    page.text([roman(format!("{title} - {}", about.trim_end_matches('.')))]);
    page.control("SH", [say(msg!("man.synopsis")).as_str()]);
    let usage = help::usage_line(command, lang);
    let name = command.get_bin_name().unwrap_or(command.get_name());
    page.text([bold(name), roman(usage.strip_prefix(name).unwrap_or_default())]);
    page.control("SH", [say(msg!("man.description")).as_str()]);
    page.text([roman(about)]);
    if command.has_subcommands() {
        page.control("SH", [say(msg!("man.commands")).as_str()]);
        for sub in command.get_subcommands() {
            page.control("TP", []);
            page.text([bold(format!("{}({SECTION})", self::title(sub)))]);
            page.text([roman(
                sub.get_about().map(ToString::to_string).unwrap_or_default(),
            )]);
        }
    }
    page.control("SH", [say(msg!("man.options")).as_str()]);
    for (heading, entries) in help::sections(command, lang) {
        page.control("SS", [heading.trim_end_matches(':')]);
        for (left, right) in entries {
            page.control("TP", []);
            page.text(typed(&left));
            page.text([roman(right)]);
        }
    }
    if std::ptr::eq(root, command) {
        exit_codes(&mut page, lang);
    } else {
        page.control("SH", [say(msg!("man.see-also")).as_str()]);
        page.text([bold(format!("{}({SECTION})", self::title(root)))]);
    }
    page.render()
}

/// `--flow FLOW` with what is typed as it stands in bold, and what is put in for a word in italics.
fn typed(left: &str) -> Vec<Inline> {
    let mut inlines = Vec::new();
    for word in left.split_inclusive(' ') {
        if word.starts_with('-') {
            inlines.push(bold(word));
        } else {
            inlines.push(italic(word));
        }
    }
    inlines
}

/// The exit codes of the whole program (docs/design.md#exit-codes).
fn exit_codes(page: &mut Roff, lang: Lang) {
    page.control("SH", [msg!("man.exit-codes").render(lang).as_str()]);
    for (code, meaning) in [
        ("0", msg!("man.code-0")),
        ("1", msg!("man.code-1")),
        ("2", msg!("man.code-2")),
        ("3", msg!("man.code-3")),
        ("78", msg!("man.code-78")),
        ("130", msg!("man.code-130")),
    ] {
        page.control("TP", []);
        page.text([bold(code)]);
        page.text([roman(meaning.render(lang))]);
    }
}

/// Writes a page whole. Only a regular file is replaced: a link, a device or a FIFO of that name is there for
/// somebody's purpose.
#[expect(
    clippy::disallowed_methods,
    reason = "a man page is no file of an instance: it needs neither its modes nor its transaction"
)]
fn write(path: &Path, page: &str) -> Result<()> {
    let not_written = |e: io::Error| Error::failed(msg!("man.not-written", path = path.display())).because(e);
    match std::fs::symlink_metadata(path) {
        Ok(meta) if !meta.is_file() => {
            return Err(Error::failed(msg!("man.not-a-file", path = path.display())));
        }
        Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(not_written(e)),
        _ => {}
    }
    let draft = path.with_extension(format!("{SECTION}.{}.tmp", std::process::id()));
    let made = OpenOptions::new().write(true).create_new(true).open(&draft);
    let place = |mut file: File| {
        file.write_all(page.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&draft, path)
    };
    let placed = made.and_then(|file| {
        place(file).inspect_err(|_| {
            // The first failure is the one to report; a draft that stays is recognised by its name.
            let _ = std::fs::remove_file(&draft);
        })
    });
    placed.map_err(not_written)
}
