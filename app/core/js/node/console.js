'use strict';

const native = binding('console');
const clock = binding('process').clock;

function now() {
  const [seconds, nano] = clock();
  return seconds * 1000 + nano / 1e6;
}

function duration(ms) {
  if (ms < 1000) return `${ms.toFixed(3)}ms`;
  if (ms < 60000) return `${(ms / 1000).toFixed(3)}s`;
  const minutes = Math.floor(ms / 60000);
  const seconds = ((ms % 60000) / 1000).toFixed(3).padStart(6, '0');
  return `${minutes}:${seconds} (m:ss.mmm)`;
}

// --- tables ---

const BAR = '─';

function row(cells, widths) {
  return `│${cells.map((cell, index) => ` ${cell.padEnd(widths[index])} `).join('│')}│`;
}

function rule(widths, left, middle, right) {
  return left + widths.map((width) => BAR.repeat(width + 2)).join(middle) + right;
}

function drawTable(head, rows) {
  const widths = head.map((title, index) => Math.max(title.length, ...rows.map((cells) => cells[index].length)));
  return [rule(widths, '┌', '┬', '┐'), row(head, widths), rule(widths, '├', '┼', '┤'),
    ...rows.map((cells) => row(cells, widths)), rule(widths, '└', '┴', '┘')].join('\n');
}

const inline = (value) => require('util').inspect(value, { depth: 0, breakLength: Infinity });

function tableOfMap(map) {
  const rows = [...map].map(([key, value], index) => [String(index), inline(key), inline(value)]);
  return drawTable(['(iteration index)', 'Key', 'Values'], rows);
}

function tableOfSet(set) {
  return drawTable(['(iteration index)', 'Values'], [...set].map((value, index) => [String(index), inline(value)]));
}

function table(data, columns) {
  if (data instanceof Map) return tableOfMap(data);
  if (data instanceof Set) return tableOfSet(data);
  const isObject = (value) => value !== null && typeof value === 'object';
  const entries = Object.entries(data);
  const hasValues = entries.some(([, value]) => !isObject(value));
  const keys = new Set(entries.flatMap(([, value]) => (isObject(value) ? Object.keys(value) : [])));
  const shown = columns || [...keys];
  const rows = entries.map(([index, value]) => {
    const cells = shown.map((key) => (isObject(value) && key in value ? inline(value[key]) : ''));
    return [index, ...cells, ...(hasValues ? [isObject(value) ? '' : inline(value)] : [])];
  });
  return drawTable(['(index)', ...shown.map(String), ...(hasValues ? ['Values'] : [])], rows);
}

// --- the object ---

class Console {
  #write;
  #indent = '';
  #counts = new Map();
  #timers = new Map();

  // Streams as in Node, or a function (level, text).
  constructor(target, stderr) {
    const streams = target && target.stdout ? target : { stdout: target, stderr };
    this.#write = typeof target === 'function' ? target : (level, text) => {
      const isError = level === 'error' || level === 'warn';
      ((isError && streams.stderr) || streams.stdout).write(`${text}\n`);
    };
    // Methods are often taken off the object: const { log } = console.
    for (const name of Object.getOwnPropertyNames(Console.prototype)) {
      if (name !== 'constructor') Object.defineProperty(this, name, { value: this[name].bind(this), writable: true, configurable: true, enumerable: true });
    }
  }

  #print(level, args) {
    const text = require('util').format(...args);
    this.#write(level, this.#indent === '' ? text : text.replace(/^/gm, this.#indent));
  }

  log(...args) {
    this.#print('log', args);
  }

  info(...args) {
    this.#print('info', args);
  }

  debug(...args) {
    this.#print('debug', args);
  }

  warn(...args) {
    this.#print('warn', args);
  }

  error(...args) {
    this.#print('error', args);
  }

  trace(...args) {
    const { stackOf } = require('errors');
    const error = { name: 'Trace', message: require('util').format(...args), stack: new Error('').stack };
    Object.setPrototypeOf(error, Error.prototype);
    this.#print('error', ['%s', stackOf(error)]);
  }

  assert(condition, ...args) {
    if (condition) return;
    if (typeof args[0] === 'string') this.#print('warn', [`Assertion failed: ${args[0]}`, ...args.slice(1)]);
    else this.#print('warn', ['Assertion failed', ...args]);
  }

  dir(object, options) {
    this.#print('log', ['%s', require('util').inspect(object, { customInspect: false, ...options })]);
  }

  dirxml(...args) {
    this.#print('log', args);
  }

  table(data, columns) {
    if (data === null || typeof data !== 'object') this.#print('log', [data]);
    else this.#print('log', ['%s', table(data, columns)]);
  }

  count(label = 'default') {
    const count = (this.#counts.get(`${label}`) || 0) + 1;
    this.#counts.set(`${label}`, count);
    this.#print('log', ['%s', `${label}: ${count}`]);
  }

  countReset(label = 'default') {
    this.#counts.delete(`${label}`);
  }

  time(label = 'default') {
    if (this.#timers.has(`${label}`)) this.#print('warn', [`Warning: Label '${label}' already exists for console.time()`]);
    else this.#timers.set(`${label}`, now());
  }

  #elapsed(method, label, args) {
    const start = this.#timers.get(`${label}`);
    if (start === undefined) {
      this.#print('warn', [`Warning: No such label '${label}' for console.${method}()`]);
      return;
    }
    const rest = args.length > 0 ? [require('util').format(...args)] : [];
    this.#print('log', ['%s', [`${label}: ${duration(now() - start)}`, ...rest].join(' ')]);
  }

  timeEnd(label = 'default') {
    this.#elapsed('timeEnd', label, []);
    this.#timers.delete(`${label}`);
  }

  timeLog(label = 'default', ...args) {
    this.#elapsed('timeLog', label, args);
  }

  group(...args) {
    if (args.length > 0) this.#print('log', args);
    this.#indent += '  ';
  }

  groupCollapsed(...args) {
    this.group(...args);
  }

  groupEnd() {
    this.#indent = this.#indent.slice(2);
  }
}

module.exports = new Console((level, text) => native.write(level, text));
module.exports.Console = Console;
