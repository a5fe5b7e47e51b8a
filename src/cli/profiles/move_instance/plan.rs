//! The plan of a move: what is moved, what the other host says to it, and what does not come along. Only reads and asks.

use serde_json::{Value, json};

use crate::archive::{ArchiveKind, FileSet};
use crate::cli::profiles::export;
use crate::cli::{Context, left_out};
use crate::engine;
use crate::environment::abbreviate_home;
use crate::error::{Error, Result};
use crate::hosts::{RemoteHost, RemoteQuestion, this_host_name};
use crate::i18n::{Msg, msg, size_msg};
use crate::instance::Instance;
use crate::moves::{MoveFailure, MoveOffer, OFFER_VERSION, OfferReply};
use crate::ports::Port;
use crate::probe;
use crate::record::Engine;
use crate::releases::RunMode;
use crate::secret::keyed_digest;
use crate::service;
use crate::settings::InstanceFiles;
use crate::survey::named_paths::PathPurpose;
use crate::survey::{Survey, SurveyedInstance};

/// Time that the other host may take to judge an offer.
const JUDGE_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(40);

/// The plan of a move.
pub(super) struct MovePlan<'a> {
    /// The instance on this host.
    pub(super) instance: Instance,
    /// The other host.
    pub(super) remote: &'a RemoteHost,
    /// What the other host is told.
    pub(super) offer: MoveOffer,
    /// What it answered.
    reply: OfferReply,
    /// The files that come along, as they are now.
    files: FileSet,
    /// What does not come along, or comes along in another way.
    notes: Vec<Msg>,
}

impl<'a> MovePlan<'a> {
    /// Plans a move, and asks the other host whether it would take the instance.
    ///
    /// # Errors
    /// Where the instance can't be moved, the other host is not reached, or it refuses.
    pub(super) fn make(
        context: &Context<'_>,
        survey: &Survey,
        found: &SurveyedInstance,
        remote: &'a RemoteHost,
        new_ports: bool,
    ) -> Result<Self> {
        let instance = probe::instance_of(&context.env, found);
        let files = InstanceFiles::read(&instance)?;
        let at = context.instance_context().with_instance(&instance);
        let mode = RunMode::of(at)?;
        let (_, packed) = export::collect(context, survey, found, true, None)?;
        let engine_version = match files.record.engine {
            Engine::Native => None,
            Engine::Node => Some(engine::locate_for(at, &files.record)?.version),
        };
        let key: [u8; 32] = context.host.random();
        let digest = |(_, token): &(String, crate::secret::Secret)| {
            hex::encode(keyed_digest(&key, token.expose().trim()))
        };
        let pins = found.claims.iter().filter(|claim| !claim.is_pool());
        let pins = pins.filter(|claim| claim.pinning_key().is_some());
        let offer = MoveOffer {
            version: OFFER_VERSION,
            id: hex::encode(context.host.random::<16>()),
            from: this_host_name(context.host),
            profile: instance.profile.to_string(),
            base: found.base.map(|(family, _)| family.base().into()),
            pinned: pins.filter_map(|claim| Port::new(claim.span.first)).collect(),
            new_ports,
            bytes: packed.padded_size()?,
            engine: files.record.engine,
            release: files.record.release.clone(),
            engine_version,
            mode,
            key: hex::encode(key),
            tokens: found.tokens.iter().map(digest).collect(),
        };
        let reply = ask_host(context, remote, &offer)?;
        let mut notes = notes(context, survey, found, &files.config);
        if mode == RunMode::Service && !reply.has_manager {
            notes.push(msg!("move.note-no-manager", host = remote.name));
        }
        Ok(Self {
            instance,
            remote,
            offer,
            reply,
            files: packed,
            notes,
        })
    }

    /// Returns the base port that the gateway will have, for the screen.
    pub(super) fn base_text(&self) -> String {
        self.reply
            .base
            .map_or_else(|| "-".to_owned(), |port| port.to_string())
    }

