// @ts-check
/** The demo page: a chat room on channel `chat`, and the load of the server's machine from channel `load`. */
import { Pharos, PharosError } from '/pharos.js';

/** @typedef {import('/pharos.js').Publication} Publication */
/** @typedef {{ t: number, cpu: number, memory: Amounts, network: Traffic }} Reading */
/** @typedef {{ used: number, total: number }} Amounts */
/** @typedef {{ rx: number, tx: number }} Traffic */

const pointsShown = 60;
const messagesShown = 200;
const messagesAtStart = 30;
const visitorsShown = 24;

/** @param {string} id @returns {any} */
const element = (id) => document.getElementById(id);

/** A new element with text in it. Text from others goes through here only: it can never become markup. */
function make(/** @type {string} */ tag, /** @type {string} */ className, text = '') {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}

/** Nodes of one server, where there are several: the addresses of this page. @type {string[]} */
const endpoints = await (async () => {
  try {
    return (await (await fetch('/demo.json')).json()).endpoints;
  } catch {
    return [];
  }
})();

/** This node first, then those after it in the list, so that the pages of a node that ends spread over the others. */
function addresses() {
  const here = endpoints.indexOf(location.origin) + 1;
  const others = [...endpoints.slice(here), ...endpoints.slice(0, here)].filter((each) => each !== location.origin);
  return ['', ...others].map((each) => `${each}/connection/websocket`);
}

const client = new Pharos(addresses());

// The nodes

/** Names of nodes. The first six digits of a client's id are those of its node, which `info` tells with its name. */
class Nodes {
  /** @type {Map<string, string>} */
  #names = new Map();
  #firstPause = 250;
  #longestPause = 30_000;
  #pause = 0;
  #isRefused = false;
  /** @type {ReturnType<typeof setTimeout> | null} */
  #timer = null;
  /** @type {(() => void)[]} */
  #listeners = [];

