//! The overview of the host's gateways that renews itself, with keys that run the ordinary commands.

use std::process::ExitCode;

use clap::Command;

use super::commands::{command_lines, command_names};
use super::states::{self, GatewayState};
use super::watch::{GatewayWatch, Observed};
use crate::background;
use crate::cli::Context;
use crate::error::{Error, Result};
use crate::host::process::CommandSpec;
use crate::i18n::{Msg, msg};
use crate::instance::Instance;
use crate::record::Record;
use crate::survey::Survey;
use crate::text::wrap_hanging;
use crate::wizard::steps::SECOND_PROFILE;
use crate::wizard::terminal::Terminal;
use crate::wizard::terminal::live::{LiveKey, LiveView};

/// Maximum number of sentences about the chosen gateway.
const MAX_SENTENCES: usize = 3;
/// The highest digit that chooses a gateway.
const MAX_DIGIT: usize = 9;
/// Number of columns of the mark and the number before a gateway.
const MARK_WIDTH: usize = 4;
/// Number of rows of the heading, with the blank one below it.
const HEADING_ROWS: usize = 2;

/// A command that a key of the overview runs, or the end of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Start,
    Rescue,
    Dashboard,
    Logs,
    Quit,
    /// Ctrl-C.
    Interrupt,
}

/// Returns whether the overview can renew itself: a person is at the terminal, and it is drawn on.
pub(super) fn is_possible(context: &Context<'_>) -> bool {
    let terminal = context.host.terminal();
    let is_terminal = terminal.stdin && terminal.stdout && terminal.stderr;
    is_terminal && !context.ui.is_json() && Terminal::can_show_live(context.ui)
}

/// Shows the overview until the person quits it. Between two commands that keys run it is drawn below their output.
///
/// # Errors
/// When the terminal is gone.
pub(super) fn run(context: &Context<'_>, survey: &Survey, program: &Command) -> Result<ExitCode> {
    let chosen = context.instance_context();
    let states = states::list_gateways(chosen, survey);
    let own = survey.position(&context.instance.config_path);
    let own = own.map(|at| survey.instances[at].label.clone());
    let watch = GatewayWatch::start(chosen.to_owned(), states);
    let mut view = OverviewView {
        context,
        program,
        watch: &watch,
        selected: own.unwrap_or_default(),
    };
    let mut terminal = Terminal::new(context.ui);
    loop {
        let action = terminal.show_live(&mut view)?;
        match action {
            Action::Quit => return Ok(ExitCode::SUCCESS),
            Action::Interrupt => return Ok(ExitCode::from(Error::interrupted().kind.exit_code())),
            _ => {}
        }
        if let Err(error) = view.run_command(&mut terminal, action) {
            context.ui.report_error(&error);
        }
        watch.look_now();
    }
}

/// The overview on the terminal: what was seen last, and the gateway that is chosen.
struct OverviewView<'a> {
    context: &'a Context<'a>,
    /// The declaration of the command line, in the language of the screen.
    program: &'a Command,
    watch: &'a GatewayWatch,
    /// The label of the chosen gateway: its place may change.
    selected: String,
}

