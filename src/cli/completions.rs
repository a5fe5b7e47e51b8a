//! `openclaw completions SHELL`, and the answers that the script asks for while somebody types.
//!
//! The script holds no list of words: at each Tab it runs this program with `COMPLETE=SHELL`, so what it
//! offers is what this version takes and what is on this host now. Completing only reads, and says
//! nothing where it has nothing to offer: an error in the middle of a half-typed line helps nobody.

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use clap::{Arg, Args, Command, ValueEnum, ValueHint};
use clap_complete::CompletionCandidate;
use clap_complete::engine::ArgValueCandidates;
use clap_complete::env::{Bash, Elvish, EnvCompleter, Fish, Powershell, Zsh};
use serde_json::Value;

use crate::answers::{Auth, Bind, Channel, Existing, Flow, Provider};
use crate::browser::profiles::{BrowserProfiles, ProfileOrigin};
use crate::config::{self, LoadedConfig};
use crate::environment::Environment;
use crate::help;
use crate::host::Host;
use crate::i18n::Lang;
use crate::instance::{Instance, profile_of_folder};
use crate::profile::ProfileName;
use crate::record::Record;
use crate::survey;
use crate::ui::Ui;

/// `openclaw completions`
#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    #[arg(value_name = "SHELL")]
    pub shell: Shell,
}

/// The shells that can be completed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Shell {
    Bash,
    Elvish,
    Fish,
    Powershell,
    Zsh,
}

/// The variable by which a script asks.
const ASKS: &str = "COMPLETE";
/// The variable that says which word is being typed.
const TYPED: &str = "_CLAP_COMPLETE_INDEX";
/// Stands for the profile that is about to be made: one that owns no port.
const NEW: &str = "new";
/// What is completed.
const NAME: &str = "openclaw";

/// Prints the script.
///
/// # Panics
/// Never: memory takes every byte.
pub(super) fn run(host: &Host, ui: Ui, args: &CompletionsArgs) -> ExitCode {
    let mut script = Vec::new();
    let shell: &dyn EnvCompleter = match args.shell {
        Shell::Bash => &Bash,
        Shell::Elvish => &Elvish,
        Shell::Fish => &Fish,
        Shell::Powershell => &Powershell,
        Shell::Zsh => &Zsh,
    };
    shell
        .write_registration(ASKS, NAME, NAME, &completer(host), &mut script)
        .expect("memory takes every byte");
    ui.print(String::from_utf8_lossy(&script).trim_end());
    ExitCode::SUCCESS
}

/// Answers a script: `COMPLETE=bash openclaw -- openclaw --prof`. `None` where none asks; the variable
/// alone, which other programs know too, changes nothing.
pub(crate) fn answer(host: &Host, program: Command, lang: Lang, ui: Ui) -> Option<ExitCode> {
    let [_, separator, words @ ..] = host.args() else {
        return None;
    };
    if separator != "--" || words.is_empty() {
        return None;
    }
    let asking = host.var(ASKS)?;
    let shells: [&dyn EnvCompleter; 5] = [&Bash, &Elvish, &Fish, &Powershell, &Zsh];
    let shell = shells.into_iter().find(|shell| shell.is(asking))?;
    let mut offers = Vec::new();
    let mut command = command(host, program, lang);
    let words = without_names(host, words.to_vec());
    let written = shell.write_complete(&mut command, words, host.cwd(), &mut offers);
    let offers = String::from_utf8_lossy(&offers);
    if written.is_ok() && !offers.is_empty() {
        ui.print(offers.trim_end_matches('\n'));
    }
    Some(ExitCode::SUCCESS)
}

/// The line with `default` in the place of each profile that is named in it: the engine takes any word that
/// is called like a command for that command, and most rescue instances are called `rescue`. The word that
/// is being typed stays.
fn without_names(host: &Host, mut words: Vec<OsString>) -> Vec<OsString> {
    let typed = host.var(TYPED).and_then(|at| at.parse().ok());
    let typed = typed.unwrap_or(words.len() - 1);
    for at in 1..words.len() {
        let names = words[at - 1] == "--profile" || words[at - 1] == "--browser-profile";
        if names && at != typed {
            words[at] = "default".into();
        }
    }
    words
}

/// How the script calls this program: by its name where it was called so, else by its whole path.
fn completer(host: &Host) -> String {
    let typed = host.args().first().map(OsString::as_os_str).unwrap_or_default();
    let by_path = Path::new(typed).components().count() > 1;
    match host.program() {
        Some(program) if by_path => program.to_string_lossy().into_owned(),
        _ => NAME.to_owned(),
    }
}

/// Base ports that are free now: what `ports suggest` says.
fn free_ports(host: &Host) -> Vec<String> {
    const OFFERED: usize = 3;
    let Ok(env) = Environment::read(host) else {
        return Vec::new();
    };
    let survey = survey::survey_host(host, &env);
    let asker = ProfileName::parse(NEW).unwrap_or_else(|_| ProfileName::default_profile());
    let mut planner = survey.planner(&asker, Path::new(""));
    let found =
        survey::ports::suggest_probed(host, &mut planner, &[], OFFERED, &|_, _| {}).unwrap_or_default();
    found
        .iter()
        .map(|suggestion| suggestion.family.base().to_string())
        .collect()
}

