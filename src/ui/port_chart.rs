//! The chart of ports: the ports of each instance as one row, above the same axis.
//!
//! Spans are a hundred ports wide and thousands apart, so the axis has only the stretches in which somebody holds
//! something, each drawn to scale, without what lies between. Stretches that do not fit into the width continue in a
//! next chart below. Text goes in and out; colour comes in as a function.

use console::{Style, measure_text_width};

use crate::ports::Span;
pub(crate) use crate::ports::merge_spans;

/// A row of a port chart: an instance and its ports.
#[derive(Clone, Debug)]
pub(crate) struct ChartRow {
    /// `true` for the row of the instance that is set up.
    pub(crate) is_own: bool,
    /// The label before the row.
    pub(crate) label: String,
    /// The ports of the instance, as ascending intervals.
    pub(crate) spans: Vec<Span>,
}

/// The meaning of a part of a port chart, which decides its colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ChartTone {
    /// Labels and numbers.
    Plain,
    /// Ports that the row does not hold, and cuts of the axis.
    Faint,
    /// Ports of the row alone.
    Held,
    /// Ports of the row alone, in the row of the instance that is set up.
    Own,
    /// Ports that the row shares with another one.
    Shared,
    /// Ports in conflict with another row.
    Clash,
}

impl ChartTone {
    /// Returns the colour and style of a part of a port chart with this tone.
    pub(crate) fn style(self) -> Style {
        let style = Style::new();
        match self {
            Self::Plain => style,
            Self::Faint => style.dim(),
            Self::Held => style.green(),
            Self::Own => style.cyan(),
            Self::Shared => style.yellow(),
            Self::Clash => style.red().bold(),
        }
    }
}

/// The characters with which a port chart is drawn, in Unicode or ASCII.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ChartGlyphs {
    free: char,
    held: char,
    shared: char,
    clash: char,
    cut: char,
    ellipsis: &'static str,
}

impl ChartGlyphs {
    /// Creates the glyphs of a port chart: block characters, or ASCII letters that differ as clearly.
    pub(crate) fn new(ascii: bool) -> Self {
        if ascii {
            Self {
                free: '.',
                held: '=',
                shared: '%',
                clash: 'X',
                cut: ':',
                ellipsis: "...",
            }
        } else {
            Self {
                free: '·',
                held: '█',
                shared: '▒',
                clash: '╳',
                cut: '┊',
                ellipsis: "…",
            }
        }
    }

    /// Returns the character that stands for a tone in a port chart, for the chart's legend.
    pub(crate) fn glyph(self, tone: ChartTone) -> char {
        match tone {
            ChartTone::Plain | ChartTone::Faint => self.free,
            ChartTone::Held | ChartTone::Own => self.held,
            ChartTone::Shared => self.shared,
            ChartTone::Clash => self.clash,
        }
    }
}

/// Maximum number of free ports between two spans that a port chart draws as one stretch.
const MAX_GAP: u16 = 20;
/// Minimum number of columns of a stretch of a port chart: its first port and a blank.
const MIN_STRETCH_WIDTH: usize = 6;
/// Maximum width of a row's label in a port chart, in columns.
const MAX_LABEL_WIDTH: usize = 18;

/// Draws a port chart of at most `width` columns, and returns its lines. `shared` and `clashes` are the ports that
/// more than one row holds, without and with a conflict.
pub(crate) fn draw(
    rows: &[ChartRow],
    shared: &[Span],
    clashes: &[Span],
    width: usize,
    glyphs: ChartGlyphs,
    paint: impl Fn(ChartTone, &str) -> String,
) -> Vec<String> {
    let widths = rows.iter().map(|row| measure_text_width(&row.label));
    let label_width = widths.max().unwrap_or(0).min(MAX_LABEL_WIDTH).min(width / 3);
    let room = width.saturating_sub(label_width + 1).max(MIN_STRETCH_WIDTH);
    let stretches_per_chart = ((room + 1) / (MIN_STRETCH_WIDTH + 1)).max(1);
    let cut = paint(ChartTone::Faint, &glyphs.cut.to_string());
    let mut lines = Vec::new();
    for stretches in stretches(rows).chunks(stretches_per_chart) {
        if !lines.is_empty() {
            lines.push(String::new());
        }
        let axis: Vec<_> = stretches.iter().zip(stretch_widths(stretches, room)).collect();
        let ticks = axis.iter().map(|(stretch, columns)| ticks(**stretch, *columns));
        let ticks: Vec<_> = ticks.map(|text| paint(ChartTone::Plain, &text)).collect();
        let line = format!("{:label_width$} {}", "", ticks.join(&cut));
        lines.push(line.trim_end().to_owned());
        let is_on_axis = |span: &Span| stretches.iter().any(|stretch| stretch.overlap(*span).is_some());
        for row in rows.iter().filter(|row| row.spans.iter().any(is_on_axis)) {
            let painted = axis.iter().map(|(stretch, columns)| {
                let tones = cells(**stretch, *columns).map(|cell| cell_tone(row, cell, shared, clashes));
                paint_runs(&tones.collect::<Vec<_>>(), glyphs, &paint)
            });
            let painted: Vec<_> = painted.collect();
            let label = truncate_start(&row.label, label_width, glyphs.ellipsis);
            let blanks = " ".repeat(label_width - measure_text_width(&label));
            let label = paint(ChartTone::Plain, &label);
            lines.push(format!("{label}{blanks} {}", painted.join(&cut)));
        }
    }
    lines
}

