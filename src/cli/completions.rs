//! `openclaw completions SHELL`, and the candidates that its script asks for while somebody types.
//!
//! The script holds no list of words: at each Tab it runs this program with `COMPLETE=SHELL`, so that it offers what this
//! version accepts and what exists on this host now. Completion only reads, and what is not asked for at this Tab is not
//! looked at: a survey of the host takes too long. It prints no error, because an error in the middle of a line that is half
//! typed helps nobody.

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use clap::{Arg, Args, Command, ValueEnum, ValueHint};
use clap_complete::CompletionCandidate;
use clap_complete::engine::ArgValueCandidates;
use clap_complete::env::{Bash, Elvish, EnvCompleter, Fish, Powershell, Zsh};
use serde_json::Value;

use crate::answers::{Auth, Bind, Channel, Existing, Flow, Provider};
use crate::bot::channels::CHANNELS;
use crate::browser::profiles::{BrowserProfiles, ProfileOrigin};
use crate::config::{self, LoadedConfig};
use crate::engine::ReleaseStore;
use crate::environment::Environment;
use crate::help;
use crate::host::Host;
use crate::hosts::HostList;
use crate::i18n::Lang;
use crate::installation::command_name;
use crate::instance::{Instance, profile_of_folder};
use crate::profile::ProfileName;
use crate::record::{Engine, Record};
use crate::shell_completion::{self, SHELL_VARIABLE};
use crate::ui::Ui;
use crate::{registry, snapshot, survey};

mod config_keys;

/// The arguments of `openclaw completions`.
#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    #[arg(value_name = "SHELL")]
    pub(crate) shell: Shell,
}

/// A shell for which the program has a completion script.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Shell {
    Bash,
    Elvish,
    Fish,
    Powershell,
    Zsh,
}

/// Name of the environment variable with the index of the command-line word that is to be completed.
const WORD_INDEX_VARIABLE: &str = "_CLAP_COMPLETE_INDEX";
/// Name of the instance profile for which shell completion suggests free ports. It owns no port yet.
const NEW_PROFILE: &str = "new";

/// Prints the completion script of a shell.
pub(super) fn run(host: &Host, ui: Ui, args: &CompletionsArgs) -> ExitCode {
    let shell: &dyn EnvCompleter = match args.shell {
        Shell::Bash => &Bash,
        Shell::Elvish => &Elvish,
        Shell::Fish => &Fish,
        Shell::Powershell => &Powershell,
        Shell::Zsh => &Zsh,
    };
    let command = command_name(host);
    ui.print(&shell_completion::render(shell, command, &program_command(host)));
    ExitCode::SUCCESS
}

/// Prints the completion candidates for a command line that a completion script asks about: `COMPLETE=bash openclaw
/// -- openclaw --prof`. Returns `None` when no script asks. The variable alone is not enough, because other programs
/// use it too.
pub(crate) fn complete(host: &Host, program: Command, lang: Lang, ui: Ui) -> Option<ExitCode> {
    let [_, separator, words @ ..] = host.args() else {
        return None;
    };
    if separator != "--" || words.is_empty() {
        return None;
    }
    let shell_name = host.var(SHELL_VARIABLE)?;
    let shells: [&dyn EnvCompleter; 5] = [&Bash, &Elvish, &Fish, &Powershell, &Zsh];
    let shell = shells.into_iter().find(|shell| shell.is(shell_name))?;
    let mut output = Vec::new();
    let mut command = command_with_candidates(host, program, lang);
    let words = replace_profile_names(host, words.to_vec());
    let written = shell.write_complete(&mut command, words, host.cwd(), &mut output);
    let output = String::from_utf8_lossy(&output);
    if written.is_ok() && !output.is_empty() {
        ui.print(output.trim_end_matches('\n'));
    }
    Some(ExitCode::SUCCESS)
}

/// Returns a command line to complete, with `default` in the place of each profile name. The completion engine takes
/// every word with the name of a command for that command, and many rescue instances are called `rescue`. The word
/// that is being typed stays.
fn replace_profile_names(host: &Host, mut words: Vec<OsString>) -> Vec<OsString> {
    let typed = host.var(WORD_INDEX_VARIABLE).and_then(|at| at.parse().ok());
    let typed = typed.unwrap_or(words.len() - 1);
    for at in 1..words.len() {
        let is_name = words[at - 1] == "--profile" || words[at - 1] == "--browser-profile";
        if is_name && at != typed {
            words[at] = "default".into();
        }
    }
    words
}

/// Returns how a completion script runs this program: by its name if this run was started so, otherwise by its full
/// path.
fn program_command(host: &Host) -> String {
    let typed = host.args().first().map(OsString::as_os_str).unwrap_or_default();
    let by_path = Path::new(typed).components().count() > 1;
    match host.program() {
        Some(program) if by_path => program.to_string_lossy().into_owned(),
        _ => command_name(host).to_owned(),
    }
}

