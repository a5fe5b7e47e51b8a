//! The commands of a bot: what a text that somebody typed, or a button that somebody pressed, asks for.
//!
//! Every command has an English and a Turkish word, and both work everywhere; the word that was used tells the language
//! of the answer. `/openclaw status` means `/status`, as in OpenClaw.

use std::time::Duration;

use crate::config::key_path::KeyPath;
use crate::i18n::{Lang, Msg};
use crate::profile::ProfileName;
use crate::text::to_ascii;

use super::code::is_claim_code;

/// A command, understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    /// Tells the state of a gateway; of all where `None`.
    Status(Scope),
    /// Tells what is wrong with a gateway.
    Diagnose(Target),
    /// Changes something, once it is agreed to.
    Act(Order),
    /// Shows the last lines of a gateway's log.
    Logs(Target, usize),
    /// Shows a value of a config.
    ConfigGet(Target, KeyPath),
    /// Shows the findings of the doctor.
    Doctor(Target),
    /// Shows the port map.
    Ports,
    /// Shows what was done lately.
    History,
    /// Tells what is watched.
    WatchState,
    /// Pauses the repairs of a watcher by itself, or ends the pause.
    Watch(Pause),
    /// Pauses the alerts, or ends the pause.
    Mute(Pause),
    /// Tells the person's id.
    Whoami,
    /// Lists the commands.
    Help,
    /// Agrees to a plan.
    Yes(String),
    /// Declines a plan.
    No(String),
}

/// Which gateways a command is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// All.
    All,
    /// One.
    One(Target),
}

/// The instance that a command is about: the named one, or else the one that the bot is there for.
pub(crate) type Target = Option<ProfileName>;

/// A change that somebody asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Order {
    /// The instance to change.
    pub(crate) target: Target,
    /// The change.
    pub(crate) action: Action,
}

/// A change of an instance or its gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Diagnose and repair the gateway.
    Repair,
    /// Restart the gateway.
    Restart,
    /// Stop the gateway.
    Stop,
    /// Start the gateway.
    Start,
    /// Put back the config before the last change.
    Rollback,
    /// Set a value of the config.
    ConfigSet(KeyPath, String),
    /// Make a snapshot.
    Snapshot,
}

/// For how long something is paused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pause {
    /// Not at all.
    End,
    /// For this time.
    For(Duration),
    /// Until somebody ends it.
    UntilEnded,
}

/// A command's word, without the rest of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verb {
    Status,
    Diagnose,
    Repair,
    Restart,
    Stop,
    Start,
    Rollback,
    Logs,
    Config,
    Doctor,
    Snapshot,
    Ports,
    History,
    Watch,
    Mute,
    Whoami,
    Help,
    Yes,
    No,
}

/// The words of a command, as they are typed: lower-case ASCII letters, which is all that Telegram's menu allows.
struct CommandWords {
    verb: Verb,
    english: &'static str,
    turkish: &'static str,
    /// The key of its description in the menu; `None` for one that only buttons need.
    description: Option<&'static str>,
}

impl CommandWords {
    const fn listed(
        verb: Verb,
        english: &'static str,
        turkish: &'static str,
        description: &'static str,
    ) -> Self {
        Self {
            verb,
            english,
            turkish,
            description: Some(description),
        }
    }

    const fn unlisted(verb: Verb, english: &'static str, turkish: &'static str) -> Self {
        Self {
            verb,
            english,
            turkish,
            description: None,
        }
    }
}

