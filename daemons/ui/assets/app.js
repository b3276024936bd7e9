// Shows the view of the address, and looks again every few seconds while somebody can see it.

import { settings } from './api.js';
import { away, element, link } from './dom.js';
import { graph } from './graph.js';
import * as views from './views.js';

const PERIOD = 10_000;
const VIEWS = { 'topology.html': views.topology, 'component.html': views.component, 'supervisor.html': views.supervisor, 'owner.html': views.owner, 'visualize.html': graph };
const view = VIEWS[location.pathname.split('/').pop()] ?? views.cluster;
const main = document.getElementById('main');
const trouble = document.getElementById('trouble');
const again = element('input', { type: 'checkbox', id: 'again' });
again.checked = true;
const now = element('button', { type: 'button', title: 'r', onclick: () => look() }, 'Refresh');
let looking = false;
let missed = false;
let timer = null;

async function look() {
  if (looking) {
    missed = true;
    return;
  }
  looking = true;
  clearTimeout(timer);
  try {
    show(await view(new URLSearchParams(location.search)));
    trouble.hidden = true;
  } catch (e) {
    trouble.textContent = e.message;
    trouble.hidden = false;
  }
  looking = false;
  timer = setTimeout(tick, missed ? 0 : PERIOD);
  missed = false;
}

// An open list, or a question, is not taken away.
function tick() {
  const busy = document.activeElement?.matches('select') || document.getElementById('ask').open;
  if (again.checked && !document.hidden && !busy) look();
  else timer = setTimeout(tick, 1000);
}

// Whoever is somewhere with the keyboard stays there, though what he stands on is made anew.
function inPlace(change) {
  const all = () => [...document.querySelectorAll('#tools :is(a, button, input, select), main :is(a, button, input, select)')];
  const held = document.activeElement;
  const at = all().indexOf(held);
  const caret = held?.matches?.('input[type="search"]') ? held.selectionStart : null;
  const scroll = [window.scrollX, window.scrollY];
  change();
  window.scrollTo(...scroll);
  const next = at < 0 ? null : all()[at];
  next?.focus({ preventScroll: true });
  if (caret !== null && next?.matches('input[type="search"]')) next.setSelectionRange(caret, caret);
}

function show({ title, place, content, tools }) {
  document.title = `${title} - ${settings.title}`;
  document.getElementById('place').replaceChildren(...place.map(([name, address]) => element('li', {}, address ? link(address, name) : name)));
  inPlace(() => {
    document.getElementById('tools').replaceChildren(...tools, element('label', {}, again, ' every 10 s'), now);
    main.replaceChildren(element('h1', {}, title), ...content);
  });
  document.getElementById('foot').replaceChildren(
    `Seen at ${new Date().toLocaleTimeString()}. Keys: / filter, r refresh.`,
    ...(settings.bugs ? [' ', away(settings.bugs, 'Report a problem.')] : []),
    ...(settings.logs ? [' ', away(settings.logs, 'Central logs.')] : []));
}

document.addEventListener('changed', () => look());
document.addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches('input, select, textarea')) return;
  if (event.key === 'r') look();
  if (event.key === '/') {
    const field = document.querySelector('input[type="search"]');
    if (field) {
      event.preventDefault();
      field.focus();
    }
  }
});
look();
