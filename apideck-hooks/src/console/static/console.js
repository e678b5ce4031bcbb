'use strict';
// Texts of events are strangers' texts: they become text nodes, never markup.
const API = location.origin + location.pathname.replace(/\/?$/, '/api/');
const groupOf = {};
const $ = id => document.getElementById(id);
const main = $('main'), dialog = $('dialog'), find = selector => main.querySelector(selector);
let view, shown, drawn = 0, overview;

// The classes are behind the tag: `p.error`.
function make(tag, options, ...children) {
	const [name, ...classes] = tag.split('.'), element = document.createElement(name);
	element.className = classes.join(' ');
	for (const [name, value] of Object.entries(options)) {
		if (name.startsWith('on')) element[name] = value;
		else if (value != null && value !== false) element.setAttribute(name, value);
	}
	element.append(...children.flat(2).filter(child => child != null && child !== false));
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
const mono = text => text && make('span.mono', {}, text);
const dot = (group, text) => make('span.dot.' + group, {}, make('span', {}, text));
const button = (text, onclick, style) => make('button', { onclick, class: style }, text);
function clock(time) {
	const date = new Date(time), isToday = date.toDateString() === new Date().toDateString();
	return make('time', { title: time }, date[isToday ? 'toLocaleTimeString' : 'toLocaleString']('sv'));
}
const span = ms => ms < 1000 ? ms.toFixed(ms < 10 ? 1 : 0) + ' ms' : (ms / 1000).toFixed(1) + ' s';
function age(seconds) {
	if (seconds == null) return '–';
	const [unit, length] = [['d', 86400], ['h', 3600], ['min', 60], ['s', 0]].find(([, length]) => seconds >= length);
	return Math.floor(seconds / (length || 1)) + ' ' + unit;
}
function facts(rows) {
	return make('dl.facts', {}, rows.filter(([, value]) => value || value === 0).map(([name, value]) => make('div', {}, make('dt', {}, name), make('dd', {}, value))));
}
const ids = row => [['Event id', mono(row.event_id)], ['Entity', mono(row.entity_id)], ['Consumer', mono(row.consumer_id)],
	['Idempotency key (not signed)', mono(row.idempotency_key)]];

function bars({ minutes, groups }) {
	for (const { kind, outcomes } of groups) for (const name of outcomes) groupOf[name] = kind;
	const sumOf = ({ outcomes }, { kind }) => sum(Object.keys(outcomes).map(name => groupOf[name] === kind ? outcomes[name] : 0));
	const peak = Math.max(...minutes.map(({ outcomes }) => sum(Object.values(outcomes))));
	$('chart').replaceChildren(...minutes.map(minute => make('div', {}, groups.map(group => {
		const n = sumOf(minute, group), bar = make('b.' + group.kind, { title: minute.start.slice(11, 16) + ' UTC: ' + n + ' ' + group.name });
		bar.style.height = n && Math.max(1.5, n / peak * 92) + 'px';
		return bar;
	}).reverse())));
	$('peak').textContent = peak ? 'peak ' + digits(peak) + ' a minute' : 'no requests';
	$('legend').replaceChildren(...groups.flatMap(group => {
		const n = sum(minutes.map(minute => sumOf(minute, group)));
		return n ? dot(group.kind, group.name + ' ' + digits(n)) : [];
	}));
	$('chart').ariaLabel = 'Outcomes of the last hour: ' + $('legend').textContent;
}
async function head() {
	overview = await api('overview');
	const { source, ready, dead_letters, has_inbox } = overview;
	document.title = (source ? source + ' – ' : '') + 'Apideck hooks';
	$('facts').textContent = [source && 'source ' + source, overview.store.replace(/^.*::/, ''), !overview.changes && 'read only'].filter(Boolean).join(' · ');
	const number = (name, value, style) => make('div', {}, make('dt', {}, name), make('dd', { class: style }, value?.toLocaleString('en') ?? '–'));
	$('numbers').replaceChildren(number('Per minute', overview.rate_per_minute), number('In flight', overview.in_flight),
		number('Handled', overview.totals.runs_handled), number('Dead letters', dead_letters, dead_letters && 'bad'),
		...has_inbox ? [number('Inbox', overview.inbox_waiting), number('Oldest waits', age(overview.inbox_oldest_seconds))] : []);
	$('badge').textContent = dead_letters ? digits(dead_letters) : '';
	$('letters').hidden = !overview.keeps_dead_letters;
	$('queue').hidden = !has_inbox;
	say(ready ? 'ready' : 'not ready', !ready);
	$('notice').textContent = !overview.observing ? 'No deliveries are seen: add .observe(console.observer()) to the builder.'
		: overview.volatile ? 'The store is in memory: it forgets at a restart, and keeps no dead letters.'
		: overview.inbox_pauses ? 'Events are paused.' : '';
	bars(overview);
}
function say(text, bad) {
	$('state').textContent = text;
	$('state').className = bad ? 'bad' : '';
}
const fail = error => say(error.message, true);

const cell = (value, style, child = value) => make('td', { class: style, title: typeof value === 'string' && value }, child);
function table(columns, rows) {
	const heads = columns.map(([name, , style]) => make('th', { class: style === 'number' && style }, name));
	return make('div.panel', {}, make('table', {}, make('thead', {}, make('tr', {}, heads)), make('tbody', {}, rows)));
}
function list(columns, rows, detail, empty) {
	if (!rows.length) return make('p.panel.empty', {}, empty);
	return table(columns, rows.map(row => {
		const line = make('tr.row', { onclick: () => { if (!String(getSelection())) toggle(line, row, detail); } },
			columns.map(([, value, style], at) => cell(value(row), style, at ? undefined : make('button', { 'aria-expanded': 'false' }, value(row)))));
		return line;
	}));
}
async function toggle(line, row, detail) {
	const open = line.classList.toggle('open');
	line.querySelector('button').setAttribute('aria-expanded', open);
	if (!open) return line.nextSibling.remove();
	const place = make('td.detail', { colspan: line.children.length });
	line.after(make('tr', {}, place));
	const parts = await detail(row).catch(error => [make('p.error', {}, error.message)]);
	place.append(...parts.filter(Boolean));
}
function filters(fields, ...end) {
	let wait;
	const changed = () => { clearTimeout(wait); wait = setTimeout(draw, 200, true); };
	return make('div.filters', { role: 'search' }, fields.map(([name, label, hint]) => make('label', {}, label, Array.isArray(hint)
		? make('select', { name, onchange: changed }, make('option', { value: '' }, 'any'), hint.map(value => make('option', { value }, words(value))))
		: make('input', { name, type: 'search', placeholder: hint, autocomplete: 'off', oninput: changed }))),
	make('div.end', {}, make('span.dim', { id: 'sum' }), end));
}
function values() {
	const fields = [...main.querySelectorAll('.filters [name]')].map(field => [field.name, field.value.trim()]);
	return Object.fromEntries(fields.filter(([, value]) => value));
}
async function paged(path, name, cursor) {
	const page = await api(path + query({ ...values(), ...cursor }));
	return { ...page, rows: page[name] };
}
const more = next => next && make('p.more', {}, button('Show older', event => older(event.target, next).catch(fail)));
async function older(button, next) {
	button.disabled = true;
	const page = await views[view].rows(next), rows = [...views[view].table(page.rows).querySelectorAll('.row')];
	button.parentNode.previousSibling.querySelector('tbody').append(...rows);
	shown += rows.length;
	button.parentNode.replaceWith(more(page.next) || '');
	(rows[0] || main).querySelector('button').focus();
}

const NAME = ['event', 'Event', 'name, or crm.*'], TIMES = [['since', 'Since', '2026-01-31T12:00:00Z'], ['until', 'Until', '2026-02-01']];
const EVENT = ['Event', row => row.event_type || 'no event'], ID = ['Id', row => row.event_id, 'mono dim'];
const CONSUMER = ['Consumer', row => row.consumer_id || row.entity_id], ATTEMPTS = ['Attempts', row => String(row.attempts), 'number'];
const views = {
	deliveries: {
		filters: () => filters([NAME, ['outcome', 'Outcome', Object.keys(groupOf)], ['text', 'Text', 'id, consumer, error']]),
		rows: before => paged('deliveries', 'deliveries', { before }),
		table: rows => list([
			['Time', row => clock(row.received_at), 'mono'],
			['Outcome', row => dot(groupOf[row.outcome] || 'plain', words(row.outcome))],
			EVENT, ID, CONSUMER,
			['Handler', row => row.handler, 'dim'],
			['Attempt', row => row.replay ? 'replay' : row.run && row.run.attempt + ' of ' + row.run.max_attempts],
			['Took', row => span(row.milliseconds), 'number'],
		], rows, async ({ run, ...row }) => [
			run && run.error && make('p.error', {}, run.error),
			facts([...ids(row), ['Handler', mono(row.handler)],
				['Run', run && (run.outcome ? words(run.outcome) + ', ' + span(run.milliseconds) : 'still running')],
				['Apideck’s attempt', row.execution_attempt], ['Response', row.status || (row.replay || row.worker ? null : 'none: the client left')],
				['Signed', row.form && words(row.form) + ', ' + row.encoding + ', secret ' + (row.secret + 1)],
				['Body', row.bytes && count(row.bytes, 'byte')], ['Client', mono(row.peer)]]),
		], 'No delivery matches.'),
	},
	'dead-letters': {
		filters: () => filters([NAME, ...TIMES], ['replay', 'purge'].map(kind => action(kind, () => all(kind), ' all'))),
		rows: after => paged('dead-letters', 'letters', { after }),
		table: rows => list([
			['Since', row => clock(row.since), 'mono'], EVENT, CONSUMER,
			['Error', row => row.error, 'wide'], ID, ATTEMPTS,
		], rows, kept('dead-letters/', ['replay', 'purge']), 'No dead letters.'),
		sum: page => count(page.count, 'dead letter'),
	},
	inbox: {
		filters: () => filters([NAME, ...TIMES], action('pause', () => hold('pause', values().event || '*'))),
		rows: async before => ({ ...await paged('inbox/events', 'events', { before }), inbox: !before && await api('inbox') }),
		top: ({ inbox }) => {
			const row = (kind, name, ...cells) => make('tr', {}, [name, ...cells, kind && name && action(kind, () => hold(kind, name))].map((value, at) => cell(value, at % 3 && 'number')));
			const rows = [...inbox.paused.map(({ pattern, since_seconds }) => row('resume', pattern, '', '', dot('wait', 'paused for ' + age(since_seconds)))),
				...inbox.events.map(of => row(!of.paused && 'pause', of.event_type, digits(of.waiting), age(of.oldest_due_seconds), of.paused && dot('wait', 'paused')))];
			return rows[0] && table([['By event'], ['Waiting', , 'number'], ['Due for', , 'number'], [''], ['']], rows.slice(0, 50));
		},
		table: rows => list([
			['Accepted', row => clock(row.accepted_at), 'mono'], EVENT, CONSUMER,
			['State', ({ running, paused, due_in_seconds: due }) => running ? dot('good', 'running') : dot(due || paused ? 'wait' : 'plain', paused ? 'paused' : due ? 'due in ' + age(due) : 'due')],
			ID, ATTEMPTS,
		], rows, kept('inbox/events/', ['end-rest']), 'No event waits.'),
		sum: ({ inbox }) => digits(inbox.waiting) + ' waiting, ' + digits(inbox.running) + ' running',
	},
	receiver: {
		rows: async () => ({ rows: [(await api('receiver')).receiver] }),
		table: ([receiver]) => {
			const row = (...cells) => make('tr', {}, cells.map(value => cell(value, 'wide')));
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
// The facts and the body of a kept event, and its changes.
const kept = (path, kinds) => async ({ record }) => {
	const full = await api(path + record);
	const hidden = { values: 'Values below settings and metadata are hidden.', all: 'Hidden, because it is not JSON.' }[full.hidden];
	const body = full.body.length > 200000 ? full.body.slice(0, 200000) + '…' : full.body;
	const about = [full.event_type || 'no event', 'Id ' + (full.event_id || '–') + (full.consumer_id && ', consumer ' + full.consumer_id)];
	return [
		make('p.error', {}, full.error),
		facts([...ids(full), ['Record', mono(record)], ['Body', count(full.body_bytes, 'byte')], ['Running', full.running && 'yes'],
			['Context', Object.keys(full.context).length > 0 && mono(JSON.stringify(full.context))]]),
		make('div.actions', {}, kinds.map(kind => action(kind, () => change(kind, path + record + '/' + kind, {}, about))), make('span.dim', {}, hidden)),
		make('pre', { tabindex: 0, 'aria-label': 'Body' }, body),
	];
};

// Changes. Each asks first, and names the event or the pattern.
const KINDS = {
	replay: ['Replay', 'The handler runs now. If it succeeds, the dead letter is gone.'],
	purge: ['Purge', 'The dead letter is deleted, and its event counts as done. This cannot be undone.', 'Purged', 'It was gone already'],
	pause: ['Pause', 'Events are still accepted. Workers begin none that match, until you resume.', 'Paused', 'It was paused before'],
	resume: ['Resume', 'Workers run the events again.', 'Resumed', 'It was not paused'],
	'end-rest': ['Run now', 'A worker runs it next, unless a pause or its entity holds it.', 'It is due now', 'It was due'],
};
const action = (kind, onclick, more = '') => overview.changes && button(KINDS[kind][0] + more + '…', onclick, kind === 'purge' && 'danger');
function show(title, parts, ...buttons) {
	dialog.replaceChildren(make('h2', { id: 'question' }, title), ...parts.filter(Boolean).map(part => make('p', {}, part)), make('div.actions', {}, buttons));
	if (!dialog.open) dialog.showModal();
	buttons[0]?.focus();
}
const closer = (name, style) => button(name, () => dialog.close(), style);
function ask(kind, what, texts, number = '') {
	return new Promise(resolve => {
		const back = document.activeElement, [name, means] = KINDS[kind];
		const go = button(name + ' ' + number, () => { dialog.onclose = null; resolve(true); }, kind === 'purge' ? 'main danger' : 'main');
		dialog.onclose = () => { if (!dialog.open) { resolve(false); back.focus(); } };
		show(name + ' ' + what + '?', [...texts, means], closer('Cancel'), go);
	});
}
function tell(title, texts) {
	dialog.onclose = () => { head().catch(fail); draw(true); main.focus(); };
	show(title, texts, closer('Close', 'main'));
}
async function change(kind, path, body, about) {
	const [name, , yes, no] = KINDS[kind];
	if (!await ask(kind, about[0], about.slice(1))) return;
	show(name + '…', [...about, make('progress', {})]);
	try {
		const { disposition, error, purged, changed } = await api(path, body);
		if (!disposition) tell(purged || changed ? yes : no, about);
		else tell('Replayed: ' + words(disposition), [...about, error ? 'The dead letter is kept: ' + error : 'The dead letter is gone.']);
	} catch (error) {
		tell('That failed', [...about, error.message]);
	}
}
const hold = (kind, pattern) => change(kind, 'inbox/' + kind, { pattern }, [pattern]);
async function all(kind) {
	const filter = values();
	try {
		const dry = await api('dead-letters/' + kind, { ...filter, at_most: 1000, dry_run: true });
		if (!dry.count) return tell('No dead letter matches', []);
		const texts = Object.entries(filter).map(([name, value]) => name + ': ' + value);
		texts.unshift(!filter.event && 'Of every event.', dry.count === 1000 && 'The newest 1,000.');
		if (await ask(kind, count(dry.count, 'dead letter'), texts, digits(dry.count))) await each(kind, dry.results);
	} catch (error) {
		tell('That failed', [error.message]);
	}
}
// One by one: exactly the letters that were counted, and the operator can stop.
async function each(kind, results) {
	const told = {}, bar = make('progress', { max: results.length, value: 0 });
	let at = 0, failed = '';
	dialog.onclose = () => { failed = 'Stopped.'; };
	show(KINDS[kind][0] + '…', [bar], closer('Stop'));
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
		const old = find('.list'), at = old ? [...old.querySelectorAll('button')].indexOf(document.activeElement) : -1;
		const part = make('div.list', {}, now.top && now.top(page), now.table(page.rows), more(page.next));
		old ? old.replaceWith(part) : main.append(part);
		if (at >= 0) (part.querySelectorAll('button')[at] || main).focus();
		if (now.sum) $('sum').textContent = now.sum(page);
	} catch (error) {
		fail(error);
		if (again && find('.list')) find('.list').replaceChildren(make('p.panel.empty.error', {}, error.message));
	}
}
function route() {
	const links = [...document.querySelectorAll('nav a:not([hidden])')];
	const wanted = links.find(link => link.hash === location.hash) || links[0];
	view = wanted.hash.slice(1);
	for (const link of links) link.ariaCurrent = link === wanted ? 'page' : null;
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
