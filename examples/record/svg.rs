//! A picture of a terminal's screen as SVG, for light and for dark pages.
//!
//! Each piece of text has its own position and length, so that columns stay aligned in every monospace font.

use std::fmt::Write as _;

use anyhow::{Result, bail};
use vt100::{Cell, Color, Screen};

/// Width of a cell, in pixels.
const CELL_WIDTH: f32 = 8.4;
/// Height of a row, in pixels.
const ROW_HEIGHT: f32 = 18.0;
/// Distance of the text's base line from the top of its row, in pixels.
const BASELINE: f32 = 13.5;
/// Margin around the text, in pixels.
const MARGIN: f32 = 20.0;
/// Height of the title bar, in pixels.
const TITLE_HEIGHT: f32 = 36.0;

/// Classes with their colours on light and on dark pages: the window, its text, and the terminal's colours 0 to 8. They
/// are GitHub's own colours, because the pictures are read there.
const COLOURS: [(&str, &str, &str); 13] = [
    (".w", "#ffffff", "#0d1117"),
    (".l", "#d1d9e0", "#3d444d"),
    (".t", "#1f2328", "#e6edf3"),
    (".s", "#59636e", "#9198a1"),
    (".c0", "#1f2328", "#e6edf3"),
    (".c1", "#cf222e", "#ff7b72"),
    (".c2", "#1a7f37", "#3fb950"),
    (".c3", "#9a6700", "#d29922"),
    (".c4", "#0969da", "#58a6ff"),
    (".c5", "#8250df", "#bc8cff"),
    (".c6", "#1b7c83", "#39c5cf"),
    (".c7", "#1f2328", "#e6edf3"),
    (".c8", "#59636e", "#9198a1"),
];

/// The classes of a piece of text, and whether its colours are swapped.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Style {
    classes: String,
    inverse: bool,
}

/// Neighbouring cells of one style.
struct Run {
    column: u16,
    columns: u16,
    text: String,
    style: Style,
}

/// Draws a screen in a window with this title, and returns the SVG text.
pub(crate) fn draw(screen: &Screen, title: &str) -> Result<String> {
    let (rows, columns) = (screen.size().0.get(), screen.size().1.get());
    let used = (0..rows)
        .rev()
        .find(|&row| (0..columns).any(|column| cell_text(screen.cell(row, column)) != " "))
        .map_or(0, |row| row + 1);
    let width = f32::from(columns) * CELL_WIDTH + 2.0 * MARGIN;
    let height = f32::from(used) * ROW_HEIGHT + TITLE_HEIGHT + 2.0 * MARGIN;
    let mut out = window(width, height, title)?;
    for row in 0..used {
        let top = TITLE_HEIGHT + MARGIN + f32::from(row) * ROW_HEIGHT;
        for run in split_row(screen, row, columns)? {
            let x = MARGIN + f32::from(run.column) * CELL_WIDTH;
            let length = f32::from(run.columns) * CELL_WIDTH;
            let (mut classes, text) = (run.style.classes.as_str(), escape(&run.text));
            if run.style.inverse {
                writeln!(
                    out,
                    r#"<rect class="{classes}" x="{x:.1}" y="{top:.1}" width="{length:.1}" height="{ROW_HEIGHT}"/>"#
                )?;
                classes = "w";
            }
            if !run.text.trim().is_empty() {
                let y = top + BASELINE;
                writeln!(
                    out,
                    r#"<text class="{classes}" x="{x:.1}" y="{y:.1}" textLength="{length:.1}" lengthAdjust="spacingAndGlyphs">{text}</text>"#
                )?;
            }
        }
    }
    out.push_str("</svg>\n");
    Ok(out)
}

