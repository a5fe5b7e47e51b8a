//! The wizard as data: every question in the order in which it comes, with what is answered there. The
//! words are those of the catalogues, so that one walk serves every language, and one answer serves the
//! drawn prompts as well as the spoken ones.

use std::path::Path;

use openclaw::i18n::Lang;

use crate::support::Sandbox;
use crate::support::pty::{Key, Screen, Size, Terminal};

/// Part of every secret that is typed.
pub const CANARY: &str = "CANARY-4711";

/// One question and its answer.
pub struct Stop {
    /// The question's key in the catalogues.
    pub key: &'static str,
    /// What stands for the question's arguments.
    pub arg: Option<(&'static str, &'static str)>,
    pub answer: Answer,
}

/// What is answered.
pub enum Answer {
    /// The choice with this number, the key of its label, and the base port in it.
    Choice(&'static str, &'static str, &'static str),
    Text(&'static str),
    /// Enter takes this default.
    Default(&'static str),
    Secret(&'static str),
    Yes(bool),
}

/// One way through the wizard, from its first question to the plan.
pub struct Walk {
    /// Files below HOME before it.
    pub files: &'static [(&'static str, &'static str)],
    pub stops: &'static [Stop],
    /// The files that hold a secret after it.
    pub holders: &'static [&'static str],
}

use Answer::{Choice, Default, Secret, Text, Yes};

const fn stop(key: &'static str, answer: Answer) -> Stop {
    Stop {
        key,
        arg: None,
        answer,
    }
}

const fn stop_about(key: &'static str, name: &'static str, value: &'static str, answer: Answer) -> Stop {
    Stop {
        key,
        arg: Some((name, value)),
        answer,
    }
}

const DEFAULT: (&str, &str) = (
    ".openclaw/openclaw.json",
    r#"{ "gateway": { "mode": "local", "port": 18789 } }"#,
);
const RESCUE: (&str, &str) = (
    ".openclaw-rescue/openclaw.json",
    r#"{ "gateway": { "mode": "local", "port": 20789 } }"#,
);

/// Every question that can be asked of an instance that is there already.
pub const ADVANCED: Walk = Walk {
    files: &[DEFAULT, RESCUE],
    stops: &[
        stop("step.accept-risk.ask", Yes(true)),
        stop("step.flow.ask", Choice("2", "step.flow.advanced", "")),
        stop("step.profile.ask", Text("rescue")),
        stop("step.existing.ask", Choice("2", "step.existing.change", "")),
        stop("step.workspace.ask", Text("~/çalışma-ığş")),
        stop(
            "step.gateway-port.ask",
            Choice("5", "step.gateway-port.other", ""),
        ),
        stop("step.gateway-port.typed", Text("19789")),
        stop("step.gateway-bind.ask", Choice("2", "step.gateway-bind.lan", "")),
        stop(
            "step.gateway-auth.ask",
            Choice("2", "step.gateway-auth.password", ""),
        ),
        stop("step.gateway-password.ask", Secret("CANARY-4711-password")),
        stop("step.auth-choice.ask", Choice("5", "step.auth-choice.custom", "")),
        stop("step.custom-base-url.ask", Text("http://127.0.0.1:11434/v1")),
        stop("step.custom-model-id.ask", Text("llama-3")),
        stop("step.custom-provider-id.ask", Text("evdeki-sunucu")),
        stop_about(
            "step.api-key.ask",
            "provider",
            "custom",
            Secret("CANARY-4711-key"),
        ),
        stop("step.model.ask", Default("evdeki-sunucu/llama-3")),
        stop("step.channel.ask", Choice("2", "step.channel.telegram", "")),
        stop_about(
            "step.channel-token.ask",
            "channel",
            "telegram",
            Secret("4711:CANARY-4711-bot"),
        ),
        stop("step.install-daemon.ask", Yes(false)),
        stop("onboard.confirm", Choice("1", "onboard.do-it", "")),
    ],
    holders: &[".openclaw-rescue/openclaw.json"],
};

/// Every question about a new instance, with a token and the defaults.
pub const FRESH: Walk = Walk {
    files: &[DEFAULT],
    stops: &[
        stop("step.accept-risk.ask", Yes(true)),
        stop("step.flow.ask", Choice("2", "step.flow.advanced", "")),
        stop("step.profile.ask", Default("rescue")),
        stop(
            "step.workspace.ask",
            Default("~/.openclaw-rescue/workspace-rescue"),
        ),
        stop(
            "step.gateway-port.ask",
            Choice("1", "step.gateway-port.suggested", "19789"),
        ),
        stop(
            "step.gateway-bind.ask",
            Choice("1", "step.gateway-bind.loopback", ""),
        ),
        stop(
            "step.gateway-auth.ask",
            Choice("1", "step.gateway-auth.token", ""),
        ),
        stop("step.gateway-token.ask", Secret("CANARY-4711-token")),
        stop("step.auth-choice.ask", Choice("6", "step.auth-choice.skip", "")),
        stop("step.channel.ask", Choice("1", "step.channel.skip", "")),
        stop("step.install-daemon.ask", Yes(false)),
        stop("onboard.confirm", Choice("1", "onboard.do-it", "")),
    ],
    holders: &[".openclaw-rescue/openclaw.json"],
};

/// The few questions that matter.
pub const QUICK: Walk = Walk {
    files: &[DEFAULT],
    stops: &[
        stop("step.accept-risk.ask", Yes(true)),
        stop("step.flow.ask", Choice("1", "step.flow.quickstart", "")),
        stop("step.profile.ask", Text("rescue")),
        stop(
            "step.workspace.ask",
            Default("~/.openclaw-rescue/workspace-rescue"),
        ),
        stop(
            "step.gateway-port.ask",
            Choice("1", "step.gateway-port.suggested", "19789"),
        ),
        stop(
            "step.auth-choice.ask",
            Choice("1", "step.auth-choice.anthropic", ""),
        ),
        stop_about(
            "step.api-key.ask",
            "provider",
            "anthropic",
            Secret("CANARY-4711-key"),
        ),
        stop("step.channel.ask", Choice("3", "step.channel.discord", "")),
        stop_about(
            "step.channel-token.ask",
            "channel",
            "discord",
            Secret("CANARY-4711-bot"),
        ),
        stop("step.install-daemon.ask", Yes(false)),
        stop("onboard.confirm", Choice("1", "onboard.do-it", "")),
    ],
    holders: &[
        ".openclaw-rescue/agents/main/agent/auth-profiles.json",
        ".openclaw-rescue/openclaw.json",
    ],
};

/// The words of a key.
pub fn words(lang: Lang, key: &str) -> &'static str {
    lang.text(key).unwrap_or_else(|| panic!("no words for {key}"))
}

impl Stop {
    /// The question, as it stands on the screen.
    pub fn question(&self, lang: Lang) -> String {
        let text = words(lang, self.key);
        match self.arg {
            Some((name, value)) => text.replace(&format!("{{{name}}}"), value),
            None => text.to_owned(),
        }
    }

    pub fn is_secret(&self) -> bool {
        matches!(self.answer, Secret(_))
    }
}

impl Answer {
    /// What is typed for it before Enter.
    pub fn typed(&self, lang: Lang) -> &'static str {
        match self {
            Choice(number, ..) => number,
            Text(text) | Secret(text) => text,
            Default(_) => "",
            Yes(yes) => {
                let all = words(lang, if *yes { "ui.yes-words" } else { "ui.no-words" });
                all.split(' ').next().expect("a word")
            }
        }
    }

    /// What the open question shows once that was typed.
    pub fn shown(&self, lang: Lang) -> String {
        match self {
            Choice(_, label, base) => format!("❯ {}", words(lang, label).replace("{base}", base)),
            // Of a long line its end is seen.
            Text(text) => text
                .chars()
                .skip(text.chars().count().saturating_sub(9))
                .collect(),
            Default(text) => format!("({text})"),
            Secret(_) => "********".to_owned(),
            Yes(yes) => format!("❯ {}", words(lang, if *yes { "ui.yes" } else { "ui.no" })),
        }
    }

    /// What the screen shows where the question comes again.
    pub fn recalled(&self, lang: Lang) -> String {
        match self {
            Text(text) => format!("({text})"),
            Secret(_) => words(lang, "ui.secret-kept").to_owned(),
            _ => self.shown(lang),
        }
    }
}

impl Walk {
    /// A host as the walk wants it.
    pub fn sandbox(&self) -> Sandbox {
        let sandbox = Sandbox::new()
            .var("TERM", "xterm-256color")
            .var("LANG", "C.UTF-8");
        for (path, text) in self.files {
            sandbox.write(path, text);
        }
        sandbox
    }

