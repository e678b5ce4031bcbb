'use strict';
// Texts of events are strangers' texts: they become text nodes, never markup.
const API = location.origin + location.pathname.replace(/\/?$/, '/api/');
const GROUPS = {
  good: ['handled', 'handled'],
  plain: ['settled', 'ignored no_handler duplicate'],
  wait: ['later', 'failed asked_for_later resting running busy shutting_down conflict conflicted stopped claim_lost dropped'],
  bad: ['failed for good', 'dead_lettered unprocessable letters_full store_failed unrecorded'],
  shut: ['refused', 'unauthorized wrong_method too_large too_slow over_budget incomplete contradiction abandoned'],
};
const groupOf = {};
for (const [group, [, names]] of Object.entries(GROUPS)) for (const name of names.split(' ')) groupOf[name] = group;
const $ = id => document.getElementById(id);
const main = $('main'), dialog = $('dialog'), find = selector => main.querySelector(selector);
let view = '', shown = 0, drawn = 0, overview;

function make(tag, options, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(options)) {
    if (name.startsWith('on')) element[name] = value;
    else if (value != null && value !== false) element.setAttribute(name, value);
  }
  element.append(...children.flat().filter(child => child != null && child !== false));
  return element;
}
async function api(path, body) {
  const headers = { 'content-type': 'application/json' };
  const answer = await fetch(API + path, body && { method: 'POST', headers, body: JSON.stringify(body) })
    .catch(() => { throw Error('the console does not answer'); });
  const value = await answer.json().catch(() => ({ error: 'status ' + answer.status }));
  if (!answer.ok) throw Error(value.error);
  return value;
}
const query = values => '?' + new URLSearchParams(Object.entries(values).filter(([, value]) => value));
const words = name => name.replaceAll('_', ' ');
const digits = n => n.toLocaleString('en');
const count = (n, noun) => digits(n) + ' ' + noun + (n === 1 ? '' : 's');
const sum = numbers => numbers.reduce((a, b) => a + b, 0);
const mono = text => text && make('span', { class: 'mono' }, text);
const dot = (group, text) => make('span', { class: 'dot ' + group }, make('span', {}, text));
const outcome = name => dot(groupOf[name] || 'plain', words(name));
function clock(time) {
  const date = new Date(time), isToday = date.toDateString() === new Date().toDateString();
  return make('time', { title: time }, date[isToday ? 'toLocaleTimeString' : 'toLocaleString']('sv'));
}
const span = ms => ms < 1000 ? ms.toFixed(ms < 10 ? 1 : 0) + ' ms' : (ms / 1000).toFixed(1) + ' s';
function facts(rows) {
  return make('dl', { class: 'facts' }, rows.filter(([, value]) => value || value === 0).map(([name, value]) => make('div', {}, make('dt', {}, name), make('dd', {}, value))));
}

function bars(minutes) {
  const sums = minutes.map(({ outcomes }) => {
    const sums = {};
    for (const name in outcomes) sums[groupOf[name]] = (sums[groupOf[name]] || 0) + outcomes[name];
    return sums;
  });
  const peak = Math.max(...sums.map(minute => sum(Object.values(minute))));
  const element = name => document.createElementNS('http://www.w3.org/2000/svg', name);
  const marks = sums.flatMap((minute, at) => {
    let y = 96;
    return Object.keys(GROUPS).filter(group => minute[group]).map(group => {
      const height = Math.max(1.5, minute[group] / peak * 92), mark = element('rect');
      const place = { x: (60 - sums.length + at) * 10 + 1, y: y -= height, width: 8, height, class: group };
      for (const [name, value] of Object.entries(place)) mark.setAttribute(name, value);
      const title = element('title');
      title.textContent = minutes[at].start.slice(11, 16) + ' UTC: ' + minute[group] + ' ' + GROUPS[group][0];
      mark.append(title);
      return mark;
    });
  });
  $('chart').replaceChildren(...marks);
  $('peak').textContent = peak ? 'peak ' + digits(peak) + ' a minute' : 'no requests';
  const all = group => sum(sums.map(minute => minute[group] || 0));
  $('legend').replaceChildren(...Object.keys(GROUPS).filter(all).map(group => dot(group, GROUPS[group][0] + ' ' + digits(all(group)))));
  $('chart').ariaLabel = 'Outcomes of the last hour: ' + $('legend').textContent;
}
async function head() {
  overview = await api('overview');
  const { source, ready, dead_letters } = overview;
  document.title = (source ? source + ' – ' : '') + 'Apideck hooks';
  const store = overview.store.replace(/^.*::/, '');
  $('facts').textContent = [source && 'source ' + source, store, !overview.changes && 'read only'].filter(Boolean).join(' · ');
  const number = (name, value, style) => make('div', {}, make('dt', {}, name), make('dd', { class: style }, value == null ? '–' : digits(value)));
  $('numbers').replaceChildren(number('Per minute', overview.rate_per_minute), number('In flight', overview.in_flight),
    number('Handled', overview.totals.handled), number('Dead letters', dead_letters, dead_letters && 'bad'));
  $('badge').textContent = dead_letters ? digits(dead_letters) : '';
  say(ready ? 'ready' : 'not ready', !ready);
  $('notice').textContent = !overview.observing ? 'No deliveries are seen: add .observe(console.observer()) to the builder.'
    : overview.volatile ? 'The store is in memory: it forgets at a restart, and keeps no dead letters.' : '';
  bars(overview.minutes);
}
function say(text, bad) {
  $('state').textContent = text;
  $('state').className = bad ? 'bad' : '';
}
const fail = error => say(error.message, true);

