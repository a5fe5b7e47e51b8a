//! The gateways of the host as the overview shows them: how each is, in one line, and what is wrong with it.

use std::time::{Instant, SystemTime};

use console::{Alignment, measure_text_width, pad_str};

use crate::cli::status::verdict::coloured_verdict;
use crate::i18n::{Msg, duration_msg, msg};
use crate::instance::{Instance, InstanceContext};
use crate::probe::{self, Probe, VerdictClass};
use crate::rescue::diagnose;
use crate::survey::{Survey, SurveyedInstance};
use crate::ui::Ui;

/// Blanks between two columns of the list of gateways.
const COLUMN_GAP: usize = 2;
/// Maximum share of the line that the name of a gateway takes, as a divisor.
const LABEL_SHARE: usize = 3;

/// The gateway of one instance of the host, as the overview knows it.
#[derive(Clone, Debug)]
pub(super) struct GatewayState {
    /// The instance, with what the environment sets for it where it is the chosen one.
    pub(super) instance: Instance,
    /// The name of the instance on this host.
    pub(super) label: String,
    /// The last probe; `None` before the first one.
    pub(super) probe: Option<Probe>,
}

impl GatewayState {
    /// Returns what is wrong with a gateway, or what it needs, the most important first, by its last probe.
    pub(super) fn problems(&self) -> Vec<Msg> {
        let Some(probe) = &self.probe else {
            return Vec::new();
        };
        let is_faulty = probe.verdict.class() == VerdictClass::Faulty;
        let faulty = is_faulty.then(|| probe.msg(&self.label));
        let deaf = diagnose::cause_of_deafness(probe).map(|cause| cause.msg());
        let warning = probe.warning.as_ref().map(|text| msg!("ui.typed", text = text));
        let hints = probe.hints(&self.instance);
        faulty
            .into_iter()
            .chain(deaf)
            .chain(warning)
            .chain(hints)
            .collect()
    }

    /// Returns the cells of a gateway's line: its state, port, engine and uptime, each empty where it is not known.
    fn cells(&self, ui: &Ui, now: SystemTime) -> [String; 4] {
        let Some(probe) = &self.probe else {
            let looking = ui.render(&msg!("overview.looking"));
            return [looking, String::new(), String::new(), String::new()];
        };
        let port = probe
            .port
            .map(|port| ui.render(&msg!("overview.port", port = port)));
        let version = probe.version.as_deref().filter(|_| probe.is_running());
        let engine = [Some(probe.engine.name()), version];
        let up = probe.started.filter(|_| probe.is_running());
        let up = up.and_then(|at| now.duration_since(at).ok());
        let up = up.map(|up| ui.render(&Msg::new("overview.up").with_msg("up", duration_msg(up))));
        [
            coloured_verdict(ui, &probe.verdict),
            port.unwrap_or_default(),
            engine.into_iter().flatten().collect::<Vec<_>>().join(" "),
            up.unwrap_or_default(),
        ]
    }
}

/// Returns the gateways of a survey, which were not probed yet, in the order in which a person reads them. What the
/// environment sets for the chosen instance counts for it.
pub(super) fn list_gateways(chosen: InstanceContext<'_>, survey: &Survey) -> Vec<GatewayState> {
    let position = survey.position(&chosen.instance.config_path);
    let mut found: Vec<_> = survey.instances.iter().enumerate().collect();
    found.sort_by_cached_key(|(_, found)| found.reading_order());
    let state = |(at, found): (usize, &SurveyedInstance)| GatewayState {
        instance: if position == Some(at) {
            chosen.instance.clone()
        } else {
            probe::instance_of(chosen.env, found)
        },
        label: found.label.clone(),
        probe: None,
    };
    found.into_iter().map(state).collect()
}

/// Probes the gateways of a survey of the host that was just made, all at the same time. Returns by `deadline`.
pub(super) fn probe_gateways(
    chosen: InstanceContext<'_>,
    survey: &Survey,
    deadline: Instant,
) -> Vec<GatewayState> {
    let mut states = list_gateways(chosen, survey);
    let host = &chosen.host.with_deadline(deadline);
    let probes = probe::probe_all(host, chosen.env, survey, deadline);
    for (found, probe) in survey.instances.iter().zip(probes) {
        if let Some(state) = states.iter_mut().find(|state| state.label == found.label) {
            state.probe = Some(probe);
        }
    }
    // A port or a token of the environment is the chosen instance's alone.
    let is_set = chosen.instance.env_port.is_some() || chosen.instance.env_token.is_some();
    let own = survey.position(&chosen.instance.config_path).filter(|_| is_set);
    if let Some(own) = own.map(|at| &survey.instances[at].label)
        && let Some(state) = states.iter_mut().find(|state| state.label == *own)
    {
        state.probe = Some(probe::probe_surveyed(chosen, survey, deadline));
    }
    states
}

/// Returns one line for each gateway, in columns. Where the line is too narrow for all columns, the last ones are left out.
pub(super) fn gateway_lines(
    ui: &Ui,
    states: &[GatewayState],
    now: SystemTime,
    columns: usize,
) -> Vec<String> {
    let ellipsis = if ui.ascii() { "..." } else { "…" };
    let rows: Vec<_> = states.iter().map(|state| state.cells(ui, now)).collect();
    let label_width = states.iter().map(|state| measure_text_width(&state.label));
    let label_width = label_width.max().unwrap_or(0).min(columns / LABEL_SHARE);
    let mut widths = [0; 4];
    for cells in &rows {
        for (width, cell) in widths.iter_mut().zip(cells) {
            *width = measure_text_width(cell).max(*width);
        }
    }
    let mut left = columns.saturating_sub(label_width);
    let fits = widths.iter().take_while(|width| {
        let room = left.checked_sub(COLUMN_GAP + **width);
        left = room.unwrap_or(0);
        room.is_some()
    });
    let shown = fits.count().max(1);
    let line = |(state, cells): (&GatewayState, &[String; 4])| {
        let label = console::truncate_str(&state.label, label_width, ellipsis);
        let mut line = pad_str(&label, label_width, Alignment::Left, None).into_owned();
        for (cell, width) in cells.iter().zip(widths).take(shown) {
            line.push_str(&" ".repeat(COLUMN_GAP));
            line.push_str(&pad_str(cell, width, Alignment::Left, None));
        }
        let line = console::truncate_str(&line, columns, ellipsis);
        line.trim_end().to_owned()
    };
    states.iter().zip(&rows).map(line).collect()
}
