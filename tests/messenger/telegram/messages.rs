//! What the stand-in for Telegram takes from a bot and shows: texts, markup, buttons, edits, chats and the menu.

use serde_json::{Value, json};

use super::{OWNER_CHAT, call, refused, send};
use crate::support::messenger::telegram::Telegram;
use crate::support::messenger::{Messenger as _, OWNER, User};

#[test]
fn texts_are_limited_after_their_markup_was_read() {
    let telegram = Telegram::start();
    let emoji = "👍".repeat(telegram.text_limit() / 2);
    assert_eq!(telegram.text_length(&emoji), telegram.text_limit());
    send(&telegram, &emoji);
    let long = json!({"chat_id": OWNER_CHAT, "text": emoji.clone() + "x"});
    assert_eq!(
        refused(&telegram, "sendMessage", &long),
        (400, "Bad Request: message is too long".to_owned())
    );
    let marked = format!("<b>{emoji}</b>");
    let marked = json!({"chat_id": OWNER_CHAT.to_string(), "text": marked, "parse_mode": "HTML"});
    let sent = call(&telegram, "sendMessage", &marked);
    assert_eq!(
        sent["entities"],
        json!([{"type": "bold", "offset": 0, "length": 4096}])
    );
    for (text, reason) in [("", "message text is empty"), (" \n ", "text must be non-empty")] {
        let answer = refused(
            &telegram,
            "sendMessage",
            &json!({"chat_id": OWNER_CHAT, "text": text}),
        );
        assert_eq!(answer, (400, format!("Bad Request: {reason}")));
    }
}

#[test]
fn markup_is_read_as_strictly_as_telegram_reads_it() {
    let telegram = Telegram::start();
    let text = "Kod:\n<pre><code class=\"language-sh\">a &lt; b &amp;&amp; &#99; &copy;\n</code></pre>\
                <a href=\"https://x.y/?a&amp;b\">ş</a>";
    let html = json!({"chat_id": OWNER_CHAT, "text": text, "parse_mode": "HTML"});
    let sent = call(&telegram, "sendMessage", &html);
    assert_eq!(sent["text"], "Kod:\na < b && c &copy;\nş", "{sent}");
    assert_eq!(
        sent["entities"],
        json!([
            {"type": "pre", "offset": 5, "length": 18, "language": "sh"},
            {"type": "text_link", "offset": 23, "length": 1, "url": "https://x.y/?a&b"}
        ])
    );
}

#[test]
fn broken_markup_is_refused_with_its_place() {
    let telegram = Telegram::start();
    for (text, reason) in [
        ("a <br> b", "Unsupported start tag \"br\" at byte offset 2"),
        ("ş < b", "Unsupported start tag \"\" at byte offset 3"),
        ("ş<b", "Unclosed start tag at byte offset 2"),
        ("<b>x", "Can't find end tag corresponding to start tag \"b\""),
        ("x</b>", "Unexpected end tag at byte offset 1"),
        (
            "<b><i>x</b></i>",
            "Unmatched end tag at byte offset 7, expected \"</i>\", found \"</b>\"",
        ),
        ("<b>x</b", "Unclosed end tag at byte offset 4"),
        (
            "<a href=x/y>x</a>",
            "Unexpected end of name token at byte offset 8",
        ),
        ("<a href=\"x>x</a>", "Unclosed start tag at byte offset 0"),
        (
            "<span>x</span>",
            "Tag \"span\" must have class \"tg-spoiler\" at byte offset 0",
        ),
        ("<b/>x", "Unsupported start tag \"b/\" at byte offset 0"),
        (
            "<a /b>x",
            "Empty attribute name in the tag \"a\" at byte offset 0",
        ),
    ] {
        let html = json!({"chat_id": OWNER_CHAT, "text": text, "parse_mode": "html"});
        let expected = format!("Bad Request: can't parse entities: {reason}");
        assert_eq!(
            refused(&telegram, "sendMessage", &html),
            (400, expected),
            "{text}"
        );
    }
    assert_eq!(
        refused(
            &telegram,
            "sendMessage",
            &json!({"chat_id": OWNER_CHAT, "text": "x", "parse_mode": "org"})
        )
        .1,
        "Bad Request: unsupported parse_mode"
    );
}

