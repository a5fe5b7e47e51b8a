//! One of several: a list with a mark, what is said of the marked one, and its ports beside the others'.

use console::Style;

use super::keys::Key;
use super::skin::{Frame, MARK, Size, Skin, hang};
use super::{Next, Prompt};
use crate::i18n::msg;
use crate::ui::band::{self, Glyphs, Row};
use crate::wizard::question::{Choice, PortChart, Reply};

/// Fewest columns of a band that says anything.
const BAND: usize = 20;
/// Columns before what is said of a choice.
const DETAIL: usize = 4;

/// A list and the mark in it.
#[derive(Clone, Debug)]
pub(super) struct Pick<'a> {
    text: String,
    options: &'a [Choice],
    picture: Option<&'a PortChart>,
    at: usize,
}

impl<'a> Pick<'a> {
    pub(super) fn new(
        text: String,
        options: &'a [Choice],
        picture: Option<&'a PortChart>,
        default: usize,
    ) -> Self {
        Self {
            text,
            options,
            picture,
            at: default.min(options.len().saturating_sub(1)),
        }
    }

    /// The lines of one choice, with what is said of it where it is the marked one.
    fn option(&self, skin: &Skin, at: usize, columns: usize) -> Vec<String> {
        let theme = &skin.theme;
        let option = &self.options[at];
        let label = skin.say(&option.label);
        let room = columns.saturating_sub(MARK);
        if at != self.at {
            let mark = theme.inactive_item_prefix.to_string();
            return hang(&mark, skin.flow(&[(&label, &theme.inactive_item_style)], room));
        }
        let mark = theme.active_item_prefix.to_string();
        let mut lines = hang(&mark, skin.flow(&[(&label, &theme.active_item_style)], room));
        for detail in &option.details {
            let said = skin.say(detail);
            let said = skin.flow(&[(&said, &theme.hint_style)], columns.saturating_sub(DETAIL));
            lines.extend(said.into_iter().map(|line| format!("{:DETAIL$}{line}", "")));
        }
        lines
    }

    /// The choices that fit into so many rows, the marked one always among them, and how many more there
    /// are above and below.
    fn list(&self, skin: &Skin, columns: usize, rows: usize) -> Vec<String> {
        let all: Vec<_> = (0..self.options.len())
            .map(|at| self.option(skin, at, columns))
            .collect();
        if all.iter().map(Vec::len).sum::<usize>() <= rows {
            return all.concat();
        }
        let Some(marked) = all.get(self.at) else {
            return Vec::new();
        };
        // Two rows say how many more there are.
        let room = rows.saturating_sub(2).max(1);
        let (mut first, mut last) = (self.at, self.at);
        let mut used = marked.len().min(room);
        loop {
            let below = all.get(last + 1).filter(|lines| used + lines.len() <= room);
            if let Some(lines) = below {
                used += lines.len();
                last += 1;
            }
            let above = first.checked_sub(1).and_then(|at| all.get(at));
            let above = above.filter(|lines| used + lines.len() <= room);
            if let Some(lines) = above {
                used += lines.len();
                first -= 1;
            }
            if above.is_none() && below.is_none() {
                break;
            }
        }
        let (up, down) = if skin.ui.ascii() {
            ("^", "v")
        } else {
            ("↑", "↓")
        };
        let more = |arrow: &str, count: usize| {
            let count = skin.theme.hint_style.apply_to(format!("{arrow} {count}"));
            format!("  {count}")
        };
        let mut lines = Vec::new();
        if first > 0 {
            lines.push(more(up, first));
        }
        lines.extend(all[first..=last].iter().flatten().take(room).cloned());
        if last + 1 < all.len() {
            lines.push(more(down, all.len() - 1 - last));
        }
        lines
    }

    /// The ports of the marked choice beside those of the others.
    fn band(&self, skin: &Skin, columns: usize) -> Vec<String> {
        let (Some(picture), Some(option)) = (self.picture, self.options.get(self.at)) else {
            return Vec::new();
        };
        let room = columns.saturating_sub(MARK);
        if option.spans.is_empty() || room < BAND {
            return Vec::new();
        }
        let row = |label: &str, spans: &[_]| Row {
            label: skin.shown(label),
            spans: band::merged(spans.to_vec()),
        };
        let others = picture.others.iter().map(|(label, spans)| row(label, spans));
        let rows: Vec<_> = others.chain([row(&picture.own_label, &option.spans)]).collect();
        let others = picture.others.iter().flat_map(|(_, spans)| spans);
        let shared = others.flat_map(|other| option.spans.iter().filter_map(|own| own.overlap(*other)));
        let shared = band::merged(shared.collect());
        let glyphs = Glyphs::new(skin.ui.ascii());
        let paint = |tone: band::Tone, text: &str| tone.style().for_stderr().apply_to(text).to_string();
        band::draw(&rows, &shared, &[], room, glyphs, paint)
            .into_iter()
            .map(|line| format!("  {line}").trim_end().to_owned())
            .collect()
    }
}

impl Prompt for Pick<'_> {
    fn on(&mut self, key: &Key) -> Next {
        let last = self.options.len().saturating_sub(1);
        self.at = match key {
            Key::Up => self.at.checked_sub(1).unwrap_or(last),
            Key::Down | Key::Tab => {
                if self.at < last {
                    self.at + 1
                } else {
                    0
                }
            }
            Key::Home | Key::PageUp => 0,
            Key::End | Key::PageDown => last,
            Key::Char(digit @ '1'..='9') => {
                let wanted = usize::from(*digit as u8 - b'1');
                if wanted > last {
                    return Next::Stay;
                }
                wanted
            }
            Key::Enter => {
                return match self.options.get(self.at) {
                    Some(option) => Next::Take(Reply::Text(option.id.clone())),
                    None => Next::Stay,
                };
            }
            Key::Escape => return Next::Take(Reply::Back),
            _ => return Next::Stay,
        };
        Next::Stay
    }

    fn render(&self, skin: &Skin, size: Size) -> Frame {
        let suffix = console::strip_ansi_codes(&skin.theme.prompt_suffix.to_string()).into_owned();
        let more = [(suffix.as_str(), &skin.theme.hint_style as &Style)];
        let mut lines = skin.question(&self.text, &more, size.columns);
        let room = size.rows.saturating_sub(lines.len()).max(1);
        let list = self.list(skin, size.columns, room);
        let band = self.band(skin, size.columns);
        let keys = skin.keys(&msg!("ui.keys-choice"), size.columns);
        let mut left = room - list.len().min(room);
        lines.extend(list);
        if !band.is_empty() && band.len() < left {
            left -= band.len() + 1;
            lines.push(String::new());
            lines.extend(band);
        }
        if left > 1
            && let Some(keys) = keys
        {
            lines.push(String::new());
            lines.push(keys);
        }
        Frame { lines, cursor: None }
    }

    fn answer(&self, skin: &Skin) -> String {
        let option = self.options.get(self.at);
        option.map(|option| skin.say(&option.label)).unwrap_or_default()
    }
}
