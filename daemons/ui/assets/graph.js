// A topology drawn: components in layers from left to right, streams between them with what flows on each.

import { at, get } from './api.js';
import { element, link, rate, table, whole } from './dom.js';
import { pages } from './views.js';

const [WIDTH, HEIGHT, ACROSS, DOWN] = [170, 50, 120, 26];

// The layer of each component: one more than the deepest that it takes from. A circle is cut where it closes.
export function layers(components) {
  const depth = new Map();
  const visit = (id, above) => {
    if (depth.has(id)) return depth.get(id);
    if (above.has(id) || !components[id]) return -1;
    above.add(id);
    const from = components[id][':inputs'].map((input) => visit(input[':component'], above));
    above.delete(id);
    depth.set(id, Math.max(-1, ...from) + 1);
    return depth.get(id);
  };
  Object.keys(components).forEach((id) => visit(id, new Set()));
  return depth;
}

// Per second, of one stream of a component, over the last ten minutes.
export function streamRate(component, plainStream) {
  let sum = 0;
  for (const executor of component[':stats']) {
    const secs = Math.min(600, executor[':uptime_secs']);
    const sent = executor[':transferred']?.['600']?.[plainStream] ?? 0;
    if (secs > 0) sum += sent / secs;
  }
  return sum;
}

export function edges(components) {
  return Object.entries(components).flatMap(([to, component]) => component[':inputs'].filter((input) => components[input[':component']]).map((input) => ({
    from: input[':component'], to, stream: input[':stream'], grouping: input[':grouping'],
    rate: streamRate(components[input[':component']], input[':sani-stream']),
  })));
}

function positions(components) {
  const places = new Map();
  const filled = [];
  for (const [id, depth] of [...layers(components)].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const row = filled[depth] ?? 0;
    filled[depth] = row + 1;
    places.set(id, { x: 10 + depth * (WIDTH + ACROSS), y: 10 + row * (HEIGHT + DOWN) });
  }
  const most = Math.max(1, ...filled.map((n) => n ?? 0));
  return { places, width: filled.length * (WIDTH + ACROSS) - ACROSS + 20, height: most * (HEIGHT + DOWN) + 10 };
}

function short(text, length) {
  return text.length > length ? `${text.slice(0, length - 1)}\u2026` : text;
}

function node(topology, id, component, place) {
  const capacity = component[':capacity'];
  const state = capacity > 0.9 ? 'full' : capacity > 0.7 ? 'busy' : '';
  const numbers = `${component[':stats'].length} executors${component[':type'] === 'bolt' ? `, ${Math.round(capacity * 100)} % busy` : ''}`;
  const drawn = element('g', { class: `${component[':type']} ${state}`, transform: `translate(${place.x} ${place.y})` },
    element('title', {}, `${id}: ${numbers}`),
    element('rect', { width: WIDTH, height: HEIGHT, rx: 4 }),
    element('text', { x: WIDTH / 2, y: 21, 'text-anchor': 'middle' }, short(id, 24)),
    element('text', { x: WIDTH / 2, y: 38, 'text-anchor': 'middle', class: 'small' }, numbers));
  drawn.addEventListener('click', () => { location.href = pages.component(topology, id); });
  return drawn;
}

function arrow(edge, places) {
  const [from, to] = [places.get(edge.from), places.get(edge.to)];
  const [x1, y1, x2, y2] = [from.x + WIDTH, from.y + HEIGHT / 2, to.x - 6, to.y + HEIGHT / 2];
  const bend = Math.max(40, Math.abs(x2 - x1) / 2);
  return element('g', {},
    element('title', {}, `${edge.from} to ${edge.to}, stream ${edge.stream}, ${edge.grouping}: ${rate(edge.rate)} a second`),
    element('path', { d: `M${x1} ${y1} C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`, 'stroke-width': 1 + Math.min(5, Math.log10(1 + edge.rate)) }),
    element('path', { class: 'head', d: `M${x2 - 2} ${y2 - 5} L${x2 + 6} ${y2} L${x2 - 2} ${y2 + 5} Z` }),
    element('text', { x: (x1 + x2) / 2, y: (y1 + y2) / 2 - 4, 'text-anchor': 'middle', class: 'small' }, `${rate(edge.rate)}/s`));
}

export async function graph(parameters) {
  const id = parameters.get('id') ?? '';
  const sys = parameters.get('sys') ?? 'false';
  const components = await get(at('topology', id, 'visualization'), { window: '600', sys });
  const streams = edges(components);
  const { places, width, height } = positions(components);
  const picture = element('svg', { width, height, role: 'img', 'aria-label': `The graph of ${id}; the table below says the same` },
    streams.map((edge) => arrow(edge, places)),
    Object.entries(components).map(([name, component]) => node(id, name, component, places.get(name))));
  const box = element('input', { type: 'checkbox', onchange: () => { parameters.set('sys', String(box.checked)); location.search = parameters.toString(); } });
  box.checked = sys === 'true';
  const component = (name, key) => ({ name, value: (e) => e[key], cell: (e) => link(pages.component(id, e[key]), e[key]) });
  const content = [
    Object.keys(components).length ? element('div', { class: 'chart' }, picture) : element('p', { class: 'faint' }, 'Nothing of it runs yet.'),
    table('Streams', [
      component('From', 'from'), component('To', 'to'),
      { name: 'Stream', value: (e) => e.stream }, { name: 'Grouping', value: (e) => e.grouping },
      { name: 'Tuples a second', value: (e) => e.rate, cell: (e) => rate(e.rate), number: true, title: 'of the stream, in the last ten minutes' },
    ], streams, 50),
  ];
  return { title: `Graph of ${id}`, place: [['topology', pages.topology(id)], ['graph', null]], content, tools: [element('label', {}, box, ' system components'), element('span', { class: 'faint' }, `${whole(streams.length)} streams`)] };
}