impl OverviewView<'_> {
    /// Returns the position of the chosen gateway; the first one where it is gone.
    fn selected_index(&self, states: &[GatewayState]) -> usize {
        let is_selected = |state: &GatewayState| state.label == self.selected;
        states.iter().position(is_selected).unwrap_or(0)
    }

    /// Chooses the gateway at a position, where there is one.
    fn select(&mut self, index: usize) {
        let label = {
            let observed = self.watch.observed();
            observed.states.get(index).map(|state| state.label.clone())
        };
        if let Some(label) = label {
            self.selected = label;
        }
    }

    /// Returns the lines of the gateways: where there are several, each behind its number, the chosen one with a mark.
    fn gateway_lines(&self, observed: &Observed, columns: usize) -> Vec<String> {
        let ui = &self.context.ui;
        let states = &observed.states;
        if states.len() == 1 {
            return states::gateway_lines(ui, states, self.context.host.now(), columns);
        }
        let selected = self.selected_index(states);
        let style = |text: String| console::style(text).force_styling(ui.colour());
        let room = columns.saturating_sub(MARK_WIDTH);
        let lines = states::gateway_lines(ui, states, self.context.host.now(), room);
        let marked = lines.into_iter().enumerate().map(|(at, line)| {
            let number = (at < MAX_DIGIT).then(|| (at + 1).to_string());
            let number = style(number.unwrap_or_else(|| " ".to_owned())).dim();
            let mark = match (at == selected, ui.ascii()) {
                (false, _) => " ",
                (true, true) => ">",
                (true, false) => "❯",
            };
            format!("{} {number} {line}", style(mark.to_owned()).green())
        });
        marked.collect()
    }

    /// Returns the sentences about the chosen gateway: what its probe tells, else what the doctor has found.
    fn sentences(&self, observed: &Observed) -> Vec<Msg> {
        let Some(state) = observed.states.get(self.selected_index(&observed.states)) else {
            return Vec::new();
        };
        let mut sentences = state.problems();
        sentences.truncate(MAX_SENTENCES);
        let findings = observed.findings.iter();
        let mut findings = findings.filter(|finding| finding.instance == state.label);
        if sentences.is_empty() {
            let first = findings.by_ref().take(MAX_SENTENCES - 1);
            sentences.extend(first.map(|finding| finding.msg.clone()));
        }
        let more = findings.count();
        if more > 0 {
            let command = state.instance.command();
            sentences.push(msg!("overview.findings", count = more, command = command));
        }
        sentences
    }

    /// Runs the command of a key for the chosen gateway in the terminal, as if it was typed.
    ///
    /// # Errors
    /// When the program can't be started.
    fn run_command(&self, terminal: &mut Terminal, action: Action) -> Result<()> {
        let Some((instance, words)) = self.command(action) else {
            return Ok(());
        };
        let (context, ui) = (self.context, &self.context.ui);
        let line = format!("$ {} {}", instance.command(), words.join(" "));
        let line = console::style(ui.with_typed_name(line))
            .bold()
            .force_styling(ui.colour());
        ui.eprint(&line.to_string());
        if action == Action::Logs {
            ui.eprint_paragraph(&msg!("overview.back"));
        }
        let spec = self.program_command(&instance, &words)?;
        let ran = terminal.run_program(context.host, &spec);
        ran.map_err(|cause| Error::failed(msg!("cli.usage")).because(cause))?;
        ui.eprint("");
        Ok(())
    }

    /// Returns the instance that a key's command is run for, and the words of the command; `None` where no gateway is left,
    /// or the key runs none.
    fn command(&self, action: Action) -> Option<(Instance, Vec<String>)> {
        let observed = self.watch.observed();
        let states = &observed.states;
        let state = states.get(self.selected_index(states))?;
        let words = match action {
            Action::Start => vec!["gateway", "start", "--background"],
            Action::Dashboard => vec!["dashboard"],
            Action::Logs => vec!["logs", "--follow"],
            Action::Rescue => {
                let rescuer = find_rescuer(states, state).unwrap_or(state);
                let words = ["rescue", "repair", state.instance.profile.as_str()];
                return Some((rescuer.instance.clone(), words.map(str::to_owned).to_vec()));
            }
            Action::Quit | Action::Interrupt => return None,
        };
        let words = words.into_iter().map(str::to_owned).collect();
        Some((state.instance.clone(), words))
    }

    /// Returns the command that runs this program for an instance, in the language and the colours of this run. The
    /// environment chooses the instance of this run again; nothing of it counts for another one.
    fn program_command(&self, instance: &Instance, words: &[String]) -> Result<CommandSpec> {
        let (context, ui) = (self.context, &self.context.ui);
        let no_color = (!ui.colour()).then_some("--no-color");
        let global = ["--lang", ui.lang().code()].into_iter().chain(no_color);
        let words = global.chain(words.iter().map(String::as_str));
        let target = context.instance_context().with_instance(instance);
        let mut spec = background::program_command(target, words)?;
        if instance.config_path == context.instance.config_path {
            spec.env_removed.clear();
        }
        Ok(spec)
    }
}

/// Returns the gateway from which another one is repaired: one that watches it, else the one that is called as a rescue bot
/// is, else any other.
fn find_rescuer<'a>(states: &'a [GatewayState], target: &GatewayState) -> Option<&'a GatewayState> {
    let others = || states.iter().filter(|state| state.label != target.label);
    let watches = |state: &&GatewayState| {
        let record = Record::read(&state.instance.record_path()).unwrap_or_default();
        record.rescue.watch.contains(&target.label)
    };
    others()
        .find(watches)
        .or_else(|| others().find(|state| state.label == SECOND_PROFILE))
        .or_else(|| others().next())
}

