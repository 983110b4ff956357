// URLSearchParams: the pairs of a query, bound to its URL where it has one.
'use strict';

const { coded, hidden, needFunction } = require('errors');
const { toWellFormed, utf8Decode } = require('encoding');

const CUSTOM = Symbol.for('nodejs.util.inspect.custom');

// Bytes that are no UTF-8 become U+FFFD, where decodeURIComponent would throw.
function decodeBytes(text) {
  const bytes = [];
  for (let i = 0; i < text.length; i++) {
    const pair = text[i] === '%' ? /^[0-9a-fA-F]{2}/.exec(text.slice(i + 1, i + 3)) : null;
    if (pair) {
      bytes.push(Number.parseInt(pair[0], 16));
      i += 2;
    } else {
      bytes.push(text.charCodeAt(i));
    }
  }
  return utf8Decode(Uint8Array.from(bytes));
}

function decode(text) {
  const spaced = text.replaceAll('+', ' ');
  if (!spaced.includes('%')) return toWellFormed(spaced);
  try {
    return decodeURIComponent(spaced);
  } catch {
    return decodeBytes(spaced.replace(/[^\0-\x7f]+/g, (run) => encodeURIComponent(toWellFormed(run))));
  }
}

function encode(text) {
  return encodeURIComponent(toWellFormed(text)).replace(/[!'()~]|%20/g, (found) =>
    found === '%20' ? '+' : `%${found.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function parsePairs(query) {
  const pairs = [];
  for (const part of query.split('&')) {
    if (part === '') continue;
    const at = part.indexOf('=');
    pairs.push(at < 0 ? [decode(part), ''] : [decode(part.slice(0, at)), decode(part.slice(at + 1))]);
  }
  return pairs;
}

function text(value) {
  return toWellFormed(`${value}`);
}

function notPairs() {
  return coded(TypeError, 'ERR_INVALID_TUPLE', 'Each query pair must be an iterable [name, value] tuple');
}

function pairsOf(init) {
  if (init === undefined || init === null) return [];
  if (typeof init !== 'object' && typeof init !== 'function') {
    const query = text(init);
    return parsePairs(query.startsWith('?') ? query.slice(1) : query);
  }
  const iterate = init[Symbol.iterator];
  if (iterate === undefined || iterate === null) {
    return Reflect.ownKeys(init)
      .filter((key) => Object.prototype.propertyIsEnumerable.call(init, key))
      .map((key) => [text(key), text(init[key])]);
  }
  if (typeof iterate !== 'function')
    throw coded(TypeError, 'ERR_ARG_NOT_ITERABLE', 'Query pairs must be iterable');
  return Array.from(init, (item) => {
    if (item === null || typeof item !== 'object' || typeof item[Symbol.iterator] !== 'function')
      throw notPairs();
    const pair = [...item];
    if (pair.length !== 2) throw notPairs();
    return pair.map(text);
  });
}

function needNames(args, ...names) {
  if (args.length >= names.length) return;
  const quoted = names.map((name) => `"${name}"`);
  const listed = names.length === 1 ? `${quoted[0]} argument` : `${quoted.join(' and ')} arguments`;
  throw coded(TypeError, 'ERR_MISSING_ARGS', `The ${listed} must be specified`);
}

const iteratorPrototype = Object.create(Object.getPrototypeOf(Object.getPrototypeOf([][Symbol.iterator]())));
hidden(iteratorPrototype, Symbol.toStringTag, 'URLSearchParams Iterator');
hidden(iteratorPrototype, 'next', function next() {
  return this[STEP]();
});

const STEP = Symbol('step');

// Looks at the pairs as they are at each step.
function iterator(pairs, pick) {
  let at = 0;
  const made = Object.create(iteratorPrototype);
  hidden(made, STEP, () => {
    const pair = pairs()[at++];
    return pair === undefined ? { value: undefined, done: true } : { value: pick(pair), done: false };
  });
  return made;
}

class URLSearchParams {
  #pairs;
  #changed = null;

  constructor(init = undefined) {
    this.#pairs = pairsOf(init);
  }

  // Makes a list whose changes are told: what a URL has as its searchParams.
  static [STEP](query, changed) {
    const params = new URLSearchParams();
    params.#changed = changed;
    params.#pairs = parsePairs(query);
    return params;
  }

  [STEP](query) {
    this.#pairs = parsePairs(query);
  }

  #update() {
    if (this.#changed) this.#changed(this.toString());
  }

  get size() {
    return this.#pairs.length;
  }

  append(name, value) {
    needNames(arguments, 'name', 'value');
    this.#pairs.push([text(name), text(value)]);
    this.#update();
  }

  delete(name, value) {
    needNames(arguments, 'name');
    const key = text(name);
    const only = value === undefined ? undefined : text(value);
    this.#pairs = this.#pairs.filter((pair) => pair[0] !== key || (only !== undefined && pair[1] !== only));
    this.#update();
  }

  get(name) {
    needNames(arguments, 'name');
    const key = text(name);
    const found = this.#pairs.find((pair) => pair[0] === key);
    return found ? found[1] : null;
  }

  getAll(name) {
    needNames(arguments, 'name');
    const key = text(name);
    return this.#pairs.filter((pair) => pair[0] === key).map((pair) => pair[1]);
  }

  has(name, value) {
    needNames(arguments, 'name');
    const key = text(name);
    const only = value === undefined ? undefined : text(value);
    return this.#pairs.some((pair) => pair[0] === key && (only === undefined || pair[1] === only));
  }

  set(name, value) {
    needNames(arguments, 'name', 'value');
    const key = text(name);
    const first = this.#pairs.findIndex((pair) => pair[0] === key);
    if (first < 0) {
      this.#pairs.push([key, text(value)]);
    } else {
      this.#pairs = this.#pairs.filter((pair, i) => i === first || pair[0] !== key);
      this.#pairs[first] = [key, text(value)];
    }
    this.#update();
  }

  sort() {
    this.#pairs.sort(([a], [b]) => (a < b ? -1 : Number(a > b)));
    this.#update();
  }

  forEach(call, thisArg) {
    needFunction(call, 'callback');
    for (const [name, value] of this) call.call(thisArg, value, name, this);
  }

  entries() {
    return iterator(
      () => this.#pairs,
      (pair) => [...pair],
    );
  }

  keys() {
    return iterator(
      () => this.#pairs,
      (pair) => pair[0],
    );
  }

  values() {
    return iterator(
      () => this.#pairs,
      (pair) => pair[1],
    );
  }

  [Symbol.iterator]() {
    return this.entries();
  }

  toString() {
    return this.#pairs.map(([name, value]) => `${encode(name)}=${encode(value)}`).join('&');
  }

  get [Symbol.toStringTag]() {
    return 'URLSearchParams';
  }

  [CUSTOM](depth, options, inspect) {
    if (typeof depth === 'number' && depth < 0) return options.stylize('[Object]', 'special');
    const pairs = this.#pairs.map(
      ([name, value]) => `${inspect(name, options)} => ${inspect(value, options)}`,
    );
    if (pairs.length === 0) return 'URLSearchParams {}';
    const line = pairs.join(', ');
    return line.length + 20 <= (options.breakLength ?? 80)
      ? `URLSearchParams { ${line} }`
      : `URLSearchParams {\n  ${pairs.join(',\n  ')} }`;
  }
}

const bind = URLSearchParams[STEP];
const reload = (params, query) => params[STEP](query);

module.exports = { URLSearchParams, bind, reload };
