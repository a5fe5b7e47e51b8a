//! `openclaw man`: writes man pages with the commands and texts of the help.
//!
//! The pages are made with `roff` itself: `clap_mangen` has English headings only, and upper-cases them by rules that are
//! wrong for a Turkish i.

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

/// The arguments of `openclaw man`.
#[derive(Debug, Args)]
pub(crate) struct ManArgs {
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
}

/// Section of the manual that the program's man pages belong to.
const MAN_SECTION: &str = "1";

/// Date field of a man page: a blank, so that the pages are the same on every day. `roff` would leave an empty field
/// out.
const NO_DATE: &str = " ";

/// Prints the program's manual page, or writes the manual page of each command into a folder.
pub(super) fn run(ui: Ui, program: Command, args: &ManArgs) -> Result<ExitCode> {
    let mut root = help::localise(program, ui.lang());
    root.build();
    match &args.dir {
        None => ui.print(render_page(&root, &root, ui.lang()).trim_end()),
        Some(dir) => {
            if !dir.is_dir() {
                let error = Error::failed(msg!("man.not-a-folder", path = dir.display()));
                return Err(error.hint(msg!("man.make-folder", path = dir.display())));
            }
            for command in all_commands(&root) {
                let path = dir.join(format!("{}.{MAN_SECTION}", page_title(command)));
                write_page(&path, &render_page(&root, command, ui.lang()))?;
                ui.print_note(&msg!("man.written", path = path.display()));
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Returns a command of the command line and all its subcommands.
fn all_commands(command: &Command) -> Vec<&Command> {
    let mut all = vec![command];
    all.extend(command.get_subcommands().flat_map(all_commands));
    all
}

/// Returns the title of a command's man page: `openclaw-config-set`.
fn page_title(command: &Command) -> String {
    command
        .get_bin_name()
        .unwrap_or(command.get_name())
        .replace(' ', "-")
}

/// Renders the man page of a command.
fn render_page(root: &Command, command: &Command, lang: Lang) -> String {
    let text = |msg: Msg| msg.render(lang);
    let mut page = Roff::new();
    let title = page_title(command);
    let source = concat!("openclaw ", env!("CARGO_PKG_VERSION"));
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    page.control(
        "TH",
        [&title, MAN_SECTION, NO_DATE, source, &text(msg!("man.manual"))],
    );
    // groff would hyphenate words by the rules of English.
    page.control("nh", []);
    page.control("ad", ["l"]);
    page.control("SH", [text(msg!("man.name")).as_str()]);
    page.text([roman(format!("{title} - {}", about.trim_end_matches('.')))]);
    page.control("SH", [text(msg!("man.synopsis")).as_str()]);
    let usage = help::usage_line(command, lang);
    let name = command.get_bin_name().unwrap_or(command.get_name());
    page.text([bold(name), roman(usage.strip_prefix(name).unwrap_or_default())]);
    page.control("SH", [text(msg!("man.description")).as_str()]);
    page.text([roman(about)]);
    if command.has_subcommands() {
        page.control("SH", [text(msg!("man.commands")).as_str()]);
        for sub in command.get_subcommands() {
            page.control("TP", []);
            page.text([bold(format!("{}({MAN_SECTION})", page_title(sub)))]);
            page.text([roman(
                sub.get_about().map(ToString::to_string).unwrap_or_default(),
            )]);
        }
    }
    page.control("SH", [text(msg!("man.options")).as_str()]);
    for (heading, entries) in help::sections(command, lang) {
        page.control("SS", [heading.trim_end_matches(':')]);
        for (left, right) in entries {
            page.control("TP", []);
            page.text(styled_label(&left));
            page.text([roman(right)]);
        }
    }
    if std::ptr::eq(root, command) {
        add_exit_codes(&mut page, lang);
    } else {
        page.control("SH", [text(msg!("man.see-also")).as_str()]);
        page.text([bold(format!("{}({MAN_SECTION})", page_title(root)))]);
    }
    page.render()
}

/// Styles a label of a man page such as `--flow FLOW`: flags are bold, and placeholders of values are italic.
fn styled_label(left: &str) -> Vec<Inline> {
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

/// Adds the section with the exit codes of the program to a man page (docs/design.md#exit-codes).
fn add_exit_codes(page: &mut Roff, lang: Lang) {
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

/// Writes a page through a temporary file. Only a regular file is replaced: a link, a device or a FIFO with that name was
/// put there on purpose.
#[expect(
    clippy::disallowed_methods,
    reason = "a man page is not a file of an instance: it needs neither its modes nor its transaction"
)]
fn write_page(path: &Path, page: &str) -> Result<()> {
    let not_written = |e: io::Error| Error::failed(msg!("man.not-written", path = path.display())).because(e);
    match std::fs::symlink_metadata(path) {
        Ok(meta) if !meta.is_file() => {
            return Err(Error::failed(msg!("man.not-a-file", path = path.display())));
        }
        Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(not_written(e)),
        _ => {}
    }
    let draft = path.with_extension(format!("{MAN_SECTION}.{}.tmp", std::process::id()));
    let made = OpenOptions::new().write(true).create_new(true).open(&draft);
    let replace = |mut file: File| {
        file.write_all(page.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&draft, path)
    };
    let written = made.and_then(|file| {
        replace(file).inspect_err(|_| {
            // The first error is the one to report. A draft that cannot be removed is recognised by its name.
            let _ = std::fs::remove_file(&draft);
        })
    });
    written.map_err(not_written)
}
