// The page of one gateway. It asks over the WebSocket for what it shows, puts every word in as text and
// never as markup, and keeps the token in this tab's session storage only.
'use strict';

const $ = (id) => document.getElementById(id);
const POLL_MS = 5000;
const RETRY_MS = [500, 1000, 2000, 4000, 8000, 15000];
const MAX_EVENTS = 12;
const LANGUAGES = ['en', 'tr'];
// What the connection can be: each has a word.
const STATES = ['connecting', 'live', 'lost', 'locked', 'stopping'];

let words = {};
let seen = null;
let clients = [];
let events = [];
let link = STATES[0];
let socket = null;
let retries = 0;
let timer = 0;
let lastId = 0;
const waiting = new Map();

// ---- what is remembered --------------------------------------------------------------------------

function stored(store, name, value) {
  // Storage may be switched off; then nothing is remembered, and the page still works.
  try {
    if (value === undefined) return store().getItem('openclaw.' + name);
    if (value === null) store().removeItem('openclaw.' + name);
    else store().setItem('openclaw.' + name, value);
  } catch { /* not remembered */ }
  return null;
}
const inTab = () => window.sessionStorage;
const inBrowser = () => window.localStorage;
let token = null;

function takeToken() {
  const given = new URLSearchParams(location.hash.slice(1)).get('token');
  if (location.hash.includes('token=')) {
    // Out of the address bar and its history entry before anything else happens.
    history.replaceState(null, '', location.pathname + location.search);
  }
  if (given) stored(inTab, 'token', given);
  token = given || stored(inTab, 'token');
}

function forgetToken() {
  token = null;
  stored(inTab, 'token', null);
}

// ---- words ---------------------------------------------------------------------------------------

function word(name, values = {}) {
  const text = words[name] || name;
  return text.replace(/\{(\w+)\}/g, (whole, key) => (key in values ? String(values[key]) : whole));
}

function language() {
  const wished = [stored(inBrowser, 'language'), ...(navigator.languages || [])];
  const codes = wished.filter(Boolean).map((tag) => tag.slice(0, 2).toLowerCase());
  return codes.find((code) => LANGUAGES.includes(code)) || '';
}

async function speak(code) {
  const answer = await fetch('/__openclaw__/dashboard/words.json?lang=' + code);
  const spoken = await answer.json();
  words = spoken.words;
  document.documentElement.lang = spoken.lang;
  $('language').value = spoken.lang;
  for (const node of document.querySelectorAll('[data-word]')) node.textContent = word(node.dataset.word);
}

function paint(theme) {
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
  else delete document.documentElement.dataset.theme;
  $('theme').value = theme || 'auto';
}

// ---- the session ---------------------------------------------------------------------------------

function request(method, params) {
  return new Promise((resolve, reject) => {
    if (!socket || socket.readyState !== WebSocket.OPEN) return reject(new Error('closed'));
    const id = String(++lastId);
    waiting.set(id, { resolve, reject });
    socket.send(JSON.stringify({ type: 'req', id, method, params }));
  });
}

function connect() {
  clearTimeout(timer);
  state('connecting');
  const scheme = location.protocol === 'https:' ? 'wss://' : 'ws://';
  const mine = new WebSocket(scheme + location.host + '/');
  socket = mine;
  mine.onmessage = (message) => { if (mine === socket) hear(message.data); };
  mine.onclose = (close) => { if (mine === socket) lose(close); };
}

function hear(text) {
  let frame;
  try { frame = JSON.parse(text); } catch { return; }
  if (frame.type === 'res') {
    const asker = waiting.get(frame.id);
    waiting.delete(frame.id);
    if (!asker) return;
    if (frame.ok) asker.resolve(frame.payload);
    else asker.reject(Object.assign(new Error((frame.error && frame.error.message) || ''), { refused: true }));
  } else if (frame.type === 'event' && frame.event === 'connect.challenge') {
    greet();
  } else if (frame.type === 'event') {
    note(frame.event);
    if (frame.event === 'presence' && frame.payload && Array.isArray(frame.payload.presence)) {
      clients = frame.payload.presence;
    }
    if (frame.event === 'shutdown') state('stopping');
    else refresh();
  }
}

