// The conversation with the bot of this gateway. It uses the session of app.js, inserts every text as text and never as
// markup, and shows an answer as it grows.
'use strict';

const SESSION = 'main';
const MAX_SHOWN = 50;

// The messages, the oldest first: {run, role, text, buttons}.
let messages = [];

// Returns the text of a message, whose content is a text or a list of parts.
function textOf(message) {
  const content = message.content;
  if (typeof content === 'string') return content;
  return (content || []).map((part) => part.text || '').join('\n');
}

function renderMessages() {
  const nodes = messages.slice(-MAX_SHOWN).map((message, at, shown) => {
    const item = element('li', message.role === 'user' ? 'said mine' : 'said', message.text);
    // Only the last answer can still be agreed to.
    if (at === shown.length - 1) {
      for (const { label, command } of message.buttons || []) {
        const button = element('button', '', label);
        button.type = 'button';
        button.dataset.command = command;
        item.append(button);
      }
    }
    return item;
  });
  updateChildren('messages', nodes);
  $('messages').scrollTop = $('messages').scrollHeight;
}

async function loadMessages() {
  try {
    const history = await request('chat.history', { sessionKey: SESSION, limit: MAX_SHOWN });
    messages = history.messages.map((message) => ({ role: message.role, text: textOf(message) }));
    renderMessages();
  } catch { /* the page says that the connection is lost */ }
}

// Shows a part or the whole of an answer in the place of the part before it.
function showAnswer(payload) {
  if (!payload || !payload.message) return;
  const answer = { run: payload.runId, role: 'assistant', text: textOf(payload.message), buttons: payload.message.buttons };
  const known = messages.findIndex((message) => message.run === answer.run && message.role === 'assistant');
  if (known < 0) messages.push(answer);
  else messages[known] = answer;
  renderMessages();
}

async function say(words) {
  const run = crypto.randomUUID ? crypto.randomUUID() : String(Date.now()) + Math.random();
  messages.push({ run, role: 'user', text: words });
  renderMessages();
  try {
    await request('chat.send', { sessionKey: SESSION, message: words, idempotencyKey: run });
  } catch (error) {
    showAnswer({ runId: run, message: { content: text('page-chat-failed', { why: error.message }) } });
  }
}

document.addEventListener('live', loadMessages);
document.addEventListener('chat', (event) => showAnswer(event.detail));

$('say').addEventListener('submit', (event) => {
  event.preventDefault();
  const words = $('words').value.trim();
  $('words').value = '';
  if (words) say(words);
});

$('messages').addEventListener('click', (event) => {
  const command = event.target.dataset.command;
  if (command) say(command);
});