#[test]
fn buttons_are_checked_pressed_and_answered_once() {
    let telegram = Telegram::start();
    let with = |button: Value| json!({"chat_id": OWNER_CHAT, "text": "x", "reply_markup": {"inline_keyboard": [[button]]}});
    for (button, reason) in [
        (
            json!({"text": "A", "callback_data": "ş".repeat(33)}),
            "BUTTON_DATA_INVALID",
        ),
        (
            json!({"text": "A", "callback_data": ""}),
            "can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard",
        ),
        (
            json!({"text": "", "callback_data": "a"}),
            "inline keyboard button text must be non-empty",
        ),
        (
            json!({"text": "A", "callback_data": "a", "url": "https://x.y"}),
            "BUTTON_TYPE_INVALID",
        ),
    ] {
        assert_eq!(
            refused(&telegram, "sendMessage", &with(button)),
            (400, format!("Bad Request: {reason}"))
        );
    }
    call(
        &telegram,
        "sendMessage",
        &with(json!({"text": "Repair", "callback_data": "x".repeat(64)})),
    );
    let message = telegram.next_message("buttons", &|seen| seen.buttons == ["Repair"]);
    telegram.press(OWNER, &message, "Repair");
    let press = call(&telegram, "getUpdates", &json!({}))[0]["callback_query"].clone();
    assert_eq!(
        (&press["from"]["id"], &press["message"]["message_id"]),
        (&json!(OWNER_CHAT), &message.raw["message_id"])
    );
    let answer = json!({"callback_query_id": press["id"]});
    let long = json!({"callback_query_id": press["id"], "text": "x".repeat(201)});
    assert_eq!(
        refused(&telegram, "answerCallbackQuery", &long).1,
        "Bad Request: MESSAGE_TOO_LONG"
    );
    assert_eq!(call(&telegram, "answerCallbackQuery", &answer), true);
    let too_old = "Bad Request: query is too old and response timeout expired or query ID is invalid";
    assert_eq!(refused(&telegram, "answerCallbackQuery", &answer).1, too_old);
    telegram.press(OWNER, &message, "Repair");
    telegram.expire_presses();
    let press = call(&telegram, "getUpdates", &json!({"offset": 2}))[0]["callback_query"].clone();
    let answer = json!({"callback_query_id": press["id"]});
    assert_eq!(refused(&telegram, "answerCallbackQuery", &answer).1, too_old);
}

#[test]
fn edits_change_something_of_the_bots_own() {
    let telegram = Telegram::start();
    let keyboard = json!({"inline_keyboard": [[{"text": "A", "callback_data": "a"}]]});
    let sent = call(
        &telegram,
        "sendMessage",
        &json!({"chat_id": OWNER_CHAT, "text": "x", "reply_markup": keyboard}),
    );
    let id = &sent["message_id"];
    let edit = |text: &str| json!({"chat_id": OWNER_CHAT, "message_id": id, "text": text});
    let same = json!({"chat_id": OWNER_CHAT, "message_id": id, "text": "x", "reply_markup": keyboard});
    let (status, reason) = refused(&telegram, "editMessageText", &same);
    assert_eq!(status, 400);
    assert!(
        reason.starts_with("Bad Request: message is not modified: "),
        "{reason}"
    );
    call(&telegram, "editMessageText", &edit("y"));
    let seen = telegram.next_message("the edit", &|seen| seen.is_edit);
    assert_eq!(
        (seen.text.as_str(), seen.buttons.len()),
        ("y", 0),
        "an edit without a keyboard removes it"
    );
    call(&telegram, "editMessageReplyMarkup", &same);
    let seen = telegram.next_message("the buttons", &|seen| seen.is_edit);
    assert_eq!((seen.text.as_str(), seen.buttons), ("y", vec!["A".to_owned()]));
    let missing = json!({"chat_id": OWNER_CHAT, "message_id": 99, "text": "x"});
    assert_eq!(
        refused(&telegram, "editMessageText", &missing).1,
        "Bad Request: message to edit not found"
    );
    telegram.say(OWNER, "mine");
    let theirs = json!({"chat_id": OWNER_CHAT, "message_id": 2, "text": "x"});
    assert_eq!(
        refused(&telegram, "editMessageText", &theirs).1,
        "Bad Request: message can't be edited"
    );
    assert_eq!(telegram.messages().len(), 3);
    assert_eq!(seen.id, id.to_string());
}

