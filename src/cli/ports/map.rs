//! The port map of `openclaw ports`, as text and as a document.

use console::{Style, measure_text_width};
use serde_json::{Value, json};

use crate::i18n::{Msg, msg};
use crate::ports::{ClaimReason, Listener, PortFamily, PortSource, Role, Span, merge_spans};
use crate::profile::ProfileName;
use crate::survey::map::{MappedPort, PortMap, PortMapEntry, PortNeighbour};
use crate::survey::{ConfigHealth, Survey, SurveyedInstance};
use crate::ui::Ui;
use crate::ui::port_chart::{self, ChartGlyphs, ChartRow, ChartTone};

/// Prints the map of all instances' ports, as text or as a JSON document.
pub(super) fn print_map(ui: Ui, survey: &Survey) {
    let map = survey.port_map();
    if ui.is_json() {
        ui.print_json(&map_document(ui, survey, &map));
        return;
    }
    if survey.instances.is_empty() {
        ui.print_paragraph(&msg!("ports.nobody"));
        return;
    }
    print_chart(ui, survey, &map);
    let mut entries: Vec<_> = survey.instances.iter().zip(&map.entries).collect();
    entries.sort_by_key(|(instance, _)| first_port(instance));
    for (instance, entry) in entries {
        ui.print("");
        print_instance(ui, instance, entry);
    }
    if !map.foreign_listeners.is_empty() {
        ui.print("");
        ui.print_paragraph(&msg!("ports.others"));
        for listener in &map.foreign_listeners {
            let place = listener.address().to_string();
            ui.print_hanging(2, 4, &format!("{place}: {}", ui.render(&listener.msg())));
        }
    }
    if let Some(range) = survey.ephemeral {
        ui.print("");
        ui.print_paragraph(&msg!("ports.ephemeral-range", span = range));
    }
}

/// Returns the port by which an instance is sorted into the port map: its base port, else the first one that it holds.
fn first_port(instance: &SurveyedInstance) -> u16 {
    let base = instance.running.or(instance.base.map(|(family, _)| family));
    let held = || instance.claims.iter().map(|claim| claim.span.first).min();
    base.map(|family| family.base().get())
        .or_else(held)
        .unwrap_or(u16::MAX)
}

/// Returns the row of an instance in the chart of ports.
fn chart_row(instance: &SurveyedInstance) -> ChartRow {
    // The few ports between the fixed ones are drawn too: gaps there would carry no information.
    let families = instance
        .claims
        .iter()
        .filter_map(PortFamily::from_base_claim)
        .map(PortFamily::span);
    let claims = instance.claims.iter().map(|claim| claim.span);
    ChartRow {
        is_own: false,
        label: instance.label.clone(),
        spans: merge_spans(families.chain(claims).collect()),
    }
}

/// Prints the chart of all instances' ports, with its legend.
fn print_chart(ui: Ui, survey: &Survey, map: &PortMap<'_>) {
    let glyphs = ChartGlyphs::new(ui.ascii() || ui.plain());
    let mut instances: Vec<_> = survey.instances.iter().collect();
    instances.sort_by_key(|instance| first_port(instance));
    let rows: Vec<_> = instances
        .into_iter()
        .map(chart_row)
        .filter(|row| !row.spans.is_empty())
        .collect();
    let paint = |tone: ChartTone, text: &str| tone_style(ui, tone).apply_to(text).to_string();
    for line in port_chart::draw(
        &rows,
        &map.shared,
        &map.clashes,
        ui.width().clamp(40, 200),
        glyphs,
        paint,
    ) {
        ui.print(&line);
    }
    let tones = [
        (ChartTone::Held, msg!("ports.legend-held"), !rows.is_empty()),
        (
            ChartTone::Shared,
            msg!("ports.legend-shared"),
            !map.shared.is_empty(),
        ),
        (
            ChartTone::Clash,
            msg!("ports.legend-clash"),
            !map.clashes.is_empty(),
        ),
    ];
    let legend: Vec<_> = tones
        .iter()
        .filter(|(.., there)| *there)
        .map(|(tone, word, _)| {
            format!(
                "{} {}",
                paint(*tone, &glyphs.glyph(*tone).to_string()),
                ui.render(word)
            )
        })
        .collect();
    if !legend.is_empty() {
        ui.print(&legend.join("   "));
    }
}

