//! What is answered for a file: its type, its bytes piece by piece, pages with the live reload script in
//! them; and the starter page.

use std::fs::File;
use std::io::Read as _;

use axum::body::{Body, Bytes};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use futures_util::stream;

use super::beneath::Opened;
use crate::apply;
use crate::gateway::shared::Shared;
use crate::i18n::{Lang, msg};
use crate::secret::Secret;

/// As much of a file is in memory at once.
const PIECE: usize = 64 * 1024;
/// A page larger than this is sent as it is, without the script.
const PAGE: u64 = 4 * 1024 * 1024;

/// The script that loads a page anew when the folder changes.
pub(super) fn script(capability: &Secret) -> String {
    let path = format!("{}/{}/ws", super::CAPABILITY, capability.expose());
    format!(
        "<script>(()=>{{const s=new WebSocket((location.protocol===\"https:\"?\"wss://\":\"ws://\")+location.host+\
         \"{path}\");s.onmessage=e=>{{if(e.data===\"reload\")location.reload()}}}})()</script>"
    )
}

/// The answer with this file. A HEAD request's body is dropped by the server.
pub(super) async fn answer(opened: Opened, script: Option<String>) -> Response {
    let kind = mime_guess::from_path(&opened.name).first_or_octet_stream();
    let text = kind.type_() == "text" || kind == "application/javascript" || kind == "application/json";
    let html = kind == "text/html" && opened.length <= PAGE;
    let mut name = kind.essence_str().to_owned();
    if text {
        name.push_str("; charset=utf-8");
    }
    let script = script.filter(|_| html);
    // A small file goes out whole, with its length; a large one is never in memory.
    let body = if script.is_some() || opened.length <= PIECE as u64 {
        match tokio::task::spawn_blocking(move || whole(opened.file)).await {
            Ok(Ok(bytes)) => Body::from(with_script(bytes, script.as_deref().unwrap_or_default())),
            _ => return StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        }
    } else {
        pieces(opened.file)
    };
    ([(CONTENT_TYPE, name)], body).into_response()
}

fn whole(file: File) -> std::io::Result<Vec<u8>> {
    let mut page = Vec::new();
    // It may grow while it is read.
    file.take(PAGE).read_to_end(&mut page)?;
    Ok(page)
}

/// The page with the script before its last `</body>`, or at its end.
fn with_script(mut page: Vec<u8>, script: &str) -> Vec<u8> {
    let end = b"</body>";
    let at = page
        .windows(end.len())
        .rposition(|part| part.eq_ignore_ascii_case(end))
        .unwrap_or(page.len());
    page.splice(at..at, script.bytes());
    page
}

fn pieces(file: File) -> Body {
    Body::from_stream(stream::try_unfold(file, |mut file| async {
        let read = tokio::task::spawn_blocking(move || {
            let mut piece = vec![0; PIECE];
            let length = file.read(&mut piece)?;
            piece.truncate(length);
            Ok::<_, std::io::Error>((!piece.is_empty()).then(|| (Bytes::from(piece), file)))
        });
        read.await.map_err(std::io::Error::other)?
    }))
}

/// Puts a page into the instance's own folder where that is empty or missing. Nothing is ever replaced.
pub(super) fn start(shared: &Shared) {
    let folder = shared.instance.canvas();
    let live = shared.live();
    let empty = std::fs::read_dir(&folder).map_or_else(
        |e| e.kind() == std::io::ErrorKind::NotFound,
        |mut entries| entries.next().is_none(),
    );
    if empty && shared.canvas.root(&live.config) == folder {
        let page = starter(shared.lang, &shared.identity.profile);
        // Without it the folder only shows nothing.
        if let Err(error) = apply::write_file(&folder.join("index.html"), page.as_bytes()) {
            tracing::warn!("{}", error.msg.render(shared.lang));
        }
    }
}

fn starter(lang: Lang, profile: &str) -> String {
    let title = msg!("canvas.title", profile = profile).render(lang);
    let text = msg!("canvas.text").render(lang);
    let code = lang.code();
    format!(
        "<!doctype html>\n<html lang=\"{code}\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{title}</title>\n\
         <style>\n:root {{ color-scheme: light dark; font-family: system-ui, sans-serif }}\n\
         body {{ display: grid; place-content: center; min-height: 90vh; text-align: center }}\n</style>\n\
         </head>\n<body>\n<h1>{title}</h1>\n<p>{text}</p>\n</body>\n</html>\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_goes_before_the_last_end_of_the_body() {
        let put = |page: &str| String::from_utf8(with_script(page.into(), "S")).unwrap();
        assert_eq!(put("<body>a</body></html>"), "<body>aS</body></html>");
        assert_eq!(
            put("<!-- </body> --><BODY>a</BODY>"),
            "<!-- </body> --><BODY>aS</BODY>"
        );
        assert_eq!(put("a"), "aS");
        assert_eq!(put(""), "S");
    }

    #[test]
    fn the_starter_page_speaks_the_language_and_names_the_profile() {
        for lang in Lang::all() {
            let page = starter(lang, "rescue");
            assert!(
                page.contains(&format!("<html lang=\"{}\">", lang.code())),
                "{page}"
            );
            assert!(page.contains("rescue") && page.contains("</body>"), "{page}");
        }
    }
}
