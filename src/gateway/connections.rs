//! The open connections of a gateway, and which one is closed when there is no room for another.
//!
//! A connection costs a file descriptor and memory before it has sent anything, so strangers that open many,
//! or send much, must neither lock out nor slow down a client that sends its request at once. Whoever is not
//! authenticated shares three limits: the number of silent connections per client network, the number of open
//! files, and one budget of memory for all. The connection that was silent the longest is closed for the first,
//! the one whose stage is the oldest for the second, and the one that holds the most memory for the last. An
//! authenticated request or session is never closed for another connection.

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, watch};

use super::websocket::HeldBytes;
use crate::sync::lock;

mod table;

pub(crate) use table::ConnectionStage;
use table::ConnectionTable;

/// Maximum number of connections to the gateway where the operating system does not say how many files may be open.
const DEFAULT_MAX_CONNECTIONS: usize = 960;
/// Maximum number of bytes read from a WebSocket session before its client is authenticated: its first message and
/// some more.
pub(crate) const MAX_UNAUTHENTICATED_BYTES: usize = 128 * 1024;
/// Number of bytes of an HTTP request that the assumed memory of a connection to the gateway includes.
const INCLUDED_HTTP_BYTES: usize = 4 * 1024;

/// The count of HTTP bytes of a connection to the gateway that became a WebSocket: its bytes are not counted.
const UNCOUNTED: usize = usize::MAX;

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
    /// Sets the maximum number of open connections to the gateway.
    pub(crate) fn set_max(&self, max: usize) {
        self.table().max = max;
    }

    /// Admits one more connection to the gateway from this address, closing others for it where necessary. `None`
    /// where no connection may be closed.
    pub(crate) fn admit(self: &Arc<Self>, ip: IpAddr) -> Option<ConnectionPermit> {
        let evict = Arc::new(Notify::new());
        let mut table = self.table();
        let id = table.admit(ip, Instant::now(), evict.clone())?;
        self.open.send_replace(table.entries.len());
        Some(ConnectionPermit {
            connections: self.clone(),
            id,
            evict,
            http_bytes: AtomicUsize::new(0),
        })
    }

    /// Closes the least needed connection to the gateway, for a system that has no file descriptor left.
    pub(crate) fn evict_one(&self) {
        let mut table = self.table();
        table.make_room();
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

/// The permission of one connection to the gateway to be open. Dropping it frees the place for another.
#[derive(Debug)]
pub(crate) struct ConnectionPermit {
    connections: Arc<Connections>,
    id: u64,
    evict: Arc<Notify>,
    /// The number of bytes that were read since the connection was silent; not counted in a session.
    http_bytes: AtomicUsize,
}

impl ConnectionPermit {
    /// Records whether a connection to the gateway is silent, answers a request, or has become a WebSocket session.
    /// A connection's client has to be authenticated anew after each request.
    pub(crate) fn set_stage(&self, stage: ConnectionStage) {
        let is_session = stage == ConnectionStage::Session;
        let counted = if is_session { UNCOUNTED } else { 0 };
        self.http_bytes.store(counted, Ordering::Relaxed);
        self.connections.table().set_stage(self.id, stage, Instant::now());
    }

    /// Records that the client of a connection's current HTTP request or WebSocket session is authenticated.
    pub(crate) fn set_authenticated(&self) {
        self.connections.table().set_authenticated(self.id);
    }

    /// Returns whether the client of a connection's current HTTP request or WebSocket session is authenticated.
    pub(crate) fn is_authenticated(&self) -> bool {
        let table = self.connections.table();
        table
            .entries
            .get(&self.id)
            .is_some_and(|entry| entry.authenticated)
    }

    /// Counts the bytes of HTTP requests that a connection to the gateway has read; those of a WebSocket session are
    /// counted by its socket.
    pub(crate) fn count_http_bytes(&self, bytes: usize) {
        let before = self.http_bytes.load(Ordering::Relaxed);
        if before == UNCOUNTED {
            return;
        }
        let total = before + bytes;
        self.http_bytes.store(total, Ordering::Relaxed);
        if let Some(held) = total.checked_sub(INCLUDED_HTTP_BYTES) {
            self.set_held(held);
        }
    }

    /// Records the number of bytes that a connection to the gateway holds for its client. The connections that hold
    /// the most are closed where all hold too much.
    fn set_held(&self, bytes: usize) {
        let mut table = self.connections.table();
        table.set_held(self.id, bytes);
        self.connections.open.send_replace(table.entries.len());
    }

    /// Waits until the gateway wants to close a connection to make room for another one.
    pub(crate) async fn evicted(&self) {
        self.evict.notified().await;
    }
}

impl HeldBytes for Arc<ConnectionPermit> {
    fn set_held(&self, bytes: usize) {
        ConnectionPermit::set_held(self, bytes);
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        let mut table = self.connections.table();
        table.remove(self.id);
        self.connections.open.send_replace(table.entries.len());
    }
}
