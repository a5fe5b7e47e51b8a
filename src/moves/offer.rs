//! What the sending host tells the receiving one of an instance before anything is done: enough to judge whether it can be taken.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::ports::Port;
use crate::record::{Engine, ReleaseVersion};
use crate::releases::RunMode;

/// Version of what two hosts say to each other about a move.
pub(crate) const OFFER_VERSION: u32 = 1;

/// An instance that is offered to another host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MoveOffer {
    /// Version of the offer.
    pub(crate) version: u32,
    /// The random id of the move.
    pub(crate) id: String,
    /// The name of the sending host, for people.
    pub(crate) from: String,
    /// The profile.
    pub(crate) profile: String,
    /// The base port of the gateway.
    pub(crate) base: Option<Port>,
    /// Ports that the config pins apart from it.
    pub(crate) pinned: Vec<Port>,
    /// `true` if other ports may take the place of these.
    pub(crate) new_ports: bool,
    /// Size of the files, unpacked, in bytes.
    pub(crate) bytes: u64,
    /// The program that runs as the gateway.
    pub(crate) engine: Engine,
    /// The release that the record names.
    pub(crate) release: Option<ReleaseVersion>,
    /// The version of OpenClaw from npm that runs it.
    pub(crate) engine_version: Option<String>,
    /// The way in which the gateway runs.
    pub(crate) mode: RunMode,
    /// A random key for comparing bot tokens, as hex digits.
    pub(crate) key: String,
    /// The digests of its bot tokens under that key.
    pub(crate) tokens: Vec<String>,
}

/// The answer of a host that would take an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OfferReply {
    /// The base port that the gateway would have.
    pub(crate) base: Option<Port>,
    /// `true` if a service manager would run it.
    pub(crate) has_manager: bool,
}

impl OfferReply {
    /// Reads the answer from its document; `None` where another program gave it.
    pub(crate) fn parse(document: &Value) -> Option<Self> {
        (document["ok"] == Value::Bool(true) && document["move"].as_u64() == Some(OFFER_VERSION.into())).then(
            || Self {
                base: Port::from_json(&document["basePort"]),
                has_manager: document["hasManager"].as_bool().unwrap_or_default(),
            },
        )
    }
}

/// The question what became of a move, to the host that received it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct OutcomeQuestion {
    /// The id of the move.
    pub(crate) id: String,
    /// The profile.
    pub(crate) profile: String,
    /// `true` if the sending host has finished its part, so that nobody asks again.
    pub(crate) is_finished: bool,
}
