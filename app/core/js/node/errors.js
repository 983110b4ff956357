// The errors that the Node modules throw: Node's codes and classes, so that scripts which test `error.code`
// work, and the text of a stack in Node's form, which JavaScriptCore writes differently.
'use strict';

const JSC_FRAME = /^(?:(.*?)@)?(.*:\d+:\d+|\[native code\]|)$/;

function header(error) {
  return Error.prototype.toString.call(error);
}

function nodeFrame(line) {
  const [, name, place] = JSC_FRAME.exec(line);
  const where = place === '[native code]' ? 'native' : place;
  if (!name) return `    at ${where || '<anonymous>'}`;
  return `    at ${name} (${where || '<anonymous>'})`;
}

// JavaScriptCore's stack has only frames ("name@file:line:column"); Node's begins with "Name: message".
function stackOf(error) {
  const { stack } = error;
  if (stack === undefined || stack === null) return header(error);
  if (typeof stack !== 'string') return String(stack);
  if (stack.includes('\n    at ')) return stack;
  const first = header(error);
  if (stack === '' || stack.startsWith(first)) return stack || first;
  const lines = stack.split('\n').filter((line) => line !== '');
  if (!lines.every((line) => JSC_FRAME.test(line))) return stack;
  return [first, ...lines.map(nodeFrame)].join('\n');
}

function hidden(object, name, value) {
  Object.defineProperty(object, name, { value, writable: true, configurable: true, enumerable: false });
}

// An error of class Base with a code, which shows its code in its text as Node's do.
function coded(Base, code, message) {
  const error = new Base(message);
  const name = error.name;
  const plain = stackOf(error);
  const label = `${name} [${code}]`;
  hidden(error, 'stack', plain.startsWith(name) ? label + plain.slice(name.length) : plain);
  hidden(error, 'toString', function toString() {
    return `${this.name} [${code}]: ${this.message}`;
  });
  error.code = code;
  return error;
}

function short(text) {
  return text.length > 25 ? `${text.slice(0, 25)}...` : text;
}

function received(value) {
  if (value === null || value === undefined) return `Received ${value}`;
  if (typeof value === 'function') return `Received function ${value.name}`;
  if (typeof value === 'object') {
    const name = value.constructor && value.constructor.name;
    if (name) return `Received an instance of ${name}`;
    return `Received ${require('inspect').inspect(value, { depth: -1 })}`;
  }
  const text =
    typeof value === 'string'
      ? require('inspect').inspect(short(value))
      : short(typeof value === 'bigint' ? `${value}n` : String(value));
  return `Received type ${typeof value} (${text})`;
}

function kindOf(name) {
  return name.includes('.') ? 'property' : 'argument';
}

// expected is a phrase such as 'of type string' or 'an instance of Buffer'.
function argType(name, expected, value) {
  const subject = name.endsWith(' argument') ? `The ${name}` : `The "${name}" ${kindOf(name)}`;
  return coded(TypeError, 'ERR_INVALID_ARG_TYPE', `${subject} must be ${expected}. ${received(value)}`);
}

function argValue(name, value, reason = 'is invalid') {
  let text = require('inspect').inspect(value);
  if (text.length > 128) text = `${text.slice(0, 128)}...`;
  return coded(
    TypeError,
    'ERR_INVALID_ARG_VALUE',
    `The ${kindOf(name)} '${name}' ${reason}. Received ${text}`,
  );
}

function grouped(digits) {
  return digits.replace(/\B(?=(\d{3})+(?!\d))/g, '_');
}

function outOfRange(name, range, value) {
  let text;
  if (typeof value === 'bigint') {
    const big = value > 4294967296n || value < -4294967296n;
    text = `${big ? grouped(String(value)) : value}n`;
  } else if (Number.isInteger(value) && Math.abs(value) > 4294967296) {
    text = grouped(String(value));
  } else {
    text = require('inspect').inspect(value);
  }
  return coded(
    RangeError,
    'ERR_OUT_OF_RANGE',
    `The value of "${name}" is out of range. It must be ${range}. Received ${text}`,
  );
}

const DOM_CODES = {
  IndexSizeError: 1,
  HierarchyRequestError: 3,
  WrongDocumentError: 4,
  InvalidCharacterError: 5,
  NoModificationAllowedError: 7,
  NotFoundError: 8,
  NotSupportedError: 9,
  InvalidStateError: 11,
  SyntaxError: 12,
  InvalidModificationError: 13,
  NamespaceError: 14,
  InvalidAccessError: 15,
  TypeMismatchError: 17,
  SecurityError: 18,
  NetworkError: 19,
  AbortError: 20,
  URLMismatchError: 21,
  QuotaExceededError: 22,
  TimeoutError: 23,
  InvalidNodeTypeError: 24,
  DataCloneError: 25,
};

class DOMException extends Error {
  #name;

  constructor(message = '', options = 'Error') {
    const named = options !== null && typeof options === 'object';
    super(`${message}`);
    this.#name = named ? `${options.name ?? 'Error'}` : `${options}`;
    const plain = stackOf(this);
    hidden(this, 'stack', plain.replace(/^\w+/, this.#name));
    if (named && 'cause' in options) hidden(this, 'cause', options.cause);
  }

  get name() {
    return this.#name;
  }

  get code() {
    return DOM_CODES[this.#name] ?? 0;
  }

  get [Symbol.toStringTag]() {
    return 'DOMException';
  }
}

for (const [name, code] of Object.entries(DOM_CODES)) {
  const constant = `${name
    .replace(/Error$/, '')
    .replace(/([a-z])([A-Z])/g, '$1_$2')
    .toUpperCase()}_ERR`;
  Object.defineProperty(DOMException, constant, { value: code, enumerable: true });
  Object.defineProperty(DOMException.prototype, constant, { value: code, enumerable: true });
}

// What AbortSignal users reject with.
function abortError(cause) {
  const error = new Error('The operation was aborted', cause === undefined ? undefined : { cause });
  error.name = 'AbortError';
  error.code = 'ABORT_ERR';
  return error;
}

function needString(value, name) {
  if (typeof value !== 'string') throw argType(name, 'of type string', value);
}

function needFunction(value, name) {
  if (typeof value !== 'function') throw argType(name, 'of type function', value);
}

module.exports = {
  DOMException,
  abortError,
  argType,
  argValue,
  coded,
  hidden,
  needFunction,
  needString,
  outOfRange,
  stackOf,
};
