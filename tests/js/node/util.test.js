'use strict';

const test = require('./harness');
const assert = require('assert');
const util = require('util');

test('format', () => {
  const rows = [
    [['%s', 'a'], 'a'],
    [['%s', 1, 'x', { a: 1 }], '1 x { a: 1 }'],
    [['%s', null], 'null'],
    [['%s', -0], '-0'],
    [['%s', 5n], '5n'],
    [['%s', Symbol('q')], 'Symbol(q)'],
    [['%s', { a: { b: 1 } }], '{ a: [Object] }'],
    [['%s', [1, [2]]], '[ 1, [Array] ]'],
    [
      [
        '%s',
        new (class {
          toString() {
            return 'own';
          }
        })(),
      ],
      'own',
    ],
    [['%s', new Date(0)], '1970-01-01T00:00:00.000Z'],
    [['%d', '42'], '42'],
    [['%d', 'x'], 'NaN'],
    [['%d', 7n], '7n'],
    [['%i', 3.9], '3'],
    [['%i', '12px'], '12'],
    [['%f', '1.5'], '1.5'],
    [['%j', { a: [1] }], '{"a":[1]}'],
    [['%j', undefined], 'undefined'],
    [['%o', [1]], '[ 1, [length]: 1 ]'],
    [['%O', { a: { b: { c: { d: 1 } } } }], '{ a: { b: { c: [Object] } } }'],
    [['a%cb', 'css'], 'ab'],
    [['%%', 1], '% 1'],
    [['%%'], '%%'],
    [['100%', 1], '100% 1'],
    [['%s'], '%s'],
    [['%s %s', 'a'], 'a %s'],
    [['%x', 1], '%x 1'],
    [[], ''],
    [[1, 'a', { b: 'c' }], "1 a { b: 'c' }"],
    [['a', 'b'], 'a b'],
    [[null, undefined], 'null undefined'],
  ];
  for (const [args, expected] of rows) assert.strictEqual(util.format(...args), expected, expected);
  const ring = {};
  ring.ring = ring;
  assert.strictEqual(util.format('%j', ring), '[Circular]');
  assert.strictEqual(util.formatWithOptions({ colors: true }, '%s %O', 'a', 1), 'a \x1b[33m1\x1b[39m');
});

test('promisify', async () => {
  const load = (value, callback) => (value < 0 ? callback(new Error('negative')) : callback(null, value * 2));
  assert.strictEqual(await util.promisify(load)(4), 8);
  await assert.rejects(util.promisify(load)(-1), { message: 'negative' });
  const custom = () => {};
  custom[util.promisify.custom] = async () => 'custom';
  assert.strictEqual(await util.promisify(custom)(), 'custom');
  assert.strictEqual(util.promisify.custom, Symbol.for('nodejs.util.promisify.custom'));
  const owner = {
    factor: 3,
    run: util.promisify(function run(x, done) {
      done(null, x * this.factor);
    }),
  };
  assert.strictEqual(await owner.run(5), 15);
  assert.throws(() => util.promisify(5), {
    code: 'ERR_INVALID_ARG_TYPE',
    message: 'The "original" argument must be of type function. Received type number (5)',
  });
});

test('callbackify', async () => {
  const wait = (call, ...args) => new Promise((resolve) => call(...args, (...got) => resolve(got)));
  assert.deepStrictEqual(
    await wait(
      util.callbackify(async (x) => x + 1),
      1,
    ),
    [null, 2],
  );
  const [error] = await wait(
    util.callbackify(async () => {
      throw new Error('no');
    }),
  );
  assert.strictEqual(error.message, 'no');
  const [falsy] = await wait(util.callbackify(() => Promise.reject(null)));
  assert.deepStrictEqual([falsy.code, falsy.reason], ['ERR_FALSY_VALUE_REJECTION', null]);
});

test('inherits', () => {
  function Parent() {
    this.p = 1;
  }
  Parent.prototype.hello = () => 'hello';
  function Child() {
    Parent.call(this);
  }
  util.inherits(Child, Parent);
  assert.strictEqual(new Child().hello(), 'hello');
  assert.strictEqual(Child.super_, Parent);
  assert.ok(new Child() instanceof Parent);
  assert.throws(() => util.inherits(Child, null), { code: 'ERR_INVALID_ARG_TYPE' });
});

