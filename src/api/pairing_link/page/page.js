'use strict';
// Follows one session until a phone is linked to it. The token stands behind the #: no log and no Referer sees it.
// It is sent in a header and goes nowhere else: not to the console, not to storage, not into the page.

const FIRST_WAIT = 1000; // Milliseconds before a broken stream is opened again; doubles with each break in a row.
const LONGEST_WAIT = 30_000;
const SILENCE_LIMIT = 60_000; // The server says something every 15 s: after this the connection is dead.
const CODE_LIMIT = 60_000; // The server itself waits half a minute for WhatsApp.

// What the page says in each state: the fact, and what follows from it.
const TELL = 'tell whoever sent you the link.';
const SAYS = {
  opening: ['One moment.', 'The link is being opened.'],
  connecting: ['One moment.', 'WhatsApp is asked for a code.'],
  waiting_for_qr: ['Ready.', 'Scan the code with your phone.'],
  waiting_for_pair_code: ['Ready.', 'Enter the code on your phone.'],
  connected: ['Your phone has answered.', 'Keep WhatsApp open on it for a moment.'],
  linked: ['Your phone is linked.', 'Everything is done. You can close this page.'],
  used: ['This link has been used.', `A phone was linked with it. If that was yours, all is done; if not, ${TELL}`],
  expired: ['This link has expired.', 'Ask whoever sent it to you for a new one.'],
  gone: ['This link is not valid.', 'It was withdrawn or not copied whole. Ask whoever sent it to you for a new one.'],
  codes_over: ['The code was not used in time.', 'Ask for a new one when your phone is at hand.'],
  reconnecting: ['The connection to this server is lost.', 'It is being opened again by itself.'],
  incomplete: ['This link is incomplete.', 'Open it again exactly as it was sent to you, to its last character.'],
};
const FINAL = ['linked', 'used', 'expired', 'gone', 'incomplete'];
const CAN_ASK_AGAIN = ['codes_over', 'trouble', 'reconnecting'];
const CODES_OVER = ['qr_expired', 'pair_code_expired'];
const LINK_ENDS = { pairing_link_not_found: 'gone', pairing_link_expired: 'expired', pairing_link_used: 'used' };

// What went wrong between the server and WhatsApp, for somebody who knows neither.
const AWAY = ['WhatsApp cannot be reached right now.', 'This is tried again by itself; you need not do anything.'];
const UNWELL = ['The server has a problem right now.', `It tries again by itself. If this lasts, ${TELL}`];
const BUSY = ['The server is busy.', 'This page tries again by itself.'];
const LOCKED = ['WhatsApp has locked this account.', 'Open WhatsApp on your phone: it says what to do.'];
const STOPPED = ['Linking has stopped.', `Show a new code to try again. If it stops again, ${TELL}`];
const TROUBLE = {
  connection_lost: AWAY, stream_ended: AWAY, service_unavailable: AWAY, rate_limited: AWAY, unreachable: AWAY,
  handshake_failed: AWAY, timed_out: AWAY, version_unavailable: AWAY,
  storage_failed: UNWELL, crashed: UNWELL, shutting_down: UNWELL,
  client_outdated: ['This server is out of date.', `It must be updated before a phone can be linked: ${TELL}`],
  multidevice_required: ['WhatsApp on your phone is too old.', 'Update it on the phone, then show a new code.'],
  pairing_rejected: ['Phone and server did not understand each other.', 'Show a new code and try once more.'],
  passkey_required: ['WhatsApp wants a passkey for this account.', `It cannot be linked here yet: ${TELL}`],
  banned_temporarily: LOCKED, account_locked: LOCKED,
};
const CODE_FAILURES = {
  409: 'There is no code to be had right now: one is being asked for, or a phone is linked already.',
  422: 'This is not a phone number that WhatsApp can use. Check it, with the country code.',
  429: 'There were too many tries. Wait ten minutes and try again.',
};

const $ = (id) => document.getElementById(id);
const token = location.hash.slice(1);
const ends = { qr: 0, pair: 0 }; // Until when each code is good, Unix milliseconds; 0 = there is none.
let prefersQr = false; // The visitor went back from the pair code to the QR code.
let attempt = null; // The stream that counts. What an older one still says is no news.
let retry = 0;
let breaks = 0;

