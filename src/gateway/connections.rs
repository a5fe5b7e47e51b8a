//! Every open connection, and which one goes when there is no room for another.
//!
//! A connection costs a file descriptor before it has said anything, so whoever opens many and stays
//! silent must not lock out who speaks at once. Of one address only so many may be silent; the one that
//! was silent the longest goes first. A client that asks right after it connects is never among those.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, watch};

use super::throttle::network;

/// As many connections of one address may be waiting for a request, or between two.
pub const SILENT: usize = 256;
/// As many connections in all where nobody says how many files may be open.
const CONNECTIONS: usize = 960;
/// A session that is younger may not have proven itself yet: its handshake has as long.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// As many bytes of a session are read before it has proven itself: its first message, and some more.
pub const UNPROVEN: usize = 128 * 1024;
/// Of how many bytes nobody keeps count.
const UNCOUNTED: usize = usize::MAX;

/// What a connection is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Nothing whole has come yet, or it was answered and may ask again.
    Silent,
    /// A request is being answered.
    Working,
    /// It became a WebSocket.
    Session,
}

/// All open connections of a gateway, on all of its ports.
#[derive(Debug)]
pub struct Connections {
    table: Mutex<Table>,
    /// How many there are.
    open: watch::Sender<usize>,
}

impl Default for Connections {
    fn default() -> Self {
        Self {
            table: Mutex::new(Table::new(CONNECTIONS)),
            open: watch::Sender::new(0),
        }
    }
}

impl Connections {
    /// From now on as many may be open.
    pub fn allow(&self, most: usize) {
        self.table().most = most;
    }

    /// Room for one more connection from this address; others may have to go for it. `None` where none can.
    pub fn admit(self: &Arc<Self>, ip: IpAddr) -> Option<Ticket> {
        let shed = Arc::new(Notify::new());
        let mut table = self.table();
        let id = table.admit(ip, Instant::now(), shed.clone())?;
        self.open.send_replace(table.entries.len());
        Some(Ticket {
            connections: self.clone(),
            id,
            shed,
            left: AtomicUsize::new(UNCOUNTED),
        })
    }

    /// Makes room where the system has none: the one that is waited for the least goes.
    pub fn shed_one(&self) {
        let mut table = self.table();
        table.make_room(Instant::now());
        self.open.send_replace(table.entries.len());
    }

