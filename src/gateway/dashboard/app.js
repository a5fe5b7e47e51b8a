// The dashboard of one gateway. It gets its data over the WebSocket, inserts every text as text and never as
// markup, and keeps the token in the session storage of this tab only.
'use strict';

const $ = (id) => document.getElementById(id);
const POLL_MS = 5000;
const RETRY_MS = [500, 1000, 2000, 4000, 8000, 15000];
const MAX_EVENTS = 12;
const LANGUAGES = ['en', 'tr'];
// The states of the connection; each has a text.
const STATES = ['connecting', 'live', 'lost', 'locked', 'stopping'];

let texts = {};
let overview = null;
let clients = [];
let events = [];
let connection = STATES[0];
let socket = null;
let retries = 0;
// The form for the token is shown until a token is accepted, so that the focus stays in it while one is tried.
let isAsking = false;
// Whether the token is a one-time code that the gateway did not take.
let wasCode = false;
let canvasUrl = '';
let retryTimer = 0;
let lastId = 0;
const pendingRequests = new Map();

// ---- storage -------------------------------------------------------------------------------------

// Storage may be switched off: then nothing is remembered, and the page still works.
function load(storage, name) {
  try { return storage().getItem('openclaw.' + name); } catch { return null; }
}

function save(storage, name, value) {
  try { storage().setItem('openclaw.' + name, value); } catch { /* not remembered */ }
}

function remove(storage, name) {
  try { storage().removeItem('openclaw.' + name); } catch { /* nothing was remembered */ }
}

const tabStorage = () => window.sessionStorage;
const browserStorage = () => window.localStorage;
let token = null;

// Reads the token from the fragment of the URL, or from this tab's storage.
function readToken() {
  const given = new URLSearchParams(location.hash.slice(1)).get('token');
  wasCode = false;
  if (location.hash.includes('token=')) {
    // The token leaves the address bar and its history entry before anything else happens.
    history.replaceState(null, '', location.pathname + location.search);
  }
  if (given) save(tabStorage, 'token', given);
  token = given || load(tabStorage, 'token');
}

function forgetToken() {
  token = null;
  remove(tabStorage, 'token');
}

// ---- texts ---------------------------------------------------------------------------------------

// Returns a text of the page with its placeholders filled in.
function text(name, values = {}) {
  const template = texts[name] || name;
  return template.replace(/\{(\w+)\}/g, (whole, key) => (key in values ? String(values[key]) : whole));
}

function preferredLanguage() {
  const preferred = [load(browserStorage, 'language'), ...(navigator.languages || [])];
  const codes = preferred.filter(Boolean).map((tag) => tag.slice(0, 2).toLowerCase());
  return codes.find((code) => LANGUAGES.includes(code)) || '';
}

async function loadTexts(code) {
  const response = await fetch('/__openclaw__/dashboard/words.json?lang=' + code);
  const answer = await response.json();
  texts = answer.words;
  document.documentElement.lang = answer.lang;
  $('language').value = answer.lang;
  for (const node of document.querySelectorAll('[data-text]')) {
    if (node.dataset.text) node.textContent = text(node.dataset.text);
  }
}

function applyTheme(theme) {
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
  else delete document.documentElement.dataset.theme;
  $('theme').value = theme || 'auto';
}

// ---- the session ---------------------------------------------------------------------------------

function request(method, params) {
  return new Promise((resolve, reject) => {
    if (!socket || socket.readyState !== WebSocket.OPEN) return reject(new Error('closed'));
    const id = String(++lastId);
    pendingRequests.set(id, { resolve, reject });
    socket.send(JSON.stringify({ type: 'req', id, method, params }));
  });
}

function connect() {
  clearTimeout(retryTimer);
  setConnection('connecting');
  const scheme = location.protocol === 'https:' ? 'wss://' : 'ws://';
  const opened = new WebSocket(scheme + location.host + '/');
  socket = opened;
  opened.onmessage = (message) => { if (opened === socket) handleFrame(message.data); };
  opened.onclose = (close) => { if (opened === socket) handleClose(close); };
}

// The refusals that the page has its own words for; of any other it shows the gateway's.
const REFUSALS = {
  AUTH_TOKEN_MISMATCH: 'page-token-wrong',
  AUTH_PASSWORD_MISMATCH: 'page-password-wrong',
};

// Returns the error of a refused request. A gateway with too many failed attempts has not looked at this token.
function refusal(error) {
  const code = (error.details && error.details.code) || '';
  return Object.assign(new Error(error.message || ''), { refused: true, code, isBusy: code === 'AUTH_RATE_LIMITED' });
}

