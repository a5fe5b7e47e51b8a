//! QR codes in characters.

use qrcodegen::{QrCode, QrCodeEcc};

/// Width of the light margin around a QR code, in modules. Scanners find a code with half of the four that the standard
/// asks for.
const MARGIN: i32 = 2;

/// Draws a QR code with two modules for each character, light ones as blocks. All lines are equally wide. `None` where the
/// text is too long for a code.
pub(crate) fn draw(text: &str) -> Option<Vec<String>> {
    let code = QrCode::encode_text(text, QrCodeEcc::Low).ok()?;
    let size = code.size();
    let range = -MARGIN..size + MARGIN;
    let is_light = |x: i32, y: i32| y < size + MARGIN && !code.get_module(x, y);
    let cell = |x: i32, y: i32| match (is_light(x, y), is_light(x, y + 1)) {
        (true, true) => '█',
        (true, false) => '▀',
        (false, true) => '▄',
        (false, false) => ' ',
    };
    let rows = range.clone().step_by(2);
    Some(
        rows.map(|y| range.clone().map(|x| cell(x, y)).collect())
            .collect(),
    )
}