/// The words of all commands, in the order of the menu.
const WORDS: &[CommandWords] = &[
    CommandWords::listed(Verb::Status, "status", "durum", "bot.menu-status"),
    CommandWords::listed(Verb::Diagnose, "diagnose", "teshis", "bot.menu-diagnose"),
    CommandWords::listed(Verb::Repair, "repair", "onar", "bot.menu-repair"),
    CommandWords::listed(Verb::Restart, "restart", "yenidenbaslat", "bot.menu-restart"),
    CommandWords::listed(Verb::Stop, "stop", "durdur", "bot.menu-stop"),
    CommandWords::listed(Verb::Start, "start", "baslat", "bot.menu-start"),
    CommandWords::listed(Verb::Rollback, "rollback", "gerial", "bot.menu-rollback"),
    CommandWords::listed(Verb::Logs, "logs", "gunluk", "bot.menu-logs"),
    CommandWords::listed(Verb::Config, "config", "yapilandirma", "bot.menu-config"),
    CommandWords::listed(Verb::Doctor, "doctor", "doktor", "bot.menu-doctor"),
    CommandWords::listed(Verb::Snapshot, "snapshot", "goruntu", "bot.menu-snapshot"),
    CommandWords::listed(Verb::Ports, "ports", "portlar", "bot.menu-ports"),
    CommandWords::listed(Verb::History, "history", "gecmis", "bot.menu-history"),
    CommandWords::listed(Verb::Watch, "watch", "izle", "bot.menu-watch"),
    CommandWords::listed(Verb::Mute, "mute", "sustur", "bot.menu-mute"),
    CommandWords::listed(Verb::Whoami, "whoami", "benkimim", "bot.menu-whoami"),
    CommandWords::listed(Verb::Help, "help", "yardim", "bot.menu-help"),
    CommandWords::unlisted(Verb::Yes, "yes", "evet"),
    CommandWords::unlisted(Verb::No, "no", "hayir"),
];

/// The mark before a command. A channel may have another one, [`OTHER_MARK`].
pub(crate) const MARK: char = '/';
/// The mark that stands for [`MARK`] too: the programs of some channels keep texts that start with a slash to themselves.
pub(crate) const OTHER_MARK: char = '!';

/// Returns the commands of the menu in a language: each word, and its description.
pub(crate) fn menu(lang: Lang) -> impl Iterator<Item = (&'static str, Msg)> {
    let is_turkish = lang.code() == "tr";
    WORDS.iter().filter_map(move |words| {
        let word = if is_turkish { words.turkish } else { words.english };
        Some((word, Msg::new(words.description?)))
    })
}

/// Number of lines of a log that are shown where none is given, and at most.
const LOG_LINES: (usize, usize) = (10, 50);
/// Maximum time of a pause: a week.
const MAX_PAUSE: Duration = Duration::from_hours(7 * 24);

/// A text that was said to a bot, read as a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Typed {
    /// The command; `None` where the text is none, or one whose words are wrong.
    pub(crate) command: Option<Command>,
    /// The language of the word that was used; `None` where it has the same in both, or was none.
    pub(crate) lang: Option<Lang>,
}

/// Reads a text as a command. `bot_name` is the name of the bot, which a command in a group may carry: a command for
/// another bot is none.
pub(crate) fn parse(text: &str, bot_name: &str) -> Typed {
    let none = Typed {
        command: None,
        lang: None,
    };
    let line = text.trim().strip_prefix([MARK, OTHER_MARK]);
    let Some(line) = line.filter(|line| !line.starts_with(char::is_whitespace)) else {
        return none;
    };
    let mut words = line.split_whitespace();
    let Some(mut first) = words.next().and_then(|word| for_this_bot(word, bot_name)) else {
        return none;
    };
    if first.eq_ignore_ascii_case("openclaw") {
        first = words.next().unwrap_or("help");
    }
    let word = to_ascii(first).to_ascii_lowercase();
    let Some(known) = WORDS
        .iter()
        .find(|known| word == known.english || word == known.turkish)
    else {
        return none;
    };
    let lang = if word == known.english { "en" } else { "tr" };
    Typed {
        command: command(known.verb, &words.collect::<Vec<_>>()),
        lang: Lang::from_code(lang),
    }
}

/// Returns the word without the name of the bot (`status@my_bot`); `None` where it names another bot.
fn for_this_bot<'a>(word: &'a str, bot_name: &str) -> Option<&'a str> {
    match word.split_once('@') {
        Some((word, name)) => name.eq_ignore_ascii_case(bot_name).then_some(word),
        None => Some(word),
    }
}

