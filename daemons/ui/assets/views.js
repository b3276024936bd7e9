// What each page shows. A view takes the parameters of the address and gives {title, place, content, tools}.

import { at, get, post, settings } from './api.js';
import { away, element, facts, link, rate, table, whole } from './dom.js';

const rows = settings.rows;
const query = (parameters) => new URLSearchParams(parameters).toString();
export const pages = {
  topology: (id) => `topology.html?${query({ id })}`,
  component: (topology, id) => `component.html?${query({ id, topology_id: topology })}`,
  supervisor: (id) => `supervisor.html?${query({ id })}`,
  owner: (id) => `owner.html?${query({ id })}`,
  graph: (id) => `visualize.html?${query({ id })}`,
};
const text = (name, key, more = {}) => ({ name, value: (row) => row[key] ?? '', ...more });
const number = (name, key, more = {}) => ({ name, value: (row) => row[key] ?? 0, cell: (row) => whole(row[key]), number: true, ...more });
// Texts such as "0.250" are sorted as numbers and shown as they came.
const decimal = (name, key, more = {}) => ({ name, value: (row) => row[key] ?? '', number: true, ...more });
const uptime = { name: 'Uptime', value: (row) => row.uptimeSeconds ?? 0, cell: (row) => row.uptime || '0s', number: true };

function memory(row, key) {
  return `${whole(row[key])} MB`;
}

function topologies(all) {
  return table('Topologies', [
    { name: 'Name', value: (t) => t.name, cell: (t) => link(pages.topology(t.id), t.name) },
    { name: 'Owner', value: (t) => t.owner ?? '', cell: (t) => (t.owner ? link(pages.owner(t.owner), t.owner) : '-') },
    text('Status', 'status'),
    uptime,
    number('Workers', 'workersTotal'),
    number('Executors', 'executorsTotal'),
    number('Tasks', 'tasksTotal'),
    number('Replicas', 'replicationCount', { title: 'Nimbuses that hold its files' }),
    { name: 'Assigned memory', value: (t) => t.assignedTotalMem, cell: (t) => memory(t, 'assignedTotalMem'), number: true },
    text('Scheduler', 'schedulerInfo'),
  ], all, rows);
}

function supervisors(all) {
  return table('Supervisors', [
    { name: 'Host', value: (s) => s.host, cell: (s) => link(pages.supervisor(s.id), s.host) },
    text('Id', 'id'),
    uptime,
    number('Slots', 'slotsTotal'),
    number('Used', 'slotsUsed'),
    { name: 'Used memory', value: (s) => s.usedMem, cell: (s) => `${whole(s.usedMem)} of ${memory(s, 'totalMem')}`, number: true },
    { name: 'Used processors', value: (s) => s.usedCpu, cell: (s) => `${whole(s.usedCpu)} of ${whole(s.totalCpu)} %`, number: true },
    { name: 'Blacklisted', value: (s) => (s.blacklisted ? 'yes' : 'no'), cell: (s) => element('span', { class: s.blacklisted ? 'bad' : null }, s.blacklisted ? 'yes' : 'no') },
    text('Version', 'version'),
    { name: 'Log', value: () => '', cell: (s) => away(s.logLink, 'log') },
  ], all, rows);
}

function workers(all, withTopology) {
  return table('Workers', [
    { name: 'Host', value: (w) => w.host, cell: (w) => link(pages.supervisor(w.supervisorId), w.host) },
    { name: 'Port', value: (w) => w.port, cell: (w) => away(w.workerLogLink, w.port), number: true, title: 'leads to its log' },
    ...(withTopology ? [{ name: 'Topology', value: (w) => w.topologyName, cell: (w) => link(pages.topology(w.topologyId), w.topologyName) }] : []),
    uptime,
    number('Executors', 'executorsTotal'),
    { name: 'Tasks', value: (w) => Object.entries(w.componentNumTasks).map(([c, n]) => `${c} ${n}`).join(', ') },
    { name: 'Memory', value: (w) => w.assignedMemOnHeap + w.assignedMemOffHeap, cell: (w) => `${whole(w.assignedMemOnHeap + w.assignedMemOffHeap)} MB`, number: true },
  ], all, rows);
}

function configuration(conf) {
  const all = Object.entries(conf).sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, value]) => ({ key, value: typeof value === 'string' ? value : JSON.stringify(value) }));
  return table('Configuration', [text('Key', 'key'), text('Value', 'value')], all, rows);
}

