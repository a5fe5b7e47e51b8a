//! The table of open connections, and the orders in which they are evicted. No socket, no clock.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::Notify;

use crate::gateway::client_network::client_network;

/// Maximum number of connections to the gateway per client network that wait for a first or a further HTTP request.
const MAX_SILENT_PER_NETWORK: usize = 256;
/// Maximum memory that all connections to the gateway without an authenticated client hold together, in bytes.
const MAX_UNAUTHENTICATED_MEMORY: usize = 16 * 1024 * 1024;
/// Memory of a connection to the gateway that holds no bytes of its client, in bytes: its task, buffers and table
/// entries.
const CONNECTION_MEMORY: usize = 8 * 1024;

/// The activity of a connection to the gateway, by which the gateway chooses one to close.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ConnectionStage {
    /// The connection waits for a request: none has arrived whole yet, or the last one was answered.
    Silent,
    /// A request is being answered.
    Working,
    /// The connection became a WebSocket.
    Session,
}

/// The time at which a connection's current activity began, and a number that orders those of the same instant.
type StageStart = (Instant, u64);

/// The entry of one connection in the gateway's table of open connections.
#[derive(Debug)]
pub(super) struct ConnectionEntry {
    network: IpAddr,
    stage: ConnectionStage,
    since: StageStart,
    /// `true` where the client of the current request or session is authenticated.
    pub(super) authenticated: bool,
    /// The number of bytes that are held for the client.
    held: usize,
    pub(super) evict: Arc<Notify>,
}

impl ConnectionEntry {
    /// Returns whether the gateway may close a connection to make room for another one.
    fn is_evictable(&self) -> bool {
        !self.authenticated
    }

    /// Returns the memory that a connection to the gateway costs, in bytes.
    fn memory(&self) -> usize {
        CONNECTION_MEMORY + self.held
    }
}

/// The ids of connections to the gateway by client network, the one whose current activity began first in front.
type ByNetwork = HashMap<IpAddr, BTreeMap<StageStart, u64>>;

/// The open connections of the gateway by id, and in the orders in which they are closed to make room. Authenticated
/// ones are in no order.
#[derive(Debug)]
pub(super) struct ConnectionTable {
    pub(super) entries: HashMap<u64, ConnectionEntry>,
    /// The silent connections.
    silent: ByNetwork,
    /// All connections whose client is not authenticated, the silent ones among them.
    unauthenticated: ByNetwork,
    /// The same by the memory that they cost, the largest last and among equals the oldest stage last.
    by_memory: BTreeMap<(usize, Reverse<StageStart>), u64>,
    /// The sum of that memory.
    memory: usize,
    pub(super) max: usize,
    next_id: u64,
}

impl ConnectionTable {
    pub(super) fn new(max: usize) -> Self {
        Self {
            entries: HashMap::new(),
            silent: HashMap::new(),
            unauthenticated: HashMap::new(),
            by_memory: BTreeMap::new(),
            memory: 0,
            max,
            next_id: 0,
        }
    }

    /// Adds a silent connection to the gateway's table and returns its id, or `None` where there is no room.
    pub(super) fn admit(&mut self, ip: IpAddr, now: Instant, evict: Arc<Notify>) -> Option<u64> {
        let network = client_network(ip);
        let silent = self.silent.get(&network).map_or(0, BTreeMap::len);
        if silent >= MAX_SILENT_PER_NETWORK {
            self.evict(oldest(&self.silent, network));
        }
        if self.entries.len() >= self.max && !self.make_room() {
            return None;
        }
        self.next_id += 1;
        let id = self.next_id;
        let entry = ConnectionEntry {
            network,
            stage: ConnectionStage::Silent,
            since: (now, id),
            authenticated: false,
            held: 0,
            evict,
        };
        self.add_to_orders(id, &entry);
        self.entries.insert(id, entry);
        self.limit_memory();
        Some(id)
    }

    /// Changes the entry of a connection in the gateway's table, and its places in the orders of eviction. Does
    /// nothing for one that was removed.
    fn change(&mut self, id: u64, change: impl FnOnce(&mut ConnectionEntry)) {
        let Some(mut entry) = self.entries.remove(&id) else {
            return;
        };
        self.remove_from_orders(&entry);
        change(&mut entry);
        self.add_to_orders(id, &entry);
        self.entries.insert(id, entry);
    }

