//! Devices: let in, known again, made to wait, turned away.

use serde_json::{Value, json};

use super::super::stand::{Stand, TOKEN, params, signed};
use super::{device, with};
use crate::secret::Secret;
use crate::settings::Proof;

#[tokio::test]
async fn a_device_of_this_machine_is_paired_and_its_token_opens_from_then_on() {
    for protocol in [3, 4] {
        let stand = Stand::new();
        let device = device();
        let mut client = stand.dial();
        let nonce = client.challenge().await;
        client
            .connect(signed(params(protocol), &device, Some(&nonce)))
            .await;
        let hello = client.next().await;
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

        let path = stand.shared.instance.paired_devices();
        let kept: Value = serde_json::from_str(&crate::host::read::text(&path).unwrap()).unwrap();
        let entry = &kept[device.device_id()];
        assert_eq!(entry["publicKey"], device.public_key().encoded());
        assert_eq!(entry["tokens"]["operator"]["token"], token);
        assert_eq!(
            (&entry["clientId"], &entry["roles"]),
            (&"cli".into(), &json!(["operator"]))
        );

        // Another gateway takes the state folder over: the token is good there, too.
        let Stand { home, .. } = stand;
        let stand = Stand::at(home, Proof::Token(Secret::new("a-new-token")));
        let shown: &[&str] = if protocol == 3 {
            &["token"]
        } else {
            &["token", "deviceToken"]
        };
        for key in shown {
            let mut client = stand.dial();
            let nonce = client.challenge().await;
            let params = with(protocol, "auth", json!({*key: token}));
            client.connect(signed(params, &device, Some(&nonce))).await;
            let hello = client.next().await;
            assert_eq!(hello["payload"]["auth"]["deviceToken"], token, "{hello}");
        }
        // It is this device's alone.
        let mut client = stand.dial();
        let nonce = client.challenge().await;
        let params = with(protocol, "auth", json!({"token": token}));
        client
            .connect(signed(params, &self::device(), Some(&nonce)))
            .await;
        assert_eq!(client.next().await["ok"], false);
        let mut client = stand.dial();
        client.challenge().await;
        client
            .connect(with(protocol, "auth", json!({"token": token})))
            .await;
        assert_eq!(
            client.next().await["ok"],
            false,
            "without a device it is a wrong token"
        );
    }
}

#[tokio::test]
async fn who_was_let_in_by_a_token_that_changed_is_let_go_and_devices_stay() {
    for protocol in [3, 4] {
        let stand = Stand::new();
        let device = device();
        let dial = async |token: &str| {
            let mut client = stand.dial();
            let nonce = client.challenge().await;
            let params = with(protocol, "auth", json!({"token": token}));
            client.connect(signed(params, &device, Some(&nonce))).await;
            let hello = client.next().await;
            (client, hello)
        };
        let (mut by_token, hello) = dial(TOKEN).await;
        let own = hello["payload"]["auth"]["deviceToken"].as_str().unwrap();
        let (mut by_device, _) = dial(own).await;
        let mut simple = stand.friend(protocol).await;
        let mut live = (*stand.shared.live()).clone();
        live.settings.proof = Proof::Token(Secret::new("another"));
        stand.shared.go_live(live);
        assert_eq!(stand.shared.clients.proof_changed(), 2);
        for client in [&mut by_token, &mut simple] {
            assert_eq!(client.closed().await, (4001, "gateway auth changed".to_owned()));
        }
        by_device.request("2", "health", Value::Null).await;
        assert_eq!(by_device.answer("2").await["ok"], true);
    }
}

#[tokio::test]
async fn a_device_from_elsewhere_waits_until_somebody_lets_it_in() {
    let stand = Stand::new();
    let device = device();
    let mut admin = stand.friend(4).await;
    let knock = async || {
        let mut client = stand.dial_from("10.0.0.9", false);
        let nonce = client.challenge().await;
        client.connect(signed(params(4), &device, Some(&nonce))).await;
        client.next().await
    };
    let error = knock().await["error"].take();
    assert_eq!(
        (&error["code"], &error["message"]),
        (&"NOT_PAIRED".into(), &"pairing required".into())
    );
    let request = error["details"]["requestId"].clone();
    assert_eq!(admin.next().await["event"], "device.pair.requested");
    assert_eq!(
        knock().await["error"]["details"]["requestId"],
        request,
        "it waits once"
    );

    admin.request("2", "device.pair.list", json!({})).await;
    assert_eq!(
        admin.answer("2").await["payload"]["pending"][0]["requestId"],
        request
    );
    admin
        .request("3", "device.pair.approve", json!({"requestId": request}))
        .await;
    let approved = admin.answer("3").await;
    assert_eq!(
        approved["payload"]["device"]["deviceId"],
        device.device_id(),
        "{approved}"
    );
    let hello = knock().await;
    let token = hello["payload"]["auth"]["deviceToken"]
        .as_str()
        .expect("let in")
        .to_owned();
    assert!(
        !approved.to_string().contains(&token),
        "only the device is told its token"
    );

    let own = with(4, "auth", json!({"token": token}));
    let mut inside = stand.dial();
    let nonce = inside.challenge().await;
    inside.connect(signed(own, &device, Some(&nonce))).await;
    assert_eq!(inside.next().await["ok"], true);
    let revoke = json!({"deviceId": device.device_id(), "role": "operator"});
    admin.request("4", "device.token.revoke", revoke).await;
    assert_eq!(admin.answer("4").await["ok"], true);
    assert_eq!(inside.closed().await, (4001, "gateway auth changed".to_owned()));
    let mut client = stand.dial();
    let nonce = client.challenge().await;
    client
        .connect(signed(
            with(4, "auth", json!({"token": token})),
            &device,
            Some(&nonce),
        ))
        .await;
    assert_eq!(client.next().await["ok"], false, "a revoked token opens nothing");
}

#[tokio::test]
async fn a_broken_file_of_devices_is_left_alone_and_the_gateways_token_still_opens() {
    let stand = Stand::new();
    let path = stand.shared.instance.paired_devices();
    crate::apply::write_file(&path, b"{ broken").unwrap();
    let mut client = stand.dial();
    let nonce = client.challenge().await;
    client.connect(signed(params(3), &device(), Some(&nonce))).await;
    let hello = client.next().await;
    assert_eq!(
        (&hello["ok"], &hello["payload"]["auth"]),
        (&true.into(), &Value::Null)
    );
    assert_eq!(crate::host::read::bytes(&path).unwrap(), b"{ broken");
}