    /// Waits until every connection has ended; those that have not within this time are cut.
    pub async fn drained(&self, within: Duration) {
        let mut open = self.open.subscribe();
        let ended = open.wait_for(|open| *open == 0);
        if tokio::time::timeout(within, ended).await.is_err() {
            for entry in self.table().entries.values() {
                entry.shed.notify_one();
            }
        }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One connection's place. It is free again when this is dropped.
#[derive(Debug)]
pub struct Ticket {
    connections: Arc<Connections>,
    id: u64,
    shed: Arc<Notify>,
    /// As many bytes may still be read of it.
    left: AtomicUsize,
}

impl Ticket {
    /// From now on it is at this. A session is bounded until it has [proven itself](Self::proven).
    pub fn is_at(&self, stage: Stage) {
        if stage == Stage::Session {
            self.left.store(UNPROVEN, Ordering::Relaxed);
        }
        self.connections.table().move_to(self.id, stage, Instant::now());
    }

    /// It has proven itself: its bytes are counted no longer.
    pub fn proven(&self) {
        self.left.store(UNCOUNTED, Ordering::Relaxed);
    }

    /// Whether it may have said as much more.
    pub(super) fn may_say(&self, bytes: usize) -> bool {
        let left = self.left.load(Ordering::Relaxed);
        if left == UNCOUNTED {
            return true;
        }
        self.left.store(left.saturating_sub(bytes), Ordering::Relaxed);
        bytes <= left
    }

    /// Waits for the word that it has to go.
    pub async fn shed(&self) {
        self.shed.notified().await;
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut table = self.connections.table();
        table.remove(self.id);
        self.connections.open.send_replace(table.entries.len());
    }
}

#[derive(Debug)]
struct Entry {
    ip: IpAddr,
    stage: Stage,
    /// Since when it is at that; its place in the order of those that wait.
    since: (Instant, u64),
    shed: Arc<Notify>,
}

#[derive(Debug)]
struct Table {
    entries: HashMap<u64, Entry>,
    /// The silent ones of each address, the longest first.
    silent: HashMap<IpAddr, BTreeMap<(Instant, u64), u64>>,
    most: usize,
    next: u64,
}

impl Table {
    fn new(most: usize) -> Self {
        Self {
            entries: HashMap::new(),
            silent: HashMap::new(),
            most,
            next: 0,
        }
    }

    fn admit(&mut self, ip: IpAddr, now: Instant, shed: Arc<Notify>) -> Option<u64> {
        let ip = network(ip);
        if self.silent.get(&ip).is_some_and(|silent| silent.len() >= SILENT) {
            self.shed_silent(ip);
        }
        if self.entries.len() >= self.most && !self.make_room(now) {
            return None;
        }
        self.next += 1;
        let (id, since) = (self.next, (now, self.next));
        self.silent.entry(ip).or_default().insert(since, id);
        let stage = Stage::Silent;
        self.entries.insert(
            id,
            Entry {
                ip,
                stage,
                since,
                shed,
            },
        );
        Some(id)
    }

    fn move_to(&mut self, id: u64, stage: Stage, now: Instant) {
        self.next += 1;
        let Some(entry) = self.entries.get_mut(&id) else {
            return;
        };
        let (ip, before) = (entry.ip, entry.since);
        entry.stage = stage;
        entry.since = (now, self.next);
        let since = entry.since;
        self.speaks(ip, before);
        if stage == Stage::Silent {
            self.silent.entry(ip).or_default().insert(since, id);
        }
    }

    /// It is silent no longer.
    fn speaks(&mut self, ip: IpAddr, since: (Instant, u64)) {
        if let Some(silent) = self.silent.get_mut(&ip) {
            silent.remove(&since);
            if silent.is_empty() {
                self.silent.remove(&ip);
            }
        }
    }

    fn remove(&mut self, id: u64) {
        if let Some(entry) = self.entries.remove(&id) {
            self.speaks(entry.ip, entry.since);
        }
    }

    fn cut(&mut self, id: u64) {
        if let Some(entry) = self.entries.get(&id) {
            entry.shed.notify_one();
        }
        self.remove(id);
    }

    /// Cuts the connection of this address that was silent the longest.
    fn shed_silent(&mut self, ip: IpAddr) -> bool {
        let oldest = self.silent.get(&ip).and_then(|silent| silent.values().next());
        let Some(id) = oldest.copied() else {
            return false;
        };
        self.cut(id);
        true
    }

    /// Cuts a silent one of the address that has the most of them; where nobody is silent, the oldest
    /// session that may still be without a proof.
    fn make_room(&mut self, now: Instant) -> bool {
        let busiest = self.silent.iter().max_by_key(|(_, silent)| silent.len());
        if let Some(ip) = busiest.map(|(ip, _)| *ip) {
            return self.shed_silent(ip);
        }
        let young = self.entries.iter().filter(|(_, entry)| {
            entry.stage == Stage::Session && now.saturating_duration_since(entry.since.0) < HANDSHAKE
        });
        let Some(id) = young.min_by_key(|(_, entry)| entry.since).map(|(id, _)| *id) else {
            return false;
        };
        self.cut(id);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(last: u8) -> IpAddr {
        IpAddr::from([10, 0, 0, last])
    }

    fn admit(table: &mut Table, last: u8, now: Instant) -> Option<u64> {
        table.admit(ip(last), now, Arc::new(Notify::new()))
    }

    #[test]
    fn a_thousand_silent_ones_of_one_address_keep_their_share_only() {
        let (mut table, now) = (Table::new(10_000), Instant::now());
        let healthy = admit(&mut table, 1, now).unwrap();
        table.move_to(healthy, Stage::Working, now);
        let ids: Vec<_> = (0..1000).map(|_| admit(&mut table, 1, now).unwrap()).collect();
        assert_eq!(table.entries.len(), SILENT + 1);
        assert!(table.entries.contains_key(&healthy), "who speaks stays");
        assert!(!table.entries.contains_key(&ids[0]), "the oldest goes first");
        assert!(table.entries.contains_key(&ids[999]), "the last one is in");
    }

    #[test]
    fn when_it_is_full_the_busiest_silent_address_gives_way() {
        let (mut table, now) = (Table::new(6), Instant::now());
        let other = admit(&mut table, 2, now).unwrap();
        let busy: Vec<_> = (0..5).map(|_| admit(&mut table, 1, now).unwrap()).collect();
        assert!(admit(&mut table, 3, now).is_some());
        assert_eq!(table.entries.len(), 6);
        assert!(table.entries.contains_key(&other));
        assert!(!table.entries.contains_key(&busy[0]));
    }

    #[test]
    fn a_session_that_had_its_time_is_never_cut_for_another() {
        let (mut table, now) = (Table::new(2), Instant::now());
        let old = admit(&mut table, 1, now).unwrap();
        table.move_to(old, Stage::Session, now);
        let later = now + HANDSHAKE;
        let young = admit(&mut table, 1, later).unwrap();
        table.move_to(young, Stage::Session, later);
        let third = admit(&mut table, 2, later).expect("the young one gives way");
        assert!(!table.entries.contains_key(&young));
        table.move_to(third, Stage::Session, later);
        assert!(admit(&mut table, 2, later + HANDSHAKE).is_none(), "nobody can go");
        assert_eq!(table.entries.len(), 2);
    }

    #[test]
    fn nothing_is_left_of_connections_that_ended() {
        let (mut table, now) = (Table::new(9), Instant::now());
        let id = admit(&mut table, 1, now).unwrap();
        for stage in [Stage::Working, Stage::Silent, Stage::Working, Stage::Silent] {
            table.move_to(id, stage, now);
        }
        assert_eq!(table.silent[&ip(1)].len(), 1);
        table.remove(id);
        table.move_to(id, Stage::Silent, now);
        assert!(table.entries.is_empty() && table.silent.is_empty());
    }
}
