'use strict';
// Texts of events are strangers' texts: they become text nodes, never markup.
const PREFIX = location.pathname.replace(/\/?$/, '/');
const GROUPS = {
  good: ['handled', 'handled'],
  plain: ['settled', 'ignored no_handler duplicate'],
  wait: ['later', 'failed asked_for_later resting running busy shutting_down conflict conflicted stopped claim_lost dropped'],
  bad: ['dead or down', 'dead_lettered unprocessable letters_full store_failed unrecorded'],
  shut: ['refused', 'wrong_method unauthorized too_large too_slow over_budget incomplete contradiction abandoned'],
};
const groupOf = {};
for (const [group, [, names]] of Object.entries(GROUPS)) for (const name of names.split(' ')) groupOf[name] = group;
const $ = id => document.getElementById(id);
const main = $('main'), dialog = $('dialog');
let changes = false, view = '', shown = 0, timer, overview;

function make(tag, options, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(options || {})) {
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, '');
    else if (value != null && value !== false) element.setAttribute(name, value);
  }
  for (const child of children.flat()) if (child != null) element.append(child);
  return element;
}

async function api(path, body) {
  const options = body === undefined ? {} : {
    method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body),
  };
  let answer;
  try {
    answer = await fetch(PREFIX + 'api/' + path, options);
  } catch {
    throw new Error('the console does not answer');
  }
  const value = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(value.error || 'status ' + answer.status);
  return value;
}
function query(values) {
  const pairs = Object.entries(values).filter(([, value]) => value);
  return pairs.length ? '?' + new URLSearchParams(pairs) : '';
}

const words = name => String(name).replaceAll('_', ' ');
const count = (n, noun) => n.toLocaleString('en') + ' ' + noun + (n === 1 ? '' : 's');
function clock(time) {
  const date = new Date(time), today = new Date().toDateString() === date.toDateString();
  const day = today ? '' : date.toLocaleDateString('sv') + ' ';
  return make('time', { datetime: time, title: time }, day + date.toLocaleTimeString('sv'));
}
function span(ms) {
  if (ms == null) return '';
  return ms < 10 ? ms.toFixed(1) + ' ms' : ms < 1000 ? Math.round(ms) + ' ms' : (ms / 1000).toFixed(1) + ' s';
}
const outcome = name => make('span', { class: 'outcome ' + (groupOf[name] || 'plain') }, make('span', {}, words(name)));
function facts(rows) {
  const kept = rows.filter(([, value]) => value != null && value !== '');
  return make('dl', { class: 'facts' }, kept.map(([name, value, wide]) =>
    make('div', { class: wide && 'wide' }, make('dt', {}, name), make('dd', {}, value))));
}
const mono = text => text && make('span', { class: 'mono' }, String(text));

// The head.
function bars(minutes) {
  const chart = $('chart'), width = 600 / 60, ns = 'http://www.w3.org/2000/svg';
  const sums = minutes.map(minute => {
    const sum = {};
    for (const [name, n] of Object.entries(minute.outcomes)) {
      const group = groupOf[name] || 'plain';
      sum[group] = (sum[group] || 0) + n;
    }
    return sum;
  });
  const totals = sums.map(sum => Object.values(sum).reduce((a, b) => a + b, 0));
  const peak = Math.max(1, ...totals);
  const marks = [];
  sums.forEach((sum, at) => {
    let y = 96;
    const x = (60 - sums.length + at) * width;
    for (const group of Object.keys(GROUPS)) {
      if (!sum[group]) continue;
      const height = Math.max(1.5, sum[group] / peak * 92);
      y -= height;
      const mark = document.createElementNS(ns, 'rect');
      for (const [name, value] of Object.entries({ x: x + 1, y, width: width - 2, height, class: group })) mark.setAttribute(name, value);
      const title = document.createElementNS(ns, 'title');
      title.textContent = minutes[at].start.slice(11, 16) + ' UTC: ' + sum[group] + ' ' + GROUPS[group][0];
      mark.append(title);
      marks.push(mark);
    }
  });
  chart.replaceChildren(...marks);
  const all = totals.reduce((a, b) => a + b, 0);
  $('peak').textContent = all ? 'peak ' + peak + ' a minute' : 'no requests';
  const used = Object.keys(GROUPS).filter(group => sums.some(sum => sum[group]));
  $('legend').replaceChildren(...used.map(group => {
    const n = sums.reduce((total, sum) => total + (sum[group] || 0), 0);
    return make('span', { class: group }, GROUPS[group][0] + ' ' + n.toLocaleString('en'));
  }));
  chart.setAttribute('aria-label', 'Outcomes of the last hour: ' + ($('legend').textContent || 'none'));
}
function number(name, value, bad) {
  return make('div', {}, make('dt', {}, name), make('dd', { class: bad && 'bad' }, value == null ? '–' : value.toLocaleString('en')));
}
async function head() {
  overview = await api('overview');
  changes = overview.changes;
  document.title = (overview.source ? overview.source + ' · ' : '') + 'Apideck hooks';
  $('facts').textContent = [overview.source && 'source ' + overview.source, overview.store, changes ? null : 'read only'].filter(Boolean).join(' · ');
  const letters = overview.dead_letters;
  $('numbers').replaceChildren(
    number('Requests a minute', overview.rate_per_minute), number('In flight', overview.in_flight),
    number('Handled', overview.totals.handled), number('Dead letters', letters, letters > 0));
  $('badge').textContent = letters || '';
  $('state').textContent = overview.ready ? 'ready' : 'not ready';
  $('state').className = overview.ready ? '' : 'bad';
  const notice = !overview.observing ? 'This receiver does not tell the console of its deliveries: add .observe(console.observer()) to its builder.'
    : overview.volatile ? 'The store is in memory: it forgets at a restart and keeps no dead letters.' : '';
  $('notice').textContent = notice;
  $('notice').hidden = !notice;
  bars(overview.minutes);
}

