//! `openclaw profiles manifest`: writes instances of this host as files for Compose, Quadlet, or Kubernetes.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::find::find_instance;
use crate::apply;
use crate::cli::Context;
use crate::environment::abbreviate_home;
use crate::error::{Error, Result};
use crate::host::read::{self, ReadError};
use crate::i18n::msg;
use crate::manifest::{
    self, ContainerSpec, ImageReference, ManifestFile, ManifestFormat, ManifestNote, ManifestSource,
};
use crate::profile::ProfileName;
use crate::survey::{Survey, SurveyedInstance};

/// The arguments of `openclaw profiles manifest`.
#[derive(Debug, Args)]
pub(crate) struct ManifestArgs {
    #[arg(value_name = "NAME", required_unless_present = "all", conflicts_with = "all")]
    names: Vec<String>,
    #[arg(long)]
    all: bool,
    #[arg(long, value_name = "FORMAT")]
    format: FormatArg,
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    #[arg(long, value_name = "IMAGE")]
    image: Option<String>,
}

/// A format of a manifest, as it is typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum FormatArg {
    Compose,
    Quadlet,
    Kubernetes,
}

impl From<FormatArg> for ManifestFormat {
    fn from(format: FormatArg) -> Self {
        match format {
            FormatArg::Compose => Self::Compose,
            FormatArg::Quadlet => Self::Quadlet,
            FormatArg::Kubernetes => Self::Kubernetes,
        }
    }
}

/// Runs `openclaw profiles manifest NAME...`.
pub(super) fn run(context: &Context<'_>, args: &ManifestArgs) -> Result<ExitCode> {
    let format = ManifestFormat::from(args.format);
    let image = args.image.as_deref().map(parse_image).transpose()?;
    let survey = context.survey();
    let chosen = chosen_instances(&survey, args)?;
    let read = |found| ManifestSource::read(context.host, &context.env, &survey, found, image.as_ref());
    let sources = chosen.into_iter().map(read).collect::<Result<Vec<_>>>()?;
    if image.is_some()
        && sources
            .iter()
            .any(|source| source.release() != sources[0].release())
    {
        return Err(Error::usage(msg!("manifest.image-several")));
    }
    let (specs, files) = manifest::render(&survey, &sources, format)?;
    let folder = args.out.as_deref().map(|out| match context.host.cwd() {
        Some(cwd) => cwd.join(out),
        None => out.to_path_buf(),
    });
    if let Some(folder) = &folder {
        write_files(&context.env.home, folder, &files)?;
    }
    print_report(context, format, folder.as_deref(), &specs, &files);
    Ok(ExitCode::SUCCESS)
}

/// Parses the image of the command line.
fn parse_image(typed: &str) -> Result<ImageReference> {
    ImageReference::parse(typed).ok_or_else(|| {
        Error::usage(msg!("manifest.image", image = typed)).hint(msg!("manifest.image-way-out"))
    })
}

/// Returns the instances that the command line names, each once, in its order; with `--all` every one that has a config.
fn chosen_instances<'s>(survey: &'s Survey, args: &ManifestArgs) -> Result<Vec<&'s SurveyedInstance>> {
    if args.all {
        let has_profile = |found: &&SurveyedInstance| found.profile.is_some();
        let all: Vec<_> = survey.instances.iter().filter(has_profile).collect();
        if all.is_empty() {
            return Err(Error::failed(msg!("profiles.none")));
        }
        return Ok(all);
    }
    let mut chosen: Vec<&SurveyedInstance> = Vec::new();
    for typed in &args.names {
        let name = ProfileName::parse(typed).map_err(|error| error.to_error(typed))?;
        let found = find_instance(survey, &name)?;
        if chosen.iter().all(|other| other.config_path != found.config_path) {
            chosen.push(found);
        }
    }
    Ok(chosen)
}