/// Returns the style of a tone of the port map, without colour where the terminal has none.
fn tone_style(ui: Ui, tone: ChartTone) -> Style {
    tone.style().force_styling(ui.colour())
}

/// Prints an instance with its ports and its conflicts.
fn print_instance(ui: Ui, instance: &SurveyedInstance, entry: &PortMapEntry<'_>) {
    let bold = Style::new().force_styling(ui.colour()).bold();
    let label = bold.apply_to(&instance.label);
    ui.print_hanging(0, 2, &format!("{label}: {}", ui.render(&base_port_msg(instance))));
    if let ConfigHealth::Broken(fault) = &instance.config {
        let why = msg!("ports.broken", place = fault.location(&instance.config_path))
            .with_msg("why", fault.why.clone());
        ui.print_detail(&why);
    }
    for port in &entry.ports {
        let role = port.claim.role.msg();
        let (tone, state) = port_state(port);
        let mut state = tone_style(ui, tone).apply_to(ui.render(&state)).to_string();
        if let ClaimReason::Pinned(key) = &port.claim.reason {
            state = format!("{state} ({key})");
        }
        print_three_columns(ui, &port.claim.span.to_string(), &ui.render(&role), &state);
    }
    for PortNeighbour { conflict, msg, .. } in &entry.neighbours {
        let kind = if *conflict {
            ChartTone::Clash
        } else {
            ChartTone::Shared
        };
        let word = if *conflict {
            msg!("ports.conflict")
        } else {
            msg!("ports.overlap")
        };
        let word = tone_style(ui, kind).apply_to(ui.render(&word)).to_string();
        ui.print_hanging(2, 4, &format!("{word} {}", ui.render(msg)));
    }
}

/// Returns the sentence with the span of an instance's ports and the source of its base port.
fn base_port_msg(instance: &SurveyedInstance) -> Msg {
    let bases = instance
        .claims
        .iter()
        .filter_map(PortFamily::from_base_claim)
        .count();
    if let Some(running) = instance.running {
        let span = running.span();
        return match instance.base {
            Some((family, _)) => msg!("ports.base-running", span = span, configured = family.base()),
            None => msg!("ports.base-running-only", span = span),
        };
    }
    match instance.base {
        None => msg!("ports.no-base"),
        Some((_, PortSource::Default)) if bases > 1 => msg!("ports.either"),
        Some((family, source)) => {
            msg!("ports.base-from", span = family.span()).with_msg("source", source_msg(source))
        }
    }
}

/// Returns the sentence about the process that holds a port now, and the tone of that sentence in the port map.
fn port_state(port: &MappedPort<'_>) -> (ChartTone, Msg) {
    match (port.own_listener, port.blocking_listeners.as_slice()) {
        (Some(own), _) => {
            let pid = own.process().map_or(0, |owner| owner.pid);
            (ChartTone::Held, msg!("ports.state-own", pid = pid))
        }
        (None, []) => (ChartTone::Faint, msg!("ports.state-free")),
        (None, held) if port.claim.is_pool() => (
            ChartTone::Shared,
            msg!("ports.state-pool", held = held.len(), all = port.claim.span.len()),
        ),
        (None, [first, ..]) => (
            ChartTone::Clash,
            msg!("ports.state-held", ip = first.ip).with_msg("process", first.msg()),
        ),
    }
}

/// Prints a span of ports, its role and its state in three columns. A state that does not fit is continued below.
fn print_three_columns(ui: Ui, first: &str, second: &str, third: &str) {
    let fixed = Role::FIXED.into_iter().map(|(role, _)| role);
    let roles = fixed
        .chain([Role::CdpPool, Role::Pinned])
        .map(|role| ui.render(&role.msg()));
    let widest = roles.map(|role| measure_text_width(&role)).max().unwrap_or(0);
    let blanks = " ".repeat(widest.saturating_sub(measure_text_width(second)));
    let start = format!("  {first:<11}  {second}{blanks}");
    if measure_text_width(&start) + 2 + measure_text_width(third) <= ui.width() {
        ui.print(&format!("{start}  {third}"));
    } else {
        ui.print(start.trim_end());
        ui.print_hanging(4, 4, third);
    }
}

