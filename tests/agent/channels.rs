//! The agent in the channels: an answer grows while the model writes, and a group is answered where it names the bot.

use super::home::{USUAL_WINDOW, give_model, give_model_to};
use crate::bot::home::BotHome;
use crate::support::chat_model::{Answer, ChatModel, Piece};
use crate::support::messenger::{OWNER, User};

#[test]
fn answer_grows_in_one_message_and_long_ones_come_in_parts() {
    BotHome::each(|home| {
        let model = ChatModel::start();
        give_model(home, &model, USUAL_WINDOW);
        let _rescue = home.start();
        let text = |text: &str| Piece::Text(text.to_owned());
        model.push(Answer::Pieces(vec![
            text("The first words"),
            Piece::Held,
            text(" and the last."),
        ]));
        let first = home.ask("tell me something", "The first words");
        assert!(!first.text.contains("the last"), "{first:#?}");
        model.release();
        let whole = home.next("The first words and the last.");
        assert!(whole.is_edit && whole.id == first.id, "{whole:#?}");
        let limit = home.messenger.text_limit().min(4096);
        let long = format!("{} end of it", "word ".repeat(limit / 4));
        model.push(Answer::text(&[&long]));
        home.messenger.say(OWNER, "tell me more");
        home.next("end of it");
        for seen in home.messenger.messages() {
            let length = home.messenger.text_length(&seen.text);
            assert!(length <= limit, "{length} of {limit}");
        }
        let before = home.messenger.messages().len();
        model.push(Answer::error(401, "Incorrect API key provided"));
        home.ask("and now?", "No answer: ");
        let told: Vec<_> = home.messenger.messages()[before..]
            .iter()
            .map(|seen| seen.text.clone())
            .collect();
        assert!(!told.concat().contains("CANARY"), "{told:?}");
    });
}

#[test]
fn group_is_answered_where_its_owner_names_the_bot() {
    let home = BotHome::discord();
    let model = ChatModel::start();
    home.listen_in_group();
    give_model_to(&home.sandbox, &model, USUAL_WINDOW);
    let _rescue = home.start();
    home.messenger.say_in_group(OWNER, "it is a fine day");
    home.messenger
        .say_in_group(User::stranger(0), "<@198622483471925248> hello");
    home.messenger
        .say_in_group(OWNER, "<@198622483471925248> why is main down?");
    home.next("Hello from the stub.");
    home.messenger
        .wait_for_call("a sign that the bot is writing", |call| {
            call.method.ends_with("/typing")
        });
    let asked = model.requests();
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].last_text(), "why is main down?");
    // A command needs no mark after the name.
    home.messenger.say_in_group(OWNER, "<@198622483471925248> ports");
    home.next("Ports of each gateway");
}
