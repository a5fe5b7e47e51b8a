//! The stand-ins of messengers, tested over plain HTTP as a bot would call them: what the services document, no more and
//! no less.

mod every;
mod telegram;
