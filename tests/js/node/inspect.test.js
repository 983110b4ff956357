'use strict';

const test = require('./harness');
const assert = require('assert');
const { inspect } = require('util');

function table(rows, options) {
  for (const [value, expected] of rows) assert.strictEqual(inspect(value, options), expected);
}

test('primitives', () =>
  table([
    [1, '1'],
    [-0, '-0'],
    [12n, '12n'],
    ['a', "'a'"],
    ["it's", '"it\'s"'],
    ['a"b\'', '`a"b\'`'],
    ['x\n\t\x00\x7f\\', "'x\\n\\t\\x00\\x7F\\\\'"],
    [null, 'null'],
    [undefined, 'undefined'],
    [true, 'true'],
    [Symbol('s'), 'Symbol(s)'],
    ['\ud800', "'\\ud800'"],
  ]));

test('objects and arrays', () =>
  table([
    [{}, '{}'],
    [[], '[]'],
    [{ a: 1, 'b-c': 'x', 2: null, [Symbol('s')]: 1 }, "{ '2': null, a: 1, 'b-c': 'x', [Symbol(s)]: 1 }"],
    [[1, [2, [3, [4, [5]]]]], '[ 1, [ 2, [ 3, [Array] ] ] ]'],
    [{ a: { b: { c: { d: 1 } } } }, '{ a: { b: { c: [Object] } } }'],
    [[, 1, , ,], '[ <1 empty item>, 1, <2 empty items> ]'],
    [Object.assign([1], { x: 2 }), '[ 1, x: 2 ]'],
    [Object.create(null), '[Object: null prototype] {}'],
    [{ f() {}, g: class A {} }, '{ f: [Function: f], g: [class A] }'],
  ]));

test('classes, tags and getters', () => {
  class Foo {
    constructor() {
      this.a = 1;
    }
  }
  class Bar extends Foo {}
  class Tagged {
    get [Symbol.toStringTag]() {
      return 'T';
    }
  }
  table([
    [new Foo(), 'Foo { a: 1 }'],
    [Bar, '[class Bar extends Foo]'],
    [new Tagged(), 'Tagged [T] {}'],
    [function f() {}, '[Function: f]'],
    [() => {}, '[Function (anonymous)]'],
    [async () => {}, '[AsyncFunction (anonymous)]'],
    [function* g() {}, '[GeneratorFunction: g]'],
    [
      {
        get a() {
          return 1;
        },
        set b(v) {},
        get c() {
          return 1;
        },
        set c(v) {},
      },
      '{ a: [Getter], b: [Setter], c: [Getter/Setter] }',
    ],
    [Object.assign(() => {}, { x: 1 }), '[Function (anonymous)] { x: 1 }'],
  ]);
  assert.strictEqual(
    inspect(
      {
        get a() {
          return { x: 1 };
        },
      },
      { getters: true },
    ),
    '{ a: [Getter] { x: 1 } }',
  );
});

test('built-in classes', () =>
  table([
    [new Map([['a', { b: 1 }]]), "Map(1) { 'a' => { b: 1 } }"],
    [new Set([1, 'x']), "Set(2) { 1, 'x' }"],
    [new Map(), 'Map(0) {}'],
    [new Uint8Array([1, 2]), 'Uint8Array(2) [ 1, 2 ]'],
    [new ArrayBuffer(2), 'ArrayBuffer { [Uint8Contents]: <00 00>, byteLength: 2 }'],
    [/x/gi, '/x/gi'],
    [new Date(0), '1970-01-01T00:00:00.000Z'],
    [new Date(NaN), 'Invalid Date'],
    [Object(1), '[Number: 1]'],
    [Object('ab'), "[String: 'ab']"],
    [new WeakMap(), 'WeakMap { <items unknown> }'],
    [
      (function () {
        return arguments;
      })(1),
      "[Arguments] { '0': 1 }",
    ],
    [Symbol.iterator, 'Symbol(Symbol.iterator)'],
    [(function* () {})(), 'Object [Generator] {}'],
  ]));

test('cycles', () => {
  const ring = { name: 'r' };
  ring.self = ring;
  ring.list = [ring];
  assert.strictEqual(inspect(ring), "<ref *1> { name: 'r', self: [Circular *1], list: [ [Circular *1] ] }");
  const same = {};
  assert.strictEqual(inspect([same, same]), '[ {}, {} ]');
});

test('errors', () => {
  class MyError extends Error {}
  const first = (error) => inspect(error).split('\n')[0];
  assert.strictEqual(first(new TypeError('t')), 'TypeError: t');
  assert.strictEqual(first(new MyError('m')), 'MyError: m');
  assert.ok(/\n {2}code: 'E'\n\}$/.test(inspect(Object.assign(new Error('x'), { code: 'E' }))));
  assert.ok(
    /\n {2}\[cause\]: TypeError: inner\n/.test(
      inspect(new Error('outer', { cause: new TypeError('inner') })),
    ),
  );
  const own = new Error('s');
  own.stack = 'my own stack';
  assert.strictEqual(inspect(own), '[my own stack]');
});