    /// Records what a connection to the gateway is doing from `now` on.
    pub(super) fn set_stage(&mut self, id: u64, stage: ConnectionStage, now: Instant) {
        self.next_id += 1;
        let since = (now, self.next_id);
        self.change(id, |entry| {
            // An upgrade is still the request whose client may have been authenticated.
            entry.authenticated &= stage == ConnectionStage::Session;
            (entry.stage, entry.since, entry.held) = (stage, since, 0);
        });
    }

    /// Records that the client of a connection to the gateway is authenticated.
    pub(super) fn set_authenticated(&mut self, id: u64) {
        self.change(id, |entry| {
            entry.authenticated = entry.stage != ConnectionStage::Silent;
        });
    }

    /// Records the number of bytes that a connection to the gateway holds for its client, and closes connections
    /// where all hold too much.
    pub(super) fn set_held(&mut self, id: u64, bytes: usize) {
        self.change(id, |entry| entry.held = bytes);
        self.limit_memory();
    }

    fn add_to_orders(&mut self, id: u64, entry: &ConnectionEntry) {
        if !entry.is_evictable() {
            return;
        }
        let unauthenticated = self.unauthenticated.entry(entry.network).or_default();
        unauthenticated.insert(entry.since, id);
        if entry.stage == ConnectionStage::Silent {
            self.silent
                .entry(entry.network)
                .or_default()
                .insert(entry.since, id);
        }
        self.by_memory.insert((entry.memory(), Reverse(entry.since)), id);
        self.memory += entry.memory();
    }

    fn remove_from_orders(&mut self, entry: &ConnectionEntry) {
        if !entry.is_evictable() {
            return;
        }
        remove_from_order(&mut self.unauthenticated, entry);
        if entry.stage == ConnectionStage::Silent {
            remove_from_order(&mut self.silent, entry);
        }
        self.by_memory.remove(&(entry.memory(), Reverse(entry.since)));
        self.memory -= entry.memory();
    }

    /// Removes a connection that has ended from the gateway's table of open connections.
    pub(super) fn remove(&mut self, id: u64) {
        if let Some(entry) = self.entries.remove(&id) {
            self.remove_from_orders(&entry);
        }
    }

    /// Closes a connection to the gateway and removes it from the table; `false` where it is not in the table.
    fn evict(&mut self, id: Option<u64>) -> bool {
        let Some(id) = id else {
            return false;
        };
        if let Some(entry) = self.entries.get(&id) {
            entry.evict.notify_one();
        }
        self.remove(id);
        true
    }

    /// Closes connections to the gateway, the largest in memory first, until all are within the memory budget.
    fn limit_memory(&mut self) {
        while self.memory > MAX_UNAUTHENTICATED_MEMORY {
            let largest = self.by_memory.last_key_value().map(|(_, id)| *id);
            if !self.evict(largest) {
                return;
            }
        }
    }

    /// Closes one connection to the gateway: of the network with the most unauthenticated connections, the one whose
    /// current activity began first; `false` where there is none. A connection that is silent because it has just
    /// been opened is younger than the sessions of a flood.
    pub(super) fn make_room(&mut self) -> bool {
        let busiest = self
            .unauthenticated
            .iter()
            .max_by_key(|(_, connections)| connections.len());
        let network = busiest.map(|(network, _)| *network);
        self.evict(network.and_then(|network| oldest(&self.unauthenticated, network)))
    }
}

/// Returns the connection of a client network whose current activity began first.
fn oldest(order: &ByNetwork, network: IpAddr) -> Option<u64> {
    order.get(&network)?.values().next().copied()
}

