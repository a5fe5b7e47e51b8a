//! `openclaw channels` and `openclaw pairing`: accounts in the config, who may command a bot, and how a running bot is.

use serde_json::{Value, json};

use crate::bot::home::BotHome;
use crate::engine::{sandbox_with_engine, write_config};
use crate::support::gateway::{self, Gateway, wait_for};
use crate::support::messenger::telegram::{TOKEN, Telegram};
use crate::support::messenger::{Messenger, OWNER, User};
use crate::support::{Ran, Sandbox};

/// Runs `openclaw --profile rescue WORDS`.
fn rescue(sandbox: &Sandbox, words: &[&str]) -> Ran {
    let mut all = vec!["--profile", "rescue"];
    all.extend(words);
    sandbox.run(all)
}

/// Runs `openclaw --profile rescue WORDS` with a text on its standard input.
fn rescue_with_input(sandbox: &Sandbox, words: &[&str], input: &str) -> Ran {
    sandbox.run_with_input(["--profile", "rescue"].iter().chain(words), input)
}

/// Returns the accounts that `channels list` or `channels status` names.
fn accounts(document: &Value) -> Vec<Value> {
    document["accounts"].as_array().expect("accounts").clone()
}

/// Returns the account of Telegram as a running gateway reports it, as soon as it is as wanted.
#[track_caller]
fn wait_for_account(sandbox: &Sandbox, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    wait_for(what, || {
        let ran = rescue(sandbox, &["channels", "status", "--json"]);
        accounts(&ran.json()).into_iter().find(|account| wanted(account))
    })
}

/// Returns the ids of the doctor's findings about channels.
fn channel_findings(sandbox: &Sandbox) -> Vec<Value> {
    let document = rescue(sandbox, &["doctor", "--json"]).json();
    let findings = document["findings"].as_array().expect("findings").clone();
    let is_about_channels = |finding: &Value| finding["id"].as_str().expect("an id").starts_with("channel-");
    findings.into_iter().filter(is_about_channels).collect()
}

/// Says something as a person, and returns the pairing code that the command line then shows for the person.
#[track_caller]
fn ask_for_code(home: &BotHome, person: User) -> String {
    home.messenger.say(person, "hello");
    let id = home.messenger.id(person);
    wait_for("a request for pairing", || {
        let listed = rescue(&home.sandbox, &["pairing", "list", "--json"])
            .exits(0)
            .json();
        let requests = listed["requests"].as_array().expect("requests");
        let own = requests.iter().find(|request| request["id"] == id.as_str())?;
        Some(own["code"].as_str().expect("a code").to_owned())
    })
}

#[test]
fn account_is_added_listed_and_removed_and_its_token_is_shown_nowhere() {
    let sandbox = Sandbox::new();
    gateway::configure(&sandbox, "rescue");
    let add = ["channels", "add", "telegram", "--token-stdin", "--owner", "4242"];
    let mut shown = String::new();
    let mut run = |words: &[&str], code| {
        let ran = rescue_with_input(&sandbox, words, "123456:SEEDED-TOKEN-OF-A-BOT\n").exits(code);
        shown.push_str(&ran.stdout);
        shown.push_str(&ran.stderr);
        ran
    };
    let _ = run(&add, 0);
    let again = run(
        &[
            "channels",
            "add",
            "telegram",
            "--token-stdin",
            "--owner",
            "7",
            "--json",
        ],
        0,
    );
    assert_eq!(again.json()["owners"], 2);
    let _ = run(
        &[
            "channels",
            "add",
            "telegram",
            "--account",
            "work",
            "--token-stdin",
        ],
        0,
    );
    let config: Value = serde_json::from_str(&sandbox.read(".openclaw-rescue/openclaw.json")).expect("JSON");
    let telegram = &config["channels"]["telegram"];
    assert_eq!(telegram["botToken"], "123456:SEEDED-TOKEN-OF-A-BOT");
    assert_eq!(telegram["allowFrom"], json!(["4242", "7"]));
    assert_eq!(telegram["accounts"]["work"]["enabled"], true);
    let listed = accounts(&run(&["channels", "list", "--json"], 0).json());
    assert_eq!(listed.len(), 2, "{listed:#?}");
    let expected = json!({
        "channel": "telegram", "label": "Telegram", "accountId": "default", "enabled": true, "configured": true,
        "supported": true, "tokenSource": "config", "dmPolicy": "pairing", "owners": 2,
    });
    assert_eq!(listed[0], expected);
    let table = run(&["channels", "list"], 0).stdout;
    assert!(table.contains("telegram") && table.contains("work"), "{table}");
    // The channel has another account: nobody may mean all of them by naming none.
    let refused = run(&["channels", "remove", "telegram", "--json"], 1);
    assert_eq!(refused.json()["code"], "channels.no-account");
    let _ = run(&["channels", "remove", "telegram", "--account", "work"], 0);
    assert!(!shown.contains("SEEDED"), "{shown}");
}

