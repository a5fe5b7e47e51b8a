//! Fuzz target for the frames of clients: any bytes are parsed as a request or refused, in both protocol versions; a parsed request
//! survives another round; and the handshake reads or refuses any parameters.

#![no_main]

use libfuzzer_sys::fuzz_target;
use openclaw::gateway::protocol::Protocol;
use openclaw::gateway::protocol::connect::{ConnectParams, error_protocol};
use openclaw::gateway::protocol::frame::parse_request;
use openclaw::gateway::protocol::refusal::CloseReason;

fuzz_target!(|bytes: &[u8]| {
    for protocol in [Protocol::Three, Protocol::Four] {
        let Ok(request) = parse_request(bytes, protocol) else {
            continue;
        };
        let again = format!(
            r#"{{"type": "req", "id": {}, "method": {}, "params": {}}}"#,
            serde_json::json!(request.id),
            serde_json::json!(request.method),
            request.params.unwrap_or("null"),
        );
        assert_eq!(
            parse_request(again.as_bytes(), protocol).as_ref(),
            Ok(&request)
        );
        let Ok(params) = serde_json::from_str(request.params.unwrap_or("null")) else {
            continue;
        };
        let _ = error_protocol(&params);
        if let Err(reason) = ConnectParams::parse(params) {
            assert!(CloseReason::new(1008, &reason).reason.len() <= 120);
        }
    }
});
