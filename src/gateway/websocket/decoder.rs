//! The decoder of the WebSocket frames that a client sends (RFC 6455): bytes in, messages out. No socket, no
//! clock.
//!
//! Memory is held for bytes that have arrived. For bytes that a header announces it is reserved on request only: a
//! stranger may announce anything.

use std::io::Cursor;

use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::{Control, Data, OpCode};

use super::error::WebSocketError;

/// Maximum length of the header of a WebSocket frame, in bytes.
const MAX_HEADER_BYTES: usize = 14;
/// Maximum length of the payload of a WebSocket control frame, in bytes.
const MAX_CONTROL_BYTES: u64 = 125;

/// A message that was decoded from WebSocket frames.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum DecodedMessage {
    /// A text or binary message, whole.
    Data(Vec<u8>),
    /// A ping with its payload.
    Ping(Vec<u8>),
    /// A pong; nobody asked for it.
    Pong,
    /// A close frame with its payload: the code in two bytes and the reason, or nothing.
    Close(Vec<u8>),
}

/// The WebSocket frame whose payload is arriving.
#[derive(Clone, Copy, Debug)]
struct PartialFrame {
    opcode: OpCode,
    is_final: bool,
    /// The mask, rotated to the next byte of the payload.
    mask: [u8; 4],
    /// The number of payload bytes that are missing.
    missing: usize,
}

/// The WebSocket message whose frames are arriving.
#[derive(Debug)]
struct PartialMessage {
    is_text: bool,
    bytes: Vec<u8>,
}

/// The decoder of the WebSocket frames of one connection.
#[derive(Debug)]
pub(super) struct FrameDecoder {
    max_message: usize,
    header: Vec<u8>,
    frame: Option<PartialFrame>,
    message: Option<PartialMessage>,
    control: Vec<u8>,
}

impl FrameDecoder {
    /// Creates a decoder of WebSocket frames that refuses messages of more than `max_message` bytes.
    pub(super) fn new(max_message: usize) -> Self {
        Self {
            max_message,
            header: Vec::new(),
            frame: None,
            message: None,
            control: Vec::new(),
        }
    }

    /// Sets the maximum size of the WebSocket messages that the decoder accepts from now on, in bytes.
    pub(super) fn set_max_message(&mut self, bytes: usize) {
        self.max_message = bytes;
    }

    /// Returns the number of bytes that the decoder holds for the WebSocket message that is arriving.
    pub(super) fn held(&self) -> usize {
        self.message.as_ref().map_or(0, |message| message.bytes.len())
    }

    /// Reserves memory for a WebSocket message of so many bytes, if one is arriving and has less.
    pub(super) fn reserve(&mut self, bytes: usize) {
        if let Some(message) = &mut self.message {
            message
                .bytes
                .reserve_exact(bytes.saturating_sub(message.bytes.len()));
        }
    }

    /// Returns the size that the arriving WebSocket message will have at least: the bytes that are there, and those
    /// that the current frame announces.
    pub(super) fn announced(&self) -> usize {
        let missing = self
            .frame
            .filter(|frame| matches!(frame.opcode, OpCode::Data(_)))
            .map_or(0, |frame| frame.missing);
        self.held().saturating_add(missing)
    }

    /// Decodes received WebSocket bytes up to the end of the first message in them. Returns the number of bytes that
    /// were used, which is all of them where no message ends there.
    ///
    /// # Errors
    /// The bytes break the protocol, the message is too large, or a text is not UTF-8. The decoder can't be
    /// used any more.
    pub(super) fn decode(&mut self, input: &[u8]) -> Result<(usize, Option<DecodedMessage>), WebSocketError> {
        let mut used = 0;
        loop {
            if self.frame.is_none() {
                let Some(header_end) = self.decode_header(&input[used..])? else {
                    return Ok((input.len(), None));
                };
                used += header_end;
            }
            used += self.decode_payload(&input[used..]);
            if self.frame.is_some_and(|frame| frame.missing > 0) {
                return Ok((used, None));
            }
            if let Some(message) = self.end_frame()? {
                return Ok((used, Some(message)));
            }
        }
    }

    /// Decodes the header of a WebSocket frame. Returns the number of bytes that were used for it, or `None` where it
    /// is not there whole; what there is of it is kept.
    fn decode_header(&mut self, input: &[u8]) -> Result<Option<usize>, WebSocketError> {
        let before = self.header.len();
        let taken = input.len().min(MAX_HEADER_BYTES - before);
        self.header.extend_from_slice(&input[..taken]);
        let mut cursor = Cursor::new(&self.header);
        let parsed = FrameHeader::parse(&mut cursor).map_err(|_| WebSocketError::Violation)?;
        let Some((header, length)) = parsed else {
            return Ok(None);
        };
        // What was kept before was too short for a header, so its end is in the new bytes.
        let end = usize::try_from(cursor.position()).unwrap_or(usize::MAX);
        self.header.clear();
        self.begin_frame(&header, length)?;
        Ok(Some(end.saturating_sub(before)))
    }