async function greet() {
  const mine = socket;
  const params = {
    minProtocol: 3,
    maxProtocol: 4,
    client: { id: 'webchat-ui', version: '1', platform: 'web', mode: 'ui' },
    caps: [],
    role: 'operator',
    scopes: ['operator.read'],
    locale: document.documentElement.lang,
  };
  // Which of the two the gateway asks for, it knows itself.
  if (token) params.auth = { token, password: token };
  try {
    const hello = await request('connect', params);
    retries = 0;
    clients = (hello.snapshot && hello.snapshot.presence) || [];
    state('live');
    note('connect');
    refresh();
  } catch (error) {
    if (mine !== socket || !error.refused) return;
    const had = Boolean(token);
    forgetToken();
    lock(had ? error.message : '');
  }
}

function lose(close) {
  for (const { reject } of waiting.values()) reject(new Error('closed'));
  waiting.clear();
  if (link === 'locked') return;
  if (link === 'live' || link === 'stopping') note('close ' + close.code);
  state('lost');
  const pause = RETRY_MS[Math.min(retries++, RETRY_MS.length - 1)];
  timer = setTimeout(connect, pause * (0.8 + 0.4 * Math.random()));
}

function lock(why) {
  state('locked');
  const old = socket;
  socket = null;
  if (old) old.close();
  seen = null;
  $('refused').hidden = !why;
  $('refused').textContent = why ? word('page-token-refused', { why }) : '';
  $('token').focus();
}

let asking = false;
let again = false;
async function refresh() {
  if (link !== 'live') return;
  if (asking) { again = true; return; }
  asking = true;
  try {
    seen = await request('instance.overview', { lang: document.documentElement.lang });
    const answer = await request('system-presence', {}).catch(() => null);
    if (Array.isArray(answer)) clients = answer;
    $('seen').textContent = word('page-updated', { time: clock(Date.now()) });
  } catch (error) {
    if (error.refused) $('seen').textContent = word('page-failed', { why: error.message });
  }
  asking = false;
  draw();
  if (again || (seen && !seen.findings)) { again = false; setTimeout(refresh, 1000); }
}

function note(name) {
  if (name === 'tick') return;
  events = [{ at: Date.now(), name }, ...events].slice(0, MAX_EVENTS);
  draw();
}

function state(now) {
  link = now;
  draw();
}

// ---- drawing -------------------------------------------------------------------------------------

function make(tag, className, ...children) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