// Lists. An open row stays open when the list is drawn again.
function list(columns, rows, detail, empty) {
  if (!rows.length) return make('div', { class: 'panel' }, make('p', { class: 'empty' }, empty));
  const body = make('tbody');
  for (const row of rows) {
    const line = make('tr', { class: 'row' });
    const cells = columns.map(([, cell, style], at) => {
      const value = cell(row);
      const title = typeof value === 'string' ? value : null;
      return make('td', { class: style, title }, at ? value : make('button', { 'aria-expanded': 'false', onclick: event => { event.stopPropagation(); toggle(line, row, detail); } }, value));
    });
    line.append(...cells);
    line.addEventListener('click', () => String(getSelection()) || toggle(line, row, detail));
    body.append(line);
  }
  return make('div', { class: 'panel' }, make('table', {},
    make('thead', {}, make('tr', {}, columns.map(([name, , style]) => make('th', { class: style === 'number' && style }, name)))), body));
}
async function toggle(line, row, detail) {
  const open = line.classList.toggle('open');
  line.querySelector('button').setAttribute('aria-expanded', open);
  if (!open) return line.nextSibling.remove();
  const cell = make('td', { class: 'detail', colspan: line.children.length });
  line.after(make('tr', {}, cell));
  try {
    cell.append(...[await detail(row, line)].flat());
  } catch (error) {
    cell.append(make('p', { class: 'error' }, error.message));
  }
}
const isBusy = () => dialog.open || main.querySelector('tr.open') || main.contains(document.activeElement) && document.activeElement.matches('select');

function filters(fields, end) {
  const form = make('div', { class: 'filters', role: 'search' });
  let wait;
  const changed = () => { clearTimeout(wait); wait = setTimeout(() => draw(true), 200); };
  for (const [name, label, options] of fields) {
    const field = Array.isArray(options)
      ? make('select', { name, onchange: changed }, make('option', { value: '' }, 'any'), options.map(value => make('option', { value }, words(value))))
      : make('input', { name, type: 'search', placeholder: options, autocomplete: 'off', spellcheck: 'false', oninput: changed });
    form.append(make('label', {}, label, field));
  }
  form.append(make('div', { class: 'end' }, end));
  return form;
}
function values() {
  const found = {};
  for (const field of main.querySelectorAll('.filters [name]')) found[field.name] = field.value.trim();
  return found;
}
const more = next => next && make('p', { class: 'more' }, make('button', { onclick: event => older(event.target, next) }, 'Show older'));
async function older(button, next) {
  button.disabled = true;
  try {
    const page = await views[view].rows(next);
    const part = views[view].table(page.rows);
    const body = part.querySelector('tbody');
    const first = body && body.querySelector('button');
    if (body) main.querySelector('tbody').append(...body.children);
    shown += page.rows.length;
    const again = more(page.next);
    again ? button.parentNode.replaceWith(again) : button.parentNode.remove();
    if (first) first.focus();
  } catch (error) {
    fail(error);
  }
}

