//! Tests of a user whose manager can't be reached: the service is written now and runs after the next boot
//! ([`super::super::reboot`]).

use super::UserHome;
use crate::support::manager;

#[test]
#[ignore = "runs inside a user manager"]
fn without_a_bus_the_service_is_written_for_the_next_login_and_the_reason_is_reported() {
    if !manager::is_inside() {
        return;
    }
    let mut home = UserHome::with_config("later", 32000);
    // A folder of this user in which no manager listens.
    let empty = home.path.join("no-manager-here");
    std::fs::create_dir_all(&empty).unwrap();
    let vars = [
        ("XDG_RUNTIME_DIR", empty.display().to_string()),
        ("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere".to_owned()),
        ("XDG_SESSION_ID", "1".to_owned()),
    ];
    let enable_linger = "sudo loginctl enable-linger";
    for (vars, code, way_out) in [
        (
            &vars[..],
            "service.no-bus",
            format!("{enable_linger} \"$(id -un)\""),
        ),
        // In a shell that `sudo -u` started there is no session.
        (&vars[..2], "service.sudo", format!("{enable_linger} {}", uid())),
    ] {
        home.vars = vars.to_vec();
        let _ = std::fs::remove_file(home.unit_file("later"));
        let answer = home
            .run("later", &["gateway", "install", "--json"])
            .exits(1)
            .json();
        assert_eq!(answer["code"], code, "{answer}");
        let hints = answer["hints"].as_array().unwrap();
        assert_eq!(hints.len(), 2, "{answer}");
        assert!(hints[0].as_str().unwrap().contains(&way_out), "{answer}");
        assert!(home.unit_file("later").exists());
        let status = home
            .run("later", &["gateway", "status", "--json"])
            .exits(1)
            .json();
        assert_eq!(status["service"]["error"]["code"], code, "{status}");
        let started = home.run("later", &["gateway", "start", "--json"]).exits(1).json();
        assert_eq!(started["code"], code, "{started}");
    }
    let link = home
        .unit_file("later")
        .with_file_name("default.target.wants")
        .join(UserHome::unit_name("later"));
    assert!(link.is_symlink() && link.exists());
}

fn uid() -> u32 {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata("/proc/self").unwrap().uid()
}
