//! The whole story in a real user manager: main and its rescue bot are services, main's config is broken by hand, and its
//! owner repairs it from a chat.

use std::path::Path;

use serde_json::{Value, json};

use super::chat::ask;
use crate::dashboard::browser::{PageUnderTest, run_with_browser};
use crate::gateway::session::Client;
use crate::rescue::inside::target::{BROKEN_CONFIG, Target, run, systemctl};
use crate::service::inside::health;
use crate::support::gateway::wait_for;
use crate::support::messenger::matrix::Matrix;
use crate::support::messenger::telegram::Telegram;
use crate::support::messenger::{Messenger, OWNER, Seen};
use crate::support::{gateway, manager};

/// A main instance and its rescue bot, both as services.
struct Pair {
    main: Target,
    rescue: Target,
    messenger: Box<dyn Messenger>,
}

impl Pair {
    /// Installs both. The bot is on Telegram, watches main without patience, and leaves repairs to its owner.
    fn install(main: (&'static str, u16), rescue: (&'static str, u16)) -> Self {
        Self::install_on(("telegram", Box::new(Telegram::start())), main, rescue)
    }

    /// Installs both, with the bot on this channel.
    fn install_on(
        (channel, messenger): (&str, Box<dyn Messenger>),
        main: (&'static str, u16),
        rescue: (&'static str, u16),
    ) -> Self {
        let program = Path::new(env!("CARGO_BIN_EXE_openclaw"));
        let main = Target::new(main.0, main.1).install_with(program);
        let channel = json!({ channel: messenger.config(&[OWNER]) });
        let rescue = write_rescue(rescue.0, rescue.1, main.profile, channel).install_with(program);
        messenger.wait_until_connected();
        Self {
            main,
            rescue,
            messenger,
        }
    }

    /// Breaks the config of main as a person does, and restarts it.
    fn break_main(&self) {
        self.main.write_config(BROKEN_CONFIG);
        let _ = run(&["--profile", self.main.profile, "gateway", "restart"]).exits(78);
        assert_eq!(health(self.main.port), Value::Null);
    }

    /// Returns the next message or edit that contains a text.
    fn next(&self, expected: &str) -> Seen {
        self.messenger
            .next_message(expected, &|seen| seen.text.contains(expected))
    }

    /// Requires main to answer with the config that it had.
    fn assert_repaired(&self) {
        assert_eq!(health(self.main.port)["ok"], true);
        let now = std::fs::read_to_string(self.main.config_path()).expect("a config");
        assert_eq!(now, self.main.good_config().to_string());
    }
}

/// Writes the files of a rescue instance with these channels, which watches a profile without patience and leaves repairs
/// to its owner.
fn write_rescue(profile: &'static str, port: u16, watched: &str, channels: Value) -> Target {
    let rescue = Target::new(profile, port);
    let mut config = rescue.good_config();
    config["gateway"]["auth"]["token"] = gateway::TOKEN.into();
    config["channels"] = channels;
    rescue.write_config(&config.to_string());
    let record = format!("version = 1\n[rescue]\nwatch = ['{watched}']\ninterval = 1\npatience = 0\n");
    std::fs::write(rescue.state_dir().join("instance.toml"), record).expect("a record");
    let pauses = rescue.state_dir().join("bot/pauses.json");
    std::fs::create_dir_all(pauses.parent().expect("a folder")).expect("a folder");
    std::fs::write(pauses, json!({ "repairs": u64::MAX }).to_string()).expect("a pause");
    rescue
}

/// The words of the story in one language.
struct Words {
    greeting: [&'static str; 2],
    down: &'static str,
    repair: &'static str,
    plan: &'static str,
    yes: &'static str,
    repaired: &'static str,
    healthy: &'static str,
    history: [&'static str; 2],
}

/// The words of the story in English.
const ENGLISH: Words = Words {
    greeting: ["/watch", "I watch: NAME"],
    down: "The NAME gateway is down.",
    repair: "Repair",
    plan: "Do it now?",
    yes: "Yes, do it",
    repaired: "Repaired: the NAME gateway is running and healthy.",
    healthy: "The NAME gateway is healthy again.",
    history: ["/history", "restore an earlier config – helped"],
};

/// Breaks main, and repairs it from the alert.
fn repair_from_the_alert(pair: &Pair, words: &Words) {
    let Pair { main, messenger, .. } = pair;
    let shown = |text: &str| text.replace("NAME", main.profile);
    messenger.say(OWNER, words.greeting[0]);
    pair.next(&shown(words.greeting[1]));
    pair.break_main();
    let alert = pair.next(&shown(words.down));
    messenger.press_when_shown(OWNER, &alert, words.repair);
    let plan = pair.next(words.plan);
    messenger.press_when_shown(OWNER, &plan, words.yes);
    let done = pair.next(&shown(words.repaired));
    assert!(done.is_edit && done.id == plan.id, "{done:#?}");
    pair.assert_repaired();
    // The watcher may have seen it before the repair was told. On Matrix the buttons go after the text has changed.
    let well = wait_for("the end of the incident", || {
        let mut all = messenger.messages().into_iter().rev();
        let last = all.find(|seen| seen.id == alert.id)?;
        (last.text.contains(&shown(words.healthy)) && last.buttons.is_empty()).then_some(last)
    });
    assert!(well.is_edit, "{well:#?}");
    messenger.say(OWNER, words.history[0]);
    let history = pair.next(words.history[1]);
    assert!(history.text.contains(&messenger.id(OWNER)), "{history:#?}");
}

#[test]
#[ignore = "runs inside a user manager"]
fn broken_config_of_main_is_told_and_repaired_from_the_alert() {
    if !manager::is_inside() {
        return;
    }
    let pair = Pair::install(("default", 18789), ("rescue", 19789));
    repair_from_the_alert(&pair, &ENGLISH);
}

#[test]
#[ignore = "runs inside a user manager"]
fn broken_config_of_main_is_told_and_repaired_in_turkish() {
    if !manager::is_inside() {
        return;
    }
    let pair = Pair::install(("is", 20789), ("is-kurtarma", 21789));
    let words = Words {
        greeting: ["/izle", "İzlediklerim: NAME"],
        down: "NAME gateway’i sağlıklı değil.",
        repair: "Onar",
        plan: "Şimdi yapılsın mı?",
        yes: "Evet, yap",
        repaired: "Onarıldı: gateway çalışıyor ve sağlıklı. Profil: NAME",
        healthy: "NAME gateway’i yeniden sağlıklı.",
        history: ["/gecmis", "önceki yapılandırmayı geri yükleme"],
    };
    repair_from_the_alert(&pair, &words);
}

#[test]
#[ignore = "runs inside a user manager"]
fn broken_config_of_main_is_told_and_repaired_over_matrix() {
    if !manager::is_inside() {
        return;
    }
    let Some(matrix) = Matrix::start() else { return };
    let pair = Pair::install_on(
        ("matrix", Box::new(matrix)),
        ("home", 26789),
        ("home-rescue", 27789),
    );
    repair_from_the_alert(&pair, &ENGLISH);
}

#[test]
#[ignore = "runs inside a user manager"]
fn broken_config_of_main_is_told_and_repaired_from_the_dashboard() {
    if !manager::is_inside() {
        return;
    }
    run_with_browser(async {
        let pair = Pair::install(("shop", 28789), ("shop-rescue", 29789));
        let page = PageUnderTest::on_port(pair.rescue.port, None).await;
        page.open(&format!("#token={}", gateway::TOKEN)).await;
        page.wait_until_live().await;
        let press = async |label: &str| {
            let button = format!(
                "[...document.querySelectorAll('#messages button')].find((one) => one.textContent === '{label}')"
            );
            page.wait_until(&format!("Boolean({button})")).await;
            page.evaluate(&format!("{button}.click()")).await;
        };
        let say = async |words: &str| {
            page.evaluate("document.getElementById('words').scrollIntoView()")
                .await;
            page.browser.type_into("#words", words).await;
        };
        page.wait_until("document.querySelectorAll('#watched li:not(.bad)').length === 1")
            .await;
        pair.break_main();
        page.wait_until("document.querySelectorAll('#watched li.bad').length === 1")
            .await;
        say("/status").await;
        press("Repair").await;
        press("Yes, do it").await;
        let is_told =
            |text: &str| format!("document.getElementById('messages').innerText.includes('{text}')");
        page.wait_until(&is_told("Repaired: the shop gateway is running and healthy."))
            .await;
        pair.assert_repaired();
        page.wait_until("document.querySelectorAll('#watched li:not(.bad)').length === 1")
            .await;
        say("/history").await;
        page.wait_until(&is_told("restore an earlier config – helped"))
            .await;
        assert_eq!(page.errors(), Vec::<String>::new());
    });
}

#[test]
#[ignore = "runs inside a user manager"]
fn broken_config_of_main_is_repaired_by_a_client_of_the_gateway() {
    if !manager::is_inside() {
        return;
    }
    let pair = Pair::install(("work", 22789), ("work-rescue", 23789));
    pair.break_main();
    let mut client = Client::accepted(pair.rescue.port, 4);
    let text = |answer: &Value| {
        answer["message"]["content"][0]["text"]
            .as_str()
            .expect("a text")
            .to_owned()
    };
    let state = ask(&mut client, "state", "/status work");
    assert!(!text(&state).contains("running and healthy"), "{state:#}");
    let plan = ask(&mut client, "plan", "/repair work");
    assert!(text(&plan).contains("Restore this earlier config"), "{plan:#}");
    let yes = plan["message"]["buttons"][0]["command"].as_str().expect("a yes");
    let done = ask(&mut client, "yes", yes);
    assert!(text(&done).contains("Repaired: the work gateway"), "{done:#}");
    pair.assert_repaired();
    let history = ask(&mut client, "history", "/history");
    assert!(
        text(&history).contains("restore an earlier config – helped"),
        "{history:#}"
    );
}

#[test]
#[ignore = "runs inside a user manager"]
fn timer_tells_that_the_rescue_gateway_is_silent_where_main_is_of_npm() {
    if !manager::is_inside() {
        return;
    }
    // Its record alone says so: nothing of npm runs.
    let main = Target::new("npm-main", 24789);
    std::fs::write(main.state_dir().join("instance.toml"), "engine = 'node'\n").expect("a record");
    let telegram = Telegram::start();
    let channels = json!({ "telegram": telegram.config(&[OWNER]) });
    let rescue = write_rescue("npm-rescue", 25789, main.profile, channels);
    let good = std::fs::read_to_string(rescue.config_path()).expect("a config");
    let cli = |args: &[&str]| run(&[&["--profile", "npm-rescue"], args].concat());
    let timer = "openclaw-check-npm-rescue.timer";
    let state = || systemctl(&["show", "--value", "-p", "ActiveState", timer]);
    let shown = cli(&["gateway", "install", "--dry-run"]).exits(0);
    assert!(
        shown.stdout.contains(timer) && shown.stderr.contains("npm-main"),
        "{shown:?}"
    );
    assert_eq!(state(), "inactive", "only shown");
    let rescue = rescue.install_with(Path::new(env!("CARGO_BIN_EXE_openclaw")));
    assert_eq!(state(), "active");
    systemctl(&["stop", timer]);
    let found = cli(&["doctor", "--json"]).stdout;
    assert!(found.contains("service-timer"), "{found}");
    let _ = cli(&["gateway", "install"]).exits(0);
    assert_eq!(state(), "active");

    let check = || {
        let unit = "openclaw-check-npm-rescue.service";
        systemctl(&["start", unit]);
        assert_eq!(systemctl(&["show", "--value", "-p", "Result", unit]), "success");
    };
    let next = |expected: &str| telegram.next_message(expected, &|seen| seen.text.contains(expected));
    check();
    rescue.write_config(BROKEN_CONFIG);
    let _ = cli(&["gateway", "restart"]).exits(78);
    check();
    let silent = next("The npm-rescue gateway is down.");
    assert!(silent.buttons.is_empty(), "{silent:#?}");
    assert!(
        silent
            .text
            .contains("openclaw --profile npm-rescue gateway start"),
        "{silent:#?}"
    );
    check();
    rescue.write_config(&good);
    let _ = cli(&["gateway", "start"]).exits(0);
    check();
    let well = next("The npm-rescue gateway is healthy again.");
    assert!(well.is_edit && well.id == silent.id, "{well:#?}");
    let _ = cli(&["gateway", "uninstall"]).exits(0);
    assert_eq!(state(), "inactive");
    assert!(!rescue.unit_file().with_file_name(timer).exists());
}
