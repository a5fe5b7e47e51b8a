//! The whole story in a real user manager: main and its rescue bot are services, main's config is broken by hand, and its
//! owner repairs it from a chat.

use std::path::Path;

use serde_json::{Value, json};

use super::chat::ask;
use crate::gateway::session::Client;
use crate::rescue::inside::target::{BROKEN_CONFIG, Target, run, systemctl};
use crate::service::inside::health;
use crate::support::messenger::telegram::Telegram;
use crate::support::messenger::{Messenger as _, OWNER, Seen};
use crate::support::{gateway, manager};

/// A main instance and its rescue bot, both as services.
struct Pair {
    main: Target,
    rescue: Target,
    telegram: Telegram,
}

impl Pair {
    /// Installs both. The bot watches main without patience, and leaves repairs to its owner.
    fn install(main: (&'static str, u16), rescue: (&'static str, u16)) -> Self {
        let program = Path::new(env!("CARGO_BIN_EXE_openclaw"));
        let telegram = Telegram::start();
        let main = Target::new(main.0, main.1).install_with(program);
        let rescue = write_rescue(rescue.0, rescue.1, main.profile, &telegram).install_with(program);
        telegram.wait_until_connected();
        Self {
            main,
            rescue,
            telegram,
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
        self.telegram
            .next_message(expected, &|seen| seen.text.contains(expected))
    }

    /// Requires main to answer with the config that it had.
    fn assert_repaired(&self) {
        assert_eq!(health(self.main.port)["ok"], true);
        let now = std::fs::read_to_string(self.main.config_path()).expect("a config");
        assert_eq!(now, self.main.good_config().to_string());
    }
}

/// Writes the files of a rescue instance with an account of Telegram, which watches a profile without patience and leaves
/// repairs to its owner.
fn write_rescue(profile: &'static str, port: u16, watched: &str, telegram: &Telegram) -> Target {
    let rescue = Target::new(profile, port);
    let mut config = rescue.good_config();
    config["gateway"]["auth"]["token"] = gateway::TOKEN.into();
    config["channels"] = json!({ "telegram": telegram.config(&[OWNER]) });
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

/// Breaks main, and repairs it from the alert.
fn repair_from_the_alert(pair: &Pair, words: &Words) {
    let name = pair.main.profile;
    let shown = |text: &str| text.replace("NAME", name);
    pair.telegram.say(OWNER, words.greeting[0]);
    pair.next(words.greeting[1]);
    pair.break_main();
    let alert = pair.next(&shown(words.down));
    pair.telegram.press(OWNER, &alert, words.repair);
    let plan = pair.next(words.plan);
    pair.telegram.press(OWNER, &plan, words.yes);
    let done = pair.next(&shown(words.repaired));
    assert!(done.is_edit && done.id == plan.id, "{done:#?}");
    pair.assert_repaired();
    let well = pair.telegram.next_message("the end of the incident", &|seen| {
        seen.id == alert.id && seen.text.contains(&shown(words.healthy))
    });
    assert!(well.is_edit && well.buttons.is_empty(), "{well:#?}");
    pair.telegram.say(OWNER, words.history[0]);
    let history = pair.next(words.history[1]);
    assert!(history.text.contains(&pair.telegram.id(OWNER)), "{history:#?}");
}

#[test]
#[ignore = "runs inside a user manager"]
fn broken_config_of_main_is_told_and_repaired_from_the_alert() {
    if !manager::is_inside() {
        return;
    }
    let pair = Pair::install(("default", 18789), ("rescue", 19789));
    let words = Words {
        greeting: ["/watch", "I watch: default"],
        down: "The NAME gateway is down.",
        repair: "Repair",
        plan: "Do it now?",
        yes: "Yes, do it",
        repaired: "Repaired: the NAME gateway is running and healthy.",
        healthy: "The NAME gateway is healthy again.",
        history: ["/history", "restore an earlier config – helped"],
    };
    repair_from_the_alert(&pair, &words);
}

#[test]
#[ignore = "runs inside a user manager"]
fn broken_config_of_main_is_told_and_repaired_in_turkish() {
    if !manager::is_inside() {
        return;
    }
    let pair = Pair::install(("is", 20789), ("is-kurtarma", 21789));
    let words = Words {
        greeting: ["/izle", "İzlediklerim: is"],
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
    let rescue = write_rescue("npm-rescue", 25789, main.profile, &telegram);
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
