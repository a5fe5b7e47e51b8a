//! The open connections of a gateway, and which one is closed when there is no room for another.
//!
//! A connection costs a file descriptor before it has sent anything, so a client that opens many and sends
//! nothing must not lock out one that sends its request at once. The number of silent connections per
//! client network is limited; the one that was silent the longest is closed first. A client that sends its
//! request right after connecting is never among those.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, watch};

use super::protocol::HANDSHAKE_TIMEOUT;
use super::throttle::client_network;
use crate::sync::lock;

/// Maximum number of connections to the gateway per client network that wait for a request or between two requests.
pub(crate) const MAX_SILENT_PER_NETWORK: usize = 256;
/// Maximum number of connections where the system does not say how many files may be open.
const DEFAULT_MAX_CONNECTIONS: usize = 960;
/// Maximum number of bytes read from a WebSocket session before its client is authenticated: its first message and
/// some more.
pub(crate) const MAX_UNAUTHENTICATED_BYTES: usize = 128 * 1024;
/// The byte budget of a connection whose bytes are not counted.
const UNLIMITED_BYTES: usize = usize::MAX;

/// The activity of a connection to the gateway, by which the gateway chooses one to close when there is no room for
/// another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ConnectionStage {
    /// The connection waits for a request: none has arrived whole yet, or the last one was answered.
    Silent,
    /// A request is being answered.
    Working,
    /// The connection became a WebSocket.
    Session,
}

/// The connection that an HTTP request to the gateway came over; stored in the request's extensions.
#[derive(Clone, Debug)]
pub(crate) struct RequestConnection {
    /// The address of the client.
    pub peer: SocketAddr,
    /// The permit of the connection. Whatever outlives the request keeps a clone of it.
    pub permit: Arc<ConnectionPermit>,
}

/// The table of the open connections of a gateway, on all of its ports.
#[derive(Debug)]
pub(crate) struct Connections {
    table: Mutex<ConnectionTable>,
    /// The number of open connections.
    open: watch::Sender<usize>,
}

impl Default for Connections {
    fn default() -> Self {
        Self {
            table: Mutex::new(ConnectionTable::new(DEFAULT_MAX_CONNECTIONS)),
            open: watch::Sender::new(0),
        }
    }
}

impl Connections {
    /// Sets the maximum number of open connections.
    pub(crate) fn set_max(&self, max: usize) {
        self.table().max = max;
    }

    /// Admits one more connection from this address, closing others for it where necessary. `None` where
    /// no connection may be closed.
    pub(crate) fn admit(self: &Arc<Self>, ip: IpAddr) -> Option<ConnectionPermit> {
        let evict = Arc::new(Notify::new());
        let mut table = self.table();
        let id = table.admit(ip, Instant::now(), evict.clone())?;
        self.open.send_replace(table.entries.len());
        Some(ConnectionPermit {
            connections: self.clone(),
            id,
            evict,
            bytes_left: AtomicUsize::new(UNLIMITED_BYTES),
        })
    }

    /// Closes the least needed connection, for a system that has no file descriptor left.
    pub(crate) fn evict_one(&self) {
        let mut table = self.table();
        table.make_room(Instant::now());
        self.open.send_replace(table.entries.len());
    }

    /// Waits until every connection to the gateway has ended, and closes those that have not after `timeout`.
    pub(crate) async fn drain(&self, timeout: Duration) {
        let mut open = self.open.subscribe();
        let ended = open.wait_for(|open| *open == 0);
        if tokio::time::timeout(timeout, ended).await.is_err() {
            for entry in self.table().entries.values() {
                entry.evict.notify_one();
            }
        }
    }

    fn table(&self) -> MutexGuard<'_, ConnectionTable> {
        lock(&self.table)
    }
}

/// The permission of one connection to be open. Dropping it frees the place for another.
#[derive(Debug)]
pub(crate) struct ConnectionPermit {
    connections: Arc<Connections>,
    id: u64,
    evict: Arc<Notify>,
    /// The number of bytes that may still be read from the connection.
    bytes_left: AtomicUsize,
}

impl ConnectionPermit {
    /// Records whether a connection to the gateway is silent, answers a request, or has become a WebSocket session. A
    /// session has a byte budget until its client is [authenticated](Self::lift_byte_limit).
    pub(crate) fn set_stage(&self, stage: ConnectionStage) {
        if stage == ConnectionStage::Session {
            self.bytes_left
                .store(MAX_UNAUTHENTICATED_BYTES, Ordering::Relaxed);
        }
        self.connections.table().set_stage(self.id, stage, Instant::now());
    }