function table(names, rows) {
  const heads = names.map(([name, style]) => make('th', { class: style === 'number' && style }, name));
  return make('div', { class: 'panel' }, make('table', {}, make('thead', {}, make('tr', {}, heads)), make('tbody', {}, rows)));
}
function list(columns, rows, detail, empty) {
  if (!rows.length) return make('p', { class: 'panel empty' }, empty);
  return table(columns.map(([name, , style]) => [name, style]), rows.map(row => {
    const line = make('tr', { class: 'row', onclick: () => { if (!String(getSelection())) toggle(line, row, detail); } });
    line.append(...columns.map(([, cell, style], at) => {
      const value = cell(row), button = at ? value : make('button', { 'aria-expanded': 'false' }, value);
      return make('td', { class: style, title: typeof value === 'string' && value }, button);
    }));
    return line;
  }));
}
async function toggle(line, row, detail) {
  const open = line.classList.toggle('open');
  line.querySelector('button').setAttribute('aria-expanded', open);
  if (!open) return line.nextSibling.remove();
  const cell = make('td', { class: 'detail', colspan: line.children.length });
  line.after(make('tr', {}, cell));
  const parts = await detail(row).catch(error => [make('p', { class: 'error' }, error.message)]);
  cell.append(...parts.filter(Boolean));
}
function filters(fields, ...end) {
  let wait;
  const changed = () => { clearTimeout(wait); wait = setTimeout(draw, 200, true); };
  return make('div', { class: 'filters', role: 'search' }, fields.map(([name, label, hint]) => make('label', {}, label, Array.isArray(hint)
    ? make('select', { name, onchange: changed }, make('option', { value: '' }, 'any'), hint.map(value => make('option', { value }, words(value))))
    : make('input', { name, type: 'search', placeholder: hint, autocomplete: 'off', oninput: changed }))),
  make('div', { class: 'end' }, make('span', { class: 'dim', id: 'sum' }), end));
}
function values() {
  const fields = [...main.querySelectorAll('.filters [name]')].map(field => [field.name, field.value.trim()]);
  return Object.fromEntries(fields.filter(([, value]) => value));
}
const more = next => next && make('p', { class: 'more' }, make('button', { onclick: event => older(event.target, next).catch(fail) }, 'Show older'));
async function older(button, next) {
  button.disabled = true;
  const page = await views[view].rows(next), rows = [...views[view].table(page.rows).querySelectorAll('.row')];
  find('tbody').append(...rows);
  shown += rows.length;
  button.parentNode.replaceWith(more(page.next) || '');
  (rows[0] || main).querySelector('button').focus();
}

