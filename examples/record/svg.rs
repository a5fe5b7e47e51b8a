//! A terminal's screen as SVG, for light and for dark pages.
//!
//! Each piece of text has its own place and length, so that columns stay columns whatever monospace font
//! the reader has.

use std::fmt::Write as _;

use anyhow::{Result, bail};
use vt100::{Cell, Color, Screen};

/// A cell, and the text in it, in pixels.
const CELL: f32 = 8.4;
const LINE: f32 = 18.0;
const BASELINE: f32 = 13.5;
/// Around the text, and above it for the title.
const MARGIN: f32 = 20.0;
const TITLE: f32 = 36.0;

/// Colours of the window, of its text, and of the terminal's colours 0 to 8, light and dark; after
/// GitHub's own, which are made to be read there.
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

/// How a piece of text looks.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Style {
    classes: String,
    inverse: bool,
}

/// Cells side by side that look alike.
struct Run {
    column: u16,
    columns: u16,
    text: String,
    style: Style,
}

/// The picture of a screen, in a window with this title.
pub(crate) fn draw(screen: &Screen, title: &str) -> Result<String> {
    let (rows, columns) = (screen.size().0.get(), screen.size().1.get());
    let used = (0..rows)
        .rev()
        .find(|&row| (0..columns).any(|column| text(screen.cell(row, column)) != " "))
        .map_or(0, |row| row + 1);
    let width = f32::from(columns) * CELL + 2.0 * MARGIN;
    let height = f32::from(used) * LINE + TITLE + 2.0 * MARGIN;
    let mut out = frame(width, height, title)?;
    for row in 0..used {
        let top = TITLE + MARGIN + f32::from(row) * LINE;
        for run in runs(screen, row, columns)? {
            let x = MARGIN + f32::from(run.column) * CELL;
            let length = f32::from(run.columns) * CELL;
            let (mut classes, text) = (run.style.classes.as_str(), escaped(&run.text));
            if run.style.inverse {
                writeln!(
                    out,
                    r#"<rect class="{classes}" x="{x:.1}" y="{top:.1}" width="{length:.1}" height="{LINE}"/>"#
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

/// Everything but the text.
fn frame(width: f32, height: f32, title: &str) -> Result<String> {
    let mut out = String::new();
    let title = escaped(title);
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
        r#"<rect class="l" y="{TITLE}" width="{width:.0}" height="1"/>"#
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

/// The pieces of a row. Two blanks end a piece: an SVG would draw them as one.
fn runs(screen: &Screen, row: u16, columns: u16) -> Result<Vec<Run>> {
    let mut runs: Vec<Run> = Vec::new();
    for column in 0..columns {
        let Some(cell) = screen.cell(row, column) else {
            continue;
        };
        if cell.is_wide_continuation() {
            continue;
        }
        let style = style(cell)?;
        let text = text(Some(cell));
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

/// What stands in a cell; a blank where nothing does.
fn text(cell: Option<&Cell>) -> &str {
    cell.map(Cell::contents)
        .filter(|text| !text.is_empty())
        .unwrap_or(" ")
}

/// How a cell looks. What the picture has no look for is an error, not a guess.
fn style(cell: &Cell) -> Result<Style> {
    let mut classes = match cell.fgcolor() {
        Color::Default if cell.dim() => "s".to_owned(),
        Color::Default => "t".to_owned(),
        // Bright ones look like the others, except that bright black is grey.
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

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