    /// Checks the header of a WebSocket frame, and begins its payload.
    fn begin_frame(&mut self, header: &FrameHeader, length: u64) -> Result<(), WebSocketError> {
        let Some(mask) = header
            .mask
            .filter(|_| !header.rsv1 && !header.rsv2 && !header.rsv3)
        else {
            return Err(WebSocketError::Violation);
        };
        match (header.opcode, &self.message) {
            (OpCode::Control(_), _) if header.is_final && length <= MAX_CONTROL_BYTES => {}
            (OpCode::Data(Data::Continue), Some(_)) => {}
            (OpCode::Data(kind @ (Data::Text | Data::Binary)), None) => {
                self.message = Some(PartialMessage {
                    is_text: kind == Data::Text,
                    bytes: Vec::new(),
                });
            }
            _ => return Err(WebSocketError::Violation),
        }
        let missing = usize::try_from(length).unwrap_or(usize::MAX);
        self.frame = Some(PartialFrame {
            opcode: header.opcode,
            is_final: header.is_final,
            mask,
            missing,
        });
        if self.announced() > self.max_message {
            return Err(WebSocketError::TooLarge);
        }
        Ok(())
    }

    /// Appends payload bytes of the current WebSocket frame to the message or control frame to which they belong.
    /// Returns how many were used.
    fn decode_payload(&mut self, input: &[u8]) -> usize {
        let Some(frame) = &mut self.frame else {
            return 0;
        };
        let taken = frame.missing.min(input.len());
        let target = match (frame.opcode, &mut self.message) {
            (OpCode::Data(_), Some(message)) => &mut message.bytes,
            _ => &mut self.control,
        };
        let start = target.len();
        target.extend_from_slice(&input[..taken]);
        unmask(&mut target[start..], frame.mask);
        frame.mask.rotate_left(taken % 4);
        frame.missing -= taken;
        taken
    }

    /// Ends a WebSocket frame whose payload is complete. Returns the message that it completes.
    fn end_frame(&mut self) -> Result<Option<DecodedMessage>, WebSocketError> {
        let Some(frame) = self.frame.take() else {
            return Ok(None);
        };
        match frame.opcode {
            OpCode::Control(control) => {
                let payload = std::mem::take(&mut self.control);
                Ok(Some(match control {
                    Control::Ping => DecodedMessage::Ping(payload),
                    Control::Pong => DecodedMessage::Pong,
                    // A reserved one was refused with its header.
                    Control::Close | Control::Reserved(_) => DecodedMessage::Close(payload),
                }))
            }
            OpCode::Data(_) if !frame.is_final => Ok(None),
            OpCode::Data(_) => match self.message.take() {
                Some(message) if message.is_text && std::str::from_utf8(&message.bytes).is_err() => {
                    Err(WebSocketError::InvalidText)
                }
                message => Ok(message.map(|message| DecodedMessage::Data(message.bytes))),
            },
        }
    }
}