function shape(name, attributes, text) {
  const node = document.createElementNS('http://www.w3.org/2000/svg', name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  if (text !== undefined) node.textContent = text;
  return node;
}

// Only what changed is put in, so that a screen reader is not told the same again.
function fill(id, nodes) {
  const parent = $(id);
  const fresh = make(parent.tagName, '', ...nodes);
  if (parent.innerHTML !== fresh.innerHTML) parent.replaceChildren(...nodes);
}

const clock = (ms) => new Date(ms).toLocaleTimeString(document.documentElement.lang, { hour12: false });

function span(ms) {
  const units = [[86400000, 'day'], [3600000, 'hour'], [60000, 'minute'], [1000, 'second']];
  const first = units.findIndex(([size]) => ms >= size);
  const from = first < 0 ? units.length - 1 : first;
  return units.slice(from, from + 2).map(([size, unit], at) => {
    const count = Math.floor((at ? ms % units[from][0] : ms) / size);
    return new Intl.NumberFormat(document.documentElement.lang, { style: 'unit', unit, unitDisplay: 'short' }).format(count);
  }).join(' ');
}

function draw() {
  $('link').dataset.link = link;
  const says = word('page-' + link);
  if ($('link').textContent !== says) $('link').textContent = says;
  $('ask').hidden = link !== 'locked';
  $('forget').hidden = !token || link === 'locked';
  $('board').hidden = !seen;
  $('board').classList.toggle('stale', link !== 'live');
  $('warning').hidden = !(seen && seen.warning);
  const title = seen ? seen.gateway.profile : 'OpenClaw';
  $('profile').textContent = title;
  document.title = seen ? title + ' · OpenClaw' : 'OpenClaw';
  if (!seen) return;
  $('warning').lastElementChild.textContent = seen.warning || '';
  drawFacts(seen.gateway);
  const own = seen.instances.find((instance) => instance.own);
  fill('ports', (own ? own.ports : []).map(portRow));
  drawAxis(seen.instances, seen.ephemeral);
  fill('map', seen.instances.map(instanceItem));
  $('watching').hidden = !seen.watching.length;
  fill('watched', seen.watching.map(watchedItem));
  fill('findings', findingItems(seen.findings));
  // The list has the gateway itself in it, and who has just gone.
  const there = clients.filter((client) => client.reason !== 'self' && client.reason !== 'disconnect');
  $('count').textContent = String(there.length);
  fill('clients', there.length ? there.map(clientItem) : [make('li', 'faint', word('page-no-clients'))]);
  fill('events', events.length ? events.map(eventItem) : [make('li', 'faint', word('page-no-events'))]);
}

function drawFacts(me) {
  const rows = [
    ['page-profile', me.profile],
    ['page-up', span(me.uptimeMs)],
    ['page-started', new Date(me.startedAt).toLocaleString(document.documentElement.lang, { hour12: false })],
    ['page-listens', me.listens.join('\n')],
    ['page-process', 'pid ' + me.pid],
    ['page-version', me.version],
    ['page-engine', me.engine],
    ['page-auth', me.auth],
    ['page-instance', me.instanceId],
    ['page-config', me.config],
    ['page-state', me.state],
    ['page-workspace', me.workspace],
    ['page-logs', me.logs],
  ];
  fill('facts', rows.filter(([, value]) => value).flatMap(([name, value]) =>
    [make('dt', '', word(name)), make('dd', '', value)]));
}

const range = (port) => (port.first === port.last ? String(port.first) : port.first + '–' + port.last);

function portRow(port) {
  return make('tr', '', make('td', '', range(port)), make('td', '', port.name), make('td', port.pool ? '' : port.state, port.text));
}

// The whole of the host: where on it the instances lie, and what the system hands out itself.
function drawAxis(instances, kernel) {
  const axis = $('axis');
  const bases = instances.filter((instance) => instance.base).map((instance) => instance.base);
  const low = Math.max(0, Math.floor((Math.min(...bases, 18000) - 500) / 1000) * 1000);
  const high = Math.min(65535, Math.ceil((Math.max(...bases, 21000) + 611) / 1000) * 1000);
  const at = (port) => (100 * (Math.max(low, Math.min(high, port)) - low)) / (high - low);
  const box = (first, last, y, height, className) => shape('rect', {
    x: at(first) + '%', y, height, class: className, rx: 1.5,
    width: Math.max(at(last + 1) - at(first), 0.35) + '%',
  });
  const parts = [box(low, high, 12, 14, 'rail')];
  if (kernel && kernel.first < high) {
    parts.push(box(kernel.first, kernel.last, 12, 14, 'kernel'));
    const near = at(kernel.first) > 70;
    const place = near ? { x: '100%', 'text-anchor': 'end' } : { x: at(kernel.first) + 0.4 + '%' };
    parts.push(shape('text', { ...place, y: 9 }, word('page-ephemeral')));
  }
  // Where two meet, each takes half of the height, so that neither hides the other.
  let lane = 0;
  const placed = instances.filter((one) => one.base).sort((one, other) => one.base - other.base);
  for (const instance of placed) {
    const kind = instance.own ? ' this' : instance.running ? ' up' : '';
    const meets = placed.some((other) => other !== instance && Math.abs(other.base - instance.base) <= 110);
    lane = meets ? 1 - lane : 0;
    const [y, height] = !meets ? [10, 18] : lane ? [9, 9] : [20, 9];
    parts.push(box(instance.base, instance.base + 110, y, height, 'span' + kind));
  }
  const step = [1000, 2000, 5000, 10000, 20000].find((size) => (high - low) / size <= 6);
  for (let port = Math.ceil(low / step) * step; port <= high; port += step) {
    const anchor = port === low ? 'start' : port + step > high && at(port) > 95 ? 'end' : 'middle';
    parts.push(shape('text', { x: at(port) + '%', y: 42, 'text-anchor': anchor }, String(port)));
  }
  axis.replaceChildren(...parts);
}

function instanceItem(instance) {
  const tags = [make('span', 'tag ' + (instance.running ? 'up' : ''), word(instance.running ? 'page-running' : 'page-stopped'))];
  if (instance.own) tags.unshift(make('span', 'tag this', word('page-this')));
  const pid = instance.pid ? make('span', 'faint', 'pid ' + instance.pid) : null;
  const head = make('div', 'head', make('b', '', instance.label), ...tags, pid, make('span', 'faint mono', instance.config));
  const broken = instance.broken ? make('p', 'bad', instance.broken) : null;
  return make('li', '', head, broken, make('ul', 'cells', ...instance.ports.map((port) => cell(instance, port))));
}

function cell(instance, port) {
  const meets = instance.shared.filter((one) => one.first <= port.last && port.first <= one.last);
  const kind = [port.state, port.pool ? 'pool' : '', meets.length ? 'shared' : ''].join(' ').trim();
  const shared = meets.length ? ', ' + word('page-key-shared') : '';
  const node = make('li', kind,
    make('span', 'n', range(port)), make('span', 'r', port.name), make('span', 'hidden', ': ' + port.text + shared));
  node.title = range(port) + ' · ' + port.name + ': ' + port.text + shared;
  if (port.pool) node.append(poolBar(port, meets));
  return node;
}

function poolBar(port, meets) {
  const size = port.last - port.first + 1;
  const at = (number) => (100 * (Math.max(port.first, number) - port.first)) / size;
  const bar = shape('svg', { 'aria-hidden': 'true' });
  bar.append(shape('rect', { x: 0, y: 0, width: '100%', height: 7, class: 'rail', rx: 2 }));
  for (const one of meets) {
    const width = at(Math.min(port.last, one.last) + 1) - at(one.first);
    bar.append(shape('rect', { x: at(one.first) + '%', y: 0, width: width + '%', height: 7, class: 'overlap' }));
  }
  for (const one of port.listening) {
    bar.append(shape('rect', { x: at(one) + '%', y: 0, width: Math.max(100 / size, 1) + '%', height: 7, class: 'listening' }));
  }
  return bar;
}

const SEVERITIES = { error: 'page-finding-error', warning: 'page-finding-warning', info: 'page-finding-info' };

function findingItems(findings) {
  if (!findings) return [make('li', 'faint', word('page-examining'))];
  if (!findings.length) return [make('li', '', make('span', 'kind fine', '✓'), make('span', '', word('page-isolated')))];
  return findings.map((finding) => make('li', '',
    make('span', 'kind ' + finding.severity, word(SEVERITIES[finding.severity])),
    make('div', '', make('b', '', finding.instance), ': ' + finding.text, make('code', '', finding.mend))));
}

// What a rescue gateway says of those that it looks after.
function watchedItem(watched) {
  const well = ['watching', 'recovered', 'repaired'].includes(watched.news);
  return make('li', well ? '' : 'bad', make('span', '', watched.text));
}

function clientItem(client) {
  const where = [client.ip, client.platform, client.version].filter(Boolean).join(' · ');
  return make('li', '', make('b', '', client.host || client.mode || '?'),
    make('span', '', [client.mode, client.reason].filter(Boolean).join(' · ')), make('span', 'mono', where));
}

function eventItem(event) {
  const time = make('time', 'mono', clock(event.at));
  time.dateTime = new Date(event.at).toISOString();
  return make('li', '', time, make('span', '', event.name));
}

// ---- the start -----------------------------------------------------------------------------------

takeToken();
window.addEventListener('hashchange', () => {
  if (!location.hash.includes('token=')) return;
  takeToken();
  connect();
});
$('language').addEventListener('change', async (change) => {
  stored(inBrowser, 'language', change.target.value);
  await speak(change.target.value);
  draw();
  refresh();
});
$('theme').addEventListener('change', (change) => {
  stored(inBrowser, 'theme', change.target.value);
  paint(change.target.value);
});
$('ask').addEventListener('submit', (submit) => {
  submit.preventDefault();
  token = $('token').value.trim() || null;
  $('token').value = '';
  if (token) stored(inTab, 'token', token);
  connect();
});
$('forget').addEventListener('click', () => {
  forgetToken();
  lock('');
});
document.addEventListener('visibilitychange', () => { if (!document.hidden) refresh(); });
setInterval(() => { if (!document.hidden) refresh(); }, POLL_MS);

paint(stored(inBrowser, 'theme'));
speak(language()).finally(() => {
  if (token) connect();
  else lock('');
});
