//! `openclaw man`: shows or writes man pages with the commands and texts of the help.
//!
//! On a terminal a page is shown by the system's `man`, which chooses the pager (`MANPAGER`, `PAGER`) and its width. Where
//! there is no such program, the page is printed as plain text; elsewhere than on a terminal, as troff source.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Command};

use crate::error::{Error, Result};
use crate::help::{self, HelpDetail};
use crate::host::Host;
use crate::host::process::CommandSpec;
use crate::i18n::{Lang, Msg, msg};
use crate::instance::shell_quote;
use crate::ui::Ui;

mod page;

use page::{Block, MAN_SECTION, ManPage, Span};

/// The arguments of `openclaw man`.
#[derive(Debug, Args)]
pub(crate) struct ManArgs {
    #[arg(value_name = "COMMAND", conflicts_with = "dir")]
    pub(crate) command: Vec<String>,
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
}

/// Exit codes of `man` after it showed a page: success, and a pager that ended with an error of its own.
const MAN_SHOWED_PAGE: [i32; 2] = [0, 3];

/// Shows or prints the manual page of the program or of a command, or writes the pages of all commands into a folder.
pub(super) fn run(host: &Host, ui: Ui, program: Command, args: &ManArgs) -> Result<ExitCode> {
    let mut root = help::localise(program, ui.lang());
    root.build();
    match &args.dir {
        None => {
            let chosen = args.command.iter().try_fold(&root, |command, word| {
                let found = command.find_subcommand(word);
                found.ok_or_else(|| help::unknown_command(command, word))
            })?;
            show_page(host, ui, &man_page(&root, chosen, ui.lang()));
        }
        Some(dir) => {
            if !dir.is_dir() {
                let error = Error::failed(msg!("man.not-a-folder", path = dir.display()));
                return Err(error.hint(msg!("man.make-folder", path = shell_quote(dir))));
            }
            for command in all_commands(&root) {
                let path = dir.join(format!("{}.{MAN_SECTION}", page_title(command)));
                write_page(&path, &man_page(&root, command, ui.lang()).to_troff())?;
                ui.print_note(&msg!("man.written", path = path.display()));
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Shows a manual page on a terminal, or prints its source where stdout is none.
fn show_page(host: &Host, ui: Ui, page: &ManPage) {
    if !host.terminal().stdout {
        ui.print(page.to_troff().trim_end());
    } else if !is_shown_by_man(host, page) {
        ui.print(ui.fit_charset(page.to_text(ui.width())).trim_end());
    }
}

/// Shows a manual page with the system's `man`, and waits until its reader has left. Returns `false` where there is no
/// such program, or one that reads no page from its input.
fn is_shown_by_man(host: &Host, page: &ManPage) -> bool {
    let Some(man) = host.find_program("man") else {
        return false;
    };
    // Ctrl-C is the pager's, which goes on: the shell must not get the terminal back before.
    let _ = ctrlc::set_handler(|| {});
    let spec = CommandSpec::new(man, ["-l", "-"]);
    let ended = host.run_in_foreground_with_input(&spec, page.to_troff().as_bytes());
    // Without a code, a signal ended it.
    ended.is_ok_and(|code| code.is_none_or(|code| MAN_SHOWED_PAGE.contains(&code)))
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

/// Returns the man page of a command.
fn man_page(root: &Command, command: &Command, lang: Lang) -> ManPage {
    let text = |msg: Msg| msg.render(lang);
    let title = page_title(command);
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    let mut page = ManPage::new(&title, &text(msg!("man.manual")));
    page.add_section(
        text(msg!("man.name")),
        vec![Block::plain(format!("{title} - {}", about.trim_end_matches('.')))],
    );
    let usage = help::usage_line(command, lang);
    let name = command.get_bin_name().unwrap_or(command.get_name());
    let arguments = usage.strip_prefix(name).unwrap_or_default().to_owned();
    let usage = vec![Span::Bold(name.to_owned()), Span::Plain(arguments)];
    page.add_section(text(msg!("man.synopsis")), vec![Block::Paragraph(usage)]);
    page.add_section(text(msg!("man.description")), vec![Block::plain(about)]);
    let commands = command.get_subcommands().map(|sub| {
        let about = sub.get_about().map(ToString::to_string).unwrap_or_default();
        Block::Entry(vec![page_reference(sub)], about)
    });
    page.add_section(text(msg!("man.commands")), commands.collect());
    let mut options = Vec::new();
    for (heading, entries) in help::sections(command, lang, HelpDetail::All) {
        options.push(Block::Subheading(heading.trim_end_matches(':').to_owned()));
        let entries = entries.into_iter();
        options.extend(entries.map(|(label, text)| Block::Entry(styled_label(&label), text)));
    }
    page.add_section(text(msg!("man.options")), options);
    let examples = help::examples(command).iter();
    let examples = examples.map(|line| Block::Paragraph(vec![Span::Bold((*line).to_owned())]));
    page.add_section(text(msg!("man.examples")), examples.collect());
    if std::ptr::eq(root, command) {
        page.add_section(text(msg!("man.exit-codes")), exit_codes(lang));
    } else {
        let see_also = vec![Block::Paragraph(vec![page_reference(root)])];
        page.add_section(text(msg!("man.see-also")), see_also);
    }
    page
}

/// Returns the name of a command's man page with its section of the manual: `openclaw-config(1)`.
fn page_reference(command: &Command) -> Span {
    Span::Bold(format!("{}({MAN_SECTION})", page_title(command)))
}

/// Styles a label of a man page such as `--flow FLOW`: flags are bold, and placeholders of values are italic.
fn styled_label(label: &str) -> Vec<Span> {
    let words = label.split_inclusive(' ').map(str::to_owned);
    words
        .map(|word| {
            if word.starts_with('-') {
                Span::Bold(word)
            } else {
                Span::Italic(word)
            }
        })
        .collect()
}

/// Returns the exit codes of the program for its man page (docs/design.md#exit-codes).
fn exit_codes(lang: Lang) -> Vec<Block> {
    let codes = [
        ("0", msg!("man.code-0")),
        ("1", msg!("man.code-1")),
        ("2", msg!("man.code-2")),
        ("3", msg!("man.code-3")),
        ("78", msg!("man.code-78")),
        ("130", msg!("man.code-130")),
    ];
    let entry =
        |(code, meaning): (&str, Msg)| Block::Entry(vec![Span::Bold(code.to_owned())], meaning.render(lang));
    codes.map(entry).into()
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
