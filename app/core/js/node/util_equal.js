// Deep equality, strict (as assert.deepStrictEqual and util.isDeepStrictEqual) and loose (as
// assert.deepEqual).
'use strict';

const types = require('util_types');

const isObject = (value) => value !== null && typeof value === 'object';

function sameLoosely(a, b) {
  // eslint-disable-next-line eqeqeq -- the loose comparison is what assert.deepEqual promises
  return a == b || (a !== a && b !== b);
}

function ownKeys(value, strict) {
  const keys = Object.keys(value);
  if (!strict) return keys;
  return keys.concat(
    Object.getOwnPropertySymbols(value).filter((symbol) =>
      Object.prototype.propertyIsEnumerable.call(value, symbol),
    ),
  );
}

function sameProperties(a, b, state) {
  const keys = ownKeys(a, state.strict);
  if (keys.length !== ownKeys(b, state.strict).length) return false;
  for (const key of keys) {
    if (!Object.prototype.propertyIsEnumerable.call(b, key)) return false;
  }
  return keys.every((key) => equal(a[key], b[key], state));
}

function sameBytes(a, b) {
  if (a.byteLength !== b.byteLength) return false;
  const left = new Uint8Array(a.buffer || a, a.byteOffset || 0, a.byteLength);
  const right = new Uint8Array(b.buffer || b, b.byteOffset || 0, b.byteLength);
  return left.every((byte, i) => byte === right[i]);
}

// Loosely, 0 and -0 are one number, which their bytes do not say.
function sameTyped(a, b, state) {
  const floats = types.isFloat32Array(a) || types.isFloat64Array(a);
  if (state.strict || !floats) return sameBytes(a, b);
  return a.length === b.length && a.every((item, i) => sameLoosely(item, b[i]));
}

function takeMatch(candidates, matches) {
  for (const candidate of candidates) {
    if (!matches(candidate)) continue;
    candidates.delete(candidate);
    return true;
  }
  return false;
}

function isSimple(value, strict) {
  return strict ? !isObject(value) : false;
}

function sameSet(a, b, state) {
  if (a.size !== b.size) return false;
  const left = new Set(b);
  const pending = [];
  for (const item of a) {
    if (!left.delete(item)) {
      if (isSimple(item, state.strict)) return false;
      pending.push(item);
    }
  }
  return pending.every((item) => takeMatch(left, (other) => equal(item, other, state)));
}

function sameMap(a, b, state) {
  if (a.size !== b.size) return false;
  const left = new Set();
  for (const key of b.keys()) if (!a.has(key)) left.add(key);
  const pending = [];
  for (const [key, value] of a) {
    if (b.has(key)) {
      if (!equal(value, b.get(key), state)) return false;
    } else if (isSimple(key, state.strict)) {
      return false;
    } else {
      pending.push([key, value]);
    }
  }
  return pending.every(([key, value]) =>
    takeMatch(left, (other) => equal(key, other, state) && equal(value, b.get(other), state)),
  );
}

function sameError(a, b, state) {
  if (a.message !== b.message || a.name !== b.name) return false;
  if ('cause' in a !== 'cause' in b) return false;
  return equal(a.cause, b.cause, state) && equal(a.errors, b.errors, state);
}

function sameBox(a, b) {
  const value = (box) => Object.getPrototypeOf(Object(box.valueOf())).valueOf.call(box);
  return types.isBoxedPrimitive(b) && Object.is(value(a), value(b));
}

// Per kind: its check, and what must be equal besides the properties.
const KINDS = [
  [Array.isArray, (a, b) => a.length === b.length],
  [types.isDate, (a, b) => Object.is(Date.prototype.getTime.call(a), Date.prototype.getTime.call(b))],
  [types.isRegExp, (a, b) => a.source === b.source && a.flags === b.flags && a.lastIndex === b.lastIndex],
  [types.isNativeError, sameError],
  [types.isTypedArray, sameTyped],
  [types.isDataView, sameBytes],
  [types.isAnyArrayBuffer, sameBytes],
  [types.isSet, sameSet],
  [types.isMap, sameMap],
  [types.isBoxedPrimitive, sameBox],
];

function sameContents(a, b, state) {
  for (const [is, same] of KINDS) {
    const left = is(a);
    if (left !== is(b)) return false;
    if (left) return same(a, b, state) && (types.isTypedArray(a) || sameProperties(a, b, state));
  }
  if (types.isWeakMap(a) || types.isWeakSet(a) || types.isPromise(a)) return false;
  return sameProperties(a, b, state);
}

function equal(a, b, state) {
  if (a === b) return a !== 0 || !state.strict || Object.is(a, b);
  if (!isObject(a) || !isObject(b)) {
    if (state.strict) return Object.is(a, b);
    return (typeof a === 'object' && a !== null) || (typeof b === 'object' && b !== null)
      ? false
      : sameLoosely(a, b);
  }
  if (state.strict && Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) return false;
  if (Object.prototype.toString.call(a) !== Object.prototype.toString.call(b)) return false;
  // Inside a cycle the pair under comparison counts as equal.
  if (state.left.has(a)) return state.left.get(a) === b;
  state.left.set(a, b);
  const result = sameContents(a, b, state);
  state.left.delete(a);
  return result;
}

function isDeepEqual(a, b) {
  return equal(a, b, { strict: false, left: new Map() });
}

function isDeepStrictEqual(a, b) {
  return equal(a, b, { strict: true, left: new Map() });
}

module.exports = { isDeepEqual, isDeepStrictEqual };