/// Returns the sentence about where the survey found the base port of an instance.
fn source_msg(source: PortSource) -> Msg {
    match source {
        // A survey sees neither flags nor the environment of a run.
        PortSource::Config | PortSource::Flag | PortSource::Environment => msg!("ports.source-config"),
        PortSource::Service => msg!("ports.source-service"),
        PortSource::EnvFile => msg!("ports.source-env-file"),
        PortSource::Backup => msg!("ports.source-backup"),
        PortSource::Record => msg!("ports.source-record"),
        PortSource::Default => msg!("ports.source-default"),
    }
}

/// Returns the JSON document of the port map.
fn map_document(ui: Ui, survey: &Survey, map: &PortMap<'_>) -> Value {
    let instances = survey.instances.iter().zip(&map.entries);
    json!({
        "ok": true,
        "ephemeral": survey.ephemeral.map(span_document),
        "excluded": survey.excluded.iter().copied().map(span_document).collect::<Vec<_>>(),
        "instances": instances.map(|(instance, entry)| instance_document(ui, instance, entry)).collect::<Vec<_>>(),
        "listeners": map.foreign_listeners.iter().map(|listener| listener_document(listener)).collect::<Vec<_>>(),
    })
}

/// Returns an instance as a part of the port map's JSON document.
fn instance_document(ui: Ui, instance: &SurveyedInstance, entry: &PortMapEntry<'_>) -> Value {
    let (health, fault) = match &instance.config {
        ConfigHealth::Ok => ("ok", None),
        ConfigHealth::Missing => ("missing", None),
        ConfigHealth::Broken(fault) => ("invalid", Some(fault)),
    };
    let neighbours = entry.neighbours.iter().map(|neighbour| {
        json!({ "label": neighbour.label, "conflict": neighbour.conflict, "message": ui.render(&neighbour.msg) })
    });
    json!({
        "label": instance.label,
        "profile": instance.profile.as_ref().map(ProfileName::as_str),
        "config": instance.config_path,
        "stateDir": instance.state_dir,
        "service": instance.service,
        "health": health,
        "fault": fault.map(|fault| json!({
            "line": fault.position.map(|(line, _)| line),
            "column": fault.position.map(|(_, column)| column),
            "message": ui.render(&fault.why),
        })),
        "base": instance.base.map(|(family, _)| family.base()),
        "source": instance.base.map(|(_, source)| source.name()),
        "running": instance.running.map(PortFamily::base),
        "ports": entry.ports.iter().map(port_document).collect::<Vec<_>>(),
        "neighbours": neighbours.collect::<Vec<_>>(),
    })
}

/// Returns a port as a part of the port map's JSON document.
fn port_document(port: &MappedPort<'_>) -> Value {
    let (why, key) = match &port.claim.reason {
        ClaimReason::Derived => ("derived", None),
        ClaimReason::Pinned(key) => ("pinned", Some(key)),
    };
    let state = match (port.own_listener, port.blocking_listeners.as_slice()) {
        (Some(_), _) => "own",
        (None, []) => "free",
        (None, _) => "held",
    };
    json!({
        "first": port.claim.span.first,
        "last": port.claim.span.last,
        "role": port.claim.role.name(),
        "why": why,
        "key": key,
        "state": state,
        "listeners": port.own_listener.iter().chain(&port.blocking_listeners).map(|l| listener_document(l)).collect::<Vec<_>>(),
    })
}

/// Returns the process that listens at a port as a part of the port map's JSON document.
fn listener_document(listener: &Listener) -> Value {
    let owner = listener.process();
    json!({
        "ip": listener.ip,
        "port": listener.port,
        "pid": owner.map(|owner| owner.pid),
        "name": owner.map(|owner| owner.name.as_str()),
        "instance": owner.and_then(|owner| owner.instance.as_deref()),
    })
}

/// Returns a range of ports as a part of a JSON document.
pub(crate) fn span_document(span: Span) -> Value {
    json!({ "first": span.first, "last": span.last })
}