function write(element, text) {
  // Writing the same text again would make screen readers say it again.
  if (element.textContent !== text) element.textContent = text;
}

/** Says what is going on. A final word stays. */
function say(state, sentences = SAYS[state], small = '') {
  const line = $('state');
  const isAboutQr = state === 'waiting_for_pair_code' && prefersQr;
  const [fact, advice] = isAboutQr ? SAYS.waiting_for_qr : sentences;
  if (FINAL.includes(line.dataset.state)) return;
  line.dataset.state = state;
  [fact, advice, small].forEach((text, at) => write(line.children[at], text));
  render();
}

function render() {
  const { state } = $('state').dataset;
  const isAlone = FINAL.includes(state) || state === 'connected';
  const showsPairCode = ends.pair > 0 && !prefersQr;
  const canAskAgain = CAN_ASK_AGAIN.includes(state) && !ends.qr;
  const focus = document.activeElement;
  $('state').classList.toggle('alone', isAlone);
  $('work').hidden = isAlone;
  $('code-way').hidden = !showsPairCode;
  $('scan-way').hidden = showsPairCode;
  $('qr').hidden = $('qr-left').hidden = $('show-qr').hidden = !ends.qr;
  $('again').hidden = !canAskAgain;
  $('spinner').hidden = ends.qr > 0 || canAskAgain;
  // What gets hidden loses the focus; without this the keyboard would start over at the top of the page.
  if ($('work').contains(focus) && focus.getClientRects().length === 0) $('state').focus();
  count();
}

function count() {
  for (const [code, until] of Object.entries(ends)) {
    const seconds = Math.max(0, Math.ceil((until - Date.now()) / 1000));
    write($(`${code}-seconds`), String(seconds));
    $(`${code}-left`).parentElement.classList.toggle('over', seconds === 0);
  }
}

function changed({ status, reason }) {
  if (status !== 'waiting_for_pair_code') ends.pair = 0;
  if (!status.startsWith('waiting_')) ends.qr = 0;
  const hasStopped = status === 'disconnected' || status === 'logged_out';
  if (hasStopped && CODES_OVER.includes(reason)) say('codes_over');
  else if (hasStopped || (status === 'connecting' && reason in TROUBLE)) {
    say('trouble', TROUBLE[reason] ?? STOPPED, reason);
  } else if (status === 'logged_in') say('connected');
  else say(status in SAYS ? status : 'connecting');
}

function showQr({ svg, timeout_seconds: seconds }) {
  const bytes = Array.from(new TextEncoder().encode(svg), (byte) => String.fromCharCode(byte));
  $('qr').src = `data:image/svg+xml;base64,${btoa(bytes.join(''))}`;
  ends.qr = Date.now() + seconds * 1000;
  render();
}

function showPairCode({ code, timeout_seconds: seconds }) {
  const isNew = $('pair-code').textContent !== code;
  ends.pair = Date.now() + seconds * 1000;
  prefersQr &&= !isNew;
  say('waiting_for_pair_code'); // First, since a region that is hidden announces nothing.
  const [left, right] = code.split('-');
  write($('pair-code').firstElementChild, left);
  write($('pair-code').lastElementChild, right);
}

/** The end, whatever it is: nothing more is asked for, and the address forgets the token. */
function finish(why) {
  attempt?.abort();
  attempt = null;
  clearTimeout(retry);
  ends.qr = ends.pair = 0;
  say(why in SAYS ? why : 'gone');
  history.replaceState(null, '', location.pathname + location.search);
}

function take(kind, data) {
  if (kind === 'status') changed(data);
  else if (kind === 'qr') showQr(data);
  else if (kind === 'pair_code') showPairCode(data);
  else if (kind === 'ended') finish(data.why);
}

function post(path, signal, body) {
  const headers = { Authorization: `Bearer ${token}`, ...(body && { 'Content-Type': 'application/json' }) };
  return fetch(path, { method: 'POST', headers, body, signal, cache: 'no-store', credentials: 'omit' });
}

/** Gives up a stream that is silent for too long: a dead connection may never say that it is dead. */
async function heard(promise, mine) {
  const alarm = setTimeout(() => mine.abort(), SILENCE_LIMIT);
  return promise.finally(() => clearTimeout(alarm));
}