    /// Where the question with this key comes.
    pub fn position(&self, key: &str) -> usize {
        let found = self.stops.iter().position(|stop| stop.key == key);
        found.unwrap_or_else(|| panic!("{key} is not asked"))
    }

    /// Waits for the question with this number.
    #[track_caller]
    pub fn wait(&self, terminal: &mut Terminal, lang: Lang, at: usize) {
        wait_open(terminal, &self.stops[at].question(lang));
    }

    /// Answers the question with this number, which is open.
    #[track_caller]
    pub fn answer(&self, terminal: &mut Terminal, lang: Lang, at: usize) {
        terminal
            .type_in(self.stops[at].answer.typed(lang))
            .press(Key::Enter);
    }

    /// Starts the wizard and answers everything before the question with this number, which is then open.
    #[track_caller]
    pub fn to(&self, sandbox: &Sandbox, lang: Lang, at: usize, size: Size) -> Terminal {
        let mut terminal = start(sandbox, lang, size);
        for stop in 0..at {
            self.wait(&mut terminal, lang, stop);
            self.answer(&mut terminal, lang, stop);
        }
        self.wait(&mut terminal, lang, at);
        terminal
    }

    /// The number of the last question, which shows the plan.
    pub fn last(&self) -> usize {
        self.stops.len() - 1
    }

