//! Runs of the wizard as data: every question in its order, with the answer to it. The texts come from the catalogues, so
//! that one scenario serves every language, and one answer serves drawn prompts and accessible ones.

use std::path::Path;

use openclaw::i18n::Lang;

use crate::support::Sandbox;
use crate::support::pty::{Key, Screen, Size, Terminal};

/// A part of every secret that a scenario types.
pub const CANARY: &str = "CANARY-4711";

/// A question of a scenario and the answer to it.
pub struct ScriptedQuestion {
    /// The key of the question in the catalogues.
    pub key: &'static str,
    /// The name and the value of the argument of the question.
    pub arg: Option<(&'static str, &'static str)>,
    pub answer: ScriptedAnswer,
}

/// The answer to a question.
pub enum ScriptedAnswer {
    /// A choice: its number, the key of its label, and the base port or the version in the label.
    Choice(&'static str, &'static str, &'static str),
    /// A choice whose label starts with a name: its number, and the start of its label.
    Named(&'static str, &'static str),
    Text(&'static str),
    /// The default that Enter takes.
    Default(&'static str),
    Secret(&'static str),
    Yes(bool),
}

/// A run of the wizard, from its first question to the plan.
pub struct Scenario {
    /// The files below HOME before the run.
    pub files: &'static [(&'static str, &'static str)],
    /// Whether OpenClaw from npm is installed.
    pub has_node: bool,
    /// The arguments of the wizard.
    pub args: &'static [&'static str],
    pub questions: &'static [ScriptedQuestion],
    /// The files that hold a secret after the run.
    pub secret_files: &'static [&'static str],
}

use ScriptedAnswer::{Choice, Default, Named, Secret, Text, Yes};

const fn question(key: &'static str, answer: ScriptedAnswer) -> ScriptedQuestion {
    ScriptedQuestion {
        key,
        arg: None,
        answer,
    }
}

const fn question_about(
    key: &'static str,
    name: &'static str,
    value: &'static str,
    answer: ScriptedAnswer,
) -> ScriptedQuestion {
    ScriptedQuestion {
        key,
        arg: Some((name, value)),
        answer,
    }
}

/// The config of a default instance.
const DEFAULT_CONFIG: (&str, &str) = (
    ".openclaw/openclaw.json",
    r#"{ "gateway": { "mode": "local", "port": 18789 } }"#,
);

/// The arguments of a wizard that asks everything.
const ADVANCED_FLOW: &[&str] = &["--flow", "advanced"];

/// Every question that can be asked about a new instance, none of them answered by its default.
pub const ADVANCED: Scenario = Scenario {
    files: &[DEFAULT_CONFIG],
    has_node: true,
    args: ADVANCED_FLOW,
    questions: &[
        question("step.profile.ask", Named("2", "rescue –")),
        question("step.engine.ask", Choice("1", "step.engine.node", "2026.9.6")),
        question("step.accept-risk.ask", Yes(true)),
        question("step.workspace.ask", Text("~/çalışma-ığş")),
        question(
            "step.gateway-port.ask",
            Choice("4", "step.gateway-port.other", ""),
        ),
        question("step.gateway-port.typed", Text("19789")),
        question("step.gateway-bind.ask", Choice("2", "step.gateway-bind.lan", "")),
        question(
            "step.gateway-auth.ask",
            Choice("2", "step.gateway-auth.password", ""),
        ),
        question("step.gateway-password.ask", Secret("CANARY-4711-password")),
        question("step.auth-choice.ask", Choice("5", "step.auth-choice.custom", "")),
        question("step.custom-base-url.ask", Text("http://127.0.0.1:11434/v1")),
        question("step.custom-model-id.ask", Text("llama-3")),
        question("step.custom-provider-id.ask", Text("evdeki-sunucu")),
        question_about(
            "step.api-key.ask",
            "provider",
            "evdeki-sunucu",
            Secret("CANARY-4711-key"),
        ),
        question("step.model.ask", Default("evdeki-sunucu/llama-3")),
        question("step.channel.ask", Choice("2", "step.channel.telegram", "")),
        question_about(
            "step.channel-token.ask",
            "channel",
            "Telegram",
            Secret("4711:CANARY-4711-bot"),
        ),
        question(
            "step.install-daemon.ask",
            Choice("3", "step.install-daemon.no", ""),
        ),
        question("onboard.confirm", Choice("", "onboard.do-it", "")),
    ],
    secret_files: &[
        ".openclaw-rescue/openclaw.json",
        ".openclaw-rescue/openclaw.json.last-good",
    ],
};

/// Every question about a new instance, answered with a token and the defaults.
pub const NEW_INSTANCE: Scenario = Scenario {
    files: &[DEFAULT_CONFIG],
    has_node: false,
    args: ADVANCED_FLOW,
    questions: &[
        question("step.profile.ask", Named("2", "rescue –")),
        question("step.engine.ask", Choice("3", "step.engine.native", "")),
        question(
            "step.workspace.ask",
            Default("~/.openclaw-rescue/workspace-rescue"),
        ),
        question(
            "step.gateway-port.ask",
            Choice("1", "step.gateway-port.suggested", "19789"),
        ),
        question(
            "step.gateway-bind.ask",
            Choice("1", "step.gateway-bind.loopback", ""),
        ),
        question(
            "step.gateway-auth.ask",
            Choice("1", "step.gateway-auth.token", ""),
        ),
        question("step.gateway-token.ask", Secret("CANARY-4711-token")),
        question("step.channel.ask-bot", Choice("1", "step.channel.skip", "")),
        question("step.watch.ask", Named("1", "default –")),
        question(
            "step.install-daemon.ask",
            Choice("3", "step.install-daemon.no", ""),
        ),
        question("onboard.confirm", Choice("", "onboard.do-it", "")),
    ],
    secret_files: &[".openclaw-rescue/openclaw.json"],
};

/// The questions of the quick flow.
pub const QUICKSTART: Scenario = Scenario {
    files: &[DEFAULT_CONFIG],
    has_node: true,
    args: &[],
    questions: &[
        question("step.profile.ask", Named("2", "rescue –")),
        question("step.engine.ask", Choice("1", "step.engine.node", "2026.9.6")),
        question("step.accept-risk.ask", Yes(true)),
        question(
            "step.gateway-port.ask",
            Choice("1", "step.gateway-port.suggested", "19789"),
        ),
        question(
            "step.auth-choice.ask",
            Choice("1", "step.auth-choice.anthropic", ""),
        ),
        question_about(
            "step.api-key.ask",
            "provider",
            "Anthropic",
            Secret("CANARY-4711-key"),
        ),
        question("step.channel.ask", Choice("3", "step.channel.discord", "")),
        question_about(
            "step.channel-token.ask",
            "channel",
            "Discord",
            Secret("CANARY-4711-bot"),
        ),
        question(
            "step.install-daemon.ask",
            Choice("3", "step.install-daemon.no", ""),
        ),
        question("onboard.confirm", Choice("", "onboard.do-it", "")),
    ],
    secret_files: &[
        ".openclaw-rescue/agents/main/agent/auth-profiles.json",
        ".openclaw-rescue/openclaw.json",
        ".openclaw-rescue/openclaw.json.last-good",
    ],
};

/// Returns the text of a key in a language.
pub fn catalogue_text(lang: Lang, key: &str) -> &'static str {
    lang.text(key).unwrap_or_else(|| panic!("no text for {key}"))
}

impl ScriptedQuestion {
    /// Returns the question as the screen shows it.
    pub fn text(&self, lang: Lang) -> String {
        let text = catalogue_text(lang, self.key);
        match self.arg {
            Some((name, value)) => text.replace(&format!("{{{name}}}"), value),
            None => text.to_owned(),
        }
    }

