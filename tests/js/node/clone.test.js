'use strict';

const test = require('./harness');
const assert = require('assert');

const clone = require('util').structuredClone || structuredClone;

test('plain data of every kind', () => {
  const value = {
    n: 1,
    s: 'x',
    u: undefined,
    z: null,
    big: 5n,
    list: [1, [2]],
    date: new Date(7),
    expression: /a/gi,
    map: new Map([[{ k: 1 }, new Set([1])]]),
    bytes: new Uint8Array([1, 2, 3]).subarray(1),
    memory: new ArrayBuffer(2),
    boxed: Object('b'),
  };
  const copy = clone(value);
  assert.deepStrictEqual(copy, value);
  assert.notStrictEqual(copy.list, value.list);
  copy.bytes[0] = 9;
  assert.strictEqual(value.bytes[0], 2);
  assert.strictEqual(copy.bytes.byteOffset, 1);
});

test('cycles and shared parts keep their shape', () => {
  const value = { shared: {} };
  value.self = value;
  value.again = value.shared;
  const copy = clone(value);
  assert.strictEqual(copy.self, copy);
  assert.strictEqual(copy.again, copy.shared);
});

test('errors keep their class and message; classes become plain', () => {
  const copy = clone(new RangeError('r', { cause: 'c' }));
  assert.ok(copy instanceof RangeError);
  assert.deepStrictEqual([copy.message, copy.name, copy.cause], ['r', 'RangeError', 'c']);
  class Foo {
    constructor() {
      this.a = 1;
    }
    method() {}
  }
  assert.strictEqual(Object.getPrototypeOf(clone(new Foo())), Object.prototype);
  assert.deepStrictEqual(
    Object.keys(
      clone({
        get a() {
          return 1;
        },
        [Symbol('x')]: 2,
      }),
    ),
    ['a'],
  );
  assert.strictEqual(clone([, 1]).length, 2);
  assert.ok(!(0 in clone([, 1])));
});

test('functions and symbols cannot be cloned', () => {
  for (const wrong of [() => {}, Symbol('s'), { f() {} }, [Symbol('x')], new WeakMap(), Promise.resolve()]) {
    assert.throws(() => clone(wrong), { name: 'DataCloneError', code: 25 });
  }
});

module.exports = test.done();