test('isDeepStrictEqual', () => {
  class A {
    constructor() {
      this.x = 1;
    }
  }
  const ring = () => {
    const made = { n: 1 };
    made.me = made;
    return made;
  };
  const same = [
    [{ a: [1, { b: 2 }] }, { a: [1, { b: 2 }] }],
    [new Map([[{ k: 1 }, 'v']]), new Map([[{ k: 1 }, 'v']])],
    [new Set([[1], 2]), new Set([2, [1]])],
    [NaN, NaN],
    [new Date(5), new Date(5)],
    [/a/g, /a/g],
    [new Error('m'), new Error('m')],
    [new Uint8Array([1]), new Uint8Array([1])],
    [ring(), ring()],
    [Object('a'), Object('a')],
    [
      [, 1],
      [, 1],
    ],
    [Object.create(null), Object.create(null)],
  ];
  for (const [a, b] of same) assert.strictEqual(util.isDeepStrictEqual(a, b), true, util.inspect(a));
  const other = [
    [1, '1'],
    [0, -0],
    [{ a: 1 }, { a: 1, b: undefined }],
    [new A(), { x: 1 }],
    [
      [1, 2],
      [2, 1],
    ],
    [new Map([[1, 2]]), new Map([[1, 3]])],
    [new Set([1]), new Set(['1'])],
    [/a/g, /a/i],
    [new Date(1), new Date(2)],
    [new Error('a'), new Error('b')],
    [{ [Symbol.for('s')]: 1 }, { [Symbol.for('s')]: 2 }],
    [null, {}],
    [[], {}],
    [Object(1), Object(2)],
    [new Uint8Array([1]), new Int8Array([1])],
    [[,], [undefined]],
  ];
  for (const [a, b] of other) assert.strictEqual(util.isDeepStrictEqual(a, b), false, util.inspect([a, b]));
});

test('types', () => {
  const { types } = util;
  const rows = {
    isDate: new Date(),
    isRegExp: /x/,
    isMap: new Map(),
    isSet: new Set(),
    isPromise: Promise.resolve(),
    isNativeError: new TypeError(),
    isTypedArray: new Int8Array(1),
    isUint8Array: new Uint8Array(1),
    isArrayBuffer: new ArrayBuffer(1),
    isAnyArrayBuffer: new ArrayBuffer(1),
    isArrayBufferView: new DataView(new ArrayBuffer(1)),
    isDataView: new DataView(new ArrayBuffer(1)),
    isWeakMap: new WeakMap(),
    isWeakSet: new WeakSet(),
    isAsyncFunction: async () => {},
    isGeneratorFunction: function* g() {},
    isGeneratorObject: (function* g() {})(),
    isBoxedPrimitive: Object(1),
    isSymbolObject: Object(Symbol('x')),
    isNumberObject: Object(1),
    isStringObject: Object(''),
    isBigInt64Array: new BigInt64Array(1),
    isFloat64Array: new Float64Array(1),
    isMapIterator: new Map().keys(),
    isSetIterator: new Set().keys(),
    isArgumentsObject: (function () {
      return arguments;
    })(),
  };
  for (const [name, value] of Object.entries(rows)) {
    assert.strictEqual(types[name](value), true, name);
    for (const wrong of [{}, null, undefined, 5, 'x', () => {}])
      assert.strictEqual(types[name](wrong), false, name);
    // These have no slot that JavaScript can ask for.
    if (/Promise|Iterator|Generator|Async/.test(name)) continue;
    assert.strictEqual(types[name](Object.create(Object.getPrototypeOf(value))), false, name);
  }
  assert.strictEqual(require('util/types').isMap(new Map()), true);
});

test('deprecate, debuglog, text helpers', () => {
  const kept = util.deprecate(function add(a, b) {
    return a + b;
  }, 'old');
  assert.strictEqual(util.debuglog('nothing').enabled, false);
  assert.strictEqual(typeof kept, 'function');
  assert.strictEqual(
    util.stripVTControlCharacters('\x1b[31mred\x1b[0m \x1b]8;;http://x\x07link'),
    'red link',
  );
  assert.strictEqual(util.toUSVString('a\ud800b\udc00😀'), 'a\ufffdb\ufffd😀');
  assert.strictEqual(util._extend({ a: 1 }, { b: 2 }).b, 2);
  assert.deepStrictEqual(
    [util.isArray([]), util.isString('x'), util.isObject(null), util.isPrimitive(null)],
    [true, true, false, true],
  );
  assert.ok(new util.TextEncoder().encode('a').length === 1);
});

module.exports = test.done();
