//! Lingering, with a real logind: read, switched on, and seen again after a boot.

mod first {
    use crate::service::inside::{World, health};
    use crate::support::manager;

    #[test]
    #[ignore = "runs inside a user manager"]
    fn it_is_off_is_switched_on_and_reported_as_seen() {
        if !manager::is_inside() {
            return;
        }
        let world = World::with("lasting", 29000);
        let ran = world
            .run("lasting", &["gateway", "install", "--json"])
            .exits(0)
            .json();
        assert_eq!(ran["linger"], false, "{ran}");
        assert_eq!(ran["warnings"].as_array().unwrap().len(), 1);
        let ran = world.run("lasting", &["gateway", "install", "--linger", "--json"]);
        assert_eq!(ran.exits(0).json()["linger"], true);
        assert_eq!(health(29000)["profile"], "lasting");
    }
}

mod second {
    use crate::service::inside::{World, health};
    use crate::support::manager;

    #[test]
    #[ignore = "runs inside a user manager"]
    fn the_gateway_came_up_with_the_boot() {
        if manager::is_inside() {
            World::until("it is up", || health(29000)["profile"] == "lasting");
        }
    }
}