test('long lists are cut and put in columns', () => {
  assert.strictEqual(
    inspect(Array.from({ length: 12 }, (_, i) => i * 100)),
    '[\n    0, 100,  200,  300,\n  400, 500,  600,  700,\n  800, 900, 1000, 1100\n]',
  );
  assert.ok(inspect(Array.from({ length: 103 }, () => 1)).endsWith('1, 1, 1, 1,\n  ... 3 more items\n]'));
  assert.strictEqual(inspect([1, 2, 3], { maxArrayLength: 1 }), '[ 1, ... 2 more items ]');
  assert.strictEqual(inspect(new Set([1, 2]), { maxArrayLength: 0 }), 'Set(2) { ... 2 more items }');
  assert.strictEqual(inspect('abcdef', { maxStringLength: 2 }), "'ab'... 4 more characters");
  assert.strictEqual(
    inspect(['apple', 'fig', 'banana', 'kiwi', 'plum', 'cherry', 'date', 'pear', 'lime']),
    "[\n  'apple',  'fig',\n  'banana', 'kiwi',\n  'plum',   'cherry',\n  'date',   'pear',\n  'lime'\n]",
  );
});

test('what does not fit a line is set one below the other', () => {
  const wide = { first: 'x'.repeat(30), second: 'y'.repeat(30), third: 1 };
  assert.strictEqual(
    inspect(wide),
    `{\n  first: '${'x'.repeat(30)}',\n  second: '${'y'.repeat(30)}',\n  third: 1\n}`,
  );
  assert.strictEqual(
    inspect(wide, { breakLength: Infinity }),
    `{ first: '${'x'.repeat(30)}', second: '${'y'.repeat(30)}', third: 1 }`,
  );
  assert.strictEqual(inspect({ a: { b: 1 } }, { compact: false }), '{\n  a: {\n    b: 1\n  }\n}');
  assert.strictEqual(
    inspect({ text: `${'a'.repeat(50)}\n${'b'.repeat(50)}` }),
    `{\n  text: '${'a'.repeat(50)}\\n' +\n    '${'b'.repeat(50)}'\n}`,
  );
});

test('options', () => {
  assert.strictEqual(
    inspect({ a: 1, b: 'x', c: null, d: undefined, e: [true] }, { colors: true }),
    "{ a: \x1b[33m1\x1b[39m, b: \x1b[32m'x'\x1b[39m, c: \x1b[1mnull\x1b[22m, d: \x1b[90mundefined\x1b[39m, e: [ \x1b[33mtrue\x1b[39m ] }",
  );
  assert.strictEqual(inspect({ a: {}, b: { c: {} } }, { depth: 0 }), '{ a: {}, b: [Object] }');
  assert.strictEqual(inspect({ b: 1, a: 2 }, { sorted: true }), '{ a: 2, b: 1 }');
  assert.strictEqual(inspect(123456.789, { numericSeparator: true }), '123_456.789');
  assert.strictEqual(
    inspect({ a: { b: { c: { d: {} } } } }, false, null),
    '{\n  a: { b: { c: { d: {} } } }\n}',
  );
  assert.strictEqual(inspect([1], { showHidden: true }), '[ 1, [length]: 1 ]');
});

test('a value can show itself', () => {
  const seen = [];
  const value = {
    [inspect.custom](depth, options, given) {
      seen.push(depth, typeof options.stylize, given === inspect);
      return 'me\nhere';
    },
  };
  assert.strictEqual(inspect({ value }), '{\n  value: me\n  here\n}');
  assert.deepStrictEqual(seen, [1, 'function', true]);
  assert.strictEqual(inspect.custom, Symbol.for('nodejs.util.inspect.custom'));
  assert.strictEqual(inspect({ [inspect.custom]: () => ({ shown: 1 }) }), '{ shown: 1 }');
  assert.ok(inspect(value, { customInspect: false }).includes('[Symbol(nodejs.util.inspect.custom)]'));
});

test('Buffer, URL, URLSearchParams, AbortSignal, Blob', () => {
  const { Buffer, Blob } = require('buffer');
  table([
    [Buffer.from('hi'), '<Buffer 68 69>'],
    [Buffer.alloc(0), '<Buffer >'],
    [{ b: Buffer.alloc(52) }, `{\n  b: <Buffer${' 00'.repeat(50)} ... 2 more bytes>\n}`],
    [new (require('url').URLSearchParams)('a=1&b=2'), "URLSearchParams { 'a' => '1', 'b' => '2' }"],
    [
      new (require('url').URL)('http://h/'),
      "URL {\n  href: 'http://h/',\n  origin: 'http://h',\n  protocol: 'http:',\n  username: '',\n  password: '',\n  host: 'h',\n  hostname: 'h',\n  port: '',\n  pathname: '/',\n  search: '',\n  searchParams: URLSearchParams {},\n  hash: ''\n}",
    ],
    [new Blob(['ab']), "Blob { size: 2, type: '' }"],
    [new AbortController(), 'AbortController { signal: AbortSignal { aborted: false } }'],
  ]);
});

module.exports = test.done();