/// Returns the start of the SVG text: styles, the window and its title.
fn window(width: f32, height: f32, title: &str) -> Result<String> {
    let mut out = String::new();
    let title = escape(title);
    writeln!(
        out,
        r#"<svg xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 {width:.0} {height:.0}" width="{width:.0}" height="{height:.0}">"#
    )?;
    writeln!(out, "<title>{title}</title>\n<style>")?;
    writeln!(
        out,
        "text{{font:14px ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace}}"
    )?;
    writeln!(out, ".b{{font-weight:700}}.u{{text-decoration:underline}}")?;
    for (class, light, _) in COLOURS {
        writeln!(out, "{class}{{fill:{light}}}")?;
    }
    writeln!(out, "@media(prefers-color-scheme:dark){{")?;
    for (class, _, dark) in COLOURS {
        writeln!(out, "{class}{{fill:{dark}}}")?;
    }
    writeln!(out, "}}\n</style>")?;
    writeln!(
        out,
        r#"<rect class="l" width="{width:.0}" height="{height:.0}" rx="10"/>"#
    )?;
    writeln!(
        out,
        r#"<rect class="w" x="1" y="1" width="{:.0}" height="{:.0}" rx="9"/>"#,
        width - 2.0,
        height - 2.0
    )?;
    writeln!(
        out,
        r#"<rect class="l" y="{TITLE_HEIGHT}" width="{width:.0}" height="1"/>"#
    )?;
    for dot in [20, 38, 56] {
        writeln!(out, r#"<circle class="l" cx="{dot}" cy="18" r="5.5"/>"#)?;
    }
    writeln!(
        out,
        r#"<text class="s" x="{:.0}" y="23" text-anchor="middle">{title}</text>"#,
        width / 2.0
    )?;
    Ok(out)
}

/// Splits a row into pieces of one style. Two blanks end a piece, because an SVG would draw them as one.
fn split_row(screen: &Screen, row: u16, columns: u16) -> Result<Vec<Run>> {
    let mut runs: Vec<Run> = Vec::new();
    for column in 0..columns {
        let Some(cell) = screen.cell(row, column) else {
            continue;
        };
        if cell.is_wide_continuation() {
            continue;
        }
        let style = cell_style(cell)?;
        let text = cell_text(Some(cell));
        let wide = 1 + u16::from(cell.is_wide());
        let blank = text == " " && !style.inverse;
        match runs.last_mut() {
            Some(run)
                if run.style == style
                    && run.column + run.columns == column
                    && !(blank && run.text.ends_with(' ')) =>
            {
                run.text.push_str(text);
                run.columns += wide;
            }
            _ if blank => {}
            _ => runs.push(Run {
                column,
                columns: wide,
                text: text.to_owned(),
                style,
            }),
        }
    }
    for run in runs
        .iter_mut()
        .filter(|run| !run.style.inverse && run.text.ends_with(' '))
    {
        run.text.pop();
        run.columns -= 1;
    }
    Ok(runs)
}

/// Returns the text of a cell, a blank for an empty one.
fn cell_text(cell: Option<&Cell>) -> &str {
    cell.map(Cell::contents)
        .filter(|text| !text.is_empty())
        .unwrap_or(" ")
}

/// Returns the style of a cell. A colour that the picture does not have is an error.
fn cell_style(cell: &Cell) -> Result<Style> {
    let mut classes = match cell.fgcolor() {
        Color::Default if cell.dim() => "s".to_owned(),
        Color::Default => "t".to_owned(),
        // Bright colours are drawn like the plain ones, but bright black is grey.
        Color::Idx(colour @ 0..=8) => format!("c{colour}"),
        Color::Idx(colour @ 9..=15) => format!("c{}", colour - 8),
        other => bail!("no such colour in the picture: {other:?}"),
    };
    if cell.bgcolor() != Color::Default {
        bail!("no such background in the picture: {:?}", cell.bgcolor());
    }
    if cell.bold() {
        classes.push_str(" b");
    }
    if cell.underline() {
        classes.push_str(" u");
    }
    Ok(Style {
        classes,
        inverse: cell.inverse(),
    })
}

/// Escapes a text for XML.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
