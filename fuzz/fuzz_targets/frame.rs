//! What a client sends: any bytes are read as a request or refused, in both protocols, and a request that
//! was read comes back the same; whatever its parameters are, the handshake reads or refuses them.

#![no_main]

use libfuzzer_sys::fuzz_target;
use openclaw::gateway::protocol::Protocol;
use openclaw::gateway::protocol::connect::{Connect, spoken};
use openclaw::gateway::protocol::frame::parse;
use openclaw::gateway::protocol::refusal::Closing;

fuzz_target!(|bytes: &[u8]| {
    for protocol in [Protocol::Three, Protocol::Four] {
        let Ok(request) = parse(bytes, protocol) else {
            continue;
        };
        let again = serde_json::json!({
            "type": "req", "id": request.id, "method": request.method, "params": request.params,
        });
        assert_eq!(
            parse(again.to_string().as_bytes(), protocol).as_ref(),
            Ok(&request)
        );
        let _ = spoken(&request.params);
        if let Err(faults) = Connect::parse(request.params) {
            assert!(Closing::new(1008, &faults).reason.len() <= 120);
        }
    }
});
