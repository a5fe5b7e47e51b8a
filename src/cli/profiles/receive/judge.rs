//! Whether an instance that another host offers can be taken here. Only reads.

use crate::cli::Context;
use crate::cli::profiles::import;
use crate::engine;
use crate::error::{Error, Result};
use crate::host;
use crate::i18n::{msg, size_msg};
use crate::instance::Instance;
use crate::moves::{MoveOffer, OFFER_VERSION};
use crate::ports::{Claim, Port, PortFamily};
use crate::profile::ProfileName;
use crate::record::{Engine, Record};
use crate::secret::keyed_digest;
use crate::service;
use crate::survey::Survey;

/// Room that an arriving instance needs besides its files: the archive is kept beside them for a while.
const EXTRA_BYTES: u64 = 64 * 1024 * 1024;

/// The decision that an instance can be taken, with what it will have here.
pub(super) struct Acceptance {
    /// The instance as it will be.
    pub(super) instance: Instance,
    /// Its ports.
    pub(super) ports: PortFamily,
    /// `true` if a service manager can run it.
    pub(super) has_manager: bool,
    /// The host as it was judged.
    pub(super) survey: Survey,
}

impl Acceptance {
    /// Judges an offer.
    ///
    /// # Errors
    /// The first reason why it can't be taken.
    pub(super) fn judge(context: &Context<'_>, offer: &MoveOffer) -> Result<Self> {
        if offer.version != OFFER_VERSION {
            return Err(Error::failed(msg!("move.other-protocol")));
        }
        let profile = ProfileName::parse(&offer.profile).map_err(|error| error.to_error(&offer.profile))?;
        let instance = Instance::canonical(&context.env.home, profile);
        let survey = context.survey();
        import::refuse_taken(&survey, &instance)?;
        let registry = survey.registry();
        registry.require_valid(&registry.path.display().to_string())?;
        refuse_shared_tokens(&survey, offer)?;
        require_engine(context, &instance, offer)?;
        require_room(&instance, offer)?;
        let ports = if offer.new_ports {
            import::suggest_ports(context, &survey, &instance)?
        } else {
            same_ports(&survey, &instance, offer)?
        };
        let at = context.instance_context().with_instance(&instance);
        let has_manager = service::find_manager(at).is_ok();
        Ok(Self {
            instance,
            ports,
            has_manager,
            survey,
        })
    }
}

/// Refuses an instance with a bot token that an instance of this host has: each would take messages of the other.
fn refuse_shared_tokens(survey: &Survey, offer: &MoveOffer) -> Result<()> {
    let mut key = [0; 32];
    hex::decode_to_slice(&offer.key, &mut key)
        .map_err(|cause| Error::usage(msg!("move.no-offer")).because(cause))?;
    for found in &survey.instances {
        for (path, token) in &found.tokens {
            let digest = hex::encode(keyed_digest(&key, token.expose().trim()));
            if offer.tokens.contains(&digest) {
                return Err(Error::blocked(msg!(
                    "move.shared-token",
                    profile = found.label,
                    key = path
                )));
            }
        }
    }
    Ok(())
}

/// Refuses an instance whose engine is not here in the same version: state of a newer one can't be read by an older one.
fn require_engine(context: &Context<'_>, instance: &Instance, offer: &MoveOffer) -> Result<()> {
    if offer.engine == Engine::Native {
        return Ok(());
    }
    let record = Record {
        engine: offer.engine,
        release: offer.release.clone(),
        ..Record::default()
    };
    let at = context.instance_context().with_instance(instance);
    let found = engine::locate_for(at, &record)?;
    match &offer.engine_version {
        Some(version) if found.version != *version => {
            let error = Error::blocked(msg!(
                "move.other-engine",
                found = found.version,
                version = version
            ));
            Err(error.hint(msg!(
                "engine.install-it",
                command = format!("openclaw engine install {version}")
            )))
        }
        _ => Ok(()),
    }
}

/// Refuses an instance for which the disk has no room: its archive and its files.
fn require_room(instance: &Instance, offer: &MoveOffer) -> Result<()> {
    let needed = offer.bytes.saturating_mul(2).saturating_add(EXTRA_BYTES);
    match host::file_system_space(&instance.state_dir) {
        Some(space) if space.free_bytes < needed => Err(Error::blocked(
            msg!("move.no-room")
                .with_msg("needed", size_msg(needed))
                .with_msg("free", size_msg(space.free_bytes)),
        )),
        _ => Ok(()),
    }
}

/// Returns the ports that the instance has on its own host, where all of them are free here.
fn same_ports(survey: &Survey, instance: &Instance, offer: &MoveOffer) -> Result<PortFamily> {
    let planner = survey.planner(&instance.profile, &instance.config_path);
    let base = offer.base.ok_or_else(|| Error::usage(msg!("move.no-offer")))?;
    planner.check(base, &[]).accept(None).map_err(|error| Error {
        // Which port would be free is of no use to a move, which takes the same ones or any.
        hints: Vec::new(),
        ..error
    })?;
    let is_taken = |port: &&Port| {
        let is_claimed = |claims: &[Claim]| {
            claims
                .iter()
                .any(|claim| !claim.is_pool() && claim.span.contains(**port))
        };
        planner.holders.iter().any(|holder| is_claimed(&holder.claims))
            || planner.listeners.iter().any(|listener| listener.port == **port)
    };
    if let Some(port) = offer.pinned.iter().find(is_taken) {
        return Err(Error::blocked(msg!("move.pinned-taken", port = port)));
    }
    PortFamily::new(base.get()).ok_or_else(|| Error::usage(msg!("move.no-offer")))
}
