// structuredClone: a copy of plain data, with its cycles, by the rules of HTML's structured clone.
'use strict';

const { DOMException, coded, hidden } = require('errors');
const types = require('util_types');

function refuse(what) {
  throw new DOMException(`${what} could not be cloned.`, 'DataCloneError');
}

function cloneView(view, seen) {
  const buffer = clone(view.buffer, seen);
  if (types.isDataView(view)) return new DataView(buffer, view.byteOffset, view.byteLength);
  const name = Object.getOwnPropertyDescriptor(
    Object.getPrototypeOf(Uint8Array.prototype),
    Symbol.toStringTag,
  ).get.call(view);
  return new globalThis[name](buffer, view.byteOffset, view.length);
}

const ERROR_NAMES = new Set([
  'EvalError',
  'RangeError',
  'ReferenceError',
  'SyntaxError',
  'TypeError',
  'URIError',
]);

function cloneError(error, seen) {
  const copy = new (ERROR_NAMES.has(error.name) ? globalThis[error.name] : Error)(error.message);
  seen.set(error, copy);
  if (typeof error.stack === 'string') hidden(copy, 'stack', error.stack);
  if (Object.prototype.hasOwnProperty.call(error, 'cause')) hidden(copy, 'cause', clone(error.cause, seen));
  return copy;
}

function cloneMap(map, seen) {
  const copy = new Map();
  seen.set(map, copy);
  for (const [key, value] of [...map]) copy.set(clone(key, seen), clone(value, seen));
  return copy;
}

function cloneSet(set, seen) {
  const copy = new Set();
  seen.set(set, copy);
  for (const value of [...set]) copy.add(clone(value, seen));
  return copy;
}

function cloneObject(object, seen) {
  const copy = Array.isArray(object) ? new Array(object.length) : {};
  seen.set(object, copy);
  for (const key of Object.keys(object)) {
    Object.defineProperty(copy, key, {
      value: clone(object[key], seen),
      writable: true,
      enumerable: true,
      configurable: true,
    });
  }
  return copy;
}

const KINDS = [
  [types.isDate, (date) => new Date(Date.prototype.getTime.call(date))],
  [types.isRegExp, (expression) => new RegExp(expression.source, expression.flags)],
  [types.isArrayBuffer, (buffer) => buffer.slice(0)],
  [types.isSharedArrayBuffer, (buffer) => buffer],
  [types.isArrayBufferView, cloneView],
  [types.isMap, cloneMap],
  [types.isSet, cloneSet],
  [types.isNativeError, cloneError],
  [types.isSymbolObject, () => refuse('#<Symbol>')],
  [types.isBoxedPrimitive, (box) => Object(box.valueOf())],
  [types.isPromise, () => refuse('#<Promise>')],
  [types.isWeakMap, () => refuse('#<WeakMap>')],
  [types.isWeakSet, () => refuse('#<WeakSet>')],
];

function clone(value, seen) {
  if (typeof value === 'symbol') refuse(String(value));
  if (typeof value === 'function') refuse(Function.prototype.toString.call(value));
  if (value === null || typeof value !== 'object') return value;
  if (seen.has(value)) return seen.get(value);
  const kind = KINDS.find(([is]) => is(value));
  const copy = kind ? kind[1](value, seen) : cloneObject(value, seen);
  seen.set(value, copy);
  return copy;
}

function structuredClone(value, options) {
  if (arguments.length === 0)
    throw coded(TypeError, 'ERR_MISSING_ARGS', 'The "value" argument must be specified');
  const transfer = options && options.transfer ? [...options.transfer] : [];
  for (const item of transfer) {
    if (!types.isArrayBuffer(item)) refuse('Value');
  }
  const copy = clone(value, new Map());
  // A moved buffer is empty for its old owner, where the engine can detach.
  for (const buffer of transfer) if (typeof buffer.transfer === 'function') buffer.transfer();
  return copy;
}

module.exports = { structuredClone };
