//! What holds for every messenger: its config is one that OpenClaw takes.

use serde_json::json;

use crate::onboard::json_schema::violations;
use crate::onboard::schema::{LATE, schema_for_files};
use crate::support::messenger::{MESSENGERS, OWNER};

#[test]
fn config_of_every_messenger_is_one_that_openclaw_takes() {
    let schema = schema_for_files(LATE);
    for (channel, start) in MESSENGERS {
        let Some(messenger) = start() else { continue };
        let document = json!({"channels": {channel: messenger.config(&[OWNER])}});
        assert_eq!(violations(&schema, &document), [""; 0], "{document:#}");
    }
}