const views = {
  deliveries: {
    filters: () => filters([['event', 'Event', 'name, or crm.*'], ['outcome', 'Outcome', Object.keys(groupOf)], ['text', 'Text', 'id, consumer, error']]),
    rows: async before => {
      const page = await api('deliveries' + query({ ...values(), before }));
      return { rows: page.deliveries, next: page.next };
    },
    table: rows => list([
      ['Time', row => clock(row.received_at), 'mono'],
      ['Outcome', row => outcome(row.outcome)],
      ['Event', row => row.event_type || (row.form ? 'no event' : '–')],
      ['Id', row => row.event_id, 'mono dim'],
      ['Consumer', row => row.consumer_id || row.entity_id],
      ['Handler', row => row.handler, 'dim'],
      ['Attempt', row => row.replay ? 'replay' : row.run && row.run.attempt + ' of ' + row.run.max_attempts],
      ['Took', row => span(row.milliseconds), 'number'],
    ], rows, async ({ run, ...row }) => [
      run && run.error && make('p', { class: 'error' }, run.error),
      facts([['Event id', mono(row.event_id)], ['Entity', mono(row.entity_id)], ['Consumer', mono(row.consumer_id)],
        ['Idempotency key (not signed)', mono(row.idempotency_key)], ['Handler', mono(row.handler)],
        ['Run', run && (run.outcome ? words(run.outcome) + ', ' + span(run.milliseconds) : 'still running')],
        ['Apideck’s attempt', row.execution_attempt], ['Response', row.status || (row.replay ? null : 'none: the client left')],
        ['Signed', row.form && words(row.form) + ', ' + row.encoding + ', secret ' + (row.secret + 1)],
        ['Body', row.bytes && count(row.bytes, 'byte')], ['Client', mono(row.peer)]]),
    ], 'No delivery of this process matches.'),
  },
  'dead-letters': {
    filters: () => filters([['event', 'Event', 'whole name'], ['since', 'Since', '2026-01-31T12:00:00Z'], ['until', 'Until', '2026-02-01']],
      overview.changes && make('button', { onclick: () => all('replay') }, 'Replay all…'),
      overview.changes && make('button', { class: 'danger', onclick: () => all('purge') }, 'Purge all…')),
    rows: async after => {
      if (!overview.keeps_dead_letters) return { rows: [], count: 0 };
      const page = await api('dead-letters' + query({ ...values(), after }));
      return { rows: page.letters, next: page.next, count: page.count };
    },
    table: rows => list([
      ['Since', row => clock(row.since), 'mono'],
      ['Event', row => row.event_type || 'no event'],
      ['Consumer', row => row.consumer_id || row.entity_id],
      ['Error', row => row.error, 'wide'],
      ['Id', row => row.event_id, 'mono dim'],
      ['Attempts', row => String(row.attempts), 'number'],
    ], rows, letter, overview.keeps_dead_letters ? 'No dead letters.' : 'This store keeps no dead letters.'),
    sum: page => count(page.count, 'dead letter'),
  },
  receiver: {
    rows: async () => ({ rows: [(await api('receiver')).receiver] }),
    table: ([receiver]) => {
      const row = (...cells) => make('tr', {}, cells.map(cell => make('td', { class: 'wide', title: typeof cell === 'string' && cell }, cell)));
      const section = (name, part) => make('section', {}, make('h2', {}, name), part);
      const handlers = receiver.handlers.map(({ name, events, transaction }) => row(mono(name),
        events.length > 1 ? count(events.length, 'event') + ': ' + events.join(', ') : events[0] || 'unlisted events', transaction || '–'));
      const seen = overview.signatures.map(seen => row('secret ' + (seen.secret + 1), words(seen.form), seen.encoding, digits(seen.count), clock(seen.last)));
      return make('div', {},
        section('Handlers', table([['Handler'], ['Events'], ['Transaction']], handlers)),
        section('Signatures seen by this process', seen.length ? table([['Secret'], ['Form'], ['Encoding'], ['Deliveries'], ['Last']], seen) : 'None yet.'),
        section('Settings', facts([['version', receiver.version], ['secrets', receiver.secrets], ...receiver.limits].map(([name, value]) => [words(name), value]))));
    },
  },
};
async function letter({ record }) {
  const full = await api('dead-letters/' + record), { changes } = overview;
  const hidden = { values: 'Values below settings and metadata are hidden.', all: 'The body is not JSON, so all of it is hidden.' }[full.hidden];
  const body = full.body.length > 200000 ? full.body.slice(0, 200000) + '…' : full.body;
  return [
    make('p', { class: 'error' }, full.error),
    facts([['Event id', mono(full.event_id)], ['Entity', mono(full.entity_id)], ['Consumer', mono(full.consumer_id)], ['Record', mono(record)],
      ['Body', count(full.body_bytes, 'byte')], ['Running', full.running && 'yes'],
      ['Context', Object.keys(full.context).length > 0 && mono(JSON.stringify(full.context))]]),
    make('div', { class: 'actions' }, changes && make('button', { class: 'main', onclick: () => one('replay', full) }, 'Replay…'),
      changes && make('button', { class: 'danger', onclick: () => one('purge', full) }, 'Purge…'), make('span', { class: 'dim' }, hidden)),
    make('pre', { tabindex: 0, 'aria-label': 'Body' }, body),
  ];
}

// Changes. Each asks first, and names the event.
const TITLES = { replay: ['Replay ', 'Replaying…', 'The handler runs now. If it succeeds, the dead letter is gone.'],
  purge: ['Purge ', 'Purging…', 'The dead letter is deleted, and its event counts as done. This cannot be undone.'] };