/// The commands with their words, and with what this host has to offer.
fn command(host: &Host, program: Command, lang: Lang) -> Command {
    let profiles = profiles(host);
    let named = move |arg: Arg| arg.add(offers(profiles.clone()));
    let languages = Lang::all()
        .map(|lang| (lang.code().to_owned(), lang.text("language.name")))
        .collect();
    help::localise(program, lang)
        .mut_arg("profile", &named)
        .mut_arg("lang", |arg| arg.add(offers(languages)))
        .mut_subcommand("profiles", |profiles| {
            profiles
                .mut_subcommand("remove", |remove| remove.mut_arg("name", &named))
                .mut_subcommand("export", |export| {
                    // Whatever is touched becomes the last positional.
                    let export = export.mut_arg("name", &named);
                    export.mut_arg("file", |arg| arg.value_hint(ValueHint::AnyPath))
                })
        })
        .mut_subcommand("rescue", |rescue| {
            rescue
                .mut_arg("target", &named)
                .mut_subcommand("diagnose", |diagnose| diagnose.mut_arg("target", &named))
                .mut_subcommand("repair", |repair| repair.mut_arg("target", &named))
                .mut_subcommand("watch", |watch| watch.mut_arg("targets", &named))
        })
        .mut_subcommand("browser", |browser| {
            browser
                .mut_arg("browser_profile", |arg| arg.add(offers(browsers(host, false))))
                .mut_subcommand("delete-profile", |delete| {
                    delete.mut_arg("name", |arg| arg.add(offers(browsers(host, true))))
                })
        })
        .mut_subcommand("onboard", |onboard| {
            let values: [(&str, Vec<&str>); 6] = [
                ("flow", Flow::ALL.iter().map(|v| v.name()).collect()),
                ("existing", Existing::ALL.iter().map(|v| v.name()).collect()),
                ("gateway_bind", Bind::ALL.iter().map(|v| v.name()).collect()),
                ("gateway_auth", Auth::ALL.iter().map(|v| v.name()).collect()),
                ("auth_choice", Provider::ALL.iter().map(|v| v.name()).collect()),
                ("channel", Channel::ALL.iter().map(|v| v.name()).collect()),
            ];
            let onboard = values.into_iter().fold(onboard, |onboard, (name, values)| {
                let words = values.into_iter().map(|value| (value.to_owned(), None));
                onboard.mut_arg(name, |arg| arg.add(offers(words.collect())))
            });
            let ports = free_ports(host).into_iter().map(|port| (port, None)).collect();
            let onboard = onboard.mut_arg("gateway_port", |arg| arg.add(offers(ports)));
            onboard.mut_arg("workspace", |arg| arg.value_hint(ValueHint::DirPath))
        })
        .mut_subcommand("setup", |setup| {
            setup.mut_arg("workspace", |arg| arg.value_hint(ValueHint::DirPath))
        })
        .mut_subcommand("man", |man| {
            man.mut_arg("dir", |arg| arg.value_hint(ValueHint::DirPath))
        })
}

fn offers(words: Vec<(String, Option<&'static str>)>) -> ArgValueCandidates {
    ArgValueCandidates::new(move || {
        words
            .iter()
            .map(|(word, help)| CompletionCandidate::new(word).help(help.map(Into::into)))
            .collect()
    })
}

/// The browser profiles of the instance that the line is about; those that can be deleted.
fn browsers(host: &Host, created: bool) -> Vec<(String, Option<&'static str>)> {
    let mut words = host.args().iter().filter_map(|word| word.to_str());
    let named = words.find(|word| *word == "--profile").and_then(|_| words.next());
    let named = named.and_then(|name| ProfileName::parse(name).ok());
    let instance = Environment::read(host).and_then(|env| Instance::resolve(&env, named.as_ref()));
    let Ok(instance) = instance else {
        return Vec::new();
    };
    let config = match config::load(&instance.config_path) {
        LoadedConfig::Ok(document) => document.value().clone(),
        LoadedConfig::Missing | LoadedConfig::Broken(_) => Value::Null,
    };
    let record = Record::read(&instance.record_path()).unwrap_or_default();
    let list = BrowserProfiles::from_config(&config, &record, "", &str::to_owned).list;
    let wanted = list
        .into_iter()
        .filter(|profile| !created || profile.origin == ProfileOrigin::Record);
    wanted.map(|profile| (profile.name, None)).collect()
}

/// The profiles that have a folder on this host, by name. No home, no profiles: no error either.
fn profiles(host: &Host) -> Vec<(String, Option<&'static str>)> {
    let Some(entries) = Environment::read(host)
        .ok()
        .and_then(|env| std::fs::read_dir(env.home).ok())
    else {
        return Vec::new();
    };
    let mut names: Vec<ProfileName> = entries
        .filter_map(|entry| profile_of_folder(entry.ok()?.file_name().to_str()?))
        .collect();
    names.sort();
    names.into_iter().map(|name| (name.to_string(), None)).collect()
}