#[test]
fn bot_writes_only_to_chats_that_were_opened_and_did_not_block_it() {
    let telegram = Telegram::start();
    let stranger = User::stranger(0);
    let text = json!({"chat_id": telegram.id(stranger), "text": "x", "action": "typing"});
    for method in ["sendMessage", "sendChatAction", "getChat"] {
        assert_eq!(
            refused(&telegram, method, &text),
            (400, "Bad Request: chat not found".to_owned())
        );
    }
    assert_eq!(
        refused(&telegram, "sendMessage", &json!({"text": "x"})).1,
        "Bad Request: chat_id is empty"
    );
    telegram.say(stranger, "hello");
    assert_eq!(call(&telegram, "getChat", &text)["type"], "private");
    assert_eq!(call(&telegram, "sendChatAction", &text), true);
    let dance = json!({"chat_id": telegram.id(stranger), "action": "dance"});
    assert_eq!(
        refused(&telegram, "sendChatAction", &dance).1,
        "Bad Request: wrong parameter action in request"
    );
    telegram.set_blocked(stranger, true);
    assert_eq!(
        refused(&telegram, "sendMessage", &text),
        (403, "Forbidden: bot was blocked by the user".to_owned())
    );
    telegram.set_blocked(stranger, false);
    let reply = json!({"chat_id": telegram.id(stranger), "text": "x", "reply_parameters": {"message_id": 9}});
    assert_eq!(
        refused(&telegram, "sendMessage", &reply).1,
        "Bad Request: message to be replied not found"
    );
    let reply = json!({"chat_id": telegram.id(stranger), "text": "x", "reply_to_message_id": 1});
    assert_eq!(
        call(&telegram, "sendMessage", &reply)["reply_to_message"]["text"],
        "hello"
    );
}

#[test]
fn menu_of_commands_is_kept_by_scope_and_language() {
    let telegram = Telegram::start();
    let commands = json!([{"command": "status", "description": "What runs"}]);
    let turkish = json!([{"command": "durum", "description": "Ne çalışıyor"}]);
    call(&telegram, "setMyCommands", &json!({"commands": commands}));
    call(
        &telegram,
        "setMyCommands",
        &json!({"commands": turkish, "language_code": "tr"}),
    );
    assert_eq!(call(&telegram, "getMyCommands", &json!({})), commands);
    assert_eq!(
        call(&telegram, "getMyCommands", &json!({"language_code": "tr"})),
        turkish
    );
    call(&telegram, "deleteMyCommands", &json!({}));
    assert_eq!(call(&telegram, "getMyCommands", &json!({})), json!([]));
    for (command, reason) in [
        (
            json!({"command": "Durum", "description": "x"}),
            "BOT_COMMAND_INVALID",
        ),
        (
            json!({"command": "çal", "description": "x"}),
            "BOT_COMMAND_INVALID",
        ),
        (
            json!({"command": "x", "description": ""}),
            "BOT_COMMAND_DESCRIPTION_INVALID",
        ),
    ] {
        let answer = refused(&telegram, "setMyCommands", &json!({"commands": [command]}));
        assert_eq!(answer, (400, format!("Bad Request: {reason}")));
    }
    let many: Vec<Value> = (0..101)
        .map(|at| json!({"command": format!("c{at}"), "description": "x"}))
        .collect();
    assert_eq!(
        refused(&telegram, "setMyCommands", &json!({"commands": many})).1,
        "Bad Request: BOT_COMMANDS_TOO_MUCH"
    );
}