    /// Stops counting the bytes of a connection whose client is authenticated.
    pub(crate) fn lift_byte_limit(&self) {
        self.bytes_left.store(UNLIMITED_BYTES, Ordering::Relaxed);
    }

    /// Subtracts `bytes` from the number of bytes that may still be read from a connection to the gateway. Returns
    /// `false` where the budget does not hold that many.
    pub(crate) fn consume_budget(&self, bytes: usize) -> bool {
        let left = self.bytes_left.load(Ordering::Relaxed);
        if left == UNLIMITED_BYTES {
            return true;
        }
        self.bytes_left
            .store(left.saturating_sub(bytes), Ordering::Relaxed);
        bytes <= left
    }

    /// Waits until the gateway wants to close this connection to make room for another one.
    pub(crate) async fn evicted(&self) {
        self.evict.notified().await;
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        let mut table = self.connections.table();
        table.remove(self.id);
        self.connections.open.send_replace(table.entries.len());
    }
}

/// The entry of one connection in the table of the gateway's open connections.
#[derive(Debug)]
struct ConnectionEntry {
    network: IpAddr,
    stage: ConnectionStage,
    /// The start of the stage, and a number that orders entries of the same instant.
    since: (Instant, u64),
    evict: Arc<Notify>,
}

/// The connections by id, and the silent ones of each client network in the order of their silence.
#[derive(Debug)]
struct ConnectionTable {
    entries: HashMap<u64, ConnectionEntry>,
    /// The ids of the silent connections of each network, the longest silence first.
    silent: HashMap<IpAddr, BTreeMap<(Instant, u64), u64>>,
    max: usize,
    next_id: u64,
}

impl ConnectionTable {
    fn new(max: usize) -> Self {
        Self {
            entries: HashMap::new(),
            silent: HashMap::new(),
            max,
            next_id: 0,
        }
    }

    /// Adds a silent connection and returns its id, or `None` where there is no room.
    fn admit(&mut self, ip: IpAddr, now: Instant, evict: Arc<Notify>) -> Option<u64> {
        let network = client_network(ip);
        let silent = self.silent.get(&network).map_or(0, BTreeMap::len);
        if silent >= MAX_SILENT_PER_NETWORK {
            self.evict_longest_silent(network);
        }
        if self.entries.len() >= self.max && !self.make_room(now) {
            return None;
        }
        self.next_id += 1;
        let (id, since) = (self.next_id, (now, self.next_id));
        self.silent.entry(network).or_default().insert(since, id);
        let entry = ConnectionEntry {
            network,
            stage: ConnectionStage::Silent,
            since,
            evict,
        };
        self.entries.insert(id, entry);
        Some(id)
    }

    /// Records what an open connection of the gateway is doing from `now` on, and whether it counts as silent.
    fn set_stage(&mut self, id: u64, stage: ConnectionStage, now: Instant) {
        self.next_id += 1;
        let Some(entry) = self.entries.get_mut(&id) else {
            return;
        };
        let (network, before) = (entry.network, entry.since);
        entry.stage = stage;
        entry.since = (now, self.next_id);
        let since = entry.since;
        self.remove_silent(network, before);
        if stage == ConnectionStage::Silent {
            self.silent.entry(network).or_default().insert(since, id);
        }
    }

    /// Removes a connection from the silent ones of its network, if it is one of them.
    fn remove_silent(&mut self, network: IpAddr, since: (Instant, u64)) {
        if let Some(silent) = self.silent.get_mut(&network) {
            silent.remove(&since);
            if silent.is_empty() {
                self.silent.remove(&network);
            }
        }
    }

    /// Removes a connection that has ended.
    fn remove(&mut self, id: u64) {
        if let Some(entry) = self.entries.remove(&id) {
            self.remove_silent(entry.network, entry.since);
        }
    }

    /// Closes a connection to the gateway to make room for another one, and removes it from the table of open
    /// connections.
    fn evict(&mut self, id: u64) {
        if let Some(entry) = self.entries.get(&id) {
            entry.evict.notify_one();
        }
        self.remove(id);
    }

