// @ts-check
/** The demo page: a chat room on channel `chat`, and the load of the server's machine from channel `load`. */
import { Pharos } from '/pharos.js';

/** @typedef {import('/pharos.js').Publication} Publication */
/** @typedef {{ t: number, cpu: number, memory: Amounts, network: Traffic }} Reading */
/** @typedef {{ used: number, total: number }} Amounts */
/** @typedef {{ rx: number, tx: number }} Traffic */

const pointsShown = 60;
const messagesShown = 200;
const messagesAtStart = 30;

/** @param {string} id @returns {any} */
const element = (id) => document.getElementById(id);

/** A new element with text in it. Text from others goes through here only: it can never become markup. */
function make(/** @type {string} */ tag, /** @type {string} */ className, text = '') {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}

const client = new Pharos('/connection/websocket');

// The state of the connection

/** Says when the next attempt comes, counting down. */
class ConnectionState {
  #label = element('connection');
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #countdown;

  constructor() {
    client.on('connecting', () => this.#show('connecting', 'connecting'));
    client.on('connected', () => this.#show('connected', 'connected'));
    client.on('disconnected', ({ reason }) => this.#show('disconnected', `disconnected: ${reason}`));
    client.on('reconnecting', ({ delay }) => this.#count(Date.now() + delay));
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

/** Counts the clients of a channel: asked for once per subscribe, then kept up by join and leave. */
class Headcount {
  #clients = new Set();
  /** What happened while the question was on its way. @type {(() => void)[] | null} */
  #meanwhile = null;
  #subscription;

  /** @param {import('/pharos.js').Subscription} subscription */
  constructor(subscription) {
    this.#subscription = subscription;
    subscription.on('subscribed', () => this.#ask());
    subscription.on('subscribing', () => this.#show('–'));
    subscription.on('join', ({ info }) => this.#apply(() => this.#clients.add(info.client)));
    subscription.on('leave', ({ info }) => this.#apply(() => this.#clients.delete(info.client)));
  }

  async #ask() {
    const meanwhile = this.#meanwhile = /** @type {(() => void)[]} */ ([]);
    try {
      const { clients } = await this.#subscription.presence();
      if (this.#meanwhile !== meanwhile) return;
      this.#clients = new Set(Object.keys(clients));
      for (const change of meanwhile) change();
      this.#show(`${this.#clients.size}`);
    } catch {
      this.#show('–');
    }
    if (this.#meanwhile === meanwhile) this.#meanwhile = null;
  }

  /** @param {() => void} change */
  #apply(change) {
    if (this.#meanwhile) return this.#meanwhile.push(change);
    change();
    this.#show(`${this.#clients.size}`);
  }

  /** @param {string} count */
  #show(count) {
    element('here').textContent = `${count} here`;
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
  /** Identifies this tab's own messages, also after a reconnect. */
  #tab = crypto.getRandomValues(new Uint32Array(2)).join('-');

  constructor() {
    new Headcount(this.#subscription);
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
  #show({ data, offset = Infinity }) {
    if (offset <= this.#newest) return;
    if (offset !== Infinity) this.#newest = offset;
    if (typeof data?.text !== 'string') return;
    const message = make('li', data.tab === this.#tab ? 'message own' : 'message');
    message.append(make('span', 'from', typeof data.from === 'string' ? data.from : 'somebody'));
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
      await this.#subscription.publish({ text, from: element('nickname').value, t: Date.now(), tab: this.#tab });
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

function showCommand() {
  const message = JSON.stringify({ channel: 'chat', data: { text: 'hello from curl', from: 'curl' } });
  const command = [
    `curl -X POST ${location.origin}/api/publish`,
    `-H 'Content-Type: application/json'`,
    `-d '${message}'`,
  ].join(' \\\n  ');
  element('curl').textContent = command;
  element('copy').addEventListener('click', async () => {
    try {
      await navigator.clipboard.writeText(command);
      element('copy').textContent = 'Copied';
    } catch {
      // Clipboards are for secure origins only; selecting the text does instead.
      getSelection()?.selectAllChildren(element('curl'));
    }
  });
}

new ConnectionState();
new Chat();
new LoadCharts();
showCommand();
client.connect();
