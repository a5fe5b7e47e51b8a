//! Sockets over pipes in memory, with a paused clock.

use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio::time::{Instant, timeout};

use super::*;

/// Size of the pipes, in bytes: what a system buffers for a connection.
const PIPE_BYTES: usize = 4096;
/// Size of a message that needs a turn, in bytes.
const LARGE_BYTES: usize = MAX_SMALL_MESSAGE_BYTES + 1;

/// Connects a WebSocket that shares these turns. Returns it and the other side.
fn connect(turns: &LargeMessageTurns) -> (WebSocket<DuplexStream>, DuplexStream) {
    let (server, client) = duplex(PIPE_BYTES);
    (WebSocket::new(server, 1024 * 1024, turns.clone()), client)
}

/// Returns a frame of a client, masked with zeros, whose header announces `length` bytes.
fn frame(first: u8, length: usize, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first, 0xff];
    bytes.extend((length as u64).to_be_bytes());
    bytes.extend([0; 4]);
    bytes.extend(payload);
    bytes
}

/// Returns the code in the close frame that the client receives next.
async fn close_code(client: &mut DuplexStream) -> u16 {
    let mut head = [0; 4];
    client.read_exact(&mut head).await.unwrap();
    assert_eq!(head[0], 0x88, "{head:?}");
    u16::from_be_bytes([head[2], head[3]])
}

#[tokio::test(start_paused = true)]
async fn client_that_sends_pings_and_reads_nothing_is_held_up_and_then_disconnected() {
    let (mut socket, mut client) = connect(&LargeMessageTurns::default());
    let accepted = Arc::new(AtomicUsize::new(0));
    let counter = accepted.clone();
    tokio::spawn(async move {
        let ping = frame(0x89, 125, &[b'p'; 125]);
        while client.write_all(&ping).await.is_ok() {
            counter.fetch_add(ping.len(), Ordering::Relaxed);
        }
    });
    let begun = Instant::now();
    assert_eq!(socket.next().await.unwrap().unwrap_err(), WebSocketError::Stalled);
    assert_eq!(begun.elapsed(), CONTROL_WRITE_TIMEOUT);
    let accepted = accepted.load(Ordering::Relaxed);
    let held = PIPE_BYTES * 2 + READ_BYTES;
    assert!(accepted <= held, "{accepted} bytes of pings were read");
    assert!(socket.outgoing.next().is_some());
    assert_eq!(WebSocketError::Stalled.close_reason(), None);
}

#[tokio::test]
async fn ping_is_answered_between_messages_and_close_with_its_code() {
    let (mut socket, mut client) = connect(&LargeMessageTurns::default());
    let sent = [
        frame(0x89, 2, b"hi"),
        frame(0x8a, 0, b""),
        frame(0x81, 3, b"abc"),
        frame(0x88, 4, b"\x03\xe8ok"),
    ];
    client.write_all(&sent.concat()).await.unwrap();
    assert_eq!(socket.next().await.unwrap().unwrap().bytes, b"abc");
    assert!(socket.next().await.is_none());
    socket.close().await.unwrap();
    let mut received = Vec::new();
    client.read_to_end(&mut received).await.unwrap();
    assert_eq!(received, b"\x8a\x02hi\x88\x02\x03\xe8");
}

#[tokio::test]
async fn sent_messages_arrive_whole_through_a_narrow_pipe() {
    let (mut socket, mut client) = connect(&LargeMessageTurns::default());
    let text = vec![b'x'; 100_000];
    let message = OutgoingMessage::Text(text.clone().into());
    tokio::spawn(async move {
        socket.send(message).await.unwrap();
        let reason = CloseReason::new(1012, "service restart");
        socket.send(OutgoingMessage::Close(reason)).await.unwrap();
    });
    let mut received = Vec::new();
    client.read_to_end(&mut received).await.unwrap();
    assert_eq!(received[..2], [0x81, 127]);
    assert_eq!(received[2..10], 100_000_u64.to_be_bytes());
    assert_eq!(received[10..100_010], text);
    assert_eq!(received[100_010..], *b"\x88\x11\x03\xf4service restart");
}

#[tokio::test]
async fn what_can_not_be_decoded_is_closed_with_its_code_and_the_rest_is_discarded() {
    for (sent, code) in [
        (frame(0x81, 1024 * 1024 + 1, b"x"), 1009),
        (frame(0x81, 1, b"\xff"), 1007),
        (frame(0xc1, 1, b"x"), 1002),
    ] {
        let (mut socket, mut client) = connect(&LargeMessageTurns::default());
        client.write_all(&sent).await.unwrap();
        let error = socket.next().await.unwrap().unwrap_err();
        let reason = error.close_reason().unwrap();
        socket.send(OutgoingMessage::Close(reason)).await.unwrap();
        let discarding = tokio::spawn(async move { socket.next().await.is_none() });
        client.write_all(&vec![b'x'; PIPE_BYTES * 9]).await.unwrap();
        assert_eq!(close_code(&mut client).await, code);
        drop(client);
        assert!(discarding.await.unwrap(), "{code}");
    }
}

