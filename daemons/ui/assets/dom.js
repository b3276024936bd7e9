// Elements, and tables of many rows. Texts become text nodes and nothing else: what a user wrote is never markup.

export function element(tag, attributes = {}, ...children) {
  const made = tag === 'svg' || svg.has(tag) ? document.createElementNS('http://www.w3.org/2000/svg', tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith('on')) made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, '');
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(name, value);
  }
  made.append(...children.flat().filter((c) => c !== null && c !== undefined));
  return made;
}

const svg = new Set(['g', 'rect', 'text', 'path', 'title', 'marker', 'defs']);

export function link(address, text) {
  return element('a', { href: address }, String(text));
}

// A link to another server, if it is one that a browser may follow.
export function away(address, text) {
  return /^https?:\/\//.test(address || '') ? link(address, text) : String(text);
}

export function whole(number) {
  return typeof number === 'number' && Number.isFinite(number) ? Math.round(number).toLocaleString('en') : '-';
}

// Small numbers keep their digits.
export function rate(number) {
  if (!Number.isFinite(number)) return '-';
  return number >= 100 ? whole(number) : number.toLocaleString('en', { maximumFractionDigits: 2 });
}

export function facts(pairs) {
  const shown = pairs.filter(([, value]) => value !== null && value !== undefined && value !== '');
  return element('dl', { class: 'facts' }, shown.map(([name, value]) =>
    element('div', {}, element('dt', {}, name), element('dd', { class: classOf(value) }, value instanceof Node ? value : String(value)))));
}

export function classOf(status) {
  if (['ACTIVE', 'Leader'].includes(status)) return 'good';
  if (['INACTIVE', 'REBALANCING', 'Not a Leader'].includes(status)) return 'warn';
  return ['KILLED', 'Offline'].includes(status) ? 'bad' : null;
}

// What the reader has done to a table outlives the next look at the data.
const states = new Map();

// `columns` are {name, value(row), cell(row), number, title}; the rows of a page are drawn, and no others.
export function table(name, columns, rows, perPage) {
  if (!states.has(name)) states.set(name, { sort: null, down: false, filter: '', page: 0 });
  const state = states.get(name);
  const size = perPage > 0 ? perPage : Infinity;
  const body = element('tbody');
  const heads = columns.map((column) => {
    const press = () => {
      state.down = state.sort === column.name ? !state.down : Boolean(column.number);
      state.sort = column.name;
      state.page = 0;
      draw();
    };
    const button = element('button', { type: 'button', title: column.title, onclick: press }, column.name);
    return element('th', { scope: 'col', class: column.number ? 'number' : null }, button);
  });
  const place = element('span', { class: 'faint', 'aria-live': 'polite' });
  const turn = (by) => () => { state.page += by; draw(); };
  const back = element('button', { type: 'button', onclick: turn(-1) }, 'Previous');
  const on = element('button', { type: 'button', onclick: turn(1) }, 'Next');
  const pages = element('div', { class: 'pages' }, back, on, place);
  const search = element('input', {
    type: 'search', placeholder: 'Filter', 'aria-label': `Filter ${name}`, value: state.filter,
    oninput: () => { state.filter = search.value; state.page = 0; draw(); },
  });

  function chosen() {
    const wanted = state.filter.trim().toLowerCase();
    const found = wanted ? rows.filter((row) => columns.some((c) => String(c.value(row)).toLowerCase().includes(wanted))) : [...rows];
    const by = columns.find((c) => c.name === state.sort);
    if (by) found.sort((a, b) => compare(by.value(a), by.value(b)) * (state.down ? -1 : 1));
    return found;
  }

  function draw() {
    const found = chosen();
    const last = Math.max(0, Math.ceil(found.length / size) - 1);
    state.page = Math.min(Math.max(state.page, 0), last);
    const from = state.page * size || 0;
    body.replaceChildren(...found.slice(from, from + size).map((row) => element('tr', {}, columns.map((column) => {
      const shown = column.cell ? column.cell(row) : column.value(row);
      return element('td', { class: column.number ? 'number' : classOf(shown) }, shown instanceof Node ? shown : String(shown ?? '-'));
    }))));
    columns.forEach((column, at) => {
      if (state.sort === column.name) heads[at].setAttribute('aria-sort', state.down ? 'descending' : 'ascending');
      else heads[at].removeAttribute('aria-sort');
    });
    back.disabled = state.page === 0;
    on.disabled = state.page === last;
    pages.hidden = found.length <= size;
    const until = Math.min(from + size, found.length);
    place.textContent = `${whole(from + 1)} to ${whole(until)} of ${whole(found.length)}`;
  }

  draw();
  const heading = element('div', { class: 'above' }, element('h2', {}, name), element('span', { class: 'faint' }, whole(rows.length)), rows.length > 5 ? search : null);
  if (rows.length === 0) return element('section', {}, heading, element('p', { class: 'faint' }, 'None.'));
  const drawn = element('table', { 'aria-label': name }, element('thead', {}, element('tr', {}, heads)), body);
  return element('section', {}, heading, element('div', { class: 'wide' }, drawn), pages);
}

function compare(a, b) {
  const [x, y] = [Number(a), Number(b)];
  if (a !== '' && b !== '' && !Number.isNaN(x) && !Number.isNaN(y)) return x - y;
  return String(a).localeCompare(String(b), 'en', { numeric: true });
}