impl LiveView for OverviewView<'_> {
    type End = Action;

    fn keys(&self) -> Msg {
        if self.watch.observed().states.len() > 1 {
            msg!("overview.keys-several")
        } else {
            msg!("overview.keys")
        }
    }

    fn lines(&mut self, columns: usize, rows: usize) -> Vec<String> {
        let ui = &self.context.ui;
        let observed = self.watch.observed();
        let gateways = self.gateway_lines(&observed, columns);
        let sentences = self.sentences(&observed).into_iter();
        let sentences = sentences.flat_map(|sentence| {
            let room = columns.saturating_sub(2);
            wrap_hanging(&ui.render(&sentence), room, room.saturating_sub(2))
        });
        let sentences: Vec<_> = sentences.map(|line| format!("  {line}")).collect();
        let selected = self.selected_index(&observed.states);
        let instance = observed.states.get(selected).map(|state| &state.instance);
        let commands = instance.map(|instance| {
            let text = command_lines(ui, instance, self.program, columns);
            let names = command_names(instance).map(|name| ui.with_typed_name(format!("  {name}")));
            let lines = text.lines().map(str::to_owned);
            [lines.collect(), names.to_vec()]
        });
        let commands = commands.unwrap_or_default();
        drop(observed);
        let heading = ui.render(&msg!("overview.title", count = gateways.len()));
        let heading = console::truncate_str(&heading, columns, "");
        let heading = console::style(heading).bold().force_styling(ui.colour());
        lay_out(
            heading.to_string(),
            &gateways,
            selected,
            &[&[sentences], &commands],
            rows,
        )
    }

    fn handle_key(&mut self, key: LiveKey) -> Option<Action> {
        let (selected, count) = {
            let states = &self.watch.observed().states;
            (self.selected_index(states), states.len())
        };
        match key {
            LiveKey::Interrupt => return Some(Action::Interrupt),
            LiveKey::Escape => return Some(Action::Quit),
            LiveKey::Up => self.select(selected.saturating_sub(1)),
            LiveKey::Down => self.select(selected + 1),
            LiveKey::Home => self.select(0),
            LiveKey::End => self.select(count.saturating_sub(1)),
            LiveKey::Char(typed) => return self.handle_letter(typed),
        }
        None
    }
}

impl OverviewView<'_> {
    /// Handles a letter or a digit that was typed; returns the action of the letters that have one.
    fn handle_letter(&mut self, typed: char) -> Option<Action> {
        match typed.to_ascii_lowercase() {
            's' => Some(Action::Start),
            'r' => Some(Action::Rescue),
            'd' => Some(Action::Dashboard),
            'l' => Some(Action::Logs),
            'q' => Some(Action::Quit),
            digit => {
                let number = digit.to_digit(10).and_then(|number| number.checked_sub(1));
                if let Some(index) = number {
                    self.select(index as usize);
                }
                None
            }
        }
    }
}

/// Lays the parts of the overview out in so many rows: the heading, the gateways around the chosen one, and of each block
/// below them the first form for which there is room.
fn lay_out(
    heading: String,
    gateways: &[String],
    selected: usize,
    blocks: &[&[Vec<String>]],
    rows: usize,
) -> Vec<String> {
    let room = rows.saturating_sub(HEADING_ROWS).max(1);
    let first_block = blocks.first().and_then(|forms| forms.first());
    let first_block = first_block.map_or(0, |block| block.len() + 1);
    let shown = gateways.len().min(room.saturating_sub(first_block).max(1));
    let start = selected.saturating_sub(shown / 2).min(gateways.len() - shown);
    let mut lines = vec![heading, String::new()];
    lines.extend(gateways[start..start + shown].iter().cloned());
    for forms in blocks {
        let left = rows.saturating_sub(lines.len() + 1);
        if let Some(block) = forms.iter().find(|block| block.len() <= left)
            && !block.is_empty()
        {
            lines.push(String::new());
            lines.extend(block.iter().cloned());
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(count: usize, name: &str) -> Vec<String> {
        (1..=count).map(|number| format!("{name} {number}")).collect()
    }

    #[test]
    fn overview_shows_the_chosen_gateway_whatever_the_height() {
        let gateways = lines(30, "gateway");
        let blocks = [&[lines(2, "problem")][..], &[lines(5, "command")]];
        for rows in 3..=60 {
            for (selected, gateway) in gateways.iter().enumerate() {
                let shown = lay_out("heading".to_owned(), &gateways, selected, &blocks, rows);
                assert!(shown.len() <= rows, "{rows}: {shown:?}");
                assert!(shown.contains(gateway), "{rows}: {shown:?}");
            }
        }
    }

    #[test]
    fn block_is_shown_in_the_first_form_that_fits() {
        let blocks = [
            &[lines(2, "problem")][..],
            &[lines(5, "command"), lines(1, "name")],
        ];
        let last = |rows: usize| {
            let shown = lay_out("heading".to_owned(), &lines(1, "gateway"), 0, &blocks, rows);
            shown.last().cloned()
        };
        assert_eq!(last(12).as_deref(), Some("command 5"));
        assert_eq!(last(11).as_deref(), Some("name 1"));
        assert_eq!(last(7).as_deref(), Some("problem 2"));
    }
}