/// Returns the intervals of ports in which a port chart has something to draw; intervals with a small gap between
/// them are joined.
fn stretches(rows: &[ChartRow]) -> Vec<Span> {
    let mut spans = merge_spans(rows.iter().flat_map(|row| &row.spans).copied().collect());
    spans.dedup_by(|next, kept| {
        let joins = next.first - kept.last <= MAX_GAP;
        if joins {
            kept.last = next.last;
        }
        joins
    });
    spans
}

/// Returns the number of columns of each stretch of a port chart: the minimum, and its share of the columns that are
/// left, but no more than it has ports.
fn stretch_widths(stretches: &[Span], room: usize) -> Vec<usize> {
    let fewest = stretches.len() * (MIN_STRETCH_WIDTH + 1) - 1;
    let spare = room.saturating_sub(fewest);
    let all: usize = stretches.iter().map(|span| span.len() as usize).sum();
    let mut before = 0;
    let width_of = |span: &Span| {
        let ports = span.len() as usize;
        let from = spare * before / all;
        before += ports;
        (MIN_STRETCH_WIDTH + spare * before / all - from).min(ports.max(MIN_STRETCH_WIDTH))
    };
    stretches.iter().map(width_of).collect()
}

/// Returns the port numbers above a stretch of a port chart: its first port, and its last one where there is room.
fn ticks(span: Span, columns: usize) -> String {
    let (first, last) = (span.first.to_string(), span.last.to_string());
    let blanks = columns.saturating_sub(first.len() + last.len());
    if span.first == span.last || blanks == 0 {
        return format!("{first:columns$}");
    }
    format!("{first}{}{last}", " ".repeat(blanks))
}

/// Returns the interval of ports that each column of a port chart stands for; a stretch with fewer ports than columns
/// fills the first ones.
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

/// Returns the tone of one column in a row of a port chart; the worst of its ports decides.
fn cell_tone(row: &ChartRow, cell: Option<Span>, shared: &[Span], clashes: &[Span]) -> ChartTone {
    let Some(cell) = cell else {
        return ChartTone::Faint;
    };
    let own = row.spans.iter().filter_map(|span| span.overlap(cell));
    let meets = |spans: &[Span], own: Span| {
        let at = spans.partition_point(|span| span.last < own.first);
        spans.get(at).is_some_and(|span| span.overlap(own).is_some())
    };
    own.fold(ChartTone::Faint, |tone, own| match tone {
        _ if meets(clashes, own) => ChartTone::Clash,
        ChartTone::Clash => ChartTone::Clash,
        _ if meets(shared, own) => ChartTone::Shared,
        ChartTone::Shared => ChartTone::Shared,
        _ if row.is_own => ChartTone::Own,
        _ => ChartTone::Held,
    })
}

/// Paints the glyphs of a port chart's row, one call for each run of a tone.
fn paint_runs(
    tones: &[ChartTone],
    glyphs: ChartGlyphs,
    paint: &impl Fn(ChartTone, &str) -> String,
) -> String {
    let runs = tones.chunk_by(|one, next| one == next);
    runs.map(|run| paint(run[0], &glyphs.glyph(run[0]).to_string().repeat(run.len())))
        .collect()
}

/// Cuts the start off a row's label in a port chart so that it fits into so many columns. Its end stays, because that
/// is where paths differ.
fn truncate_start(label: &str, columns: usize, ellipsis: &str) -> String {
    if measure_text_width(label) <= columns {
        return label.to_owned();
    }
    let mut end = label;
    while measure_text_width(end) + ellipsis.chars().count() > columns {
        let mut rest = end.chars();
        if rest.next().is_none() {
            break;
        }
        end = rest.as_str();
    }
    if end.is_empty() {
        ellipsis.chars().take(columns).collect()
    } else {
        format!("{ellipsis}{end}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(label: &str, spans: &[(u16, u16)]) -> ChartRow {
        let spans = spans
            .iter()
            .map(|(first, last)| Span {
                first: *first,
                last: *last,
            })
            .collect();
        ChartRow {
            is_own: false,
            label: label.to_owned(),
            spans,
        }
    }

    fn plain(rows: &[ChartRow], shared: &[Span], clashes: &[Span], width: usize) -> String {
        draw(rows, shared, clashes, width, ChartGlyphs::new(true), |_, text| {
            text.to_owned()
        })
        .join("\n")
    }

    #[test]
    fn overlap_has_its_own_glyph_and_free_stretches_are_left_out() {
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
            "one port is enough for a glyph"
        );
    }

    #[test]
    fn chart_fits_every_width_and_has_every_row() {
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
    fn single_ports_and_the_highest_port_are_drawn() {
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
    fn long_label_keeps_its_end() {
        assert_eq!(
            truncate_start("/home/a/.openclaw/main.json", 12, "…"),
            "…w/main.json"
        );
        assert_eq!(truncate_start("abc", 3, "…"), "abc");
        assert_eq!(truncate_start("abcd", 2, "..."), "..");
    }

    #[test]
    fn rows_without_ports_give_no_chart() {
        assert_eq!(plain(&[], &[], &[], 80), "");
        assert_eq!(plain(&[row("a", &[])], &[], &[], 80), "");
    }
}