    /// Prints the plan.
    pub(super) fn print(&self, context: &Context<'_>) {
        let (ui, profile, host) = (&context.ui, &self.instance.profile, &self.remote.name);
        ui.print_line(
            &msg!(
                "move.plan",
                profile = profile,
                host = host,
                files = self.files.sources.len()
            )
            .with_msg("size", size_msg(self.offer.bytes)),
        );
        let port = self.base_text();
        let is_same = self.offer.base == self.reply.base;
        ui.print_detail(&if is_same {
            msg!("move.plan-port", port = port)
        } else {
            msg!("move.plan-new-port", port = port)
        });
        ui.print_detail(&match self.offer.mode {
            RunMode::Stopped => msg!("move.plan-stopped", host = host),
            _ => msg!("move.plan-downtime", host = host),
        });
        let state = abbreviate_home(&context.env.home, &self.instance.state_dir);
        ui.print_detail(&msg!("move.plan-aside", path = state));
        for note in &self.notes {
            ui.print_note(note);
        }
        left_out::print(context, ArchiveKind::Export, &self.files.left_out);
    }

    /// Returns the plan as a JSON document.
    pub(super) fn document(&self, context: &Context<'_>) -> Value {
        let notes: Vec<_> = self.notes.iter().map(|note| context.ui.render(note)).collect();
        json!({
            "ok": true,
            "profile": self.instance.profile.as_str(),
            "host": self.remote.name.as_str(),
            "basePort": self.reply.base,
            "files": self.files.sources.len(),
            "bytes": self.offer.bytes,
            "notes": notes,
            "leftOut": left_out::document(&self.files.left_out),
        })
    }
}

/// Asks the other host whether it would take the instance.
fn ask_host(context: &Context<'_>, remote: &RemoteHost, offer: &MoveOffer) -> Result<OfferReply> {
    let _asking = context.ui.spinner(&msg!("hosts.asking", count = 1));
    let input = serde_json::to_vec(offer).unwrap_or_default();
    let question = RemoteQuestion {
        words: &["profiles", "receive", "--check"],
        input: &input,
        limit: JUDGE_TIMEOUT,
    };
    let document = context.ssh().ask(remote, &question);
    let document = document.map_err(|fault| fault.to_error(remote))?;
    if let Some(failure) = MoveFailure::parse(&document) {
        return Err(refused(remote, &failure));
    }
    OfferReply::parse(&document).ok_or_else(|| Error::failed(msg!("move.other-program", host = remote.name)))
}

/// Returns the error about another host that refused a move, in its words.
pub(super) fn refused(remote: &RemoteHost, failure: &MoveFailure) -> Error {
    let error = if failure.code.starts_with("cli.") {
        Error::failed(msg!("move.other-program", host = remote.name))
    } else {
        Error::blocked(msg!("hosts.said", host = remote.name, what = failure.message))
    };
    let is_about_ports = failure.code.starts_with("ports.") || failure.code == "move.pinned-taken";
    let error = if is_about_ports {
        error.hint(msg!("move.new-ports"))
    } else {
        error
    };
    failure.hints.iter().fold(error, |error, hint| {
        error.hint(msg!("move.there", host = remote.name, what = hint))
    })
}

/// Returns what does not come along with an instance.
fn notes(context: &Context<'_>, survey: &Survey, found: &SurveyedInstance, config: &Value) -> Vec<Msg> {
    let home = &context.env.home;
    let mut notes = Vec::new();
    let other_workspaces = found.workspaces.iter().skip(1);
    for path in other_workspaces.filter(|path| !path.starts_with(&found.real_state)) {
        notes.push(msg!("move.note-workspace", path = abbreviate_home(home, path)));
    }
    let others = found.named_paths.iter().filter(|named| {
        named.purpose != PathPurpose::Workspace && !named.path.starts_with(&found.real_state)
    });
    for named in others {
        let path = abbreviate_home(home, &named.path);
        notes.push(msg!("move.note-path", path = path, key = named.key));
    }
    for path in found.service_drop_ins() {
        notes.push(msg!("move.note-drop-in", path = abbreviate_home(home, &path)));
    }
    let instance = probe::instance_of(&context.env, found);
    let at = context.instance_context().with_instance(&instance);
    let drift = service::drift(at).ok().flatten().unwrap_or_default();
    if !drift.added_lines.is_empty() {
        notes.push(msg!("move.note-unit", lines = drift.added_lines.join("; ")));
    }
    if config.get("browser").is_some() {
        notes.push(msg!("move.note-browser"));
    }
    let is_watching = |other: &&SurveyedInstance| {
        let record = other.record();
        record.is_some_and(|record| {
            record
                .rescue
                .watch
                .iter()
                .any(|name| name == instance.profile.as_str())
        })
    };
    for watcher in survey.instances.iter().filter(is_watching) {
        notes.push(msg!(
            "move.note-watched",
            profile = instance.profile,
            watcher = watcher.label
        ));
    }
    notes
}