const views = {
  deliveries: {
    filters: () => filters([
      ['event', 'Event', 'name, or crm.*'],
      ['outcome', 'Outcome', Object.keys(groupOf).filter(name => overview && name in overview.totals || name === 'handled')],
      ['text', 'Text', 'id, consumer, handler, error'],
    ], make('span', { class: 'dim', id: 'sum' })),
    rows: async before => {
      const page = await api('deliveries' + query({ ...values(), before, limit: 100 }));
      return { rows: page.deliveries, next: page.next };
    },
    table: rows => list([
      ['Time', row => clock(row.received_at), 'mono'],
      ['Outcome', row => outcome(row.outcome)],
      ['Event', row => row.event_type || (row.form ? 'no event' : words(row.outcome))],
      ['Id', row => row.event_id || '', 'mono dim'],
      ['Consumer', row => row.consumer_id || row.entity_id || ''],
      ['Handler', row => row.handler || '', 'dim'],
      ['Attempt', row => row.replay ? 'replay' : row.run ? row.run.attempt + ' of ' + row.run.max_attempts : ''],
      ['Time taken', row => span(row.milliseconds), 'number'],
    ], rows, row => [
      row.run && row.run.error && make('p', { class: 'error' }, row.run.error),
      facts([
        ['Event id', mono(row.event_id)], ['Entity', mono(row.entity_id)], ['Consumer', mono(row.consumer_id)],
        ['Idempotency key, not signed', mono(row.idempotency_key)], ['Handler', mono(row.handler)],
        ['Run', row.run && (row.run.outcome ? words(row.run.outcome) + ', ' + span(row.run.milliseconds) : 'still running')],
        ['Apideck’s attempt', row.execution_attempt], ['Response', row.status || (row.replay ? null : 'none: the client left')],
        ['Signed', row.form && words(row.form) + ', ' + row.encoding + ', secret ' + (row.secret + 1)],
        ['Body', row.bytes != null && count(row.bytes, 'byte')], ['Client', mono(row.peer)], ['Received', row.received_at],
      ])].filter(Boolean), 'No delivery of this process matches.'),
    sum: (page) => 'the last ' + count(page.rows.length, 'row'),
  },
  'dead-letters': {
    filters: () => filters([
      ['event', 'Event', 'whole name'], ['since', 'Since', '2026-01-31T12:00:00Z'], ['until', 'Until', '2026-02-01'],
    ], [make('span', { class: 'dim', id: 'sum' }), changes && make('button', { onclick: () => all('replay') }, 'Replay all…'),
      changes && make('button', { class: 'danger', onclick: () => all('purge') }, 'Purge all…')].filter(Boolean)),
    rows: async after => {
      if (!overview.keeps_dead_letters) return { rows: [], next: null, count: 0 };
      const page = await api('dead-letters' + query({ ...values(), after, limit: 50 }));
      return { rows: page.letters, next: page.next, count: page.count };
    },
    table: rows => list([
      ['Since', row => clock(row.since), 'mono'],
      ['Event', row => row.event_type || 'no event'],
      ['Consumer', row => row.consumer_id || row.entity_id],
      ['Error', row => row.error, 'wide'],
      ['Id', row => row.event_id, 'mono dim'],
      ['Attempts', row => String(row.attempts), 'number'],
    ], rows, letter, overview.keeps_dead_letters ? 'No dead letters. Nothing has failed for good.' : 'The store of this receiver keeps no dead letters.'),
    sum: page => count(page.count, 'dead letter'),
  },
  receiver: {
    filters: () => null,
    rows: async () => ({ rows: [(await api('receiver')).receiver] }),
    table: ([receiver]) => {
      const cell = text => make('td', {}, text);
      const table = (names, rows) => make('div', { class: 'panel' }, make('table', {}, make('thead', {}, make('tr', {}, names.map(name => make('th', {}, name)))), make('tbody', {}, rows)));
      const handlers = receiver.handlers.map(handler => make('tr', {}, make('td', { class: 'mono' }, handler.name),
        make('td', { title: handler.events.join('\n') }, handler.events.length > 2 ? count(handler.events.length, 'event') + ': ' + handler.events.slice(0, 2).join(', ') + ', …' : handler.events.join(', ') || 'every other event'),
        cell(handler.transaction || '–')));
      const seen = overview.signatures.map(row => make('tr', {}, cell('secret ' + (row.secret + 1)), cell(words(row.form)), cell(row.encoding), cell(row.count.toLocaleString('en')), make('td', { class: 'mono' }, clock(row.last))));
      return make('div', {},
        make('section', {}, make('h2', {}, 'Handlers'), table(['Handler', 'Events', 'Transaction'], handlers)),
        make('section', {}, make('h2', {}, 'Signatures seen by this process'), seen.length ? table(['Secret', 'Form', 'Encoding', 'Deliveries', 'Last'], seen) : make('p', { class: 'dim' }, 'None yet.')),
        make('section', {}, make('h2', {}, 'Limits'), facts(receiver.limits.map(([name, value]) => [words(name), value]))),
        make('section', {}, make('h2', {}, 'Receiver'), facts([['Version', receiver.version], ['Store', receiver.store], ['Source', receiver.source || 'none'], ['Secrets', receiver.secrets]])));
    },
    sum: () => '',
  },
};

