//! Devices: paired, recognized, waiting for approval, refused.

use serde_json::{Value, json};

use super::params_with;
use crate::gateway::devices::key::test_support::TestDevice;
use crate::gateway::test_support::{TOKEN, TestGateway, connect_params, signed};
use crate::secret::Secret;
use crate::settings::Proof;

#[tokio::test]
async fn local_device_is_paired_and_its_token_is_accepted_from_then_on() {
    for protocol in [3, 4] {
        let gateway = TestGateway::new();
        let device = TestDevice::generate();
        let mut client = gateway.connect();
        let nonce = client.challenge().await;
        client
            .send_connect(signed(connect_params(protocol), &device, Some(&nonce)))
            .await;
        let hello = client.next_frame().await;
        let auth = &hello["payload"]["auth"];
        let token = auth["deviceToken"].as_str().unwrap().to_owned();
        assert!(
            token.len() == 32 && token.bytes().all(|b| b.is_ascii_hexdigit()),
            "{token}"
        );
        assert_eq!(
            (&auth["role"], &auth["scopes"]),
            (&"operator".into(), &json!(["operator.admin"]))
        );

        let path = gateway.state.context.instance.paired_devices();
        let kept: Value = serde_json::from_str(&crate::host::read::text(&path).unwrap()).unwrap();
        let entry = &kept[device.device_id()];
        assert_eq!(entry["publicKey"], device.public_key().to_base64url());
        assert_eq!(entry["tokens"]["operator"]["token"], token);
        assert_eq!(
            (&entry["clientId"], &entry["roles"]),
            (&"cli".into(), &json!(["operator"]))
        );

        // Another gateway takes over the state folder: the token is valid there, too.
        let TestGateway { home, .. } = gateway;
        let gateway = TestGateway::in_home(home, Proof::Token(Secret::new("a-new-token")));
        let shown: &[&str] = if protocol == 3 {
            &["token"]
        } else {
            &["token", "deviceToken"]
        };
        for key in shown {
            let mut client = gateway.connect();
            let nonce = client.challenge().await;
            let params = params_with(protocol, "auth", json!({*key: token}));
            client.send_connect(signed(params, &device, Some(&nonce))).await;
            let hello = client.next_frame().await;
            assert_eq!(hello["payload"]["auth"]["deviceToken"], token, "{hello}");
        }
        // The token belongs to this device only.
        let mut client = gateway.connect();
        let nonce = client.challenge().await;
        let params = params_with(protocol, "auth", json!({"token": token}));
        client
            .send_connect(signed(params, &TestDevice::generate(), Some(&nonce)))
            .await;
        assert_eq!(client.next_frame().await["ok"], false);
        let mut client = gateway.connect();
        client.challenge().await;
        client
            .send_connect(params_with(protocol, "auth", json!({"token": token})))
            .await;
        assert_eq!(
            client.next_frame().await["ok"],
            false,
            "without the device the token is wrong"
        );
    }
}

#[tokio::test]
async fn changed_token_disconnects_its_clients_but_not_devices() {
    for protocol in [3, 4] {
        let gateway = TestGateway::new();
        let device = TestDevice::generate();
        let connect = async |token: &str| {
            let mut client = gateway.connect();
            let nonce = client.challenge().await;
            let params = params_with(protocol, "auth", json!({"token": token}));
            client.send_connect(signed(params, &device, Some(&nonce))).await;
            let hello = client.next_frame().await;
            (client, hello)
        };
        let (mut by_token, hello) = connect(TOKEN).await;
        let own = hello["payload"]["auth"]["deviceToken"].as_str().unwrap();
        let (mut by_device, _) = connect(own).await;
        let mut simple = gateway.accepted_client(protocol).await;
        let mut active = (*gateway.state.active()).clone();
        active.settings.proof = Proof::Token(Secret::new("another"));
        gateway.state.set_active(active);
        assert_eq!(gateway.state.clients.disconnect_shared_credentials(), 2);
        for client in [&mut by_token, &mut simple] {
            assert_eq!(client.closed().await, (4001, "gateway auth changed".to_owned()));
        }
        by_device.request("2", "health", Value::Null).await;
        assert_eq!(by_device.response("2").await["ok"], true);
    }
}

#[tokio::test]
async fn remote_device_waits_for_approval_and_loses_access_with_its_token() {
    let gateway = TestGateway::new();
    let device = TestDevice::generate();
    let mut admin = gateway.accepted_client(4).await;
    let attempt = async || {
        let mut client = gateway.connect_from("10.0.0.9", false);
        let nonce = client.challenge().await;
        client
            .send_connect(signed(connect_params(4), &device, Some(&nonce)))
            .await;
        client.next_frame().await
    };
    let error = attempt().await["error"].take();
    assert_eq!(
        (&error["code"], &error["message"]),
        (&"NOT_PAIRED".into(), &"pairing required".into())
    );
    let request = error["details"]["requestId"].clone();
    assert_eq!(admin.next_frame().await["event"], "device.pair.requested");
    assert_eq!(
        attempt().await["error"]["details"]["requestId"],
        request,
        "one request per device"
    );

    admin.request("2", "device.pair.list", json!({})).await;
    assert_eq!(
        admin.response("2").await["payload"]["pending"][0]["requestId"],
        request
    );
    admin
        .request("3", "device.pair.approve", json!({"requestId": request}))
        .await;
    let approved = admin.response("3").await;
    assert_eq!(
        approved["payload"]["device"]["deviceId"],
        device.device_id(),
        "{approved}"
    );
    let hello = attempt().await;
    let token = hello["payload"]["auth"]["deviceToken"]
        .as_str()
        .expect("accepted")
        .to_owned();
    assert!(
        !approved.to_string().contains(&token),
        "only the device receives its token"
    );

    let own = params_with(4, "auth", json!({"token": token}));
    let mut inside = gateway.connect();
    let nonce = inside.challenge().await;
    inside.send_connect(signed(own, &device, Some(&nonce))).await;
    assert_eq!(inside.next_frame().await["ok"], true);
    let revoke = json!({"deviceId": device.device_id(), "role": "operator"});
    admin.request("4", "device.token.revoke", revoke).await;
    assert_eq!(admin.response("4").await["ok"], true);
    assert_eq!(inside.closed().await, (4001, "gateway auth changed".to_owned()));
    let mut client = gateway.connect();
    let nonce = client.challenge().await;
    client
        .send_connect(signed(
            params_with(4, "auth", json!({"token": token})),
            &device,
            Some(&nonce),
        ))
        .await;
    assert_eq!(
        client.next_frame().await["ok"],
        false,
        "a revoked token is refused"
    );
}

#[tokio::test]
async fn broken_device_file_is_left_alone_and_the_gateway_token_still_accepted() {
    let gateway = TestGateway::new();
    let path = gateway.state.context.instance.paired_devices();
    crate::apply::write_file(&path, b"{ broken").unwrap();
    let mut client = gateway.connect();
    let nonce = client.challenge().await;
    client
        .send_connect(signed(connect_params(3), &TestDevice::generate(), Some(&nonce)))
        .await;
    let hello = client.next_frame().await;
    assert_eq!(
        (&hello["ok"], &hello["payload"]["auth"]),
        (&true.into(), &Value::Null)
    );
    assert_eq!(crate::host::read::bytes(&path).unwrap(), b"{ broken");
}
