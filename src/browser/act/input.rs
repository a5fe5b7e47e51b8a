//! Sends the input of a mouse and a keyboard to the page in a browser tab, as a user's would arrive.

use std::time::Duration;

use serde_json::json;

use super::action::Click;
use super::keys::{Chord, Key, modifier};
use crate::browser::Result;
use crate::browser::cdp::CdpConnection;

/// Time between the keys of a text that is typed key by key.
const TYPING_INTERVAL: Duration = Duration::from_millis(75);
/// Number of moves of the mouse during a drag: a page sees a drag only after it was moved.
const DRAG_STEPS: u32 = 5;

/// A point of the visible part of a page, in pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Point {
    pub(super) x: f64,
    pub(super) y: f64,
}

/// The mouse and the keyboard of the page in a browser tab.
#[derive(Clone, Copy, Debug)]
pub(super) struct Input<'a> {
    pub(super) cdp: &'a CdpConnection,
    /// The target id of the tab.
    pub(super) tab: &'a str,
}

impl Input<'_> {
    /// Moves the mouse to a point.
    pub(super) async fn move_to(self, point: Point) -> Result<()> {
        self.send_mouse("mouseMoved", point, "none", 0, 0).await
    }

    /// Clicks at a point.
    pub(super) async fn click(self, point: Point, click: &Click) -> Result<()> {
        self.send_mouse("mouseMoved", point, "none", 0, click.modifiers)
            .await?;
        for count in 1..=if click.is_double { 2 } else { 1 } {
            self.send_mouse("mousePressed", point, click.button, count, click.modifiers)
                .await?;
            tokio::time::sleep(click.delay).await;
            self.send_mouse("mouseReleased", point, click.button, count, click.modifiers)
                .await?;
        }
        Ok(())
    }

    /// Drags from one point to another.
    pub(super) async fn drag(self, from: Point, to: Point) -> Result<()> {
        self.send_mouse("mouseMoved", from, "none", 0, 0).await?;
        self.send_mouse("mousePressed", from, "left", 1, 0).await?;
        for step in 1..=DRAG_STEPS {
            let share = f64::from(step) / f64::from(DRAG_STEPS);
            let point = Point {
                x: from.x + (to.x - from.x) * share,
                y: from.y + (to.y - from.y) * share,
            };
            self.send_mouse("mouseMoved", point, "left", 0, 0).await?;
        }
        // Over its goal the mouse moves once more: the first move there only enters it.
        self.send_mouse("mouseMoved", to, "left", 0, 0).await?;
        self.send_mouse("mouseReleased", to, "left", 1, 0).await
    }

    /// Presses keys together and releases them in the reverse order.
    pub(super) async fn press(self, chord: &Chord, delay: Duration) -> Result<()> {
        let mut modifiers = 0;
        for key in &chord.held {
            modifiers |= key.modifier();
            self.send_key("rawKeyDown", key, modifiers).await?;
        }
        let own = modifiers | chord.key.modifier();
        self.send_key("keyDown", &chord.key, own).await?;
        tokio::time::sleep(delay).await;
        self.send_key("keyUp", &chord.key, modifiers).await?;
        for key in chord.held.iter().rev() {
            modifiers &= !key.modifier();
            self.send_key("keyUp", key, modifiers).await?;
        }
        Ok(())
    }

    /// Presses the key with this name.
    pub(super) async fn press_named(self, name: &'static str) -> Result<()> {
        let key = Key::named(name).expect("a named key");
        let chord = Chord {
            held: Vec::new(),
            key,
        };
        self.press(&chord, Duration::ZERO).await
    }

    /// Inserts text where the cursor is, at once.
    pub(super) async fn insert_text(self, text: &str) -> Result<()> {
        let params = json!({ "text": text });
        self.cdp
            .call(self.tab, "Input.insertText", params)
            .await
            .map(|_| ())
    }

    /// Types text key by key.
    pub(super) async fn type_slowly(self, text: &str) -> Result<()> {
        for char in text.chars() {
            let key = Key::typing(char);
            if key.code.is_empty() {
                self.insert_text(&char.to_string()).await?;
            } else {
                let chord = Chord {
                    held: Vec::new(),
                    key,
                };
                self.press(&chord, Duration::ZERO).await?;
            }
            tokio::time::sleep(TYPING_INTERVAL).await;
        }
        Ok(())
    }

    /// Sends an event of the mouse.
    async fn send_mouse(
        self,
        kind: &'static str,
        point: Point,
        button: &'static str,
        count: u32,
        modifiers: u8,
    ) -> Result<()> {
        let held = match button {
            "left" if kind != "mouseReleased" => 1,
            "right" if kind != "mouseReleased" => 2,
            "middle" if kind != "mouseReleased" => 4,
            _ => 0,
        };
        let params = json!({
            "type": kind, "x": point.x, "y": point.y, "button": button, "buttons": held, "clickCount": count,
            "modifiers": modifiers,
        });
        let sent = self.cdp.call(self.tab, "Input.dispatchMouseEvent", params).await;
        sent.map(|_| ())
    }

    /// Sends an event of the keyboard.
    async fn send_key(self, kind: &'static str, key: &Key, modifiers: u8) -> Result<()> {
        let mut params = json!({
            "type": kind, "key": key.value, "code": key.code, "windowsVirtualKeyCode": key.virtual_code,
            "modifiers": modifiers,
        });
        // With any other key than Shift held, a key types no text.
        let types = !key.text.is_empty() && modifiers & !modifier::SHIFT == 0;
        if kind == "keyDown" && types {
            params["text"] = key.text.clone().into();
        } else if kind == "keyDown" {
            params["type"] = "rawKeyDown".into();
        }
        let sent = self.cdp.call(self.tab, "Input.dispatchKeyEvent", params).await;
        sent.map(|_| ())
    }
}