async function letter(row, line) {
  const full = await api('dead-letters/' + row.record);
  const hidden = { values: 'Values below settings and metadata are hidden.', all: 'The body is not JSON, so all of it is hidden.' }[full.hidden];
  const cut = full.body.length > 200000;
  return [
    make('p', { class: 'error' }, full.error),
    make('br'),
    facts([['Event id', mono(full.event_id)], ['Entity', mono(full.entity_id)], ['Consumer', mono(full.consumer_id)], ['Record', mono(full.record)],
      ['Attempts', full.attempts], ['Source', full.source], ['Body', count(full.body_bytes, 'byte')], ['Running', full.running && 'yes'],
      ['Context', Object.keys(full.context).length && mono(JSON.stringify(full.context)), true]].filter(([, value]) => value)),
    make('pre', { tabindex: 0, 'aria-label': 'Body' }, cut ? full.body.slice(0, 200000) + '…' : full.body),
    make('div', { class: 'actions' }, changes && make('button', { class: 'main', onclick: () => one('replay', full, line) }, 'Replay…'),
      changes && make('button', { class: 'danger', onclick: () => one('purge', full, line) }, 'Purge…'),
      hidden && make('span', { class: 'dim' }, hidden)].filter(Boolean)),
  ];
}

// Changes. Each asks first, and names the event.
function ask(title, texts, button, danger) {
  return new Promise(resolve => {
    const back = document.activeElement;
    const done = make('button', { class: 'main' + (danger ? ' danger' : ''), onclick: () => { resolve(true); } }, button);
    dialog.replaceChildren(make('h2', { id: 'question' }, title), ...texts.map(text => make('p', {}, text)),
      make('div', { class: 'actions' }, make('button', { onclick: () => dialog.close() }, 'Cancel'), done));
    dialog.onclose = () => { resolve(false); if (back && back.isConnected) back.focus(); };
    dialog.showModal();
    dialog.querySelector('button').focus();
  });
}
function tell(title, texts) {
  const close = make('button', { class: 'main', onclick: () => dialog.close() }, 'Close');
  dialog.replaceChildren(make('h2', { id: 'question' }, title), ...texts.map(text => make('p', {}, text)), make('div', { class: 'actions' }, close));
  dialog.onclose = () => { draw(true); head().catch(fail); main.focus(); };
  if (!dialog.open) dialog.showModal();
  close.focus();
}
const replayText = { true: 'The handler runs now. If it succeeds, the dead letter is gone.', false: 'The dead letter is deleted, and its event counts as done. This cannot be undone.' };
async function one(kind, row) {
  const replay = kind === 'replay', name = row.event_type || 'no event';
  const about = [name + (row.consumer_id ? ' of ' + row.consumer_id : ''), 'id ' + (row.event_id || '–')];
  if (!await ask((replay ? 'Replay ' : 'Purge ') + name + '?', [...about, replayText[replay]], replay ? 'Replay' : 'Purge', !replay)) return;
  dialog.replaceChildren(make('h2', { id: 'question' }, replay ? 'Replaying…' : 'Purging…'), make('p', {}, about[0]), make('progress'));
  try {
    const result = await api('dead-letters/' + row.record + '/' + kind, {});
    if (replay) tell('Replay: ' + words(result.disposition), [about[0], result.error ? 'The dead letter is kept: ' + result.error : 'The dead letter is gone.']);
    else tell(result.purged ? 'Purged' : 'Nothing was purged', [about[0]]);
  } catch (error) {
    tell('That failed', [error.message]);
  }
}
async function all(kind) {
  const replay = kind === 'replay', wish = values();
  for (const name of Object.keys(wish)) if (!wish[name]) delete wish[name];
  let dry;
  try {
    dry = await api('dead-letters/' + kind, { ...wish, at_most: 1000, dry_run: true });
  } catch (error) {
    return fail(error);
  }
  if (!dry.count) return tell('Nothing matches', ['No dead letter matches the filter.']);
  const which = wish.event ? 'of ' + wish.event : 'of every event', n = count(dry.count, 'dead letter');
  const time = ['since', 'until'].filter(name => wish[name]).map(name => name + ' ' + wish[name]).join(', ');
  const capped = dry.count === 1000 ? 'These are the newest 1,000.' : null;
  if (!await ask((replay ? 'Replay ' : 'Purge ') + n + '?', [which + (time ? ', ' + time : ''), capped, replayText[replay]].filter(Boolean), (replay ? 'Replay ' : 'Purge ') + n, !replay)) return;
  let stopped = false, at = 0, failed = null;
  const told = {}, bar = make('progress', { max: dry.count, value: 0 });
  const stop = make('button', { onclick: () => { stopped = true; stop.disabled = true; } }, 'Stop');
  dialog.replaceChildren(make('h2', { id: 'question' }, replay ? 'Replaying…' : 'Purging…'), bar, make('div', { class: 'actions' }, stop));
  stop.focus();
  dialog.onclose = () => { stopped = true; };
  // One after the other: exactly the letters that were counted, and it can be stopped.
  for (const { record } of dry.results) {
    if (stopped) break;
    try {
      const result = await api('dead-letters/' + record + '/' + kind, {});
      const word = replay ? words(result.disposition) : result.purged ? 'purged' : 'already gone';
      told[word] = (told[word] || 0) + 1;
    } catch (error) {
      failed = error.message;
      break;
    }
    bar.value = ++at;
  }
  const sums = Object.entries(told).map(([word, n]) => n.toLocaleString('en') + ' ' + word);
  tell(stopped ? 'Stopped' : failed ? 'That failed' : 'Done', [...sums, failed, at < dry.count ? count(dry.count - at, 'dead letter') + ' left as before' : null].filter(Boolean));
}