    pub fn is_secret(&self) -> bool {
        matches!(self.answer, Secret(_))
    }
}

impl ScriptedAnswer {
    /// Returns what is typed before Enter.
    pub fn typed(&self, lang: Lang) -> &'static str {
        match self {
            Choice(number, ..) | Named(number, _) => number,
            Text(text) | Secret(text) => text,
            Default(_) => "",
            Yes(yes) => {
                let all = catalogue_text(lang, if *yes { "ui.yes-words" } else { "ui.no-words" });
                all.split(' ').next().expect("a word")
            }
        }
    }

    /// Returns what the open question shows once the answer is typed.
    pub fn shown(&self, lang: Lang) -> String {
        match self {
            Choice(_, label, base) => format!(
                "❯ {}",
                catalogue_text(lang, label)
                    .replace("{base}", base)
                    .replace("{version}", base)
            ),
            Named(_, label) => format!("❯ {label}"),
            // Only the end of a long line is visible.
            Text(text) => text
                .chars()
                .skip(text.chars().count().saturating_sub(9))
                .collect(),
            Default(text) => format!("({text})"),
            Secret(_) => "********".to_owned(),
            Yes(yes) => format!(
                "❯ {}",
                catalogue_text(lang, if *yes { "ui.yes" } else { "ui.no" })
            ),
        }
    }