/// Removes the WebSocket mask from payload bytes; the first byte of the mask belongs to the first of them.
fn unmask(bytes: &mut [u8], mask: [u8; 4]) {
    let (blocks, rest) = bytes.as_chunks_mut::<4>();
    for block in blocks {
        for (byte, mask) in block.iter_mut().zip(mask) {
            *byte ^= mask;
        }
    }
    for (byte, mask) in rest.iter_mut().zip(mask) {
        *byte ^= mask;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tungstenite::protocol::{Role, WebSocketContext};
    use tungstenite::{Bytes, Message};

    use super::*;

    /// Returns the bytes in which a WebSocket client of another implementation sends these messages, for tests.
    fn encode(messages: &[Message]) -> Vec<u8> {
        let mut stream = Cursor::new(Vec::new());
        let mut client = WebSocketContext::new(Role::Client, None);
        for message in messages {
            client.write(&mut stream, message.clone()).unwrap();
            client.flush(&mut stream).unwrap();
        }
        stream.into_inner()
    }

    /// Decodes WebSocket bytes that arrive in pieces of this length, for tests.
    fn decode(bytes: &[u8], piece: usize) -> Result<Vec<DecodedMessage>, WebSocketError> {
        let mut decoder = FrameDecoder::new(64 * 1024);
        let mut messages = Vec::new();
        for mut rest in bytes.chunks(piece) {
            loop {
                let (used, message) = decoder.decode(rest)?;
                rest = &rest[used..];
                match message {
                    Some(message) => messages.push(message),
                    None => break,
                }
            }
        }
        Ok(messages)
    }

    fn expected(message: &Message) -> DecodedMessage {
        match message {
            Message::Text(text) => DecodedMessage::Data(text.as_bytes().to_vec()),
            Message::Binary(bytes) => DecodedMessage::Data(bytes.to_vec()),
            Message::Ping(bytes) => DecodedMessage::Ping(bytes.to_vec()),
            _ => DecodedMessage::Pong,
        }
    }

    fn message() -> impl Strategy<Value = Message> {
        let bytes = |length| proptest::collection::vec(any::<u8>(), 0..length).prop_map(Bytes::from);
        prop_oneof![
            ".{0,300}".prop_map(Message::text),
            bytes(70_000)
                .prop_filter("within the limit", |bytes| bytes.len() <= 65_536)
                .prop_map(Message::Binary),
            bytes(125).prop_map(Message::Ping),
            bytes(125).prop_map(Message::Pong),
        ]
    }

    proptest! {
        #[test]
        fn messages_of_another_implementation_are_decoded_in_pieces_of_any_size(
            messages in proptest::collection::vec(message(), 1..6),
            piece in 1_usize..5000,
        ) {
            let decoded = decode(&encode(&messages), piece).unwrap();
            prop_assert_eq!(decoded, messages.iter().map(expected).collect::<Vec<_>>());
        }

        #[test]
        fn any_bytes_are_decoded_or_refused_and_never_more_is_held_than_arrived(
            bytes in proptest::collection::vec(any::<u8>(), 0..600),
        ) {
            let mut decoder = FrameDecoder::new(1 << 40);
            let mut rest = bytes.as_slice();
            while let Ok((used, message)) = decoder.decode(rest) {
                rest = &rest[used..];
                prop_assert!(decoder.held() <= bytes.len());
                if message.is_none() {
                    break;
                }
            }
        }
    }

    /// Returns a WebSocket frame for tests with this first byte, masked with zeros, whose header announces `length`
    /// bytes.
    fn frame(first: u8, length: u64, payload: &[u8]) -> Vec<u8> {
        let mut bytes = vec![first, 0xff];
        bytes.extend(length.to_be_bytes());
        bytes.extend([0; 4]);
        bytes.extend(payload);
        bytes
    }

    #[test]
    fn message_over_the_limit_is_refused_as_soon_as_its_size_is_announced() {
        assert_eq!(
            decode(&frame(0x81, 65_537, b""), 99),
            Err(WebSocketError::TooLarge)
        );
        assert_eq!(
            decode(&frame(0x81, u64::MAX, b""), 99),
            Err(WebSocketError::TooLarge)
        );
        let mut fragments = frame(0x01, 40_000, &vec![b'x'; 40_000]);
        fragments.extend(frame(0x80, 40_000, b""));
        assert_eq!(decode(&fragments, 4096), Err(WebSocketError::TooLarge));
    }

    #[test]
    fn announced_size_includes_the_payload_that_is_missing() {
        let mut decoder = FrameDecoder::new(100_000);
        decoder.decode(&frame(0x01, 3, b"abc")).unwrap();
        decoder.decode(&frame(0x00, 90_000, b"de")).unwrap();
        assert_eq!((decoder.held(), decoder.announced()), (5, 90_003));
    }

    #[test]
    fn fragments_form_one_message_with_control_frames_between_them() {
        let mut bytes = frame(0x01, 2, b"ab");
        bytes.extend(frame(0x89, 1, b"!"));
        bytes.extend(frame(0x80, 1, b"c"));
        let messages = [
            DecodedMessage::Ping(b"!".to_vec()),
            DecodedMessage::Data(b"abc".to_vec()),
        ];
        assert_eq!(decode(&bytes, 1).unwrap(), messages);
    }

    #[test]
    fn frames_that_break_the_protocol_are_refused() {
        let unmasked = vec![0x81, 0x01, b'x'];
        for bytes in [
            frame(0xc1, 1, b"x"),                                  // a reserved bit
            frame(0x83, 1, b"x"),                                  // a reserved opcode
            frame(0x8b, 1, b"x"),                                  // a reserved control opcode
            frame(0x80, 1, b"x"),                                  // a continuation of nothing
            frame(0x09, 1, b"x"),                                  // a fragmented ping
            frame(0x89, 126, b"x"),                                // a long ping
            [frame(0x01, 1, b"x"), frame(0x81, 1, b"y")].concat(), // a message within a message
            unmasked,
        ] {
            assert_eq!(decode(&bytes, 5), Err(WebSocketError::Violation), "{bytes:?}");
        }
        assert_eq!(
            decode(&frame(0x81, 1, b"\xff"), 5),
            Err(WebSocketError::InvalidText)
        );
    }
}
