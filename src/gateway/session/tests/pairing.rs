//! Devices: paired, recognized, waiting for approval, refused.

use serde_json::{Value, json};

use super::params_with;
use crate::gateway::devices::key::test_support::TestDevice;
use crate::gateway::test_support::{TOKEN, TestClient, TestGateway, connect_params, signed};
use crate::secret::Secret;
use crate::settings::ClientAuth;

/// Connects a device on this machine with these parameters. Returns the client and the response.
async fn connect_device(gateway: &TestGateway, device: &TestDevice, params: Value) -> (TestClient, Value) {
    let mut client = gateway.connect();
    let nonce = client.challenge().await;
    client.send_connect(signed(params, device, Some(&nonce))).await;
    let response = client.next_frame().await;
    (client, response)
}

/// Connects a device on another machine with the gateway's token. Returns the response.
async fn connect_remote_device(gateway: &TestGateway, device: &TestDevice) -> Value {
    let mut client = gateway.connect_from("10.0.0.9", false);
    let nonce = client.challenge().await;
    client
        .send_connect(signed(connect_params(4), device, Some(&nonce)))
        .await;
    client.next_frame().await
}

/// Returns the device token in a greeting.
fn device_token(hello: &Value) -> String {
    let token = hello["payload"]["auth"]["deviceToken"].as_str();
    token.expect("a device token").to_owned()
}

#[tokio::test]
async fn local_device_with_the_right_token_is_paired_at_once() {
    for protocol in [3, 4] {
        let gateway = TestGateway::new();
        let device = TestDevice::generate();
        let (_client, hello) = connect_device(&gateway, &device, connect_params(protocol)).await;
        let token = device_token(&hello);
        assert!(
            token.len() == 32 && token.bytes().all(|b| b.is_ascii_hexdigit()),
            "{token}"
        );
        let auth = &hello["payload"]["auth"];
        assert_eq!(
            (&auth["role"], &auth["scopes"]),
            (&"operator".into(), &json!(["operator.admin"]))
        );

        let path = gateway.state.context.instance.paired_devices();
        let stored: Value = serde_json::from_str(&crate::host::read::text(&path).unwrap()).unwrap();
        let entry = &stored[device.device_id()];
        assert_eq!(entry["publicKey"], device.public_key().to_base64url());
        assert_eq!(entry["tokens"]["operator"]["token"], token);
        assert_eq!(
            (&entry["clientId"], &entry["roles"]),
            (&"cli".into(), &json!(["operator"]))
        );
    }
}

#[tokio::test]
async fn device_token_is_valid_in_another_gateway_with_the_same_state_folder() {
    for protocol in [3, 4] {
        let gateway = TestGateway::new();
        let device = TestDevice::generate();
        let (_client, hello) = connect_device(&gateway, &device, connect_params(protocol)).await;
        let token = device_token(&hello);
        let TestGateway { home, .. } = gateway;
        let gateway = TestGateway::in_home(home, ClientAuth::Token(Secret::new("a-new-token")));
        let keys: &[&str] = if protocol == 3 {
            &["token"]
        } else {
            &["token", "deviceToken"]
        };
        for key in keys {
            let params = params_with(protocol, "auth", json!({*key: token}));
            let (_client, hello) = connect_device(&gateway, &device, params).await;
            assert_eq!(device_token(&hello), token, "{hello}");
        }
    }
}

#[tokio::test]
async fn device_token_is_invalid_for_another_device_and_without_a_device() {
    for protocol in [3, 4] {
        let gateway = TestGateway::new();
        let (device, other_device) = (TestDevice::generate(), TestDevice::generate());
        let (_client, hello) = connect_device(&gateway, &device, connect_params(protocol)).await;
        let params = params_with(protocol, "auth", json!({"token": device_token(&hello)}));
        let (_client, response) = connect_device(&gateway, &other_device, params.clone()).await;
        assert_eq!(response["ok"], false);
        let mut client = gateway.connect();
        client.challenge().await;
        client.send_connect(params).await;
        assert_eq!(client.next_frame().await["ok"], false);
    }
}

