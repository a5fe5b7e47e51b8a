//! Server-sent events, in which every provider streams its answers: bytes in any pieces become events
//! (<https://html.spec.whatwg.org/multipage/server-sent-events.html>).
//!
//! Sixty lines by hand: what the crates for it add is the reconnection, and a request to a model is never repeated by itself.

/// Maximum length of a line of a stream, and of the data of an event, in bytes.
const MAX_EVENT_BYTES: usize = 1 << 20;

/// An event of a stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct SseEvent {
    /// The type; empty where the server names none.
    pub(super) name: String,
    /// The data, its lines joined by line feeds.
    pub(super) data: String,
}

/// A line or an event of a stream is longer than any that is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct EventTooLong;

/// A parser of server-sent events, which takes the bytes as they come.
#[derive(Debug, Default)]
pub(super) struct SseParser {
    line: Vec<u8>,
    /// `true` after a carriage return, whose line feed may still come.
    is_after_return: bool,
    /// `true` once the first line was read, which may begin with a byte order mark.
    is_begun: bool,
    event: SseEvent,
    has_data: bool,
}

impl SseParser {
    /// Reads the next bytes of a stream and puts the events that end in them behind `events`.
    ///
    /// # Errors
    /// Where a line or an event is too long.
    pub(super) fn push(&mut self, bytes: &[u8], events: &mut Vec<SseEvent>) -> Result<(), EventTooLong> {
        for &byte in bytes {
            let is_second_half = std::mem::take(&mut self.is_after_return) && byte == b'\n';
            match byte {
                b'\n' if is_second_half => {}
                b'\n' | b'\r' => {
                    self.is_after_return = byte == b'\r';
                    self.end_line(events)?;
                }
                _ if self.line.len() == MAX_EVENT_BYTES => return Err(EventTooLong),
                _ => self.line.push(byte),
            }
        }
        Ok(())
    }

    /// Ends the stream: an event without its empty line counts all the same, for servers that save it.
    pub(super) fn finish(&mut self, events: &mut Vec<SseEvent>) -> Result<(), EventTooLong> {
        if !self.line.is_empty() {
            self.end_line(events)?;
        }
        self.end_event(events);
        Ok(())
    }

    fn end_line(&mut self, events: &mut Vec<SseEvent>) -> Result<(), EventTooLong> {
        let bytes = std::mem::take(&mut self.line);
        let line = String::from_utf8_lossy(&bytes);
        let mut line = &*line;
        if !std::mem::replace(&mut self.is_begun, true) {
            line = line.strip_prefix('\u{feff}').unwrap_or(line);
        }
        if line.is_empty() {
            self.end_event(events);
            return Ok(());
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.event.name),
            "data" => {
                if self.event.data.len() + value.len() >= MAX_EVENT_BYTES {
                    return Err(EventTooLong);
                }
                if std::mem::replace(&mut self.has_data, true) {
                    self.event.data.push('\n');
                }
                self.event.data.push_str(value);
            }
            // Comments, which keep a connection alive, and what is meant for reconnecting.
            _ => {}
        }
        Ok(())
    }

    fn end_event(&mut self, events: &mut Vec<SseEvent>) {
        let event = std::mem::take(&mut self.event);
        if std::mem::take(&mut self.has_data) {
            events.push(event);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(chunks: &[&[u8]]) -> Vec<SseEvent> {
        let (mut parser, mut events) = (SseParser::default(), Vec::new());
        for chunk in chunks {
            parser.push(chunk, &mut events).unwrap();
        }
        parser.finish(&mut events).unwrap();
        events
    }

    fn event(name: &str, data: &str) -> SseEvent {
        SseEvent {
            name: name.to_owned(),
            data: data.to_owned(),
        }
    }

    #[test]
    fn events_are_read_as_the_standard_has_them() {
        for (text, expected) in [
            ("data: a\n\ndata: b\n\n", vec![event("", "a"), event("", "b")]),
            ("event: x\r\ndata: a\r\n\r\n", vec![event("x", "a")]),
            ("data: a\rdata:b\r\r", vec![event("", "a\nb")]),
            ("\u{feff}data: a\n\n", vec![event("", "a")]),
            (
                ": comment\n\nid: 1\nretry: 5\ndata:  two\n\n",
                vec![event("", " two")],
            ),
            ("event: lost\n\ndata\n\n", vec![event("", "")]),
            ("data: without its end", vec![event("", "without its end")]),
            ("", vec![]),
        ] {
            assert_eq!(parse(&[text.as_bytes()]), expected, "{text:?}");
        }
    }

    #[test]
    fn line_and_event_without_an_end_are_refused() {
        let mut parser = SseParser::default();
        let endless = vec![b'x'; MAX_EVENT_BYTES + 1];
        assert_eq!(parser.push(&endless, &mut Vec::new()), Err(EventTooLong));
        let line = [b"data: ", vec![b'x'; MAX_EVENT_BYTES / 2].as_slice(), b"\n"].concat();
        let mut parser = SseParser::default();
        let mut events = Vec::new();
        parser.push(&line, &mut events).unwrap();
        assert_eq!(parser.push(&line, &mut events), Err(EventTooLong));
    }

    proptest! {
        #[test]
        fn pieces_of_a_stream_do_not_matter(
            text in "((data|event|id)?:? ?[a-zğ漢{}\u{feff}]{0,6}(\n|\r|\r\n){1,2}){0,12}",
            cuts in prop::collection::vec(0_usize..200, 0..8),
        ) {
            let bytes = text.as_bytes();
            let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let chunks: Vec<_> = cuts.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
            prop_assert_eq!(parse(&chunks), parse(&[bytes]));
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            parse(&[&bytes]);
        }
    }
}