/// Returns the command of a verb and the words after it; `None` where they make no sense.
fn command(verb: Verb, words: &[&str]) -> Option<Command> {
    let act = |action| {
        Some(Command::Act(Order {
            target: target(words)?,
            action,
        }))
    };
    match verb {
        // What the link of a claim sends, before the bot was there to hear it: the start of a conversation.
        Verb::Start if matches!(words, [word] if is_claim_code(word)) => Some(Command::Help),
        Verb::Status if matches!(words, ["all" | "hepsi"]) => Some(Command::Status(Scope::All)),
        Verb::Status => Some(Command::Status(Scope::One(target(words)?))),
        Verb::Diagnose => Some(Command::Diagnose(target(words)?)),
        Verb::Repair => act(Action::Repair),
        Verb::Restart => act(Action::Restart),
        Verb::Stop => act(Action::Stop),
        Verb::Start => act(Action::Start),
        Verb::Rollback => act(Action::Rollback),
        Verb::Snapshot => act(Action::Snapshot),
        Verb::Logs => logs(words),
        Verb::Config => config(words),
        Verb::Doctor => Some(Command::Doctor(target(words)?)),
        Verb::Ports => words.is_empty().then_some(Command::Ports),
        Verb::History => words.is_empty().then_some(Command::History),
        Verb::Watch if words.is_empty() => Some(Command::WatchState),
        Verb::Watch => Some(Command::Watch(watch(words)?)),
        Verb::Mute => Some(Command::Mute(mute(words)?)),
        Verb::Whoami => words.is_empty().then_some(Command::Whoami),
        Verb::Help => Some(Command::Help),
        Verb::Yes => one(words).map(|token| Command::Yes(token.to_ascii_uppercase())),
        Verb::No => one(words).map(|token| Command::No(token.to_ascii_uppercase())),
    }
}

/// Returns the only word.
fn one<'a>(words: &[&'a str]) -> Option<&'a str> {
    match words {
        [word] => Some(word),
        _ => None,
    }
}

/// Returns the instance that the words name: `Some(None)` where there is no word, `None` where they are no name.
fn target(words: &[&str]) -> Option<Target> {
    match words {
        [] => Some(None),
        [name] => profile(name).map(Some),
        _ => None,
    }
}

/// Returns the profile of a name; `main` is what people call the default instance.
pub(crate) fn profile(name: &str) -> Option<ProfileName> {
    if name.eq_ignore_ascii_case("main") {
        return Some(ProfileName::default_profile());
    }
    ProfileName::parse(name).ok()
}

/// Reads `/logs [NAME] [NUMBER]`, in any order.
fn logs(words: &[&str]) -> Option<Command> {
    let (numbers, names): (Vec<&str>, Vec<&str>) = words
        .iter()
        .partition(|word| word.bytes().all(|byte| byte.is_ascii_digit()));
    let count = match numbers[..] {
        [] => LOG_LINES.0,
        [number] => number.parse().unwrap_or(LOG_LINES.1).clamp(1, LOG_LINES.1),
        _ => return None,
    };
    Some(Command::Logs(target(&names)?, count))
}

/// Reads `/config get KEY [NAME]` and `/config set KEY VALUE`. The value is the rest of the line.
fn config(words: &[&str]) -> Option<Command> {
    match words {
        ["get" | "oku", key, name @ ..] => Some(Command::ConfigGet(target(name)?, KeyPath::parse(key).ok()?)),
        ["set" | "yaz", key, value @ ..] if !value.is_empty() => Some(Command::Act(Order {
            target: None,
            action: Action::ConfigSet(KeyPath::parse(key).ok()?, value.join(" ")),
        })),
        _ => None,
    }
}

/// Reads `/watch on`, `/watch off` and `/watch pause 2h`.
fn watch(words: &[&str]) -> Option<Pause> {
    match words {
        ["on" | "ac" | "aç"] => Some(Pause::End),
        ["off" | "kapat"] => Some(Pause::UntilEnded),
        ["pause" | "duraklat", time] => duration(time).map(Pause::For),
        _ => None,
    }
}