    /// Returns what the screen shows where the question is asked again.
    pub fn shown_again(&self, lang: Lang) -> String {
        match self {
            Text(text) => format!("({text})"),
            Secret(_) => catalogue_text(lang, "ui.enter-keeps").to_owned(),
            _ => self.shown(lang),
        }
    }
}

impl Scenario {
    /// Creates a home folder with the files of the scenario.
    pub fn sandbox(&self) -> Sandbox {
        let sandbox = Sandbox::new()
            .var("TERM", "xterm-256color")
            .var("LANG", "C.UTF-8");
        let sandbox = if self.has_node {
            sandbox.with_node_package()
        } else {
            sandbox
        };
        for (path, text) in self.files {
            sandbox.write(path, text);
        }
        sandbox
    }

    /// Returns the index of the question with this key.
    pub fn position(&self, key: &str) -> usize {
        let found = self.questions.iter().position(|question| question.key == key);
        found.unwrap_or_else(|| panic!("{key} is not asked"))
    }

    /// Starts the wizard in a language.
    pub fn start(&self, sandbox: &Sandbox, lang: Lang, size: Size) -> Terminal {
        let args = ["--lang", lang.code(), "onboard"].into_iter();
        Terminal::start(sandbox, args.chain(self.args.iter().copied()), size)
    }

    /// Waits for the question with this index.
    #[track_caller]
    pub fn wait_for_question(&self, terminal: &mut Terminal, lang: Lang, at: usize) {
        wait_open(terminal, &self.questions[at].text(lang));
    }

    /// Answers the question with this index, which is open.
    #[track_caller]
    pub fn answer(&self, terminal: &mut Terminal, lang: Lang, at: usize) {
        terminal
            .type_in(self.questions[at].answer.typed(lang))
            .press(Key::Enter);
    }

    /// Starts the wizard and answers every question before the one with this index, which is open then.
    #[track_caller]
    pub fn run_to(&self, sandbox: &Sandbox, lang: Lang, at: usize, size: Size) -> Terminal {
        let mut terminal = self.start(sandbox, lang, size);
        for before in 0..at {
            self.wait_for_question(&mut terminal, lang, before);
            self.answer(&mut terminal, lang, before);
        }
        self.wait_for_question(&mut terminal, lang, at);
        terminal
    }

    /// Returns the index of the last question, which confirms the plan.
    pub fn review_index(&self) -> usize {
        self.questions.len() - 1
    }

