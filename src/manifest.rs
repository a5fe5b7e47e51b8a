//! Manifests: instances of this host as files for Compose, for Podman's Quadlet, or for Kubernetes.
//!
//! ```text
//! survey ──► ManifestSource ──► ContainerSpec ──► isolation rules ──► files
//!            (reads the host)   (config rewritten,                    (compose, quadlet, kubernetes;
//!                                secrets taken out)                    env files apart)
//! ```
//!
//! Everything after [`ManifestSource`] is pure and makes the same bytes of the same input. Nothing here writes: the files
//! are [`ManifestFile`]s, which the command line prints or writes.

mod compose;
mod config;
mod file;
mod format;
mod image;
mod isolation;
mod kubernetes;
mod layout;
mod names;
mod note;
mod probes;
mod quadlet;
mod secrets;
mod source;
mod spec;
mod yaml;

pub(crate) use file::ManifestFile;
pub(crate) use format::ManifestFormat;
pub(crate) use image::ImageReference;
pub(crate) use note::ManifestNote;
pub(crate) use source::ManifestSource;
pub(crate) use spec::ContainerSpec;

use crate::error::Result;
use crate::survey::Survey;

/// Describes the containers of instances, checks that they share nothing, and returns the files of their manifest.
///
/// # Errors
/// Where an instance can't run in a container, or the containers would share something.
pub(crate) fn render(
    survey: &Survey,
    sources: &[ManifestSource<'_>],
    format: ManifestFormat,
) -> Result<(Vec<ContainerSpec>, Vec<ManifestFile>)> {
    let mut specs = Vec::new();
    for source in sources {
        specs.push(ContainerSpec::new(source, format)?);
    }
    isolation::check(survey, &specs)?;
    let mut files = match format {
        ManifestFormat::Compose => compose::files(&specs),
        ManifestFormat::Quadlet => quadlet::files(&specs),
        ManifestFormat::Kubernetes => kubernetes::files(&specs),
    };
    files.extend(specs.iter().map(ContainerSpec::env_file));
    isolation::check_secrets(&specs, &files)?;
    Ok((specs, files))
}