/// Returns base ports that are free now as completion candidates, as `ports suggest` finds them.
fn suggest_base_ports(host: &Host) -> Words {
    const SUGGESTION_COUNT: usize = 3;
    let Ok(env) = Environment::read(host) else {
        return Vec::new();
    };
    let survey = survey::survey_host(host, &env);
    let asker = ProfileName::parse(NEW_PROFILE).unwrap_or_else(|_| ProfileName::default_profile());
    let mut planner = survey.planner(&asker, Path::new(""));
    let found = survey::ports::suggest_probed(host, &mut planner, &[], SUGGESTION_COUNT, &|_, _| {})
        .unwrap_or_default();
    found
        .iter()
        .map(|suggestion| (suggestion.family.base().to_string(), None))
        .collect()
}

/// Names that the shell offers for a word, each with its description.
type Words = Vec<(String, Option<&'static str>)>;

/// Returns the program's commands with their help texts, and with completion candidates from this host for their
/// arguments.
fn command_with_candidates(host: &Host, program: Command, lang: Lang) -> Command {
    let named = |arg: Arg| arg.add(found(host, profiles));
    let languages = Lang::all()
        .map(|lang| (lang.code().to_owned(), lang.text("language.name")))
        .collect();
    let program = with_channel_candidates(help::localise(program, lang));
    let program = with_host_candidates(host, program);
    with_release_candidates(host, program)
        .mut_arg("profile", named)
        .mut_arg("lang", |arg| arg.add(candidates(languages)))
        .mut_subcommand("profiles", |profiles| {
            profiles
                .mut_subcommand("remove", |remove| remove.mut_arg("name", named))
                .mut_subcommand("export", |export| {
                    // `mut_arg` makes an argument the last positional, so both are named in order.
                    let export = export.mut_arg("name", named);
                    export.mut_arg("file", |arg| arg.value_hint(ValueHint::AnyPath))
                })
        })
        .mut_subcommand("rescue", |rescue| {
            rescue
                .mut_arg("target", named)
                .mut_subcommand("diagnose", |diagnose| diagnose.mut_arg("target", named))
                .mut_subcommand("repair", |repair| repair.mut_arg("target", named))
                .mut_subcommand("drill", |drill| drill.mut_arg("target", named))
                .mut_subcommand("watch", |watch| watch.mut_arg("targets", named))
        })
        .mut_subcommand("browser", |browser| {
            browser
                .mut_arg("browser_profile", |arg| {
                    arg.add(found(host, |host| browser_profiles(host, false)))
                })
                .mut_subcommand("delete-profile", |delete| {
                    delete.mut_arg("name", |arg| {
                        arg.add(found(host, |host| browser_profiles(host, true)))
                    })
                })
        })
        .mut_subcommand("config", |config| {
            let key = |arg: Arg| arg.add(config_keys::completer(host, own_config));
            config
                .mut_subcommand("get", |get| get.mut_arg("path", key))
                .mut_subcommand("set", |set| set.mut_arg("path", key).mut_arg("value", |arg| arg))
                .mut_subcommand("unset", |unset| unset.mut_arg("path", key))
        })
        .mut_subcommand("snapshot", |snapshot| {
            snapshot.mut_subcommand("restore", |restore| {
                restore.mut_arg("id", |arg| arg.add(found(host, snapshot_ids)))
            })
        })
        .mut_subcommand("onboard", |onboard| onboard_with_candidates(host, onboard))
        .mut_subcommand("setup", |setup| {
            setup.mut_arg("workspace", |arg| arg.value_hint(ValueHint::DirPath))
        })
        .mut_subcommand("man", |man| {
            man.mut_arg("dir", |arg| arg.value_hint(ValueHint::DirPath))
        })
}

/// Returns the program's commands with candidates for the releases of OpenClaw.
fn with_release_candidates(host: &Host, program: Command) -> Command {
    program.mut_subcommand("engine", |engine| {
        engine
            .mut_subcommand("use", |choose| {
                choose.mut_arg("engine", |arg| arg.add(found(host, engine_choices)))
            })
            .mut_subcommand("remove", |remove| {
                remove.mut_arg("version", |arg| arg.add(found(host, installed_releases)))
            })
    })
}

/// Returns the program's commands with candidates for the names of remote hosts.
fn with_host_candidates(host: &Host, program: Command) -> Command {
    let named = |arg: Arg| arg.add(found(host, host_names));
    program.mut_arg("host", named).mut_subcommand("hosts", |hosts| {
        hosts
            .mut_subcommand("remove", |remove| remove.mut_arg("name", named))
            .mut_subcommand("check", |check| check.mut_arg("names", named))
    })
}

/// Returns the program's commands with candidates for the channels of a bot.
fn with_channel_candidates(program: Command) -> Command {
    program
        .mut_subcommand("channels", |channels| {
            ["add", "remove", "test"]
                .into_iter()
                .fold(channels, |channels, verb| {
                    channels.mut_subcommand(verb, with_channels)
                })
        })
        .mut_subcommand("pairing", |pairing| {
            pairing
                .mut_subcommand("list", with_channels)
                .mut_subcommand("approve", |approve| {
                    with_channels(approve).mut_arg("code", |arg| arg)
                })
                .mut_subcommand("revoke", |revoke| with_channels(revoke).mut_arg("id", |arg| arg))
        })
}

/// Returns a command with the channels of the native engine as candidates for its channel.
fn with_channels(command: Command) -> Command {
    let names = CHANNELS
        .iter()
        .map(|channel| (channel.name.to_owned(), Some(channel.label)));
    command.mut_arg("channel", |arg| arg.add(candidates(names.collect())))
}

/// Returns the command `onboard` with completion candidates for the values of its flags.
fn onboard_with_candidates(host: &Host, onboard: Command) -> Command {
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
        onboard.mut_arg(name, |arg| arg.add(candidates(words.collect())))
    });
    let onboard = onboard.mut_arg("gateway_port", |arg| arg.add(found(host, suggest_base_ports)));
    onboard.mut_arg("workspace", |arg| arg.value_hint(ValueHint::DirPath))
}