    /// Confirms the plan, which is on the screen, and waits for the end.
    #[track_caller]
    pub fn confirm(&self, terminal: &mut Terminal, lang: Lang) {
        self.answer(terminal, lang, self.review_index());
        let code = terminal.exit_code();
        assert_eq!(code, 0, "{}", terminal.screen().text());
    }

    /// Returns the files that an uninterrupted run writes.
    #[track_caller]
    pub fn expected_files(&self, lang: Lang) -> Vec<(String, String)> {
        let sandbox = self.sandbox();
        let mut terminal = self.run_to(&sandbox, lang, self.review_index(), Size::tall(80));
        self.confirm(&mut terminal, lang);
        instance_files(&sandbox)
    }
}

/// Returns the files of the instance, without what differs from run to run: the home folder, times, generated tokens.
pub fn instance_files(sandbox: &Sandbox) -> Vec<(String, String)> {
    let home = sandbox.home().display().to_string();
    let text = |path: &str| {
        let text = sandbox.read(path).replace(&home, "~");
        // A generated token differs each time.
        let is_generated = |line: &&str| line.contains("\"token\": \"") && !line.contains(CANARY);
        let is_time = |line: &&str| line.contains("At\"") || line.contains("created");
        let is_stable = |line: &&str| !is_generated(line) && !is_time(line);
        text.lines().filter(is_stable).collect::<Vec<_>>().join("\n")
    };
    let is_own = |path: &String| {
        let ending = Path::new(path)
            .extension()
            .is_some_and(|e| e == "json" || e == "toml");
        path.starts_with(".openclaw-rescue/") && ending
    };
    let files = sandbox.tree().into_iter();
    let paths = files.map(|(path, ..)| path.display().to_string()).filter(is_own);
    paths.map(|path| (path.clone(), text(&path))).collect()
}

/// Returns a text with one blank in the place of several blanks and of line ends.
pub fn collapse_blanks(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Returns the row in which the open question begins, and the text from there on.
pub fn open_question(screen: &Screen<'_>) -> Option<(usize, String)> {
    let lines = screen.lines();
    let at = lines.iter().rposition(|line| line.starts_with("? "))?;
    Some((at, collapse_blanks(&lines[at..].join("\n"))))
}

/// Returns `true` if a question is open.
pub fn is_open(screen: &Screen<'_>, question: &str) -> bool {
    let rest = open_question(screen)
        .and_then(|(_, text)| Some(text.strip_prefix(&format!("? {question}"))?.to_owned()));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
}

/// Waits until a question is open.
#[track_caller]
pub fn wait_open(terminal: &mut Terminal, question: &str) {
    terminal.wait_until(&format!("{question:?} is open"), |screen| {
        is_open(screen, question)
    });
}

/// Waits until the screen shows a text, however its lines are broken.
#[track_caller]
pub fn wait_for_text(terminal: &mut Terminal, text: &str) {
    let text = collapse_blanks(text);
    terminal.wait_until(&format!("{text:?} is shown"), |screen| {
        collapse_blanks(&screen.text()).contains(&text)
    });
}

/// Defines a test for each scenario in each language, each in a network of its own, so that ports can be named.
macro_rules! each_scenario {
    ($check:path) => {
        $crate::wizard::scenario::each_scenario!($check,
            advanced_english: ADVANCED "en", advanced_turkish: ADVANCED "tr",
            new_instance_english: NEW_INSTANCE "en", new_instance_turkish: NEW_INSTANCE "tr",
            quickstart_english: QUICKSTART "en", quickstart_turkish: QUICKSTART "tr");
    };
    ($check:path, $($name:ident: $scenario:ident $code:literal),+) => {$(
        #[test]
        fn $name() {
            $crate::support::network::own(|| {
                let lang = openclaw::i18n::Lang::from_code($code).expect("a language");
                $check(&$crate::wizard::scenario::$scenario, lang);
            });
        }
    )+};
}
pub(crate) use each_scenario;
