// Headers, by the Fetch Standard: names in lower case, values of one name joined, in the order of the names.
'use strict';

const NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

function toName(name) {
  const text = `${name}`;
  if (!NAME.test(text)) throw new TypeError(`Headers: '${text}' is not a header name`);
  return text.toLowerCase();
}

function toValue(value, name) {
  const text = `${value}`.replace(/^[\t\n\r ]+|[\t\n\r ]+$/g, '');
  if (/[\0\r\n]/.test(text)) throw new TypeError(`Headers: the value of '${name}' cannot be sent`);
  return text;
}

class Headers {
  #list = []; // [name, value]

  constructor(init) {
    if (init === undefined || init === null) return;
    if (typeof init !== 'object') throw new TypeError('Headers: an object or a list of pairs is wanted');
    const pairs = typeof init[Symbol.iterator] === 'function' ? init : Object.entries(init);
    for (const pair of pairs) {
      const [name, value, ...more] = pair;
      if (more.length > 0 || pair.length === 1) throw new TypeError('Headers: each pair wants a name and a value');
      this.append(name, value);
    }
  }

  append(name, value) {
    this.#list.push([toName(name), toValue(value, name)]);
  }

  delete(name) {
    const key = toName(name);
    this.#list = this.#list.filter(([known]) => known !== key);
  }

  get(name) {
    const key = toName(name);
    const values = this.#list.filter(([known]) => known === key).map(([, value]) => value);
    return values.length > 0 ? values.join(', ') : null;
  }

  getSetCookie() {
    return this.#list.filter(([name]) => name === 'set-cookie').map(([, value]) => value);
  }

  has(name) {
    const key = toName(name);
    return this.#list.some(([known]) => known === key);
  }

  set(name, value) {
    const key = toName(name);
    const text = toValue(value, name);
    const at = this.#list.findIndex(([known]) => known === key);
    if (at < 0) {
      this.#list.push([key, text]);
      return;
    }
    this.#list = this.#list.filter(([known], index) => known !== key || index === at);
    this.#list[this.#list.findIndex(([known]) => known === key)] = [key, text];
  }

  * entries() {
    const names = [...new Set(this.#list.map(([name]) => name))].sort();
    for (const name of names) {
      if (name === 'set-cookie') for (const cookie of this.getSetCookie()) yield [name, cookie];
      else yield [name, this.get(name)];
    }
  }

  * keys() {
    for (const [name] of this.entries()) yield name;
  }

  * values() {
    for (const [, value] of this.entries()) yield value;
  }

  forEach(call, self) {
    for (const [name, value] of this.entries()) call.call(self, value, name, this);
  }

  [Symbol.iterator]() {
    return this.entries();
  }

  get [Symbol.toStringTag]() {
    return 'Headers';
  }

  [Symbol.for('nodejs.util.inspect.custom')](depth, options, inspect) {
    return `Headers ${(inspect || require('util').inspect)(Object.fromEntries(this.entries()), options)}`;
  }
}

module.exports = { Headers };