function show(title, parts, ...buttons) {
  dialog.replaceChildren(make('h2', { id: 'question' }, title), ...parts.filter(Boolean).map(part => make('p', {}, part)), make('div', { class: 'actions' }, buttons));
  if (!dialog.open) dialog.showModal();
  if (buttons.length) buttons[0].focus();
}
const closer = (name, style) => make('button', { class: style, onclick: () => dialog.close() }, name);
function ask(kind, what, texts) {
  return new Promise(resolve => {
    const back = document.activeElement;
    const go = make('button', { class: kind === 'purge' ? 'main danger' : 'main', onclick: () => { dialog.onclose = null; resolve(true); } }, TITLES[kind][0] + (what[1] || ''));
    dialog.onclose = () => { if (!dialog.open) { resolve(false); back.focus(); } };
    show(TITLES[kind][0] + what[0] + '?', [...texts, TITLES[kind][2]], closer('Cancel'), go);
  });
}
function tell(title, texts) {
  dialog.onclose = () => { head().catch(fail); draw(true); main.focus(); };
  show(title, texts, closer('Close', 'main'));
}
async function one(kind, { record, event_type, event_id, consumer_id }) {
  const name = event_type || 'no event', about = 'Id ' + (event_id || '–') + (consumer_id && ', consumer ' + consumer_id);
  if (!await ask(kind, [name], [about])) return;
  show(TITLES[kind][1], [name, about, make('progress', {})]);
  try {
    const { disposition, error, purged } = await api('dead-letters/' + record + '/' + kind, {});
    if (kind === 'purge') tell(purged ? 'Purged' : 'It was gone already', [name, about]);
    else tell('Replayed: ' + words(disposition), [name, about, error ? 'The dead letter is kept: ' + error : 'The dead letter is gone.']);
  } catch (error) {
    tell('That failed', [name, about, error.message]);
  }
}
async function all(kind) {
  const filter = values();
  try {
    const dry = await api('dead-letters/' + kind, { ...filter, at_most: 1000, dry_run: true });
    if (!dry.count) return tell('No dead letter matches', []);
    const texts = Object.entries(filter).map(([name, value]) => name + ': ' + value);
    texts.unshift(!filter.event && 'Of every event.', dry.count === 1000 && 'The newest 1,000.');
    if (await ask(kind, [count(dry.count, 'dead letter'), digits(dry.count)], texts)) await each(kind, dry.results);
  } catch (error) {
    tell('That failed', [error.message]);
  }
}
// One by one: exactly the letters that were counted, and the operator can stop.
async function each(kind, results) {
  const told = {}, bar = make('progress', { max: results.length, value: 0 });
  let at = 0, failed = '';
  dialog.onclose = () => { failed = 'Stopped.'; };
  show(TITLES[kind][1], [bar], closer('Stop'));
  for (const { record } of results) {
    try {
      const { disposition, purged } = await api('dead-letters/' + record + '/' + kind, {});
      const word = disposition ? words(disposition) : purged ? 'purged' : 'gone already';
      told[word] = (told[word] || 0) + 1;
      bar.value = ++at;
    } catch (error) {
      failed = error.message;
    }
    if (failed) break;
  }
  const left = results.length - at;
  tell(left ? 'Not all were changed' : 'Done', [...Object.entries(told).map(([word, n]) => digits(n) + ' ' + word), failed, left && digits(left) + ' left as they were']);
}

const isBusy = () => dialog.open || find('.open') || document.activeElement.matches('select');
async function draw(again) {
  const mine = ++drawn, now = views[view];
  try {
    const page = await now.rows();
    if (mine !== drawn || !again && isBusy()) return;
    shown = page.rows.length;
    const old = find('.list'), hadFocus = old && old.contains(document.activeElement);
    const part = make('div', { class: 'list' }, now.table(page.rows), more(page.next));
    old ? old.replaceWith(part) : main.append(part);
    if (hadFocus) (part.querySelector('button') || main).focus();
    if (now.sum) $('sum').textContent = now.sum(page);
  } catch (error) {
    fail(error);
    if (again && find('.list')) find('.list').replaceChildren(make('p', { class: 'panel empty error' }, error.message));
  }
}
function route() {
  const wanted = location.hash.slice(1);
  view = wanted in views ? wanted : 'deliveries';
  for (const link of document.querySelectorAll('nav a')) link.ariaCurrent = link.hash === '#' + view ? 'page' : null;
  main.replaceChildren(...views[view].filters ? [views[view].filters()] : []);
  draw(true);
}
async function refresh() {
  if (!document.hidden) {
    await head().catch(fail);
    // Nothing changes under the reader of an open row or of a longer list.
    if (view !== 'receiver' && shown <= 100 && !isBusy()) await draw();
  }
  setTimeout(refresh, 3000);
}
head().then(() => {
  addEventListener('hashchange', route);
  route();
  setTimeout(refresh, 3000);
}).catch(fail);