    /// Confirms the plan, which is shown, and waits for the end.
    #[track_caller]
    pub fn confirm(&self, terminal: &mut Terminal, lang: Lang) {
        self.answer(terminal, lang, self.last());
        let code = terminal.exit_code();
        assert_eq!(code, 0, "{}", terminal.screen().text());
    }

    /// What a walk without any detour leaves: files of the instance, home folder and times left out.
    #[track_caller]
    pub fn straight(&self, lang: Lang) -> Vec<(String, String)> {
        let sandbox = self.sandbox();
        let mut terminal = self.to(&sandbox, lang, self.last(), Size::tall(80));
        self.confirm(&mut terminal, lang);
        result(&sandbox)
    }
}

/// Starts the wizard in a language.
pub fn start(sandbox: &Sandbox, lang: Lang, size: Size) -> Terminal {
    Terminal::start(sandbox, ["--lang", lang.code(), "onboard"], size)
}

/// The files of the instance, as far as two runs should agree on them.
pub fn result(sandbox: &Sandbox) -> Vec<(String, String)> {
    let home = sandbox.home().display().to_string();
    let text = |path: &str| {
        let text = sandbox.read(path).replace(&home, "~");
        // A token that is made is another one each time.
        let made = |line: &&str| line.contains("\"token\": \"") && !line.contains(CANARY);
        let timed = |line: &&str| line.contains("At\"") || line.contains("created");
        let same = |line: &&str| !made(line) && !timed(line);
        text.lines().filter(same).collect::<Vec<_>>().join("\n")
    };
    let own = |path: &String| {
        let ending = Path::new(path)
            .extension()
            .is_some_and(|e| e == "json" || e == "toml");
        path.starts_with(".openclaw-rescue/") && ending
    };
    let files = sandbox.tree().into_iter();
    let paths = files.map(|(path, ..)| path.display().to_string()).filter(own);
    paths.map(|path| (path.clone(), text(&path))).collect()
}

/// Text with one blank wherever some were, or a line ended.
pub fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The row where the open question begins, and all that stands from there on.
pub fn open(screen: &Screen<'_>) -> Option<(usize, String)> {
    let lines = screen.lines();
    let at = lines.iter().rposition(|line| line.starts_with("? "))?;
    Some((at, flat(&lines[at..].join("\n"))))
}

/// Whether this question is open.
pub fn is_open(screen: &Screen<'_>, question: &str) -> bool {
    let rest =
        open(screen).and_then(|(_, text)| Some(text.strip_prefix(&format!("? {question}"))?.to_owned()));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
}

/// Waits until this question is open.
#[track_caller]
pub fn wait_open(terminal: &mut Terminal, question: &str) {
    terminal.wait_until(&format!("{question:?} is open"), |screen| {
        is_open(screen, question)
    });
}

/// Waits until the screen shows this, however its lines are broken.
#[track_caller]
pub fn wait_flat(terminal: &mut Terminal, text: &str) {
    let text = flat(text);
    terminal.wait_until(&format!("{text:?} is seen"), |screen| {
        flat(&screen.text()).contains(&text)
    });
}

/// A test for each walk in each language, each in a network of its own, so that ports can be named.
macro_rules! each_walk {
    ($check:path) => {
        $crate::wizard::walk::each_walk!($check,
            advanced_english: ADVANCED "en", advanced_turkish: ADVANCED "tr",
            fresh_english: FRESH "en", fresh_turkish: FRESH "tr",
            quick_english: QUICK "en", quick_turkish: QUICK "tr");
    };
    ($check:path, $($name:ident: $walk:ident $code:literal),+) => {$(
        #[test]
        fn $name() {
            $crate::support::network::own(|| {
                let lang = openclaw::i18n::Lang::from_code($code).expect("a language");
                $check(&$crate::wizard::walk::$walk, lang);
            });
        }
    )+};
}
pub(crate) use each_walk;
