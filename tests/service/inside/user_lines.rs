//! Lines that a user added to the unit of a gateway: a reinstallation names them and keeps the old file.

use crate::support::manager;

use super::UserHome;

#[test]
#[ignore = "runs inside a user manager"]
fn lines_that_a_user_added_to_a_unit_are_named_and_the_old_file_is_kept() {
    if !manager::is_inside() {
        return;
    }
    let home = UserHome::with_config("edited", 22500);
    let _ = home.run("edited", &["gateway", "install"]).exits(0);
    let file = home.unit_file("edited");
    let written = std::fs::read_to_string(&file).unwrap();
    let by_hand =
        "\nEnvironment=HTTPS_PROXY=http://user:secret@proxy\nEnvironmentFile=-/etc/keys\n\n[Install]";
    let edited = written.replace("\n\n[Install]", by_hand);
    std::fs::write(&file, &edited).unwrap();
    let status = home
        .run("edited", &["gateway", "status", "--json"])
        .exits(0)
        .json();
    let added = &status["service"]["drift"]["addedLines"];
    assert_eq!(
        added,
        &serde_json::json!(["Environment=HTTPS_PROXY", "EnvironmentFile=-/etc/keys"])
    );
    for force in [
        &["gateway", "install", "--json"][..],
        &["gateway", "install", "--force", "--json"],
    ] {
        std::fs::write(&file, &edited).unwrap();
        let document = home.run("edited", force).exits(0).json();
        let warnings = document["warnings"].to_string();
        for part in [
            "HTTPS_PROXY",
            "EnvironmentFile=-/etc/keys",
            ".service.replaced",
            "systemctl --user edit",
        ] {
            assert!(warnings.contains(part), "{part}: {warnings}");
        }
        assert!(!warnings.contains("secret"), "{warnings}");
        assert_eq!(std::fs::read_to_string(&file).unwrap(), written);
    }
    // What is lost twice has one copy; a reinstallation without a loss makes none.
    let _ = home.run("edited", &["gateway", "install", "--force"]).exits(0);
    let copies: Vec<_> = std::fs::read_dir(file.parent().unwrap())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_string_lossy().contains("edited.service.replaced"))
        .collect();
    assert_eq!(copies.len(), 1, "{copies:?}");
    for copy in copies {
        assert_eq!(std::fs::read_to_string(copy).unwrap(), edited);
    }
}