function handleFrame(data) {
  let frame;
  try { frame = JSON.parse(data); } catch { return; }
  if (frame.type === 'res') {
    const pending = pendingRequests.get(frame.id);
    pendingRequests.delete(frame.id);
    if (!pending) return;
    if (frame.ok) pending.resolve(frame.payload);
    else pending.reject(refusal(frame.error || {}));
  } else if (frame.type === 'event' && frame.event === 'connect.challenge') {
    authenticate();
  } else if (frame.type === 'event' && frame.event === 'chat') {
    document.dispatchEvent(new CustomEvent('chat', { detail: frame.payload }));
  } else if (frame.type === 'event') {
    recordEvent(frame.event);
    if (frame.event === 'presence' && frame.payload && Array.isArray(frame.payload.presence)) {
      clients = frame.payload.presence;
    }
    if (frame.event === 'shutdown') setConnection('stopping');
    else refresh();
  }
}

async function authenticate() {
  const opened = socket;
  const params = {
    minProtocol: 3,
    maxProtocol: 4,
    client: { id: 'webchat-ui', version: '1', platform: 'web', mode: 'ui' },
    caps: [],
    role: 'operator',
    scopes: ['operator.read', 'operator.write'],
    locale: document.documentElement.lang,
  };
  // The gateway knows which of the two it requires.
  if (token) params.auth = { token, password: token };
  try {
    const hello = await request('connect', params);
    retries = 0;
    isAsking = false;
    const canvas = hello.pluginSurfaceUrls && hello.pluginSurfaceUrls.canvas || hello.canvasHostUrl;
    canvasUrl = canvas ? canvas + '/canvas/' : '';
    clients = (hello.snapshot && hello.snapshot.presence) || [];
    setConnection('live');
    recordEvent('connect');
    document.dispatchEvent(new CustomEvent('live'));
    refresh();
  } catch (error) {
    // A busy gateway closes the connection, and the page tries again with the same token.
    if (opened !== socket || !error.refused || error.isBusy) return;
    const hadToken = Boolean(token);
    forgetToken();
    askForToken(hadToken ? error : null);
  }
}

function handleClose(close) {
  for (const { reject } of pendingRequests.values()) reject(new Error('closed'));
  pendingRequests.clear();
  if (connection === 'locked') return;
  if (connection === 'live' || connection === 'stopping') recordEvent('close ' + close.code);
  setConnection('lost');
  const delay = RETRY_MS[Math.min(retries++, RETRY_MS.length - 1)];
  retryTimer = setTimeout(connect, delay * (0.8 + 0.4 * Math.random()));
}

// A one-time code of `openclaw dashboard --code`, as people type it.
const CODE = /^[a-hj-np-z2-9]{4}[- ]?[a-hj-np-z2-9]{4}$/i;

// Exchanges a one-time code for the token; the answer has none where the code is wrong.
async function redeem(code) {
  try {
    const response = await fetch('/__openclaw__/dashboard/sign-in', { method: 'POST', body: JSON.stringify({ code }) });
    return response.ok ? await response.json() : { isBusy: response.status === 429 };
  } catch {
    return {};
  }
}

// Shows why a sign-in was refused. With its name the sentence follows the language of the page.
function showRefusal(name, why = '') {
  $('refused').dataset.text = name;
  $('refused').textContent = name ? text(name) : why;
  $('refused').hidden = !(name || why);
  $('token').focus();
}

// Ends the session and shows the form for the token; `refused` is the error that the last one was refused with.
function askForToken(refused) {
  isAsking = true;
  setConnection('locked');
  const old = socket;
  socket = null;
  if (old) old.close();
  overview = null;
  const name = !refused ? '' : wasCode ? 'page-code-wrong' : REFUSALS[refused.code];
  showRefusal(name || '', refused ? text('page-token-refused', { why: refused.message }) : '');
}

let isRefreshing = false;
let refreshAgain = false;
async function refresh() {
  if (connection !== 'live') return;
  if (isRefreshing) { refreshAgain = true; return; }
  isRefreshing = true;
  try {
    overview = await request('instance.overview', { lang: document.documentElement.lang });
    const presence = await request('system-presence', {}).catch(() => null);
    if (Array.isArray(presence)) clients = presence;
    $('updated').textContent = text('page-updated', { time: formatTime(Date.now()) });
  } catch (error) {
    if (error.refused) $('updated').textContent = text('page-failed', { why: error.message });
  }
  isRefreshing = false;
  render();
  if (refreshAgain || (overview && !overview.findings)) { refreshAgain = false; setTimeout(refresh, 1000); }
}

