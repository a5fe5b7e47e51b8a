//! A repair of a service that breaks after its upgrade, inside a user manager of its own: whoever holds the lock of the releases
//! would keep a repair from rolling back.

use super::inside::{Upgraded, has_npm};
use crate::service::inside::{UserHome, systemctl, wait_until};
use crate::support::manager;
use crate::support::npm_registry::Start;

#[test]
#[ignore = "runs inside a user manager"]
fn service_that_breaks_after_its_upgrade_is_rolled_back_by_a_repair() {
    if !manager::is_inside() || !has_npm() {
        return;
    }
    let main = Upgraded::new(
        "breaks",
        25000,
        ["2026.2.4", "2026.8.4"],
        Start::ServesUntilMarked,
    );
    let _ = main.run_alone(&["upgrade", main.to, "--yes"]).exits(0);
    main.assert_healthy_with("2026.8.4");
    std::fs::write(main.state_file("breaks-now"), "").unwrap();
    let unit = UserHome::unit_name(main.profile);
    let _ = systemctl(&["restart", &unit]);
    wait_until("the service has given up", || {
        UserHome::unit_property(&unit, "ActiveState") == "failed"
    });
    main.assert_repair_rolls_back();
    main.assert_healthy_with("2026.2.4");
    assert_eq!(UserHome::unit_property(&unit, "ActiveState"), "active");
}
