//! The isolation rules (docs/design.md#isolation-rules) on the containers of a manifest.

use std::path::Path;
use std::sync::Arc;

use super::file::ManifestFile;
use super::layout::CONTAINER_HOME;
use super::spec::ContainerSpec;
use crate::error::{Error, Result};
use crate::i18n::msg;
use crate::ports::planner::{PortHolder, PortVerdict};
use crate::ports::{Claim, PortFamily};
use crate::secret::{MIN_SECRET_CHARS, Secret};
use crate::survey::Survey;
use crate::survey::named_paths::path_texts;

/// Checks that the containers of a manifest share no name, no port and no messaging token, and that each writes into its own
/// volume only.
///
/// # Errors
/// Exit 78 with the first two that share something.
pub(super) fn check(survey: &Survey, specs: &[ContainerSpec]) -> Result<()> {
    for (at, spec) in specs.iter().enumerate() {
        check_paths(spec)?;
        for other in &specs[..at] {
            check_pair(spec, other)?;
        }
        check_port(survey, spec, &specs[..at])?;
    }
    Ok(())
}

/// Checks that every path that a config names for its gateway to write lies in the volume of the container.
fn check_paths(spec: &ContainerSpec) -> Result<()> {
    for (_, key, text) in path_texts(&spec.config) {
        // A relative path starts from the state folder; `..` could lead out of it.
        let path = Path::new(text);
        let is_inside = path.starts_with(CONTAINER_HOME) || !text.starts_with(['/', '~', '$', '\\']);
        let leads_up = path.components().any(|part| part.as_os_str() == "..");
        if !is_inside || leads_up {
            return Err(Error::blocked(msg!(
                "manifest.path-outside",
                profile = spec.profile,
                key = key,
                path = text
            )));
        }
    }
    Ok(())
}

/// Checks that two containers share neither a name nor a messaging token.
fn check_pair(spec: &ContainerSpec, other: &ContainerSpec) -> Result<()> {
    if spec.name == other.name {
        return Err(Error::blocked(msg!(
            "manifest.same-name",
            name = spec.name,
            profile = spec.profile,
            holder = other.profile
        )));
    }
    for (key, token) in &spec.tokens {
        if let Some((theirs, _)) = other.tokens.iter().find(|(_, theirs)| theirs == token) {
            let error = Error::blocked(msg!(
                "manifest.same-token",
                profile = spec.profile,
                key = key,
                holder = other.profile,
                other = theirs
            ));
            return Err(error.hint(msg!("manifest.doctor")));
        }
    }
    Ok(())
}

/// Checks the published port of a container against those of the containers before it (docs/design.md#port-rules).
fn check_port(survey: &Survey, spec: &ContainerSpec, others: &[ContainerSpec]) -> Result<()> {
    let holder = |other: &ContainerSpec| {
        let claims: Vec<Claim> = PortFamily::from(other.port).claims().collect();
        let label = other.profile.to_string();
        Arc::new(PortHolder { label, claims })
    };
    let mut planner = survey.planner(&spec.profile, Path::new(""));
    planner.holders = others.iter().map(holder).collect();
    // Who listens today is the gateway on this host, which ends before its container starts.
    planner.listeners.clear();
    match planner.check(spec.port.get(), &[]).verdict {
        PortVerdict::Refused(why) => {
            Err(Error::blocked(why.msg(spec.port.get())).hint(msg!("manifest.doctor")))
        }
        PortVerdict::Disjoint | PortVerdict::Near(_) => Ok(()),
    }
}

/// Checks that no secret of a container is in a file that others may read.
///
/// # Errors
/// Where one is: a key of the config holds it that is not known to hold one.
pub(super) fn check_secrets(specs: &[ContainerSpec], files: &[ManifestFile]) -> Result<()> {
    let public = || files.iter().filter(|file| !file.holds_secrets());
    for spec in specs {
        // A short one may be any word.
        let long = |secret: &&Secret| secret.expose().chars().count() >= MIN_SECRET_CHARS;
        for secret in spec.secrets.secret_values().filter(long) {
            // As a text of JSON or YAML has it, without the quotes.
            let written = serde_json::Value::from(secret.expose()).to_string();
            let written = written.trim_matches('"');
            if let Some(file) = public().find(|file| file.text.contains(written)) {
                return Err(Error::blocked(msg!(
                    "manifest.leak",
                    profile = spec.profile,
                    file = file.name
                )));
            }
        }
    }
    Ok(())
}