#[tokio::test]
async fn changed_token_disconnects_its_clients_but_not_devices() {
    for protocol in [3, 4] {
        let gateway = TestGateway::new();
        let device = TestDevice::generate();
        let auth = |token: &str| params_with(protocol, "auth", json!({"token": token}));
        let (mut by_token, hello) = connect_device(&gateway, &device, auth(TOKEN)).await;
        let (mut by_device, _) = connect_device(&gateway, &device, auth(&device_token(&hello))).await;
        let mut without_device = gateway.accepted_client(protocol).await;
        let mut active = (*gateway.state.active()).clone();
        active.settings.auth = ClientAuth::Token(Secret::new("another"));
        gateway.state.set_active(active);
        assert_eq!(gateway.state.clients.disconnect_shared_credentials(), 2);
        for client in [&mut by_token, &mut without_device] {
            assert_eq!(client.closed().await, (4001, "gateway auth changed".to_owned()));
        }
        by_device.request("2", "health", Value::Null).await;
        assert_eq!(by_device.response("2").await["ok"], true);
    }
}

#[tokio::test]
async fn remote_device_waits_for_approval() {
    let gateway = TestGateway::new();
    let device = TestDevice::generate();
    let mut admin = gateway.accepted_client(4).await;
    let error = connect_remote_device(&gateway, &device).await["error"].take();
    assert_eq!(
        (&error["code"], &error["message"]),
        (&"NOT_PAIRED".into(), &"pairing required".into())
    );
    let request = error["details"]["requestId"].clone();
    assert_eq!(admin.next_frame().await["event"], "device.pair.requested");
    let error = connect_remote_device(&gateway, &device).await["error"].take();
    assert_eq!(error["details"]["requestId"], request, "one request per device");

    admin.request("2", "device.pair.list", json!({})).await;
    let pending = admin.response("2").await["payload"]["pending"].take();
    assert_eq!(pending[0]["requestId"], request);
    let decision = json!({"requestId": request});
    admin.request("3", "device.pair.approve", decision).await;
    let approved = admin.response("3").await;
    assert_eq!(
        approved["payload"]["device"]["deviceId"],
        device.device_id(),
        "{approved}"
    );
    let hello = connect_remote_device(&gateway, &device).await;
    assert!(
        !approved.to_string().contains(&device_token(&hello)),
        "only the device receives its token"
    );
}

#[tokio::test]
async fn revoked_device_token_ends_its_sessions_and_is_refused() {
    let gateway = TestGateway::new();
    let device = TestDevice::generate();
    let mut admin = gateway.accepted_client(4).await;
    let (_client, hello) = connect_device(&gateway, &device, connect_params(4)).await;
    let with_token = params_with(4, "auth", json!({"token": device_token(&hello)}));
    let (mut by_device, response) = connect_device(&gateway, &device, with_token.clone()).await;
    assert_eq!(response["ok"], true);
    let revoke = json!({"deviceId": device.device_id(), "role": "operator"});
    admin.request("4", "device.token.revoke", revoke).await;
    assert_eq!(admin.response("4").await["ok"], true);
    assert_eq!(
        by_device.closed().await,
        (4001, "gateway auth changed".to_owned())
    );
    let (_client, response) = connect_device(&gateway, &device, with_token).await;
    assert_eq!(response["ok"], false);
}

#[tokio::test]
async fn removed_device_is_forgotten_and_its_sessions_end() {
    let gateway = TestGateway::new();
    let device = TestDevice::generate();
    let mut admin = gateway.accepted_client(4).await;
    let (mut by_device, hello) = connect_device(&gateway, &device, connect_params(4)).await;
    let remove = json!({"deviceId": device.device_id()});
    admin.request("2", "device.pair.remove", remove.clone()).await;
    assert_eq!(admin.response("2").await["payload"], remove);
    assert_eq!(
        by_device.closed().await,
        (4001, "gateway auth changed".to_owned())
    );
    let with_token = params_with(4, "auth", json!({"token": device_token(&hello)}));
    let (_client, response) = connect_device(&gateway, &device, with_token).await;
    assert_eq!(response["ok"], false);
    admin.request("3", "device.pair.list", json!({})).await;
    assert_eq!(admin.response("3").await["payload"]["paired"], json!([]));
    admin.request("4", "device.pair.remove", remove).await;
    assert_eq!(admin.response("4").await["error"]["message"], "unknown deviceId");
}