export async function cluster() {
  const [summary, nimbus, hosts, all, owners, conf] = await Promise.all([
    get(at('cluster', 'summary')), get(at('nimbus', 'summary')), get(at('supervisor', 'summary')),
    get(at('topology', 'summary')), get(at('owner-resources')), get(at('cluster', 'configuration')),
  ]);
  const content = [
    facts([
      ['Storm', summary.stormVersion],
      ['Supervisors', whole(summary.supervisors)],
      ['Slots used', `${whole(summary.slotsUsed)} of ${whole(summary.slotsTotal)}`],
      ['Topologies', whole(summary.topologies)],
      ['Executors', whole(summary.executorsTotal)],
      ['Tasks', whole(summary.tasksTotal)],
      ['Memory assigned', `${summary.memAssignedPercentUtil} %`],
      ['Processors assigned', `${summary.cpuAssignedPercentUtil} %`],
    ]),
    topologies(all.topologies),
    supervisors(hosts.supervisors),
    table('Nimbuses', [
      text('Host', 'host'), decimal('Port', 'port'), text('Status', 'status'), text('Version', 'version'),
      { name: 'Uptime', value: (n) => n.nimbusUpTimeSeconds, cell: (n) => n.nimbusUpTime || '0s', number: true },
      { name: 'Log', value: () => '', cell: (n) => away(n.nimbusLogLink, 'log') },
    ], nimbus.nimbuses, rows),
    table('Owners', [
      { name: 'Owner', value: (o) => o.owner, cell: (o) => link(pages.owner(o.owner), o.owner || '(nobody)') },
      number('Topologies', 'totalTopologies'), number('Workers', 'totalWorkers'), number('Executors', 'totalExecutors'), number('Tasks', 'totalTasks'),
      number('Memory', 'totalMemoryUsage'), number('Processors', 'totalCpuUsage'),
    ], owners.owners, rows),
    configuration(conf),
  ];
  return { title: 'Cluster', place: [], content, tools: [] };
}

export async function owner(parameters) {
  const id = parameters.get('id') ?? '';
  const seen = await get(at('owner-resources', id));
  const content = [
    facts([
      ['Topologies', whole(seen.totalTopologies)], ['Workers', whole(seen.totalWorkers)], ['Executors', whole(seen.totalExecutors)],
      ['Tasks', whole(seen.totalTasks)], ['Memory', `${whole(seen.totalMemoryUsage)} MB`], ['Memory guaranteed', seen.memoryGuarantee],
      ['Processors', `${whole(seen.totalCpuUsage)} %`], ['Processors guaranteed', seen.cpuGuarantee],
    ]),
    topologies(seen.topologies),
  ];
  return { title: `Owner ${seen.owner}`, place: [['owner', null]], content, tools: [] };
}

export async function supervisor(parameters) {
  const wanted = parameters.get('id') ? { id: parameters.get('id') } : { host: parameters.get('host') ?? '' };
  const seen = await get(at('supervisor'), { ...wanted, sys: parameters.get('sys') ?? 'false' });
  const title = seen.supervisors.length === 1 ? `Supervisor on ${seen.supervisors[0].host}` : 'Supervisors';
  return { title, place: [['supervisor', null]], content: [supervisors(seen.supervisors), workers(seen.workers, true)], tools: [] };
}

function windows(parameters) {
  const names = { ':all-time': 'since the start', 86400: 'last day', 10800: 'last 3 hours', 600: 'last 10 minutes' };
  const chosen = parameters.get('window') ?? ':all-time';
  const go = (name, value) => { parameters.set(name, value); location.search = parameters.toString(); };
  const select = element('select', { 'aria-label': 'Time', onchange: () => go('window', select.value) },
    Object.entries(names).map(([value, name]) => element('option', { value, selected: value === chosen }, name)));
  const sys = element('input', { type: 'checkbox', onchange: () => go('sys', String(sys.checked)) });
  sys.checked = parameters.get('sys') === 'true';
  return [select, element('label', {}, sys, ' system components')];
}

const common = (parameters) => ({ window: parameters.get('window') ?? ':all-time', sys: parameters.get('sys') ?? 'false' });

function lastError(row) {
  if (!row.lastError) return '';
  const when = `${row.errorLapsedSecs} s ago`;
  return element('span', { class: 'bad' }, away(row.errorWorkerLogLink, when), ' ', row.lastError);
}

