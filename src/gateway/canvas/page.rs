//! Replies with files of the canvas: their type, their bytes, and the live reload script in pages; and the
//! starter page of an empty folder.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use axum::body::{Body, Bytes};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use futures_util::stream;

use super::capability::CanvasCapability;
use super::safe_open::OpenedFile;
use crate::apply;
use crate::i18n::{Lang, msg};
use crate::sync::spawn_blocking;

/// Maximum number of bytes of a canvas file that are in memory at once while it is sent.
const CHUNK_BYTES: usize = 64 * 1024;
/// Maximum size of a canvas page that gets the live reload script, in bytes; a larger one is sent as it is.
const MAX_SCRIPTED_PAGE_BYTES: u64 = 4 * 1024 * 1024;

/// Returns the script that reloads a canvas page when the canvas folder changes.
pub(super) fn reload_script(capability: &CanvasCapability) -> String {
    let path = format!("{}/ws", capability.path());
    format!(
        "<script>(()=>{{const s=new WebSocket((location.protocol===\"https:\"?\"wss://\":\"ws://\")+location.host+\
         \"{path}\");s.onmessage=e=>{{if(e.data===\"reload\")location.reload()}}}})()</script>"
    )
}

/// Builds the HTTP reply with a file of the canvas. The server drops the body for a HEAD request.
pub(super) async fn reply(opened: OpenedFile, script: Option<String>) -> Response {
    let kind = mime_guess::from_path(&opened.name).first_or_octet_stream();
    let is_text = kind.type_() == "text" || kind == "application/javascript" || kind == "application/json";
    let is_html = kind == "text/html" && opened.length <= MAX_SCRIPTED_PAGE_BYTES;
    let mut content_type = kind.essence_str().to_owned();
    if is_text {
        content_type.push_str("; charset=utf-8");
    }
    let script = script.filter(|_| is_html);
    // A small file is sent whole, with its length; a large one is never in memory.
    let body = if script.is_some() || opened.length <= CHUNK_BYTES as u64 {
        match spawn_blocking(move || read_whole(opened.file)).await {
            Ok(Ok(bytes)) => Body::from(with_script(bytes, script.as_deref().unwrap_or_default())),
            _ => return StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        }
    } else {
        stream_chunks(opened.file)
    };
    ([(CONTENT_TYPE, content_type)], body).into_response()
}

/// Reads a file of the canvas that fits into memory.
fn read_whole(file: File) -> std::io::Result<Vec<u8>> {
    let mut page = Vec::new();
    // The file may grow while it is read.
    file.take(MAX_SCRIPTED_PAGE_BYTES).read_to_end(&mut page)?;
    Ok(page)
}

/// Inserts the live reload script before the last `</body>` of a canvas page, or at its end.
fn with_script(mut page: Vec<u8>, script: &str) -> Vec<u8> {
    let end = b"</body>";
    let at = page
        .windows(end.len())
        .rposition(|part| part.eq_ignore_ascii_case(end))
        .unwrap_or(page.len());
    page.splice(at..at, script.bytes());
    page
}

/// Returns the body of an HTTP reply that reads a file of the canvas chunk by chunk while it is sent.
fn stream_chunks(file: File) -> Body {
    Body::from_stream(stream::try_unfold(file, |mut file| async {
        let read = spawn_blocking(move || {
            let mut chunk = vec![0; CHUNK_BYTES];
            let length = file.read(&mut chunk)?;
            chunk.truncate(length);
            Ok::<_, std::io::Error>((!chunk.is_empty()).then(|| (Bytes::from(chunk), file)))
        });
        read.await.map_err(std::io::Error::other)?
    }))
}

/// Writes a starter page into the canvas folder, if the folder is empty or missing. Nothing is ever replaced.
pub(super) fn write_starter_page(folder: &Path, lang: Lang, profile: &str) {
    let is_empty = std::fs::read_dir(folder).map_or_else(
        |e| e.kind() == std::io::ErrorKind::NotFound,
        |mut entries| entries.next().is_none(),
    );
    if is_empty {
        let page = starter_page(lang, profile);
        // Without the page the folder only shows nothing.
        if let Err(error) = apply::write_file(&folder.join("index.html"), page.as_bytes()) {
            tracing::warn!("{}", error.msg.render(lang));
        }
    }
}

/// Returns the starter page of the canvas in a language.
fn starter_page(lang: Lang, profile: &str) -> String {
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
    fn script_is_inserted_before_the_last_end_of_the_body() {
        let scripted = |page: &str| String::from_utf8(with_script(page.into(), "S")).unwrap();
        assert_eq!(scripted("<body>a</body></html>"), "<body>aS</body></html>");
        assert_eq!(
            scripted("<!-- </body> --><BODY>a</BODY>"),
            "<!-- </body> --><BODY>aS</BODY>"
        );
        assert_eq!(scripted("a"), "aS");
        assert_eq!(scripted(""), "S");
    }

    #[test]
    fn starter_page_is_in_the_language_and_names_the_profile() {
        for lang in Lang::all() {
            let page = starter_page(lang, "rescue");
            assert!(
                page.contains(&format!("<html lang=\"{}\">", lang.code())),
                "{page}"
            );
            assert!(page.contains("rescue") && page.contains("</body>"), "{page}");
        }
    }
}