function fail(error) {
  $('state').textContent = error.message;
  $('state').className = 'bad';
}
let drawing = 0;
async function draw(again) {
  const mine = ++drawing, now = views[view];
  try {
    const page = await now.rows();
    if (mine !== drawing || !again && isBusy()) return;
    shown = page.rows.length;
    const focus = main.querySelector('.list') && main.querySelector('.list').contains(document.activeElement);
    const part = make('div', { class: 'list' }, now.table(page.rows), more(page.next));
    const old = main.querySelector('.list');
    old ? old.replaceWith(part) : main.append(part);
    if (focus) (part.querySelector('button') || main).focus();
    if ($('sum')) $('sum').textContent = now.sum(page);
  } catch (error) {
    fail(error);
  }
}
function route() {
  const wanted = location.hash.slice(1);
  if (wanted === 'main') return;
  view = wanted in views ? wanted : 'deliveries';
  for (const link of document.querySelectorAll('nav a')) {
    link.getAttribute('href') === '#' + view ? link.setAttribute('aria-current', 'page') : link.removeAttribute('aria-current');
  }
  main.replaceChildren(...[views[view].filters()].filter(Boolean));
  draw(true);
}
async function refresh() {
  clearTimeout(timer);
  if (!document.hidden) {
    await head().catch(fail);
    // An open row, a page further down and a receiver do not change under the reader.
    if (!isBusy() && shown <= 100 && view !== 'receiver') await draw(false);
  }
  timer = setTimeout(refresh, 3000);
}
addEventListener('hashchange', route);
document.addEventListener('visibilitychange', () => document.hidden || refresh());
addEventListener('keydown', event => {
  if (event.key === '/' && !event.target.matches('input, select') && !dialog.open) {
    const field = main.querySelector('input');
    if (field) { event.preventDefault(); field.focus(); }
  }
});
head().catch(fail).then(route).then(refresh);