function components(id, kind, all) {
  const key = kind === 'spout' ? 'spoutId' : 'boltId';
  const own = kind === 'spout'
    ? [decimal('Complete ms', 'completeLatency')]
    : [
      { name: 'Capacity', value: (b) => b.capacity, cell: (b) => element('span', { class: b.capacity > 0.9 ? 'bad' : b.capacity > 0.7 ? 'warn' : null }, b.capacity), number: true, title: 'the busiest executor; 1 is all of its time' },
      decimal('Execute ms', 'executeLatency'), number('Executed', 'executed'), decimal('Process ms', 'processLatency'),
    ];
  return table(kind === 'spout' ? 'Spouts' : 'Bolts', [
    { name: 'Id', value: (c) => c[key], cell: (c) => link(pages.component(id, c[key]), c[key]) },
    number('Executors', 'executors'), number('Tasks', 'tasks'), number('Emitted', 'emitted'), number('Transferred', 'transferred'),
    ...own, number('Acked', 'acked'), number('Failed', 'failed'),
    { name: 'Last error', value: (c) => c.lastError, cell: lastError },
  ], all, rows);
}

// The shortest time first.
function byWindow(all) {
  const length = (s) => (s.window === ':all-time' ? Infinity : Number(s.window));
  return [...all].sort((a, b) => length(a) - length(b));
}

// Per second, over the window or as long as it runs.
function perSecond(count, window, uptimeSecs) {
  const secs = window === ':all-time' ? uptimeSecs : Math.min(Number(window), uptimeSecs);
  return secs > 0 ? count / secs : NaN;
}

export async function topology(parameters) {
  const id = parameters.get('id') ?? '';
  const [seen, levels] = await Promise.all([get(at('topology', id), common(parameters)), get(at('topology', id, 'logconfig'))]);
  const content = [
    facts([
      ['Status', seen.status], ['Uptime', seen.uptime || '0s'], ['Owner', seen.owner], ['Id', seen.id],
      ['Workers', whole(seen.workersTotal)], ['Executors', whole(seen.executorsTotal)], ['Tasks', whole(seen.tasksTotal)],
      ['Replicas', seen.replicationCount], ['Memory assigned', memory(seen, 'assignedTotalMem')], ['Scheduler', seen.schedulerInfo],
      ['Debug', seen.debug ? `${seen.samplingPct} % of tuples` : 'off'], ['Version', seen.topologyVersion],
    ]),
    table('Flow', [
      { name: 'Time', value: (s) => (s.window === ':all-time' ? Infinity : Number(s.window)), cell: (s) => s.windowPretty },
      number('Emitted', 'emitted'), number('Transferred', 'transferred'),
      { name: 'Transferred a second', value: (s) => perSecond(s.transferred, s.window, seen.uptimeSeconds), cell: (s) => rate(perSecond(s.transferred, s.window, seen.uptimeSeconds)), number: true },
      decimal('Complete ms', 'completeLatency'), number('Acked', 'acked'), number('Failed', 'failed'),
    ], byWindow(seen.topologyStats), rows),
    components(id, 'spout', seen.spouts),
    components(id, 'bolt', seen.bolts),
    workers(seen.workers, false),
    table('Levels of loggers', [text('Logger', 'logger'), text('Level', 'target_level'), { name: 'Until', value: (l) => (l.timeout_epoch ? new Date(l.timeout_epoch).toLocaleString() : 'it is changed') }],
      Object.entries(levels.namedLoggerLevels).map(([logger, level]) => ({ logger, ...level })), rows),
    configuration(seen.configuration),
  ];
  return { title: `Topology ${seen.name}`, place: [['topology', null]], content, tools: [...windows(parameters), link(pages.graph(id), 'Graph'), ...changes(seen)] };
}

function changes(seen) {
  if (!settings.actions || seen.status === 'KILLED') return [];
  const one = (name, what, { wait = false, grave = false } = {}) => element('button', {
    type: 'button', class: grave ? 'grave' : null,
    onclick: () => ask({ name, what, topology: seen.name, wait: wait ? seen.msgTimeout : null, grave, act: (secs) => post(wait ? at('topology', seen.id, name.toLowerCase(), secs) : at('topology', seen.id, name.toLowerCase())) }),
  }, name);
  const debug = element('button', {
    type: 'button',
    onclick: () => ask({ name: seen.debug ? 'Stop debugging' : 'Debug', what: seen.debug ? 'No more tuples are written down.' : 'One tuple in ten is written to the events log, if the topology has an event logger.', topology: seen.name, wait: null, grave: false, act: () => post(at('topology', seen.id, 'debug', seen.debug ? 'disable' : 'enable', seen.debug ? 0 : 10)) }),
  }, seen.debug ? 'Stop debugging' : 'Debug');
  return [
    seen.status === 'INACTIVE' ? one('Activate', 'Its spouts emit again.') : one('Deactivate', 'Its spouts emit nothing more until it is activated.'),
    one('Rebalance', 'It stops, and its executors are spread over the cluster anew.', { wait: true }),
    debug,
    one('Kill', 'It ends, and cannot be brought back.', { wait: true, grave: true }),
  ];
}