    /// Closes the connection of this network that was silent the longest; `false` where none is silent.
    fn evict_longest_silent(&mut self, network: IpAddr) -> bool {
        let oldest = self
            .silent
            .get(&network)
            .and_then(|silent| silent.values().next());
        let Some(id) = oldest.copied() else {
            return false;
        };
        self.evict(id);
        true
    }

    /// Closes a silent connection of the network that has the most of them. Where none is silent, closes
    /// the oldest session whose client may not be authenticated yet; `false` where there is none either.
    fn make_room(&mut self, now: Instant) -> bool {
        let busiest = self.silent.iter().max_by_key(|(_, silent)| silent.len());
        if let Some(network) = busiest.map(|(network, _)| *network) {
            return self.evict_longest_silent(network);
        }
        // The handshake of an older session is over: its client is authenticated.
        let in_handshake = self.entries.iter().filter(|(_, entry)| {
            entry.stage == ConnectionStage::Session
                && now.saturating_duration_since(entry.since.0) < HANDSHAKE_TIMEOUT
        });
        let oldest = in_handshake.min_by_key(|(_, entry)| entry.since);
        let Some(id) = oldest.map(|(id, _)| *id) else {
            return false;
        };
        self.evict(id);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(last: u8) -> IpAddr {
        IpAddr::from([10, 0, 0, last])
    }

    fn admit(table: &mut ConnectionTable, last: u8, now: Instant) -> Option<u64> {
        table.admit(ip(last), now, Arc::new(Notify::new()))
    }

    #[test]
    fn silent_connections_of_one_network_are_limited_and_the_oldest_is_evicted() {
        let (mut table, now) = (ConnectionTable::new(10_000), Instant::now());
        let healthy = admit(&mut table, 1, now).unwrap();
        table.set_stage(healthy, ConnectionStage::Working, now);
        let ids: Vec<_> = (0..1000).map(|_| admit(&mut table, 1, now).unwrap()).collect();
        assert_eq!(table.entries.len(), MAX_SILENT_PER_NETWORK + 1);
        assert!(table.entries.contains_key(&healthy), "a working connection stays");
        assert!(
            !table.entries.contains_key(&ids[0]),
            "the longest silence ends first"
        );
        assert!(table.entries.contains_key(&ids[999]), "the newest is admitted");
    }

    #[test]
    fn full_table_evicts_from_the_network_with_the_most_silent_connections() {
        let (mut table, now) = (ConnectionTable::new(6), Instant::now());
        let other = admit(&mut table, 2, now).unwrap();
        let busy: Vec<_> = (0..5).map(|_| admit(&mut table, 1, now).unwrap()).collect();
        assert!(admit(&mut table, 3, now).is_some());
        assert_eq!(table.entries.len(), 6);
        assert!(table.entries.contains_key(&other));
        assert!(!table.entries.contains_key(&busy[0]));
    }

    #[test]
    fn session_older_than_the_handshake_timeout_is_never_evicted() {
        let (mut table, now) = (ConnectionTable::new(2), Instant::now());
        let old = admit(&mut table, 1, now).unwrap();
        table.set_stage(old, ConnectionStage::Session, now);
        let later = now + HANDSHAKE_TIMEOUT;
        let young = admit(&mut table, 1, later).unwrap();
        table.set_stage(young, ConnectionStage::Session, later);
        let third = admit(&mut table, 2, later).expect("the session in its handshake is evicted");
        assert!(!table.entries.contains_key(&young));
        table.set_stage(third, ConnectionStage::Session, later);
        assert!(
            admit(&mut table, 2, later + HANDSHAKE_TIMEOUT).is_none(),
            "no connection may be evicted"
        );
        assert_eq!(table.entries.len(), 2);
    }

    #[test]
    fn removed_connections_leave_no_entry_behind() {
        let (mut table, now) = (ConnectionTable::new(9), Instant::now());
        let id = admit(&mut table, 1, now).unwrap();
        for stage in [
            ConnectionStage::Working,
            ConnectionStage::Silent,
            ConnectionStage::Working,
            ConnectionStage::Silent,
        ] {
            table.set_stage(id, stage, now);
        }
        assert_eq!(table.silent[&ip(1)].len(), 1);
        table.remove(id);
        table.set_stage(id, ConnectionStage::Silent, now);
        assert!(table.entries.is_empty() && table.silent.is_empty());
    }
}