function recordEvent(name) {
  if (name === 'tick') return;
  events = [{ at: Date.now(), name }, ...events].slice(0, MAX_EVENTS);
  render();
}

function setConnection(state) {
  connection = state;
  render();
}

// ---- rendering -----------------------------------------------------------------------------------

function element(tag, className, ...children) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

function svgElement(name, attributes, content) {
  const node = document.createElementNS('http://www.w3.org/2000/svg', name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  if (content !== undefined) node.textContent = content;
  return node;
}

// Replaces the children of a node if they changed, so that a screen reader does not repeat the same.
function updateChildren(id, nodes) {
  const parent = $(id);
  const fresh = element(parent.tagName, '', ...nodes);
  if (parent.innerHTML !== fresh.innerHTML) parent.replaceChildren(...nodes);
}

// Returns the user's own variety of the page's language, such as en-GB, in which dates are written as the user does.
function locale() {
  const lang = document.documentElement.lang;
  return (navigator.languages || []).find((tag) => tag.slice(0, 2).toLowerCase() === lang) || lang;
}

const formatTime = (ms) => new Date(ms).toLocaleTimeString(locale(), { hour12: false });

const formatDate = (ms) => new Date(ms).toLocaleString(locale(), { dateStyle: 'medium', timeStyle: 'medium', hour12: false });

// Returns a text with a button that copies it, or without one where the browser lets no page copy.
function copyable(className, value) {
  if (!navigator.clipboard) return element('span', className, value);
  const button = element('button', 'copy', text('page-copy'));
  button.type = 'button';
  button.dataset.copy = value;
  return element('span', className, value, ' ', button);
}

// Returns a link that opens in a tab of its own.
function link(address, ...children) {
  return Object.assign(element('a', '', ...children), { href: address, target: '_blank', rel: 'noopener noreferrer' });
}

function formatDuration(ms) {
  const units = [[86400000, 'day'], [3600000, 'hour'], [60000, 'minute'], [1000, 'second']];
  const first = units.findIndex(([size]) => ms >= size);
  const from = first < 0 ? units.length - 1 : first;
  return units.slice(from, from + 2).map(([size, unit], at) => {
    const count = Math.floor((at ? ms % units[from][0] : ms) / size);
    return new Intl.NumberFormat(document.documentElement.lang, { style: 'unit', unit, unitDisplay: 'short' }).format(count);
  }).join(' ');
}

function render() {
  $('link').dataset.link = connection;
  const label = text('page-' + connection);
  if ($('link').textContent !== label) $('link').textContent = label;
  $('ask').hidden = !isAsking;
  $('forget').hidden = !token || isAsking;
  $('loading').hidden = connection !== 'live' || Boolean(overview);
  $('board').hidden = !overview;
  $('board').classList.toggle('stale', connection !== 'live');
  $('warning').hidden = !(overview && overview.warning);
  const title = overview ? overview.gateway.profile : 'OpenClaw';
  $('profile').textContent = title;
  document.title = overview ? title + ' · OpenClaw' : 'OpenClaw';
  if (!overview) return;
  $('warning').lastElementChild.textContent = overview.warning || '';
  renderFacts(overview.gateway, overview.channels);
  const own = overview.instances.find((instance) => instance.own);
  updateChildren('ports', (own ? byNumber(own.ports) : []).map(portRow));
  renderPortAxis(overview.instances, overview.ephemeral);
  updateChildren('map', overview.instances.map(instanceItem));
  $('watching').hidden = !overview.watching.length;
  updateChildren('watched', overview.watching.map(watchedItem));
  updateChildren('findings', findingItems(overview.findings));
  // The list also has the gateway itself, and clients that have just left.
  const connected = clients.filter((client) => client.reason !== 'self' && client.reason !== 'disconnect');
  $('count').textContent = String(connected.length);
  updateChildren('clients', connected.length ? connected.map(clientItem) : [element('li', 'faint', text('page-no-clients'))]);
  updateChildren('events', events.length ? events.map(eventItem) : [element('li', 'faint', text('page-no-events'))]);
}

function renderFacts(gateway, channels) {
  const rows = [
    ['page-profile', gateway.profile],
    ['page-up', formatDuration(gateway.uptimeMs)],
    ['page-started', formatDate(gateway.startedAt)],
    ['page-listens', gateway.listens.join('\n')],
    ['page-process', 'pid ' + gateway.pid],
    ['page-version', gateway.version],
    ['page-engine', gateway.engine],
    ['page-channels', channels.map((channel) => channel.text).join('\n')],
    ['page-auth', gateway.auth],
    ['page-instance', gateway.instanceId],
    ['page-config', gateway.config && copyable('', gateway.config)],
    ['page-state', gateway.state && copyable('', gateway.state)],
    ['page-workspace', gateway.workspace && copyable('', gateway.workspace)],
    ['page-logs', gateway.logs && copyable('', gateway.logs)],
    ['page-canvas', canvasUrl && link(canvasUrl, new URL(canvasUrl).host)],
  ];
  updateChildren('facts', rows.filter(([, value]) => value).flatMap(([name, value]) =>
    [element('dt', '', text(name)), element('dd', '', value)]));
}

const byNumber = (ports) => [...ports].sort((one, other) => one.first - other.first);
const formatRange = (port) => (port.first === port.last ? String(port.first) : port.first + '–' + port.last);

function portRow(port) {
  return element('tr', '', element('td', '', formatRange(port)), element('td', '', port.name), element('td', port.pool ? '' : port.state, port.text));
}

// Draws all ports of the host: those of the instances, and the ephemeral range of the kernel.
function renderPortAxis(instances, kernel) {
  const axis = $('axis');
  const bases = instances.filter((instance) => instance.base).map((instance) => instance.base);
  const low = Math.max(0, Math.floor((Math.min(...bases, 18000) - 500) / 1000) * 1000);
  const high = Math.min(65535, Math.ceil((Math.max(...bases, 21000) + 611) / 1000) * 1000);
  const at = (port) => (100 * (Math.max(low, Math.min(high, port)) - low)) / (high - low);
  const box = (first, last, y, height, className) => svgElement('rect', {
    x: at(first) + '%', y, height, class: className, rx: 1.5,
    width: Math.max(at(last + 1) - at(first), 0.35) + '%',
  });
  const parts = [box(low, high, 12, 14, 'rail')];
  if (kernel && kernel.first < high) {
    parts.push(box(kernel.first, kernel.last, 12, 14, 'kernel'));
    const near = at(kernel.first) > 70;
    const place = near ? { x: '100%', 'text-anchor': 'end' } : { x: at(kernel.first) + 0.4 + '%' };
    parts.push(svgElement('text', { ...place, y: 9 }, text('page-ephemeral')));
  }
  // Two that overlap take half of the height each, so that neither hides the other.
  let lane = 0;
  const placed = instances.filter((one) => one.base).sort((one, other) => one.base - other.base);
  for (const instance of placed) {
    const kind = instance.own ? ' this' : instance.running ? ' up' : '';
    const overlaps = placed.some((other) => other !== instance && Math.abs(other.base - instance.base) <= 110);
    lane = overlaps ? 1 - lane : 0;
    const [y, height] = !overlaps ? [10, 18] : lane ? [9, 9] : [20, 9];
    parts.push(box(instance.base, instance.base + 110, y, height, 'span' + kind));
  }
  const step = [1000, 2000, 5000, 10000, 20000].find((size) => (high - low) / size <= 6);
  for (let port = Math.ceil(low / step) * step; port <= high; port += step) {
    const anchor = port === low ? 'start' : port + step > high && at(port) > 95 ? 'end' : 'middle';
    parts.push(svgElement('text', { x: at(port) + '%', y: 42, 'text-anchor': anchor }, String(port)));
  }
  axis.replaceChildren(...parts);
}

function instanceItem(instance) {
  const tags = [element('span', 'tag ' + (instance.running ? 'up' : ''), text(instance.running ? 'page-running' : 'page-stopped'))];
  if (instance.own) tags.unshift(element('span', 'tag this', text('page-this')));
  const pid = instance.pid ? element('span', 'faint', 'pid ' + instance.pid) : null;
  // The page itself needs no link to itself.
  const isElsewhere = instance.running && instance.base && !instance.own;
  const name = isElsewhere ? link(`${location.protocol}//${location.hostname}:${instance.base}/`, instance.label) : instance.label;
  const head = element('div', 'head', element('b', '', name), ...tags, pid, element('span', 'faint mono', instance.config));
  const broken = instance.broken ? element('p', 'bad', instance.broken) : null;
  return element('li', '', head, broken, element('ul', 'cells', ...byNumber(instance.ports).map((port) => cell(instance, port))));
}

function cell(instance, port) {
  const overlaps = instance.shared.filter((one) => one.first <= port.last && port.first <= one.last);
  const kind = [port.state, port.pool ? 'pool' : '', overlaps.length ? 'shared' : ''].join(' ').trim();
  const shared = overlaps.length ? ', ' + text('page-key-shared') : '';
  const node = element('li', kind,
    element('span', 'n', formatRange(port)), element('span', 'r', port.name), element('span', 'hidden', ': ' + port.text + shared));
  node.title = formatRange(port) + ' · ' + port.name + ': ' + port.text + shared;
  if (port.pool) node.append(poolBar(port, overlaps));
  return node;
}

function poolBar(port, overlaps) {
  const size = port.last - port.first + 1;
  const at = (number) => (100 * (Math.max(port.first, number) - port.first)) / size;
  const bar = svgElement('svg', { 'aria-hidden': 'true' });
  bar.append(svgElement('rect', { x: 0, y: 0, width: '100%', height: 7, class: 'rail', rx: 2 }));
  for (const one of overlaps) {
    const width = at(Math.min(port.last, one.last) + 1) - at(one.first);
    bar.append(svgElement('rect', { x: at(one.first) + '%', y: 0, width: width + '%', height: 7, class: 'overlap' }));
  }
  for (const one of port.listening) {
    bar.append(svgElement('rect', { x: at(one) + '%', y: 0, width: Math.max(100 / size, 1) + '%', height: 7, class: 'listening' }));
  }
  return bar;
}

const SEVERITIES = { error: 'page-finding-error', warning: 'page-finding-warning', info: 'page-finding-info' };

function findingItems(findings) {
  if (!findings) return [element('li', 'faint', text('page-examining'))];
  if (!findings.length) return [element('li', '', element('span', 'kind fine', '✓'), element('span', '', text('page-isolated')))];
  return findings.map((finding) => element('li', '',
    element('span', 'kind ' + finding.severity, text(SEVERITIES[finding.severity])),
    element('div', '', element('b', '', finding.instance), ': ' + finding.text, finding.mend && element('code', '', copyable('', finding.mend)))));
}

// What a rescue gateway label of those that it looks after.
function watchedItem(watched) {
  const isHealthy = ['watching', 'recovered', 'repaired'].includes(watched.news);
  return element('li', isHealthy ? '' : 'bad', element('span', '', watched.text));
}

// The clients that the page has a name for.
const CLIENTS = { 'webchat-ui': 'page-client-dashboard', cli: 'page-client-cli' };

function clientItem(client) {
  const name = CLIENTS[client.host] ? text(CLIENTS[client.host]) : client.host || client.mode || '?';
  // Of a page in a browser, platform and version say nothing.
  const program = client.platform === 'web' ? [] : [client.platform, client.version];
  return element('li', '', element('b', '', name), element('span', 'mono', [client.ip, ...program].filter(Boolean).join(' · ')));
}

function eventItem(event) {
  const time = element('time', 'mono', formatTime(event.at));
  time.dateTime = new Date(event.at).toISOString();
  return element('li', '', time, element('span', '', event.name));
}

// ---- the start -----------------------------------------------------------------------------------

readToken();
window.addEventListener('hashchange', () => {
  if (!location.hash.includes('token=')) return;
  readToken();
  connect();
});
$('language').addEventListener('change', async (change) => {
  save(browserStorage, 'language', change.target.value);
  await loadTexts(change.target.value);
  render();
  refresh();
});
$('theme').addEventListener('change', (change) => {
  save(browserStorage, 'theme', change.target.value);
  applyTheme(change.target.value);
});
$('ask').addEventListener('submit', async (submit) => {
  submit.preventDefault();
  token = $('token').value.trim() || null;
  $('token').value = '';
  wasCode = CODE.test(token || '');
  if (wasCode) {
    const answer = await redeem(token);
    if (answer.isBusy) return showRefusal('page-code-busy');
    // A password may look like a code.
    token = answer.token || token;
    wasCode = !answer.token;
  }
  if (token) save(tabStorage, 'token', token);
  connect();
});
$('forget').addEventListener('click', () => {
  forgetToken();
  askForToken(null);
});
document.addEventListener('click', async (click) => {
  const copied = click.target.closest('[data-copy]');
  if (!copied) return;
  // A browser may ask its user, who may refuse.
  try { await navigator.clipboard.writeText(copied.dataset.copy); } catch { return; }
  $('copied').textContent = text('page-copied', { what: copied.dataset.copy });
});
document.addEventListener('visibilitychange', () => { if (!document.hidden) refresh(); });
setInterval(() => { if (!document.hidden) refresh(); }, POLL_MS);

applyTheme(load(browserStorage, 'theme'));
loadTexts(preferredLanguage()).finally(() => {
  if (token) connect();
  else askForToken(null);
});