// Nothing is changed before somebody has read what, and said so.
function ask({ name, what, topology: of, wait, grave, act }) {
  const dialog = document.getElementById('ask');
  const secs = wait === null ? null : element('input', { type: 'number', min: '0', step: '1', value: String(wait), required: true });
  const trouble = element('p', { class: 'bad', role: 'alert' });
  const yes = element('button', { class: grave ? 'grave' : null }, name);
  const submit = async (event) => {
    event.preventDefault();
    yes.disabled = true;
    try {
      await act(secs ? secs.value : undefined);
      dialog.close();
      document.dispatchEvent(new Event('changed'));
    } catch (e) {
      trouble.textContent = e.message;
      yes.disabled = false;
    }
  };
  dialog.replaceChildren(element('form', { onsubmit: submit },
    element('h2', {}, `${name}: ${of}`), element('p', {}, what),
    secs ? element('label', {}, 'After this many seconds: ', secs) : null, trouble,
    element('menu', {}, element('button', { type: 'button', autofocus: true, onclick: () => dialog.close() }, 'Cancel'), yes)));
  dialog.showModal();
}

export async function component(parameters) {
  const [id, of] = [parameters.get('id') ?? '', parameters.get('topology_id') ?? ''];
  const seen = await get(at('topology', of, 'component', id), common(parameters));
  const spout = seen.componentType === 'spout';
  const figures = spout
    ? [decimal('Complete ms', 'completeLatency')]
    : [decimal('Capacity', 'capacity'), decimal('Execute ms', 'executeLatency'), number('Executed', 'executed'), decimal('Process ms', 'processLatency')];
  const flow = [number('Emitted', 'emitted'), number('Transferred', 'transferred')];
  const end = [number('Acked', 'acked'), number('Failed', 'failed')];
  const time = { name: 'Time', value: (s) => (s.window === ':all-time' ? Infinity : Number(s.window)), cell: (s) => s.windowPretty };
  const shown = spout ? seen.spoutSummary.map((s) => ({ ...s, completeLatency: s.completeLatency.toFixed(3) })) : seen.boltStats;
  const content = [
    facts([
      ['Kind', seen.componentType], ['Topology', link(pages.topology(of), seen.name)], ['Status', seen.topologyStatus],
      ['Executors', whole(seen.executors)], ['Tasks', whole(seen.tasks)], ['Memory requested', memory(seen, 'requestedMemOnHeap')],
      ['Debug', seen.debug ? `${seen.samplingPct} %` : 'off'], ['Events', seen.eventLogLink ? away(seen.eventLogLink, 'log') : null],
    ]),
    table('Flow', [time, ...flow, ...figures, ...end], byWindow(shown), rows),
    ...(spout ? [] : [table('Inputs', [
      { name: 'From', value: (i) => i.component, cell: (i) => link(pages.component(of, i.component), i.component) }, text('Stream', 'stream'),
      decimal('Execute ms', 'executeLatency'), number('Executed', 'executed'), decimal('Process ms', 'processLatency'), ...end,
    ], seen.inputStats, rows)]),
    table('Outputs', [text('Stream', 'stream'), ...flow, ...(spout ? [...figures, ...end] : [])], seen.outputStats, rows),
    table('Executors', [
      text('Tasks', 'id'), uptime, text('Host', 'host'),
      { name: 'Port', value: (e) => e.port, cell: (e) => away(e.workerLogLink, e.port), number: true, title: 'leads to the log' },
      ...flow, ...figures, ...end,
    ], seen.executorStats, rows),
    table('Errors', [
      { name: 'Time', value: (e) => e.errorTime, cell: (e) => new Date(e.errorTime * 1000).toLocaleString() },
      { name: 'Worker', value: (e) => `${e.errorHost}:${e.errorPort}`, cell: (e) => away(e.errorWorkerLogLink, `${e.errorHost}:${e.errorPort}`) },
      { name: 'Error', value: (e) => e.error, cell: (e) => element('pre', {}, e.error) },
    ], [...seen.componentErrors].reverse(), rows),
  ];
  return { title: `Component ${id}`, place: [[seen.name, pages.topology(of)], ['component', null]], content, tools: windows(parameters) };
}