#[test]
fn owners_are_written_where_the_release_reads_them() {
    let early = ("2026.1.30", "/dm/allowFrom", "/allowFrom");
    let late = ("2026.9.6", "/allowFrom", "/dm/allowFrom");
    let tokens = "SEEDED-TOKEN-OF-A-BOT\nSEEDED-TOKEN-OF-AN-APP\n";
    let token = tokens.split_inclusive('\n').next().unwrap();
    for (channel, input) in [("discord", token), ("slack", tokens)] {
        for engine in ["node", "native"] {
            for (version, place, other) in [early, late] {
                let sandbox = sandbox_with_engine(version);
                write_config(&sandbox, 19789, engine);
                let add = |owner| {
                    let words = ["channels", "add", channel, "--token-stdin", "--owner", owner];
                    let _ = rescue_with_input(&sandbox, &words, input).exits(0);
                };
                add("42");
                add("7");
                // What is shown has no secrets.
                let key = format!("channels.{channel}");
                let shown = rescue(&sandbox, &["config", "get", &key]).exits(0);
                let written: Value = serde_json::from_str(&shown.stdout).expect("JSON");
                let context = format!("{channel} {engine} {version}: {written}");
                assert_eq!(written.pointer(place), Some(&json!(["42", "7"])), "{context}");
                assert_eq!(written.pointer(other), None, "{context}");
            }
        }
    }
}

#[test]
fn setting_that_a_channel_does_not_have_is_refused() {
    let sandbox = Sandbox::new();
    gateway::configure(&sandbox, "rescue");
    for setting in ["nothing=1", "apiRoot=", "apiRoot"] {
        let words = ["channels", "add", "discord", "--set", setting, "--json"];
        let refused = rescue(&sandbox, &words).exits(2).json();
        assert_eq!(refused["code"], "channels.setting-unknown", "{setting}");
    }
}

#[test]
fn channel_that_the_native_engine_does_not_have_is_listed_and_removed() {
    let sandbox = Sandbox::new();
    gateway::configure(&sandbox, "rescue");
    let path = ".openclaw-rescue/openclaw.json";
    let mut config: Value = serde_json::from_str(&sandbox.read(path)).expect("JSON");
    config["channels"] = json!({"signal": {"enabled": true}});
    sandbox.write(path, config.to_string());
    let listed = accounts(&rescue(&sandbox, &["channels", "list", "--json"]).exits(0).json());
    assert_eq!(
        (&listed[0]["channel"], &listed[0]["supported"]),
        (&json!("signal"), &json!(false))
    );
    assert_eq!(channel_findings(&sandbox)[0]["id"], "channel-no-engine");
    let added = rescue(&sandbox, &["channels", "add", "signal", "--json"])
        .exits(2)
        .json();
    assert_eq!(added["code"], "channels.unknown");
    let _ = rescue(&sandbox, &["channels", "remove", "signal"]).exits(0);
    assert_eq!(channel_findings(&sandbox), [Value::Null; 0]);
    let listed = rescue(&sandbox, &["channels", "list", "--json"]).exits(0).json();
    assert_eq!(listed["accounts"], json!([]));
}