  /** Whether several nodes behave as one server; of a single one nothing is said. */
  get areSeveral() {
    return endpoints.length > 1 || new Set(this.#names.values()).size > 1;
  }

  /** The node of a client; empty while it is not known, and is being asked for. @param {string} client */
  of(client) {
    const name = this.#names.get(client.slice(0, 6));
    if (name === undefined && client && !this.#isRefused) this.#timer ??= setTimeout(() => this.#ask(), this.#pause);
    return name ?? '';
  }

  /** @param {() => void} listener called when more is known */
  onChange(listener) {
    this.#listeners.push(listener);
  }

  async #ask() {
    let isNews = false;
    try {
      const response = await fetch('/api/info', { method: 'POST', body: '{}' });
      // The server API is not open to this page.
      if (!response.ok) this.#isRefused = true;
      for (const { uid, name } of (await response.json()).result?.nodes ?? []) {
        isNews ||= this.#names.get(uid.slice(0, 6)) !== name;
        this.#names.set(uid.slice(0, 6), name);
      }
    } catch {
      // The node that served this page may be the one that was lost: asked again later.
    }
    this.#pause = isNews ? this.#firstPause : Math.min(this.#longestPause, 2 * this.#pause || this.#firstPause);
    this.#timer = null;
    for (const listener of this.#listeners) listener();
  }
}

const nodes = new Nodes();

/** Links to this page on each node. */
function showEndpoints() {
  if (endpoints.length < 2) return;
  const line = element('about');
  line.textContent = 'Several nodes serve this page as one. Open it on each: ';
  for (const endpoint of endpoints) {
    const link = /** @type {HTMLAnchorElement} */ (make('a', '', endpoint.replace(/^https?:\/\//, '')));
    link.href = /^https?:/.test(endpoint) ? endpoint : '/';
    line.append(link, ' ');
  }
}

// The state of the connection

/** Says when the next attempt comes, counting down. */
class ConnectionState {
  #label = element('connection');
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #countdown;

  constructor() {
    client.on('connecting', () => this.#show('connecting', 'connecting'));
    client.on('connected', () => this.#connected());
    nodes.onChange(() => client.state === 'connected' && this.#connected());
    client.on('disconnected', ({ reason }) => this.#show('disconnected', `disconnected: ${reason}`));
    client.on('reconnecting', ({ delay }) => this.#count(Date.now() + delay));
  }

  #connected() {
    const node = nodes.of(client.clientId);
    this.#show('connected', node && nodes.areSeveral ? `connected to ${node}` : 'connected');
  }

  /** @param {string} state @param {string} text */
  #show(state, text) {
    clearInterval(this.#countdown);
    this.#put(state, text);
  }

  /** @param {string} state @param {string} text */
  #put(state, text) {
    this.#label.dataset.state = state;
    if (this.#label.textContent !== text) this.#label.textContent = text;
    element('send').disabled = state !== 'connected';
  }

  /** @param {number} deadline */
  #count(deadline) {
    const tick = () => {
      const seconds = Math.ceil((deadline - Date.now()) / 1000);
      this.#put('reconnecting', seconds > 0 ? `reconnecting in ${seconds} s` : 'reconnecting');
    };
    clearInterval(this.#countdown);
    this.#countdown = setInterval(tick, 250);
    tick();
  }
}

// Who is here

/** The clients of a channel: asked for once per subscribe, then kept up by join and leave. */
class Visitors {
  #clients = new Set();
  /** What happened while the question was on its way. @type {(() => void)[] | null} */
  #meanwhile = null;
  /** @type {object | null} */
  #lastAsked = null;
  /** Names of clients, from their messages. @type {Map<string, string>} */
  #names = new Map();
  #isKnown = false;
  #subscription;

  /** @param {import('/pharos.js').Subscription} subscription */
  constructor(subscription) {
    this.#subscription = subscription;
    subscription.on('subscribed', () => this.#ask());
    subscription.on('subscribing', () => this.#show(false));
    subscription.on('join', ({ info }) => this.#apply(() => this.#clients.add(info.client)));
    subscription.on('leave', ({ info }) => this.#apply(() => this.#clients.delete(info.client)));
    nodes.onChange(() => this.#show(this.#isKnown));
  }

  /** @param {string} client @param {string} name */
  named(client, name) {
    if (this.#names.get(client) === name) return;
    this.#names.set(client, name);
    this.#show(this.#isKnown);
  }

  async #ask() {
    const meanwhile = this.#lastAsked = this.#meanwhile = /** @type {(() => void)[]} */ ([]);
    try {
      const { clients } = await this.#subscription.presence();
      if (this.#meanwhile !== meanwhile) return;
      this.#clients = new Set(Object.keys(clients));
      for (const change of meanwhile) change();
      this.#show(true);
    } catch (error) {
      if (this.#meanwhile !== meanwhile) return;
      this.#show(false);
      // A node that has been killed is asked in vain until the others have noticed.
      if (error instanceof PharosError && error.retriable) setTimeout(() => this.#askAgain(meanwhile), 1000);
    }
    if (this.#meanwhile === meanwhile) this.#meanwhile = null;
  }

  /** Unless another question has been asked since. @param {object} earlier */
  #askAgain(earlier) {
    if (this.#lastAsked === earlier && this.#subscription.state === 'subscribed') this.#ask();
  }

  /** @param {() => void} change */
  #apply(change) {
    if (this.#meanwhile) return this.#meanwhile.push(change);
    change();
    this.#show(this.#isKnown);
  }

  /** @param {boolean} isKnown */
  #show(isKnown) {
    this.#isKnown = isKnown;
    element('here').textContent = isKnown ? `${this.#clients.size} here` : '– here';
    const list = element('visitors');
    const places = (isKnown ? [...this.#clients] : []).map((id) => ({ id, node: nodes.of(id) }));
    list.hidden = !isKnown || !nodes.areSeveral;
    if (list.hidden) return;
    const isOther = (/** @type {{ id: string }} */ { id }) => Number(id !== client.clientId);
    places.sort((a, b) => isOther(a) - isOther(b) || a.node.localeCompare(b.node) || a.id.localeCompare(b.id));
    list.replaceChildren(...places.slice(0, visitorsShown).map(({ id, node }) => {
      const isOwn = id === client.clientId;
      const visitor = make('li', isOwn ? 'own' : '', isOwn ? 'you' : this.#names.get(id) ?? 'visitor');
      visitor.append(make('span', 'node', node || '…'));
      return visitor;
    }));
    const more = places.length - visitorsShown;
    if (more > 0) list.append(make('li', '', `and ${more} more`));
  }
}

// The chat

/** The messages on the page, and the form that makes new ones. */
class Chat {
  #list = element('messages');
  #subscription = client.newSubscription('chat', { joinLeave: true });
  /** Offset of the newest message on the page; history and live publications overlap at the first subscribe. */
  #newest = 0;
  /** Live publications that wait for the history before them. @type {Publication[] | null} */
  #held = null;
  #visitors = new Visitors(this.#subscription);
  /** The node that this page was on last. */
  #node = '';
  /** Identifies this tab's own messages, also after a reconnect. */
  #tab = crypto.getRandomValues(new Uint32Array(2)).join('-');

  constructor() {
    client.on('connected', () => this.#noteNode());
    nodes.onChange(() => this.#noteNode());
    this.#subscription.on('subscribed', (event) => this.#subscribed(event));
    this.#subscription.on('publication', (publication) => {
      if (this.#held) this.#held.push(publication);
      else this.#show(publication);
    });
    this.#nameUser();
    element('composer').addEventListener('submit', (/** @type {SubmitEvent} */ event) => {
      event.preventDefault();
      this.#send();
    });
    this.#subscription.subscribe();
  }

  #nameUser() {
    const field = element('nickname');
    field.value = localStorage.getItem('nickname') ?? `guest ${100 + Math.floor(Math.random() * 900)}`;
    field.addEventListener('change', () => localStorage.setItem('nickname', field.value));
  }

  /** Says so where a lost connection was made again with another node. */
  #noteNode() {
    const node = nodes.of(client.clientId);
    if (!node || node === this.#node) return;
    if (this.#node) this.#append(make('li', 'notice', `This page was on ${this.#node}, now it is on ${node}.`));
    this.#node = node;
  }

  /** @param {import('/pharos.js').SubscribedEvent} event */
  async #subscribed({ wasRecovering, recovered }) {
    if (wasRecovering && recovered) return;
    if (wasRecovering) {
      this.#newest = 0;
      this.#append(make('li', 'notice', 'The server has forgotten the messages above; from here on it is new.'));
    }
    const held = this.#held = /** @type {Publication[]} */ ([]);
    try {
      const { publications } = await this.#subscription.history({ limit: messagesAtStart, reverse: true });
      for (const publication of publications.reverse()) this.#show(publication);
    } catch {
      // Without history the room simply starts empty.
    }
    if (this.#held !== held) return;
    this.#held = null;
    for (const publication of held) this.#show(publication);
  }

  /** @param {Publication} publication */
  #show({ data, offset = Infinity, info }) {
    if (offset <= this.#newest) return;
    if (offset !== Infinity) this.#newest = offset;
    if (typeof data?.text !== 'string') return;
    const message = make('li', data.tab === this.#tab ? 'message own' : 'message');
    message.append(make('span', 'from', typeof data.from === 'string' ? data.from : 'somebody'));
    if (info && typeof data.from === 'string') this.#visitors.named(info.client, data.from);
    if (typeof data.node === 'string' && data.node) message.append(make('span', 'node', data.node));
    const sent = new Date(data.t);
    if (typeof data.t === 'number' && !Number.isNaN(sent.getTime())) {
      const time = make('time', '', sent.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' }));
      time.setAttribute('datetime', sent.toISOString());
      message.append(time);
    }
    message.append(make('p', '', data.text));
    this.#append(message);
  }

  /** Adds a line, and follows it unless the reader has scrolled up. @param {HTMLElement} line */
  #append(line) {
    const list = this.#list;
    const isAtEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 60;
    list.append(line);
    while (list.childElementCount > messagesShown) list.firstElementChild.remove();
    if (isAtEnd) list.scrollTop = list.scrollHeight;
  }

  async #send() {
    const field = element('text');
    const problem = element('problem');
    const text = field.value.trim();
    if (!text) return;
    problem.textContent = '';
    try {
      const node = nodes.areSeveral ? this.#node : undefined;
      await this.#subscription.publish({ text, from: element('nickname').value, t: Date.now(), tab: this.#tab, node });
      if (field.value.trim() === text) field.value = '';
    } catch (error) {
      problem.textContent = `Not sent: ${error instanceof Error ? error.message : error}`;
    }
  }
}

// The charts

const svg = 'http://www.w3.org/2000/svg';
const width = 600;
const height = 100;

/** One plot with one or more lines over the same scale. */
class Chart {
  #figure;
  #series;
  #image = document.createElementNS(svg, 'svg');

  /** @param {string} id of the figure @param {string[]} series names, for colours */
  constructor(id, series) {
    this.#figure = element(id);
    this.#image.setAttribute('viewBox', `0 0 ${width} ${height}`);
    this.#image.setAttribute('preserveAspectRatio', 'none');
    this.#image.setAttribute('class', 'plot');
    this.#image.setAttribute('role', 'img');
    for (const level of [0.25, 0.5, 0.75]) {
      this.#path('grid', this.#image).setAttribute('d', `M0 ${height * level}H${width}`);
    }
    this.#series = series.map((name) => {
      const group = document.createElementNS(svg, 'g');
      group.setAttribute('class', `series-${name}`);
      this.#image.append(group);
      return { area: this.#path('area', group), line: this.#path('line', group) };
    });
    this.#figure.append(this.#image);
  }

  /** @param {string} className @param {Element} parent */
  #path(className, parent) {
    const path = document.createElementNS(svg, 'path');
    path.setAttribute('class', className);
    parent.append(path);
    return path;
  }

  /** @param {number[][]} series newest value last @param {number} top of the scale @param {string} text */
  show(series, top, text) {
    series.forEach((values, index) => {
      const { area, line } = this.#series[index];
      const x = (/** @type {number} */ at) => (width * (pointsShown - values.length + at)) / (pointsShown - 1);
      const y = (/** @type {number} */ value) => height - 3 - (height - 6) * Math.min(1, Math.max(0, value / top));
      const points = values.map((value, at) => `${x(at).toFixed(1)} ${y(value).toFixed(1)}`);
      line.setAttribute('d', `M${points.join('L')}`);
      area.setAttribute('d', `M${x(0).toFixed(1)} ${height}L${points.join('L')}V${height}Z`);
    });
    this.#figure.querySelector('.value').textContent = text;
    this.#image.setAttribute('aria-label', text);
  }
}

/** A number of bytes in the unit that suits it: decimal for traffic, binary for memory. @param {number} count */
function bytes(count, base = 1000) {
  const units = base === 1024 ? ['B', 'KiB', 'MiB', 'GiB', 'TiB'] : ['B', 'KB', 'MB', 'GB', 'TB'];
  const power = Math.min(units.length - 1, Math.floor(Math.log(Math.max(count, 1)) / Math.log(base)));
  const value = count / base ** power;
  return `${value.toFixed(power && value < 100 ? 1 : 0)} ${units[power]}`;
}

/** The last minute of readings, drawn whenever one arrives. */
class LoadCharts {
  /** @type {Reading[]} */
  #readings = [];
  #cpu = new Chart('cpu', ['cpu']);
  #memory = new Chart('memory', ['memory']);
  #network = new Chart('network', ['rx', 'tx']);
  #subscription = client.newSubscription('load');

  constructor() {
    this.#subscription.on('subscribed', ({ recovered }) => {
      if (!recovered) this.#fill();
    });
    this.#subscription.on('publication', ({ data }) => this.#add([data]));
    this.#subscription.subscribe();
  }

  async #fill() {
    try {
      const { publications } = await this.#subscription.history({ limit: pointsShown, reverse: true });
      this.#add(publications.map(({ data }) => data));
    } catch {
      // Without history the charts fill up as readings arrive.
    }
  }

  /** @param {Reading[]} readings in any order, some of them perhaps known */
  #add(readings) {
    const isReading = (/** @type {any} */ each) =>
      [each?.t, each?.cpu, each?.memory?.used, each?.memory?.total, each?.network?.rx, each?.network?.tx]
        .every(Number.isFinite);
    const byTime = new Map([...this.#readings, ...readings.filter(isReading)].map((each) => [each.t, each]));
    this.#readings = [...byTime.values()].sort((a, b) => a.t - b.t).slice(-pointsShown);
    this.#draw();
  }

  #draw() {
    const readings = this.#readings;
    const last = readings[readings.length - 1];
    if (!last) return;
    const { cpu, memory, network } = last;
    const rx = readings.map((each) => each.network.rx);
    const tx = readings.map((each) => each.network.tx);
    const used = readings.map((each) => each.memory.used);
    this.#cpu.show([readings.map((each) => each.cpu)], 100, `${cpu.toFixed(0)} %`);
    this.#memory.show([used], memory.total, `${bytes(memory.used, 1024)} of ${bytes(memory.total, 1024)}`);
    const text = `↓ ${bytes(network.rx)}/s  ↑ ${bytes(network.tx)}/s`;
    this.#network.show([rx, tx], Math.max(1000, ...rx, ...tx), text);
    element('points').textContent = readings.length === 1 ? '1 reading' : `last ${readings.length} readings`;
    element('points').dataset.newest = `${last.t}`;
  }
}

// The command to publish with

/** @param {string} origin of the node that this page is connected to */
function showCommand(origin) {
  const message = JSON.stringify({ channel: 'chat', data: { text: 'hello from curl', from: 'curl' } });
  const command = [
    `curl -X POST ${origin}/api/publish`,
    `-H 'Content-Type: application/json'`,
    `-d '${message}'`,
  ].join(' \\\n  ');
  element('curl').textContent = command;
}

function copyCommands() {
  element('copy').addEventListener('click', async () => {
    try {
      await navigator.clipboard.writeText(element('curl').textContent);
      element('copy').textContent = 'Copied';
    } catch {
      // Clipboards are for secure origins only; selecting the text does instead.
      getSelection()?.selectAllChildren(element('curl'));
    }
  });
}

showEndpoints();
new ConnectionState();
new Chat();
new LoadCharts();
showCommand(location.origin);
copyCommands();
client.on('connected', ({ url }) => showCommand(new URL(url, location.href).origin));
client.connect();