/// Removes a connection to the gateway from an order in which connections are evicted.
fn remove_from_order(order: &mut ByNetwork, entry: &ConnectionEntry) {
    if let Some(connections) = order.get_mut(&entry.network) {
        connections.remove(&entry.since);
        if connections.is_empty() {
            order.remove(&entry.network);
        }
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

    /// Adds a connection to the table that has a WebSocket session whose client is not authenticated.
    fn admit_session(table: &mut ConnectionTable, last: u8, now: Instant) -> u64 {
        let id = admit(table, last, now).unwrap();
        table.set_stage(id, ConnectionStage::Session, now);
        id
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
    fn authenticated_session_is_never_evicted_however_young_it_is() {
        let (mut table, now) = (ConnectionTable::new(2), Instant::now());
        let authenticated = admit_session(&mut table, 1, now);
        table.set_authenticated(authenticated);
        let strangers: Vec<_> = (0..9).map(|_| admit_session(&mut table, 1, now)).collect();
        assert!(table.entries.contains_key(&authenticated));
        assert!(
            table.entries.contains_key(&strangers[8]),
            "the newest is admitted"
        );
        assert_eq!(table.entries.len(), 2);
        table.set_authenticated(strangers[8]);
        assert!(
            admit(&mut table, 2, now).is_none(),
            "no connection may be evicted"
        );
        assert_eq!(table.entries.len(), 2);
    }

    #[test]
    fn connection_that_was_just_opened_is_not_evicted_before_older_sessions_of_strangers() {
        let (mut table, now) = (ConnectionTable::new(100), Instant::now());
        for _ in 0..100 {
            admit_session(&mut table, 1, now);
        }
        let opened = admit(&mut table, 1, now).unwrap();
        for _ in 0..98 {
            admit_session(&mut table, 1, now);
        }
        assert!(table.entries.contains_key(&opened));
    }

    #[test]
    fn authentication_of_a_request_ends_with_its_answer() {
        let (mut table, now) = (ConnectionTable::new(1), Instant::now());
        let id = admit(&mut table, 1, now).unwrap();
        table.set_stage(id, ConnectionStage::Working, now);
        table.set_authenticated(id);
        assert!(admit(&mut table, 2, now).is_none());
        table.set_stage(id, ConnectionStage::Session, now);
        assert!(admit(&mut table, 2, now).is_none(), "the upgrade of that request");
        table.set_stage(id, ConnectionStage::Silent, now);
        assert!(admit(&mut table, 2, now).is_some());
    }

    #[test]
    fn all_unauthenticated_connections_share_one_memory_budget_and_the_largest_is_evicted() {
        let (mut table, now) = (ConnectionTable::new(100_000), Instant::now());
        let small = admit_session(&mut table, 1, now);
        let authenticated = admit_session(&mut table, 1, now);
        table.set_held(authenticated, MAX_UNAUTHENTICATED_MEMORY / 2);
        table.set_authenticated(authenticated);
        let large: Vec<_> = (0..1000)
            .map(|at| {
                let id = admit_session(&mut table, u8::try_from(at % 200).unwrap(), now);
                table.set_held(id, 100_000);
                assert!(table.memory <= MAX_UNAUTHENTICATED_MEMORY);
                id
            })
            .collect();
        assert!(table.entries.contains_key(&small), "the smallest stays");
        assert!(table.entries.contains_key(&authenticated));
        let fit = (MAX_UNAUTHENTICATED_MEMORY - CONNECTION_MEMORY) / (100_000 + CONNECTION_MEMORY);
        assert_eq!(table.entries.len(), fit + 2);
        assert!(
            !table.entries.contains_key(&large[0]),
            "of equals the oldest ends first"
        );
        table.set_held(large[999], 100_001);
        table.set_held(large[998], 100_000 + CONNECTION_MEMORY * 20);
        assert!(!table.entries.contains_key(&large[998]), "the largest of all");
    }

    #[test]
    fn connections_that_send_nothing_cost_memory_too() {
        let (mut table, now) = (ConnectionTable::new(100_000), Instant::now());
        for _ in 0..10_000 {
            admit_session(&mut table, 1, now);
        }
        assert_eq!(
            table.entries.len(),
            MAX_UNAUTHENTICATED_MEMORY / CONNECTION_MEMORY
        );
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
            table.set_held(id, 77);
            table.set_authenticated(id);
        }
        assert_eq!(table.silent[&ip(1)].len(), 1);
        table.remove(id);
        table.set_stage(id, ConnectionStage::Silent, now);
        assert!(table.entries.is_empty() && table.silent.is_empty() && table.unauthenticated.is_empty());
        assert!(table.by_memory.is_empty() && table.memory == 0);
    }
}