#[tokio::test(start_paused = true)]
async fn large_messages_arrive_one_at_a_time_over_all_connections() {
    let turns = LargeMessageTurns::default();
    let message = frame(0x82, LARGE_BYTES, &vec![b'x'; LARGE_BYTES]);
    let accepted = Arc::new(AtomicUsize::new(0));
    let connected: Vec<_> = (0..3).map(|_| connect(&turns)).collect();
    let (received, mut messages) = tokio::sync::mpsc::channel(3);
    for (mut socket, mut client) in connected {
        let (message, counter, received) = (message.clone(), accepted.clone(), received.clone());
        tokio::spawn(async move {
            for piece in message.chunks(1024) {
                client.write_all(piece).await.unwrap();
                counter.fetch_add(piece.len(), Ordering::Relaxed);
            }
            std::future::pending::<()>().await;
        });
        tokio::spawn(async move {
            let message = socket.next().await.unwrap().unwrap();
            received.send(message).await.unwrap();
        });
    }
    for nth in 0..3 {
        let first = messages.recv().await.unwrap();
        assert_eq!(first.bytes.len(), LARGE_BYTES);
        let next = timeout(Duration::from_secs(1), messages.recv()).await;
        assert!(next.is_err(), "the turn ends with the message");
        // Of those that wait, what the system buffers and one read was accepted.
        let waiting = (2 - nth) * (PIPE_BYTES * 2 + READ_BYTES);
        let most = message.len() * (nth + 1) + waiting;
        assert!(accepted.load(Ordering::Relaxed) <= most, "{accepted:?} > {most}");
        drop(first);
    }
}

#[tokio::test(start_paused = true)]
async fn large_message_that_arrives_too_slowly_loses_its_turn() {
    let turns = LargeMessageTurns::default();
    let (mut slow, mut slow_client) = connect(&turns);
    slow_client
        .write_all(&frame(0x82, LARGE_BYTES, b"x"))
        .await
        .unwrap();
    let refused = tokio::spawn(async move { slow.next().await.unwrap().unwrap_err() });
    tokio::task::yield_now().await;
    let (mut other, mut other_client) = connect(&turns);
    let begun = Instant::now();
    tokio::spawn(async move {
        let message = frame(0x82, LARGE_BYTES, &vec![b'x'; LARGE_BYTES]);
        other_client.write_all(&message).await.unwrap();
        std::future::pending::<()>().await;
    });
    assert_eq!(other.next().await.unwrap().unwrap().bytes.len(), LARGE_BYTES);
    assert_eq!(begun.elapsed(), LARGE_MESSAGE_TIMEOUT);
    assert_eq!(refused.await.unwrap(), WebSocketError::Refused);
}

/// A counter that remembers its last value.
#[derive(Clone, Default)]
struct LastHeld(Arc<AtomicUsize>);

impl HeldBytes for LastHeld {
    fn set_held(&self, bytes: usize) {
        self.0.store(bytes, Ordering::Relaxed);
    }
}

#[tokio::test]
async fn bytes_of_an_unauthenticated_client_are_counted_and_limited() {
    let (mut socket, mut client) = connect(&LargeMessageTurns::default());
    let held = LastHeld::default();
    socket.count_bytes(Box::new(held.clone()), 1000);
    client.write_all(&frame(0x01, 300, &[b'x'; 300])).await.unwrap();
    assert!(timeout(Duration::from_millis(1), socket.next()).await.is_err());
    assert_eq!(held.0.load(Ordering::Relaxed), 300);
    client.write_all(&frame(0x80, 1, b"x")).await.unwrap();
    assert_eq!(socket.next().await.unwrap().unwrap().bytes.len(), 301);
    assert_eq!(held.0.load(Ordering::Relaxed), 0, "nothing is kept of a message");
    client.write_all(&frame(0x01, 700, &[b'x'; 700])).await.unwrap();
    assert_eq!(socket.next().await.unwrap().unwrap_err(), WebSocketError::Refused);

    let (mut socket, mut client) = connect(&LargeMessageTurns::default());
    socket.count_bytes(Box::new(LastHeld::default()), 1000);
    Pin::new(&mut socket).set_authenticated(5000);
    let message = frame(0x81, 2000, &[b'x'; 2000]);
    client.write_all(&message).await.unwrap();
    assert_eq!(socket.next().await.unwrap().unwrap().bytes.len(), 2000);
}