#[test]
fn token_comes_from_a_file_or_standard_input_and_never_from_an_argument() {
    let sandbox = Sandbox::new();
    gateway::configure(&sandbox, "rescue");
    let config = || sandbox.read(".openclaw-rescue/openclaw.json");
    let before = config();
    let missing = rescue(&sandbox, &["channels", "add", "telegram", "--json"])
        .exits(2)
        .json();
    assert_eq!(missing["code"], "channels.token-missing");
    let _ = rescue(&sandbox, &["channels", "add", "telegram", "123:A"]).exits(2);
    let empty = rescue(
        &sandbox,
        &["channels", "add", "telegram", "--token-stdin", "--json"],
    )
    .exits(2)
    .json();
    assert_eq!(empty["code"], "channels.token-lines");
    let absent = rescue(
        &sandbox,
        &["channels", "add", "telegram", "--token-file", "absent", "--json"],
    );
    assert_eq!(absent.exits(2).json()["code"], "client.token-file");
    let odd = [
        "channels",
        "add",
        "telegram",
        "--account",
        "a.b",
        "--token-stdin",
        "--json",
    ];
    assert_eq!(
        rescue(&sandbox, &odd).exits(2).json()["code"],
        "channels.account-name"
    );
    assert_eq!(config(), before);
    let file = sandbox
        .write("token.txt", "123456:SEEDED-TOKEN-OF-A-BOT\n")
        .display()
        .to_string();
    let _ = rescue(
        &sandbox,
        &["channels", "add", "telegram", "--token-file", "token.txt"],
    )
    .exits(0);
    let written: Value = serde_json::from_str(&config()).expect("JSON");
    assert_eq!(written["channels"]["telegram"]["tokenFile"], file.as_str());
    let listed = accounts(&rescue(&sandbox, &["channels", "list", "--json"]).exits(0).json());
    assert_eq!(listed[0]["tokenSource"], "tokenFile");
}

#[test]
fn stranger_is_an_owner_from_the_approval_of_the_code_until_it_is_revoked() {
    BotHome::each(|home| {
        let gateway = home.start();
        let (first, second) = (User::stranger(0), User::stranger(1));
        let id = home.messenger.id(first);
        let code = ask_for_code(home, first);
        let late_code = ask_for_code(home, second);
        let run = |words: &[&str]| rescue(&home.sandbox, words);
        let wrong = run(&["pairing", "approve", home.channel, "AAAAAAAA", "--json"])
            .exits(1)
            .json();
        assert_eq!(wrong["code"], "pairing.unknown-code");
        // As the user types it, while the gateway runs.
        let approved = run(&["pairing", "approve", home.channel, &code.to_lowercase()]).exits(0);
        assert_eq!(
            approved.stdout,
            format!("Approved {} sender {id}.\n", home.channel)
        );
        home.messenger.say(first, "/whoami");
        home.next(&id);
        let listed = run(&["pairing", "list", home.channel, "--json"]).exits(0).json();
        assert_eq!(listed["paired"], json!([{"channel": home.channel, "id": id}]));
        // And while it does not.
        let _ = gateway.stop().with(0);
        let approved = run(&["pairing", "approve", home.channel, &late_code, "--json"])
            .exits(0)
            .json();
        assert_eq!(
            (&approved["id"], &approved["owner"]),
            (&json!(home.messenger.id(second)), &json!(true))
        );
        let _ = run(&["pairing", "revoke", home.channel, &id]).exits(0);
        let again = run(&["pairing", "revoke", home.channel, &id, "--json"])
            .exits(1)
            .json();
        assert_eq!(again["code"], "pairing.not-paired");
        let _gateway = home.start();
        home.messenger.say(first, "/ports");
        home.messenger.say(second, "/whoami");
        home.next(&home.messenger.id(second));
        let answered = |seen: &crate::support::messenger::Seen| seen.text.contains("ports of");
        assert!(
            !home.messenger.messages().iter().any(answered),
            "the first one is a stranger again"
        );
    });
}

