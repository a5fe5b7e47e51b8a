//! The band of the port map: which instance holds which stretch of one axis of ports.
//!
//! Spans are a hundred ports wide and thousands apart, so the axis keeps only the stretches in which
//! somebody holds something, each drawn to scale, and leaves out what lies between. What does not fit
//! into the width goes on in a next band below. Text in, text out: colour comes in as a function.

use console::{Style, measure_text_width};

use crate::ports::Span;
pub(crate) use crate::ports::planner::merged;

/// An instance: its name and its ports in ascending intervals.
#[derive(Clone, Debug)]
pub struct Row {
    /// What stands before the band.
    pub label: String,
    /// What it holds.
    pub spans: Vec<Span>,
}

/// What a stretch of the band means, for its colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// Names and numbers.
    Plain,
    /// Nobody's ports, and what was left out.
    Faint,
    /// The row's own ports.
    Held,
    /// Shared with another row.
    Shared,
    /// In conflict with another row.
    Clash,
}

impl Tone {
    /// How it is coloured everywhere.
    pub(crate) fn style(self) -> Style {
        let style = Style::new();
        match self {
            Self::Plain => style,
            Self::Faint => style.dim(),
            Self::Held => style.green(),
            Self::Shared => style.yellow(),
            Self::Clash => style.red().bold(),
        }
    }
}

/// The characters of a band.
#[derive(Clone, Copy, Debug)]
pub struct Glyphs {
    free: char,
    held: char,
    shared: char,
    clash: char,
    cut: char,
    dots: &'static str,
}

impl Glyphs {
    /// Blocks, or letters of ASCII that differ as much.
    pub fn new(ascii: bool) -> Self {
        if ascii {
            Self {
                free: '.',
                held: '=',
                shared: '%',
                clash: 'X',
                cut: ':',
                dots: "...",
            }
        } else {
            Self {
                free: '·',
                held: '█',
                shared: '▒',
                clash: '╳',
                cut: '┊',
                dots: "…",
            }
        }
    }

    /// The character of a tone, for a legend.
    pub fn of(self, tone: Tone) -> char {
        match tone {
            Tone::Plain | Tone::Faint => self.free,
            Tone::Held => self.held,
            Tone::Shared => self.shared,
            Tone::Clash => self.clash,
        }
    }
}

/// The ports between which no border is drawn, although nobody holds them.
const JOIN: u16 = 20;
/// Fewest columns of a stretch: its first port, and a blank.
const STRETCH: usize = 6;
/// The longest label, in columns.
const LABEL: usize = 18;

/// The lines of the band, at most `width` columns wide.
pub fn draw(
    rows: &[Row],
    shared: &[Span],
    clashes: &[Span],
    width: usize,
    glyphs: Glyphs,
    paint: impl Fn(Tone, &str) -> String,
) -> Vec<String> {
    let longest = rows
        .iter()
        .map(|row| measure_text_width(&row.label))
        .max()
        .unwrap_or(0);
    let label = longest.min(LABEL).min(width / 3);
    let room = width.saturating_sub(label + 1).max(STRETCH);
    let mut stretches = stretches(rows).into_iter().peekable();
    let mut lines = Vec::new();
    while stretches.peek().is_some() {
        let fit = (room + 1) / (STRETCH + 1);
        let band: Vec<Span> = stretches.by_ref().take(fit.max(1)).collect();
        let columns = columns(&band, room);
        if !lines.is_empty() {
            lines.push(String::new());
        }
        let cut = paint(Tone::Faint, &glyphs.cut.to_string());
        let ticks = band
            .iter()
            .zip(&columns)
            .map(|(span, columns)| ticks(*span, *columns));
        let ticks: Vec<_> = ticks.map(|text| paint(Tone::Plain, &text)).collect();
        lines.push(
            format!("{:label$} {}", "", ticks.join(&cut))
                .trim_end()
                .to_owned(),
        );
        for row in rows.iter().filter(|row| {
            row.spans
                .iter()
                .any(|s| band.iter().any(|b| b.overlap(*s).is_some()))
        }) {
            let drawn = band.iter().zip(&columns).map(|(stretch, columns)| {
                let tone = |cell| tone(row, cell, shared, clashes);
                cells(*stretch, *columns).map(tone).collect::<Vec<_>>()
            });
            let drawn: Vec<_> = drawn.map(|tones| painted(&tones, glyphs, &paint)).collect();
            let name = shortened(&row.label, label, glyphs.dots);
            let blanks = " ".repeat(label - measure_text_width(&name));
            lines.push(format!(
                "{}{blanks} {}",
                paint(Tone::Plain, &name),
                drawn.join(&cut)
            ));
        }
    }
    lines
}

/// The parts of the axis that somebody holds, joined where little lies between.
fn stretches(rows: &[Row]) -> Vec<Span> {
    let mut spans = merged(rows.iter().flat_map(|row| &row.spans).copied().collect());
    spans.dedup_by(|next, kept| {
        let joins = next.first - kept.last <= JOIN;
        if joins {
            kept.last = next.last;
        }
        joins
    });
    spans
}

/// How many columns each stretch gets: the fewest, and of what is left its share, but no more than it
/// has ports.
fn columns(band: &[Span], room: usize) -> Vec<usize> {
    let fewest = band.len() * (STRETCH + 1) - 1;
    let spare = room.saturating_sub(fewest);
    let all: usize = band.iter().map(|span| span.len() as usize).sum();
    let mut before = 0;
    let width_of = |span: &Span| {
        let ports = span.len() as usize;
        let from = spare * before / all;
        before += ports;
        (STRETCH + spare * before / all - from).min(ports.max(STRETCH))
    };
    band.iter().map(width_of).collect()
}

