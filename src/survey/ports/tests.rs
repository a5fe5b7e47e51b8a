//! Tests of the planner's input from a home folder that the tests build, and of probes of sockets that they hold.

#![expect(clippy::disallowed_methods, reason = "tests bind sockets of their own")]

use std::net::TcpListener;

use super::*;
use crate::ports::planner::PortRefusal;
use crate::survey::tests::Home;

#[test]
fn claims_of_an_instance_are_obstacles_for_other_instances_only() {
    let home = Home::new();
    let config = home.write(".openclaw/openclaw.json", "{gateway: {port: 18789}}");
    let survey = home.survey();
    let default = ProfileName::default_profile();
    let own = survey.planner(&default, &config);
    assert!(!matches!(
        own.check(18789_u16, &[]).verdict,
        PortVerdict::Refused(PortRefusal::TooClose { .. })
    ));
    let rescue = ProfileName::parse("rescue").unwrap();
    let other = survey.planner(&rescue, &home.path(".openclaw-rescue/openclaw.json"));
    assert!(matches!(
        other.check(18789_u16, &[]).verdict,
        PortVerdict::Refused(PortRefusal::TooClose { .. })
    ));
}

#[test]
fn listener_of_a_gateway_is_an_own_port_of_its_instance_and_an_obstacle_for_others() {
    let home = Home::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let config = home.write(
        ".openclaw-rescue/openclaw.json",
        format!("{{gateway: {{port: {port}}}}}"),
    );
    let mut survey = home.survey();
    let held = survey.listeners.iter_mut().find(|l| l.port == port).unwrap();
    let owner = held.process_mut().unwrap();
    assert_eq!(owner.pid, std::process::id());
    assert_eq!(owner.instance, None, "this process lives in another home");
    owner.instance = Some("rescue".to_owned());
    let own = survey.planner(&ProfileName::parse("rescue").unwrap(), &config);
    assert!(own.own_ports.contains(&Port::known(port)));
    let other = survey.planner(
        &ProfileName::default_profile(),
        &home.path(".openclaw/openclaw.json"),
    );
    assert!(other.listeners.iter().any(|l| l.port == port));
}

#[test]
fn suggestion_with_a_port_that_can_not_be_bound_is_replaced() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = listener.local_addr().unwrap().port();
    let except = |first: u16, last: u16| [(1, first - 1), (last + 1, u16::MAX)];
    let mut planner = Planner {
        asker: ProfileName::parse("x").unwrap(),
        holders: Vec::new(),
        listeners: Vec::new(),
        own_ports: Vec::new(),
        ephemeral: None,
        excluded: except(taken - 2, taken + 108)
            .map(|(first, last)| Span { first, last })
            .to_vec(),
    };
    let host = Host::fixed(&[], [("", ""); 0]);
    assert_eq!(
        planner.suggest(1).unwrap()[0].family.base(),
        taken - 2,
        "all that is left"
    );
    let mut own = Planner {
        own_ports: vec![Port::known(taken)],
        ..planner.clone()
    };
    let found = suggest_probed(&host, &mut planner, &LOOPBACK, 1, &|_, _| {});
    assert!(planner.excluded.contains(&Span::one(taken)));
    if let Ok(found) = found {
        assert!(
            found[0].family.fixed().all(|(_, port)| port != taken),
            "its pool is cut, its ports are free"
        );
    }
    assert!(suggest_probed(&host, &mut own, &LOOPBACK, 1, &|_, _| {}).is_ok());
    assert!(
        !own.excluded.contains(&Span::one(taken)),
        "the asker's own gateway is not in the way"
    );
}
