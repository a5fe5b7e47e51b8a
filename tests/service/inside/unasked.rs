//! A user whose manager can't be asked: what is written now is up after the next boot ([`super::super::reboot`]).

use super::World;
use crate::support::manager;

#[test]
#[ignore = "runs inside a user manager"]
fn without_a_bus_the_service_waits_for_the_next_login_and_says_why() {
    if !manager::is_inside() {
        return;
    }
    let mut world = World::with("later", 32000);
    // A folder of this user's, in which no manager listens.
    let empty = world.home.join("no-manager-here");
    std::fs::create_dir_all(&empty).unwrap();
    let vars = [
        ("XDG_RUNTIME_DIR", empty.display().to_string()),
        ("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere".to_owned()),
        ("XDG_SESSION_ID", "1".to_owned()),
    ];
    let lingers = "sudo loginctl enable-linger";
    for (vars, code, helps) in [
        (&vars[..], "service.no-bus", format!("{lingers} \"$(id -un)\"")),
        // `sudo -u` leaves no session behind.
        (&vars[..2], "service.sudo", format!("{lingers} {}", uid())),
    ] {
        world.vars = vars.to_vec();
        let _ = std::fs::remove_file(world.file("later"));
        let said = world
            .run("later", &["gateway", "install", "--json"])
            .exits(1)
            .json();
        assert_eq!(said["code"], code, "{said}");
        let hints = said["hints"].as_array().unwrap();
        assert_eq!(hints.len(), 2, "{said}");
        assert!(hints[0].as_str().unwrap().contains(&helps), "{said}");
        assert!(world.file("later").exists());
        let told = world
            .run("later", &["gateway", "status", "--json"])
            .exits(1)
            .json();
        assert_eq!(told["service"]["error"]["code"], code, "{told}");
        let started = world
            .run("later", &["gateway", "start", "--json"])
            .exits(1)
            .json();
        assert_eq!(started["code"], code, "{started}");
    }
    let link = world
        .file("later")
        .with_file_name("default.target.wants")
        .join(World::unit("later"));
    assert!(link.is_symlink() && link.exists());
}

fn uid() -> u32 {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata("/proc/self").unwrap().uid()
}