#[test]
fn person_whom_the_config_names_stays_an_owner_and_the_command_says_so() {
    let home = BotHome::telegram();
    let id = home.messenger.id(OWNER);
    let refused = rescue(&home.sandbox, &["pairing", "revoke", "telegram", &id]).exits(1);
    assert!(
        refused.stderr.contains("channels.telegram.allowFrom"),
        "{}",
        refused.stderr
    );
}

#[test]
fn pairing_of_an_openclaw_with_a_database_is_left_to_its_own_command() {
    let late = sandbox_with_engine("2026.9.6");
    write_config(&late, 19789, "node");
    let refused = rescue(&late, &["pairing", "list"]).exits(1);
    assert!(
        refused.stderr.contains("/bin/openclaw --profile rescue pairing"),
        "{}",
        refused.stderr
    );
    let early = sandbox_with_engine("2026.1.30");
    write_config(&early, 19789, "node");
    let _ = rescue(&early, &["pairing", "list"]).exits(0);
}

#[test]
fn state_of_an_account_is_in_every_report_of_the_gateway() {
    BotHome::each(|home| {
        let _gateway = home.start();
        home.ask("/whoami", &home.messenger.id(OWNER));
        let account = wait_for_account(&home.sandbox, "something was sent", |account| {
            account["lastOutboundAt"].is_u64()
        });
        assert_eq!(
            (&account["running"], &account["connected"]),
            (&json!(true), &json!(true))
        );
        assert!(
            account["lastInboundAt"].is_u64() && account["lastConnectedAt"].is_u64(),
            "{account}"
        );
        let probed = rescue(&home.sandbox, &["channels", "status", "--probe", "--json"])
            .exits(0)
            .json();
        assert_eq!(probed["accounts"][0]["probe"]["ok"], true, "{probed:#}");
        let status = rescue(&home.sandbox, &["status", "--json"]).exits(0).json();
        assert_eq!(status["channels"][0]["botName"], account["botName"]);
        let text = rescue(&home.sandbox, &["status"]).exits(0).stdout;
        assert!(text.contains("connected as"), "{text}");
        let health = rescue(&home.sandbox, &["gateway", "health", "--json"])
            .exits(0)
            .json();
        assert_eq!(
            health["channels"][home.channel]["accounts"]["default"]["connected"],
            true
        );
        let overview = rescue(&home.sandbox, &["gateway", "call", "instance.overview"])
            .exits(0)
            .json();
        assert_eq!(overview["channels"][0]["ok"], true, "{overview:#}");
        assert_eq!(channel_findings(&home.sandbox), [Value::Null; 0]);
    });
}

#[test]
fn gateway_that_does_not_run_is_told_and_its_channel_is_asked_all_the_same() {
    BotHome::each(|home| {
        let asked = rescue(&home.sandbox, &["channels", "status", "--probe", "--json"])
            .exits(1)
            .json();
        assert_eq!(
            (&asked["code"], &asked["running"]),
            (&json!("channels.gateway-down"), &json!(false))
        );
        assert_eq!(asked["accounts"][0]["probe"]["ok"], true, "{asked:#}");
        home.messenger.revoke();
        let asked = rescue(&home.sandbox, &["channels", "status", "--probe"]).exits(1);
        assert!(asked.stdout.contains("The token is refused"), "{}", asked.stdout);
    });
}

#[test]
fn revoked_token_is_reported_by_status_and_doctor() {
    BotHome::each(|home| {
        home.messenger.revoke();
        let _gateway = Gateway::start(&home.sandbox, "rescue");
        let account = wait_for_account(&home.sandbox, "the refusal", |account| {
            account["lastError"].is_string()
        });
        assert_eq!(account["connected"], false);
        let _ = rescue(&home.sandbox, &["channels", "status"]).exits(3);
        let findings = channel_findings(&home.sandbox);
        assert_eq!(findings[0]["id"], "channel-not-connected", "{findings:#?}");
        let message = findings[0]["message"].as_str().expect("words");
        assert!(message.contains("The token is refused"), "{message}");
    });
}

