//! The attachments of `chat.send` and `agent`: images, as in OpenClaw.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::gateway::protocol::ErrorResponse;
use crate::sessions::ContentPart;

/// Maximum size of an image, in bytes, as in OpenClaw.
const MAX_IMAGE_BYTES: usize = 5_000_000;
/// Maximum number of attachments of one message.
const MAX_ATTACHMENTS: usize = 16;

/// Returns the images that a message has as attachments. What is no image is passed over, as by OpenClaw.
pub(super) fn images(params: &Value) -> Result<Vec<ContentPart>, ErrorResponse> {
    let attachments = params.get("attachments").and_then(Value::as_array);
    let mut images = Vec::new();
    for (at, attachment) in attachments
        .into_iter()
        .flatten()
        .take(MAX_ATTACHMENTS)
        .enumerate()
    {
        let text = |key: &str| attachment.get(key).and_then(Value::as_str);
        let Some(content) = text("content").filter(|content| !content.is_empty()) else {
            continue;
        };
        let name = text("fileName").map_or_else(|| format!("attachment-{}", at + 1), str::to_owned);
        let invalid = |reason: &str| {
            let name = crate::text::sanitize_name(&name);
            ErrorResponse::invalid_request(format!("attachment {name}: {reason}"))
        };
        let (of_url, base64) = split_data_url(content);
        let bytes = STANDARD.decode(base64.trim());
        let bytes = bytes.map_err(|_| invalid("invalid base64 content"))?;
        if bytes.is_empty() || bytes.len() > MAX_IMAGE_BYTES {
            return Err(invalid("exceeds size limit"));
        }
        let named = text("mimeType").or(of_url);
        if let Some(mime_type) = image_type(&bytes).or(named.filter(|named| named.starts_with("image/"))) {
            images.push(ContentPart::Image {
                mime_type: mime_type.to_owned(),
                base64: base64.trim().to_owned(),
            });
        }
    }
    Ok(images)
}

/// Splits a `data:` URL into its media type and its content; any other text is the content.
fn split_data_url(content: &str) -> (Option<&str>, &str) {
    let parts = content
        .strip_prefix("data:")
        .and_then(|rest| rest.split_once(";base64,"));
    parts.map_or((None, content), |(mime_type, content)| (Some(mime_type), content))
}

/// Returns the media type of an image by its first bytes, whatever its name says.
fn image_type(bytes: &[u8]) -> Option<&'static str> {
    let starts: [(&[u8], &str); 4] = [
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"\xff\xd8\xff", "image/jpeg"),
        (b"GIF8", "image/gif"),
        (b"BM", "image/bmp"),
    ];
    let is_webp = bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP");
    if is_webp {
        return Some("image/webp");
    }
    let found = starts.iter().find(|(start, _)| bytes.starts_with(start));
    found.map(|(_, mime_type)| *mime_type)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn images_are_taken_and_other_files_passed_over() {
        let png = STANDARD.encode(b"\x89PNG\r\n\x1a\nrest");
        let params = json!({ "attachments": [
            { "type": "image", "mimeType": "image/jpeg", "content": format!("data:image/png;base64,{png}") },
            { "mimeType": "application/pdf", "content": STANDARD.encode("%PDF") },
            { "fileName": "empty" },
        ]});
        let expected = ContentPart::Image {
            mime_type: "image/png".to_owned(),
            base64: png,
        };
        assert_eq!(images(&params).unwrap(), [expected]);
        assert_eq!(images(&json!({})).unwrap(), []);
        let broken = json!({ "attachments": [{ "fileName": "a.png", "content": "%%" }] });
        let error = images(&broken).unwrap_err();
        assert_eq!(error.message, "attachment a.png: invalid base64 content");
    }
}