/// Reads `/mute`, `/mute 1h` and `/mute off`.
fn mute(words: &[&str]) -> Option<Pause> {
    match words {
        [] => Some(Pause::UntilEnded),
        ["off" | "kapat"] => Some(Pause::End),
        [time] => duration(time).map(Pause::For),
        _ => None,
    }
}

/// Reads a time such as `90s`, `30m`, `2h` or `1d`; Turkish letters work too (`30dk`, `2sa`, `1g`).
fn duration(text: &str) -> Option<Duration> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().ok()?;
    let seconds = match unit {
        "s" | "sn" => 1,
        "m" | "dk" => 60,
        "h" | "sa" => 3600,
        "d" | "g" => 86_400,
        _ => return None,
    };
    let time = Duration::from_secs(number.checked_mul(seconds)?);
    (!time.is_zero() && time <= MAX_PAUSE).then_some(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Option<Command> {
        parse(text, "rescue_bot").command
    }

    fn named(name: &str) -> Target {
        ProfileName::parse(name).ok()
    }

    #[test]
    fn english_and_turkish_words_mean_the_same_and_tell_the_language() {
        for CommandWords { english, turkish, .. } in WORDS {
            let [en, tr] = [english, turkish].map(|word| parse(&format!("/{word}"), ""));
            assert_eq!(en.command, tr.command, "{english}");
            assert_eq!((en.lang, tr.lang), (Lang::from_code("en"), Lang::from_code("tr")));
        }
        for (typed, plain) in [
            ("/TEŞHİS", "/diagnose"),
            ("/günlük", "/logs"),
            ("/GeriAl", "/rollback"),
        ] {
            assert_eq!(parsed(typed), parsed(plain), "{typed}");
        }
        assert_eq!(parsed("/openclaw status rescue"), parsed("/status rescue"));
    }

    #[test]
    fn names_numbers_and_times_are_read() {
        assert_eq!(parsed("/status"), Some(Command::Status(Scope::One(None))));
        assert_eq!(parsed("/status all"), Some(Command::Status(Scope::All)));
        assert_eq!(
            parsed("/status main"),
            Some(Command::Status(Scope::One(named("default"))))
        );
        assert_eq!(parsed("/logs 20 work"), Some(Command::Logs(named("work"), 20)));
        assert_eq!(
            parsed("/logs 99999999999999999999"),
            Some(Command::Logs(None, 50))
        );
        assert_eq!(
            parsed("/watch pause 2h"),
            Some(Command::Watch(Pause::For(Duration::from_hours(2))))
        );
        assert_eq!(
            parsed("/mute 30dk"),
            Some(Command::Mute(Pause::For(Duration::from_mins(30))))
        );
        let value = "/config set agents.defaults.model.primary a/b c";
        let Some(Command::Act(Order {
            action: Action::ConfigSet(_, value),
            ..
        })) = parsed(value)
        else {
            panic!("no value");
        };
        assert_eq!(value, "a/b c");
    }

    #[test]
    fn link_of_a_claim_begins_a_conversation_and_starts_nothing() {
        let code = crate::bot::code::claim_code([7; 6]);
        assert_eq!(parsed(&format!("/start {code}")), Some(Command::Help));
        assert_ne!(parsed("/start rescue"), Some(Command::Help));
    }

    #[test]
    fn what_is_no_command_is_none() {
        for text in [
            "",
            "/",
            "hello",
            "status",
            "repair main",
            "//status",
            "!!status",
            "/ status",
            "/unknown",
            "/status a b",
            "/logs a b",
            "/watch pause",
            "/watch pause 2y",
            "/mute 9999999d",
            "/config",
            "/config set x",
            "/yes",
            "/repair ../x",
            "/status@other_bot",
            "2026-11-29 /repair",
        ] {
            assert_eq!(parsed(text), None, "{text:?}");
        }
        assert!(parsed("/status@Rescue_Bot").is_some());
        assert_eq!(parsed("!status all"), parsed("/status all"));
    }
}
