//! The devices that this gateway has paired, and those that wait for approval.
//!
//! The paired ones are in `devices/paired.json`, in OpenClaw's own form, so that a state folder can pass from
//! one engine to the other and every device keeps its token (docs/openclaw.md#device-tokens). The file is
//! read when the first device connects, held in memory, and written whole after each change, off the async
//! thread. A file that can't be understood is left alone: no device is paired then, and nothing is
//! overwritten.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};
use tokio::sync::Mutex as AsyncMutex;

use crate::apply;
use crate::host::read::{self, ReadError};
use crate::sync::{lock, spawn_blocking};

pub(crate) mod book;
pub(crate) mod key;

use book::{DeviceBook, PairingRequest};

/// Time that a device waits for approval before the gateway forgets its pairing request.
const APPROVAL_TIMEOUT: Duration = Duration::from_mins(5);
/// Maximum number of devices that wait for their pairing with the gateway to be approved; one more replaces the
/// oldest.
const MAX_PENDING: usize = 64;

/// The devices that are paired with one gateway, and those whose pairing waits for approval.
#[derive(Debug)]
pub(crate) struct DeviceStore {
    path: PathBuf,
    book: AsyncMutex<BookState>,
    pending: Mutex<Vec<PendingPairing>>,
}

/// A device whose pairing with the gateway waits for approval.
#[derive(Clone, Debug)]
pub(crate) struct PendingPairing {
    /// The id by which the request is approved or rejected.
    pub request_id: String,
    /// The device and what it asks for.
    pub request: PairingRequest,
    /// The time of the request, in milliseconds since 1970.
    pub requested_at_ms: u64,
    since: Instant,
}

impl PendingPairing {
    /// Returns the JSON form of a device's pairing request, for those who may approve it. Keys without a value are
    /// left out.
    pub(crate) fn to_value(&self) -> Value {
        let request = &self.request;
        let mut value = json!({
            "requestId": self.request_id,
            "deviceId": request.device_id,
            "publicKey": request.public_key,
            "displayName": request.client.display_name,
            "platform": request.client.platform,
            "clientId": request.client.id,
            "clientMode": request.client.mode,
            "role": request.role.name(),
            "roles": [request.role.name()],
            "scopes": request.scopes,
            "remoteIp": request.ip.map(|ip| ip.to_string()),
            "silent": false,
            "ts": self.requested_at_ms,
        });
        if let Some(map) = value.as_object_mut() {
            map.retain(|_, value| !value.is_null());
        }
        value
    }
}

/// The content of the file of devices paired with the gateway, as it is kept in memory.
#[derive(Debug)]
enum BookState {
    /// The file is not read yet.
    Unread,
    /// The file as it was read or written last.
    Ready(Arc<DeviceBook>),
    /// The file can't be understood.
    Broken,
}

impl DeviceStore {
    /// Creates the store of the devices that are paired with a gateway, from the path of their file, which is not
    /// read yet.
    pub(crate) fn new(path: PathBuf) -> Self {
        Self {
            path,
            book: AsyncMutex::new(BookState::Unread),
            pending: Mutex::default(),
        }
    }

    /// Returns the devices whose pairing with the gateway waits for approval, the oldest request first.
    pub(crate) fn pending(&self) -> Vec<PendingPairing> {
        self.current_pending().clone()
    }

    /// Locks the list of devices whose pairing waits for approval, and drops those that have waited too long.
    fn current_pending(&self) -> MutexGuard<'_, Vec<PendingPairing>> {
        let mut pending = lock(&self.pending);
        pending.retain(|one| one.since.elapsed() < APPROVAL_TIMEOUT);
        pending
    }

    /// Adds a device to those whose pairing with the gateway waits for approval. A device that waits already keeps
    /// its request id; the second value is `true` for a new one.
    pub(crate) fn add_pending(
        &self,
        request: &PairingRequest,
        request_id: String,
        requested_at_ms: u64,
    ) -> (PendingPairing, bool) {
        let mut pending = self.current_pending();
        let same_device = |one: &&mut PendingPairing| one.request.device_id == request.device_id;
        if let Some(known) = pending.iter_mut().find(same_device) {
            known.request = request.clone();
            return (known.clone(), false);
        }
        if pending.len() >= MAX_PENDING {
            pending.remove(0);
        }
        let new = PendingPairing {
            request_id,
            request: request.clone(),
            requested_at_ms,
            since: Instant::now(),
        };
        pending.push(new.clone());
        (new, true)
    }

    /// Removes the pairing request of a device that was approved or rejected; `None` where no such request waits.
    pub(crate) fn remove_pending(&self, request_id: &str) -> Option<PendingPairing> {
        let mut pending = self.current_pending();
        let at = pending.iter().position(|one| one.request_id == request_id)?;
        Some(pending.remove(at))
    }

    /// Returns the devices that are paired with the gateway, or `None` where their file can't be understood.
    pub(crate) async fn book(&self) -> Option<Arc<DeviceBook>> {
        let mut state = self.book.lock().await;
        self.read(&mut state).await
    }

    /// Returns the devices that are paired with the gateway, which are read from their file the first time.
    async fn read(&self, state: &mut BookState) -> Option<Arc<DeviceBook>> {
        if matches!(state, BookState::Unread) {
            let path = self.path.clone();
            let text = spawn_blocking(move || read::text(&path)).await;
            let parsed: Result<Map<String, Value>, anyhow::Error> = match text {
                Ok(Ok(text)) => serde_json::from_str(&text).map_err(Into::into),
                Ok(Err(ReadError::Missing)) => Ok(Map::new()),
                Ok(Err(error)) => Err(error.into()),
                Err(error) => Err(error.into()),
            };
            *state = match parsed {
                Ok(map) => BookState::Ready(Arc::new(DeviceBook::new(map))),
                Err(error) => {
                    tracing::warn!(path = %self.path.display(), %error, "paired devices cannot be read");
                    BookState::Broken
                }
            };
        }
        match state {
            BookState::Ready(book) => Some(book.clone()),
            BookState::Unread | BookState::Broken => None,
        }
    }

    /// Changes the record of the devices that are paired with the gateway, and writes their file before it returns.
    /// `None` where `change` changed nothing or the file could not be written; the devices are then as they were
    /// before.
    pub(crate) async fn update<T>(&self, change: impl FnOnce(&mut DeviceBook) -> Option<T>) -> Option<T> {
        let mut state = self.book.lock().await;
        let before = self.read(&mut state).await?;
        let mut book = DeviceBook::clone(&before);
        let result = change(&mut book)?;
        let (path, text) = (self.path.clone(), book.to_text());
        // `devices/paired.json`, in the state folder.
        let state_dir = path.ancestors().nth(2).unwrap_or(&path).to_path_buf();
        let write = move || apply::write_state_file(&state_dir, &path, text.as_bytes());
        match spawn_blocking(write).await {
            Ok(Ok(())) => {
                *state = BookState::Ready(Arc::new(book));
                Some(result)
            }
            Ok(Err(error)) => {
                let cause = error.cause.map(|cause| cause.to_string()).unwrap_or_default();
                tracing::warn!(path = %self.path.display(), cause, "paired devices cannot be written");
                None
            }
            Err(_) => None,
        }
    }
}