#[tokio::test]
async fn renamed_device_is_listed_with_its_label() {
    let gateway = TestGateway::new();
    let device = TestDevice::generate();
    let mut admin = gateway.accepted_client(4).await;
    let (_client, _) = connect_device(&gateway, &device, connect_params(4)).await;
    let rename = |label: &str| json!({"deviceId": device.device_id(), "label": label});
    admin
        .request("2", "device.pair.rename", rename(" Kitchen "))
        .await;
    assert_eq!(admin.response("2").await["payload"], rename("Kitchen"));
    admin.request("3", "device.pair.list", json!({})).await;
    let paired = admin.response("3").await["payload"]["paired"].take();
    let described = (
        &paired[0]["operatorLabel"],
        &paired[0]["approvedVia"],
        &paired[0]["connected"],
    );
    assert_eq!(described, (&"Kitchen".into(), &"silent".into(), &true.into()));
    admin.request("4", "device.pair.rename", rename(" ")).await;
    assert_eq!(admin.response("4").await["error"]["message"], "label required");
}

#[tokio::test]
async fn rotated_token_replaces_the_old_one_and_reaches_no_other_device() {
    for protocol in [3, 4] {
        let gateway = TestGateway::new();
        let device = TestDevice::generate();
        let mut admin = gateway.accepted_client(protocol).await;
        let (mut by_device, hello) = connect_device(&gateway, &device, connect_params(protocol)).await;
        let old = params_with(protocol, "auth", json!({"token": device_token(&hello)}));
        let rotate = json!({"deviceId": device.device_id(), "role": "operator"});
        admin.request("2", "device.token.rotate", rotate.clone()).await;
        let rotated = admin.response("2").await["payload"].take();
        assert_eq!(rotated["scopes"], json!(["operator.admin"]), "{rotated}");
        assert_eq!(rotated["token"].is_string(), protocol == 3, "{rotated}");
        let (_client, response) = connect_device(&gateway, &device, old).await;
        assert_eq!(response["ok"], false);
        by_device.request("3", "device.token.rotate", rotate).await;
        let own = by_device.response("3").await["payload"].take();
        let new = params_with(protocol, "auth", json!({"token": own["token"]}));
        let (_client, response) = connect_device(&gateway, &device, new).await;
        assert_eq!(response["ok"], true, "{own}");
        let unknown = json!({"deviceId": device.device_id(), "role": "node"});
        admin.request("4", "device.token.rotate", unknown).await;
        let message = admin.response("4").await["error"]["message"].take();
        let expected = ["unknown deviceId/role", "device token rotation denied"];
        assert_eq!(message, expected[usize::from(protocol == 4)]);
    }
}

/// With the scope for pairing alone a device could else make itself a token of an administrator.
#[tokio::test]
async fn device_manages_no_other_device_and_gets_no_token_beyond_its_scopes() {
    let gateway = TestGateway::new();
    let (device, admin_device) = (TestDevice::generate(), TestDevice::generate());
    let (_admin, _) = connect_device(&gateway, &admin_device, connect_params(4)).await;
    let pairing = params_with(4, "scopes", json!(["operator.pairing"]));
    let (mut by_token, hello) = connect_device(&gateway, &device, pairing.clone()).await;
    let mut with_token = pairing;
    with_token["auth"] = json!({"token": device_token(&hello)});
    let (mut by_device, _) = connect_device(&gateway, &device, with_token).await;
    let target = admin_device.device_id();
    for (method, extra) in [
        ("device.pair.remove", json!({})),
        ("device.pair.rename", json!({"label": "x"})),
        ("device.token.rotate", json!({"role": "operator"})),
        ("device.token.revoke", json!({"role": "operator"})),
    ] {
        let mut params = extra;
        params["deviceId"] = target.as_str().into();
        by_device.request("2", method, params).await;
        let message = by_device.response("2").await["error"]["message"].take();
        assert!(
            message.as_str().unwrap().ends_with(" denied"),
            "{method}: {message}"
        );
    }
    let rotate = json!({"deviceId": target, "role": "operator"});
    by_token.request("3", "device.token.rotate", rotate).await;
    let message = by_token.response("3").await["error"]["message"].take();
    assert_eq!(message, "device token rotation denied");
}

#[tokio::test]
async fn broken_device_file_is_left_alone_and_the_gateway_token_still_accepted() {
    let gateway = TestGateway::new();
    let path = gateway.state.context.instance.paired_devices();
    crate::apply::write_file(&path, b"{ broken").unwrap();
    let (_client, hello) = connect_device(&gateway, &TestDevice::generate(), connect_params(3)).await;
    assert_eq!(
        (&hello["ok"], &hello["payload"]["auth"]),
        (&true.into(), &Value::Null)
    );
    assert_eq!(crate::host::read::bytes(&path).unwrap(), b"{ broken");
}