/** Reads server-sent events until the stream ends or breaks. */
async function read(stream, mine) {
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  let [rest, kind, data] = ['', '', ''];
  for (;;) {
    const { done, value } = await heard(reader.read(), mine);
    if (done) return;
    const lines = (rest + value).split(/\r?\n/);
    rest = lines.pop();
    for (const line of lines) {
      if (line.startsWith('event:')) kind = line.slice(6).trim();
      else if (line.startsWith('data:')) data += line.slice(5);
      else if (line === '') {
        if (data && attempt === mine) take(kind, JSON.parse(data));
        kind = data = '';
      }
    }
  }
}

/** Says why the stream cannot be had. Gives the milliseconds to wait before it is asked for again; null = never. */
async function refused(reply) {
  const { code, detail } = await reply.json().catch(() => ({}));
  if (code in LINK_ENDS) {
    finish(LINK_ENDS[code]);
    return null;
  }
  const isForNow = reply.status === 429 || reply.status >= 500;
  say('trouble', isForNow ? BUSY : STOPPED, detail ?? `HTTP ${reply.status}`);
  return isForNow ? (Number(reply.headers.get('Retry-After')) || 0) * 1000 : null;
}

/** Opens the stream, which also makes the server ask WhatsApp for codes, and opens it again when it breaks. */
async function follow() {
  attempt?.abort();
  clearTimeout(retry);
  const mine = attempt = new AbortController();
  const begun = Date.now();
  let wait = 0;
  try {
    const reply = await heard(post('pair/live', mine.signal), mine);
    if (reply.ok) await read(reply.body, mine);
    else wait = await refused(reply);
    if (reply.ok && attempt === mine) say('reconnecting');
  } catch {
    if (attempt === mine) say('reconnecting');
  }
  if (attempt !== mine || wait === null) return;
  // A stream that held is a new beginning; one that breaks at once is asked for less and less often.
  if (Date.now() - begun > LONGEST_WAIT) breaks = 0;
  retry = setTimeout(follow, Math.max(wait, Math.min(FIRST_WAIT * 2 ** breaks, LONGEST_WAIT)));
  breaks += 1;
}

function note(text, small = '', hasFailed = false) {
  const [sentence, fine] = $('number-note').children;
  write(sentence, text);
  write(fine, small);
  $('number-note').classList.toggle('failed', hasFailed);
}

async function askCode(number) {
  try {
    const body = JSON.stringify({ phone_number: number });
    const reply = await post('pair/code', AbortSignal.timeout(CODE_LIMIT), body);
    const answer = await reply.json().catch(() => ({}));
    $('phone-number').setAttribute('aria-invalid', String(reply.status === 422));
    if (answer.code in LINK_ENDS) return finish(LINK_ENDS[answer.code]);
    if (!reply.ok) {
      const sentence = CODE_FAILURES[reply.status] ?? 'WhatsApp gave no code. Check the number and try again.';
      return note(sentence, answer.detail, true);
    }
    note('');
    prefersQr = false;
    showPairCode(answer);
    $('code-way').scrollIntoView({ block: 'nearest' });
  } catch {
    note('This server could not be reached, or did not answer in time. Try again.', '', true);
  }
}

$('number-form').addEventListener('submit', async (event) => {
  event.preventDefault();
  const button = $('ask-code');
  // Not disabled, which would take the focus away.
  if (button.getAttribute('aria-disabled') === 'true') return;
  button.setAttribute('aria-disabled', 'true');
  note('WhatsApp is being asked for a code. This can take half a minute.');
  await askCode($('phone-number').value);
  button.setAttribute('aria-disabled', 'false');
});

$('show-qr').addEventListener('click', () => {
  prefersQr = true;
  say('waiting_for_pair_code');
});

function startOver() {
  breaks = 0;
  say('opening');
  follow();
}

$('again').addEventListener('click', startOver);

// Whoever comes back from WhatsApp to this page on the same phone should not have to wait.
document.addEventListener('visibilitychange', () => {
  if (!document.hidden && $('state').dataset.state === 'reconnecting') startOver();
});

// Another link that is pasted into the same tab changes nothing but the fragment.
addEventListener('hashchange', () => location.reload());

if (/^[\x21-\x7e]+$/.test(token)) {
  setInterval(count, 250);
  startOver();
} else {
  say('incomplete');
}