/// Creates completion candidates from words and their descriptions.
fn candidates(words: Words) -> ArgValueCandidates {
    ArgValueCandidates::new(move || offered(words.clone()))
}

/// Creates completion candidates that are looked for on the host when the shell asks for them.
fn found(host: &Host, find: impl Fn(&Host) -> Words + Send + Sync + 'static) -> ArgValueCandidates {
    let host = host.clone();
    ArgValueCandidates::new(move || offered(find(&host)))
}

fn offered(words: Words) -> Vec<CompletionCandidate> {
    let candidate = |(word, help): (String, Option<&'static str>)| {
        CompletionCandidate::new(word).help(help.map(Into::into))
    };
    words.into_iter().map(candidate).collect()
}

/// Returns the environment, and the instance that a command line to complete names.
fn named_instance(host: &Host) -> Option<(Environment, Instance)> {
    let mut words = host.args().iter().filter_map(|word| word.to_str());
    let named = words.find(|word| *word == "--profile").and_then(|_| words.next());
    let named = named.and_then(|name| ProfileName::parse(name).ok());
    let env = Environment::read(host).ok()?;
    let instance = Instance::resolve(&env, named.as_ref()).ok()?;
    Some((env, instance))
}

/// Returns the config of the instance that a command line to complete names; `Null` where it can't be read.
fn own_config(host: &Host) -> Value {
    let config = named_instance(host).map(|(_, instance)| config::load(&instance.config_path));
    match config {
        Some(LoadedConfig::Ok(document)) => document.value().clone(),
        _ => Value::Null,
    }
}

/// Returns the ids of the snapshots of the instance that a command line to complete names.
fn snapshot_ids(host: &Host) -> Words {
    let Some((env, instance)) = named_instance(host) else {
        return Vec::new();
    };
    let state_home = registry::state_home(host, &env);
    let folder = snapshot::snapshot_dir(&state_home, &env.home, &instance);
    let snapshots = snapshot::list(&folder).unwrap_or_default().into_iter();
    snapshots.map(|found| (found.id, None)).collect()
}

/// Returns the names of the user's remote hosts.
fn host_names(host: &Host) -> Words {
    let Ok(env) = Environment::read(host) else {
        return Vec::new();
    };
    let list = HostList::read(&registry::state_home(host, &env)).unwrap_or_default();
    list.hosts
        .into_iter()
        .map(|host| (host.name.to_string(), None))
        .collect()
}

/// Returns the versions of the releases of OpenClaw that are installed.
fn installed_releases(host: &Host) -> Words {
    let Ok(env) = Environment::read(host) else {
        return Vec::new();
    };
    let releases = ReleaseStore::of_host(host, &env).list().into_iter();
    releases
        .map(|release| (release.receipt.version.to_string(), None))
        .collect()
}

/// Returns what may run a gateway: the names of the engines, and the releases that are installed.
fn engine_choices(host: &Host) -> Words {
    let engines = Engine::ALL.map(|engine| (engine.name().to_owned(), None));
    engines.into_iter().chain(installed_releases(host)).collect()
}

/// Returns the browser profiles of the instance that a command line to complete names. With `created`, only those
/// that can be deleted.
fn browser_profiles(host: &Host, created: bool) -> Words {
    let Some((_, instance)) = named_instance(host) else {
        return Vec::new();
    };
    let config = own_config(host);
    let record = Record::read(&instance.record_path()).unwrap_or_default();
    let list = BrowserProfiles::from_config(&config, &record, "", &str::to_owned).list;
    let wanted = list
        .into_iter()
        .filter(|profile| !created || profile.origin == ProfileOrigin::Record);
    wanted.map(|profile| (profile.name, None)).collect()
}

/// Returns the names of the instance profiles that have a folder on this host; none where the home folder is not
/// known.
fn profiles(host: &Host) -> Words {
    let Some(entries) = Environment::read(host)
        .ok()
        .and_then(|env| std::fs::read_dir(env.home).ok())
    else {
        return Vec::new();
    };
    let mut names: Vec<ProfileName> = entries
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let profile = profile_of_folder(entry.file_name().to_str()?)?;
            (!survey::holds_workspaces_only(&entry.path())).then_some(profile)
        })
        .collect();
    names.sort();
    names.into_iter().map(|name| (name.to_string(), None)).collect()
}