/// The numbers above a stretch: its first port, and its last one where there is room.
fn ticks(span: Span, columns: usize) -> String {
    let (first, last) = (span.first.to_string(), span.last.to_string());
    let blanks = columns.saturating_sub(first.len() + last.len());
    if span.first == span.last || blanks == 0 {
        return format!("{first:columns$}");
    }
    format!("{first}{}{last}", " ".repeat(blanks))
}

/// The interval of ports that each column stands for; a stretch of fewer ports than columns fills the
/// first ones.
fn cells(stretch: Span, columns: usize) -> impl Iterator<Item = Option<Span>> {
    let ports = stretch.len() as usize;
    let used = columns.min(ports);
    let port = move |after: usize| u16::try_from(usize::from(stretch.first) + after).unwrap_or(u16::MAX);
    let cell = move |at: usize| Span {
        first: port(at * ports / used),
        last: port((at + 1) * ports / used - 1),
    };
    (0..columns).map(move |at| (at < used).then(|| cell(at)))
}

fn tone(row: &Row, cell: Option<Span>, shared: &[Span], clashes: &[Span]) -> Tone {
    let Some(cell) = cell else { return Tone::Faint };
    let own = row.spans.iter().filter_map(|span| span.overlap(cell));
    let meets = |spans: &[Span], own: Span| {
        let at = spans.partition_point(|span| span.last < own.first);
        spans.get(at).is_some_and(|span| span.overlap(own).is_some())
    };
    own.fold(Tone::Faint, |tone, own| match tone {
        _ if meets(clashes, own) => Tone::Clash,
        Tone::Clash => Tone::Clash,
        _ if meets(shared, own) => Tone::Shared,
        Tone::Shared => Tone::Shared,
        _ => Tone::Held,
    })
}

/// The glyphs of a row, painted run by run.
fn painted(tones: &[Tone], glyphs: Glyphs, paint: &impl Fn(Tone, &str) -> String) -> String {
    let runs = tones.chunk_by(|a, b| a == b);
    runs.map(|run| paint(run[0], &glyphs.of(run[0]).to_string().repeat(run.len())))
        .collect()
}

/// A label that fits: its end, which is what differs in paths.
pub fn shortened(label: &str, columns: usize, dots: &str) -> String {
    if measure_text_width(label) <= columns {
        return label.to_owned();
    }
    let mut end = label;
    while measure_text_width(end) + dots.chars().count() > columns {
        let mut rest = end.chars();
        if rest.next().is_none() {
            break;
        }
        end = rest.as_str();
    }
    if end.is_empty() {
        dots.chars().take(columns).collect()
    } else {
        format!("{dots}{end}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(label: &str, spans: &[(u16, u16)]) -> Row {
        let spans = spans
            .iter()
            .map(|(first, last)| Span {
                first: *first,
                last: *last,
            })
            .collect();
        Row {
            label: label.to_owned(),
            spans,
        }
    }

    fn plain(rows: &[Row], shared: &[Span], clashes: &[Span], width: usize) -> String {
        draw(rows, shared, clashes, width, Glyphs::new(true), |_, text| {
            text.to_owned()
        })
        .join("\n")
    }

    #[test]
    fn an_overlap_stands_out_and_empty_stretches_are_left_out() {
        let rows = [
            row("default", &[(18789, 18899)]),
            row("near", &[(18809, 18919)]),
            row("rescue", &[(19789, 19899)]),
        ];
        let shared = [Span {
            first: 18809,
            last: 18899,
        }];
        let expected = [
            "        18789        18919:19789       19899",
            "default ==%%%%%%%%%%%%%%..:.................",
            "near    ..%%%%%%%%%%%%%%==:.................",
            "rescue  ..................:=================",
        ];
        assert_eq!(plain(&rows, &shared, &[], 44), expected.join("\n"));
        let clashes = [Span {
            first: 18809,
            last: 18809,
        }];
        assert!(
            plain(&rows, &shared, &clashes, 44).contains("default ==X%"),
            "one port is enough to be seen"
        );
    }

    #[test]
    fn every_width_is_kept_and_nobody_is_left_out() {
        let rows: Vec<_> = (0..30_u16)
            .map(|n| {
                row(
                    &format!("a-profile-with-a-long-name-{n}"),
                    &[(10_000 + n * 1000, 10_110 + n * 1000)],
                )
            })
            .collect();
        for width in 20..=200 {
            let drawn = plain(&rows, &[], &[], width);
            assert!(drawn.lines().all(|line| line.len() <= width), "{width}:\n{drawn}");
            assert_eq!(
                drawn.lines().filter(|line| line.contains('=')).count(),
                30,
                "{width}:\n{drawn}"
            );
        }
    }

    #[test]
    fn single_ports_and_the_last_port_are_drawn() {
        let drawn = plain(&[row("a", &[(9222, 9222), (65425, 65535)])], &[], &[], 40);
        assert!(drawn.contains("9222") && drawn.contains("65535"), "{drawn}");
        assert!(
            drawn
                .lines()
                .any(|line| line.starts_with("a =") && line.ends_with('=')),
            "{drawn}"
        );
    }

    #[test]
    fn long_labels_keep_their_end() {
        assert_eq!(shortened("/home/a/.openclaw/main.json", 12, "…"), "…w/main.json");
        assert_eq!(shortened("abc", 3, "…"), "abc");
        assert_eq!(shortened("abcd", 2, "..."), "..");
    }

    #[test]
    fn nothing_to_draw_is_no_band() {
        assert_eq!(plain(&[], &[], &[], 80), "");
        assert_eq!(plain(&[row("a", &[])], &[], &[], 80), "");
    }
}
