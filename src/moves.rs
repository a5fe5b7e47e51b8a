//! Moves of instances from this host to another one: at no moment does a gateway of one instance run on both.
//!
//! ```text
//! this host                                        the other host (`profiles receive`, over ssh)
//!   plan, question            ── offer ──►           would it be taken? nothing is written
//!   mark: leaving; gateway stops
//!   archive                   ── frames ──►          verified, unpacked; mark: arriving
//!                             ◄── tick n ──
//!                             ── tick n ──►          lease: the gateway runs provisionally, and only while it is held
//!                             ◄── healthy ──
//!   mark: keeping             ── keep ──►            mark: arrived; the gateway is there to stay
//!   mark: left                ◄── kept ──
//!   service removed, files put aside
//! ```
//!
//! The other host ends its gateway when the lease is over, and this one starts the old gateway only when no lease can be held any
//! more ([`Lease`](lease::Lease), [`LeaseAnswers`](lease::LeaseAnswers)). Whose instance it is stands in the state folder of each host ([`MoveMark`]), so that a run
//! that was killed is finished or undone by the next one, and no gateway starts where it does not belong.

mod frame;
mod lease;
mod mark;
mod offer;
mod receiver;
mod report;
mod sender;

pub(crate) use lease::LEASE_END_TIMEOUT;
pub(crate) use mark::{
    AwayPhase, MARK_FILE, MoveLock, MoveMark, MovePhase, UnfinishedMove, settle_before_start,
};
pub(crate) use offer::{MoveOffer, OFFER_VERSION, OfferReply, OutcomeQuestion};
pub(crate) use receiver::{Provisional, Receiver, say};
pub(crate) use report::{MoveFailure, MoveReport};
pub(crate) use sender::{MoveSession, SessionEnd};
