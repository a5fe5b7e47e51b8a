//! The record of paired devices: which pairings expire, and what an approval changes.

use super::*;

const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// Returns the pairing request of a control UI on this machine.
fn request(device_id: &str) -> PairingRequest {
    PairingRequest {
        device_id: device_id.to_owned(),
        public_key: format!("key of {device_id}"),
        client: ClientInfo {
            id: "openclaw-control-ui".to_owned(),
            display_name: None,
            version: "x".to_owned(),
            platform: "web".to_owned(),
            device_family: None,
            model_identifier: None,
            mode: "webchat".to_owned(),
            instance_id: None,
        },
        role: ClientRole::Operator,
        scopes: vec!["operator.admin".to_owned()],
        ip: None,
    }
}

fn ids(book: &DeviceBook) -> Vec<&str> {
    book.0.keys().map(String::as_str).collect()
}

#[test]
fn silent_pairing_expires_30_days_after_its_last_connection() {
    let token = Secret::new("t");
    let mut book = DeviceBook::default();
    for device in ["unused", "used"] {
        book.approve(&request(device), Approval::Silent, &token, DAY_MS);
    }
    book.record_use("used", ClientRole::Operator, 10 * DAY_MS)
        .unwrap();
    book.approve(&request("approved"), Approval::ByOperator, &token, DAY_MS);
    book.remove_unused(31 * DAY_MS - 1);
    assert_eq!(ids(&book), ["unused", "used", "approved"]);
    book.remove_unused(31 * DAY_MS);
    assert_eq!(ids(&book), ["used", "approved"]);
    book.remove_unused(1000 * DAY_MS);
    assert_eq!(ids(&book), ["approved"], "what a person approved stays");
}

#[test]
fn records_of_early_releases_expire_unless_the_device_is_on_another_machine() {
    let record = |extra: Value| {
        let mut record = json!({"deviceId": "x", "createdAtMs": 1, "approvedAtMs": 1});
        record
            .as_object_mut()
            .unwrap()
            .extend(extra.as_object().unwrap().clone());
        record
    };
    let mut document = Map::new();
    document.insert("here".to_owned(), record(json!({})));
    document.insert("elsewhere".to_owned(), record(json!({"remoteIp": "10.0.0.9"})));
    document.insert("no-record".to_owned(), json!("broken"));
    let mut book = DeviceBook::new(document);
    book.remove_unused(60 * DAY_MS);
    assert_eq!(ids(&book), ["elsewhere", "no-record"]);
}

#[test]
fn approved_device_stays_approved_when_it_connects_with_another_scope() {
    let mut book = DeviceBook::default();
    let token = Secret::new("t");
    book.approve(&request("a"), Approval::ByOperator, &token, 1);
    book.approve(&request("a"), Approval::Silent, &token, 2);
    book.remove_unused(100 * DAY_MS);
    assert_eq!(ids(&book), ["a"]);
}