/// Writes the files of a manifest into a folder. A file that is there already stays: with the same text it is one of the
/// manifest, with another one nothing is written.
fn write_files(home: &Path, folder: &Path, files: &[ManifestFile]) -> Result<()> {
    let mut missing = Vec::new();
    for file in files {
        let path = folder.join(&file.name);
        match read::bytes(&path) {
            Err(ReadError::Missing) => missing.push((path, file)),
            Ok(bytes) if bytes == file.text.as_bytes() => {}
            _ => {
                let path = abbreviate_home(home, &path);
                return Err(
                    Error::usage(msg!("manifest.exists", path = path)).hint(msg!("manifest.exists-way-out"))
                );
            }
        }
    }
    let mut written: Vec<&Path> = Vec::new();
    for (path, file) in &missing {
        if let Err(error) = write_file(path, file) {
            // What can't be removed either is named by the error about its neighbour, which lies in the same folder.
            for path in written {
                let _ = apply::remove_file(path);
            }
            return Err(error);
        }
        written.push(path);
    }
    Ok(())
}

/// Writes a new file of a manifest: with secrets for its owner only, else for everybody, since a container's user reads it.
fn write_file(path: &Path, file: &ManifestFile) -> Result<()> {
    apply::create_file(path, |opened| {
        let written = opened.write_all(file.text.as_bytes()).and_then(|()| {
            if file.holds_secrets() {
                Ok(())
            } else {
                apply::make_readable(opened)
            }
        });
        written.map_err(|cause| apply::write_error(path, cause))
    })
}

/// Prints the files where they were not written, then the report: on standard error, so that the files can be piped.
fn print_report(
    context: &Context<'_>,
    format: ManifestFormat,
    folder: Option<&Path>,
    specs: &[ContainerSpec],
    files: &[ManifestFile],
) {
    let ui = &context.ui;
    if ui.is_json() {
        ui.print_json(&document(context, format, folder, specs, files));
        return;
    }
    match folder {
        None => {
            for file in files {
                ui.print(&format!("--- # {}", file.name));
                ui.print(file.shown_text().trim_end_matches('\n'));
            }
        }
        Some(folder) => {
            let path = abbreviate_home(&context.env.home, folder);
            ui.print_line(&msg!("manifest.written", path = path, count = files.len()));
        }
    }
    for spec in specs {
        ui.print_note(&msg!("manifest.report", profile = spec.profile));
        for note in &spec.notes {
            ui.eprint_hanging("  ", 4, &ui.render(&note.msg));
        }
    }
    ui.print_note(&match (folder, format) {
        (None, _) => msg!("manifest.next-out"),
        (Some(_), ManifestFormat::Compose) => msg!("manifest.next-compose"),
        (Some(_), ManifestFormat::Quadlet) => {
            let services: Vec<_> = specs.iter().map(|spec| spec.name.as_str()).collect();
            msg!("manifest.next-quadlet", service = services.join(" "))
        }
        (Some(_), ManifestFormat::Kubernetes) => msg!("manifest.next-kubernetes"),
    });
}

/// Returns the JSON document of a manifest. It has no secret.
fn document(
    context: &Context<'_>,
    format: ManifestFormat,
    folder: Option<&Path>,
    specs: &[ContainerSpec],
    files: &[ManifestFile],
) -> Value {
    let note = |note: &ManifestNote| json!({ "kind": note.kind.name(), "about": note.about, "message": context.ui.render(&note.msg) });
    let profile = |spec: &ContainerSpec| {
        json!({
            "profile": spec.profile.as_str(),
            "service": spec.name,
            "engine": spec.engine.name(),
            "image": spec.image.text,
            "port": spec.port,
            "report": spec.notes.iter().map(note).collect::<Vec<_>>(),
        })
    };
    let file = |file: &ManifestFile| {
        let mode = if file.holds_secrets() { "0600" } else { "0644" };
        json!({ "name": file.name, "mode": mode, "text": file.shown_text() })
    };
    json!({
        "ok": true,
        "format": format.name(),
        "folder": folder,
        "profiles": specs.iter().map(profile).collect::<Vec<_>>(),
        "files": files.iter().map(file).collect::<Vec<_>>(),
    })
}