#[test]
fn instance_with_the_same_token_is_named_at_the_start_and_at_the_conflict() {
    let telegram = Telegram::start();
    let sandbox = crate::rescue::without_manager::sandbox_without_manager();
    for profile in ["default", "rescue"] {
        gateway::configure(&sandbox, profile);
        let folder = if profile == "default" {
            ".openclaw"
        } else {
            ".openclaw-rescue"
        };
        let path = format!("{folder}/openclaw.json");
        let mut config: Value = serde_json::from_str(&sandbox.read(&path)).expect("JSON");
        let mut channel = telegram.config(&[]);
        channel["enabled"] = (profile == "rescue").into();
        config["channels"] = json!({ "telegram": channel });
        sandbox.write(&path, config.to_string());
    }
    let _gateway = Gateway::start(&sandbox, "rescue");
    telegram.wait_until_connected();
    let log = gateway::log(&sandbox, "rescue");
    assert!(
        log.contains("another instance of this host has the same token"),
        "{log}"
    );
    assert!(!log.contains(TOKEN));
    assert_eq!(channel_findings(&sandbox)[0]["id"], "channel-no-owner");
    telegram.set_polled_elsewhere(true);
    telegram.drop_connections();
    let account = wait_for_account(&sandbox, "the conflict", |account| {
        account["polledElsewhere"] == true
    });
    assert_eq!(account["otherInstance"], "default", "{account:#}");
    let text = rescue(&sandbox, &["channels", "status"]).exits(3).stdout;
    assert!(
        text.contains("another instance receives its messages: default"),
        "{text}"
    );
    let findings = channel_findings(&sandbox);
    assert_eq!(findings[0]["id"], "channel-polled-elsewhere", "{findings:#?}");
}

#[test]
fn test_line_reaches_the_owner_through_the_gateway_and_without_it() {
    BotHome::each(|home| {
        let run = |json: &[&str]| {
            let words: Vec<_> = ["channels", "test", home.channel]
                .iter()
                .chain(json)
                .copied()
                .collect();
            rescue(&home.sandbox, &words)
        };
        let direct = run(&["--json"]).exits(0).json();
        assert_eq!(direct["throughGateway"], false, "{direct:#}");
        home.next("This is a test of your bot. Profile: rescue");
        let _gateway = home.start();
        let through = run(&["--json"]).exits(0).json();
        assert_eq!(through["throughGateway"], true, "{through:#}");
        home.next("This is a test of your bot. Profile: rescue");
        home.messenger.revoke();
        let failed = run(&[]).exits(1);
        assert!(failed.stdout.contains("nothing was sent to"), "{failed:?}");
    });
}

#[test]
fn client_can_send_to_owners_only_and_a_repeated_request_is_sent_once() {
    BotHome::each(|home| {
        let _gateway = home.start();
        let send = |to: &str, key: &str| {
            let params = json!({
                "channel": home.channel, "to": to, "message": "a line of a client", "idempotencyKey": key,
            });
            rescue(
                &home.sandbox,
                &["gateway", "call", "send", "--params", &params.to_string()],
            )
        };
        let owner = home.messenger.id(OWNER);
        let first = send(&owner, "one").exits(0).json();
        assert_eq!(send(&owner, "one").exits(0).json(), first);
        let refused = send(&home.messenger.id(User::stranger(0)), "two").exits(1);
        assert!(refused.stderr.contains("owners only"), "{}", refused.stderr);
        home.ask("/whoami", &owner);
        let messages = home.messenger.messages().into_iter();
        assert_eq!(
            messages.filter(|seen| seen.text == "a line of a client").count(),
            1
        );
    });
}
