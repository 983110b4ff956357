// util: what scripts use of Node's util. Seldom used parts are loaded when they are asked for.
'use strict';

const { argType, coded, needFunction, needString } = require('errors');
const { inspect, stripVTControlCharacters } = require('inspect');
const types = require('util_types');

// --- promises and callbacks ------------------------------------------------------------------------------

const CUSTOM_PROMISE = Symbol.for('nodejs.util.promisify.custom');
// How fs.read and the like name the values that they pass to their callback.
const ARGUMENT_NAMES = Symbol.for('nodejs.util.promisify.customArgs');

function promisify(original) {
  needFunction(original, 'original');
  const custom = original[CUSTOM_PROMISE];
  if (custom) {
    needFunction(custom, 'util.promisify.custom');
    return Object.defineProperty(custom, CUSTOM_PROMISE, { value: custom, configurable: true });
  }
  const names = original[ARGUMENT_NAMES];
  function promised(...args) {
    return new Promise((resolve, reject) => {
      Reflect.apply(original, this, [
        ...args,
        (error, ...values) => {
          if (error) reject(error);
          else if (names && values.length > 1)
            resolve(Object.fromEntries(names.map((name, i) => [name, values[i]])));
          else resolve(values[0]);
        },
      ]);
    });
  }
  Object.setPrototypeOf(promised, Object.getPrototypeOf(original));
  Object.defineProperties(promised, Object.getOwnPropertyDescriptors(original));
  return Object.defineProperty(promised, CUSTOM_PROMISE, { value: promised, configurable: true });
}

promisify.custom = CUSTOM_PROMISE;

// Out of the promise's job: what the callback throws must not become a rejection.
function later(call) {
  const { process, setTimeout } = globalThis;
  if (process && typeof process.nextTick === 'function') process.nextTick(call);
  else if (typeof setTimeout === 'function') setTimeout(call, 0);
  else call();
}

function rejection(reason) {
  if (reason) return reason;
  const error = coded(Error, 'ERR_FALSY_VALUE_REJECTION', 'Promise was rejected with falsy value');
  error.reason = reason;
  return error;
}

function callbackify(original) {
  needFunction(original, 'original');
  function withCallback(...args) {
    const callback = args.pop();
    if (typeof callback !== 'function') throw argType('last argument', 'of type function', callback);
    Reflect.apply(original, this, args).then(
      (value) => later(() => callback.call(this, null, value)),
      (reason) => later(() => callback.call(this, rejection(reason))),
    );
  }
  const descriptors = Object.getOwnPropertyDescriptors(original);
  if (typeof descriptors.length.value === 'number') descriptors.length.value++;
  if (typeof descriptors.name.value === 'string') descriptors.name.value += 'Callbackified';
  delete descriptors.prototype;
  return Object.defineProperties(withCallback, descriptors);
}

// --- classes and warnings --------------------------------------------------------------------------------

function inherits(constructor, parent) {
  if (typeof constructor !== 'function') throw argType('ctor', 'of type function', constructor);
  if (typeof parent !== 'function') throw argType('superCtor', 'of type function', parent);
  if (parent.prototype === undefined)
    throw argType('superCtor.prototype', 'of type object', parent.prototype);
  Object.defineProperty(constructor, 'super_', { value: parent, writable: true, configurable: true });
  Object.setPrototypeOf(constructor.prototype, parent.prototype);
}

function deprecate(original, message, code) {
  let warned = false;
  const { process } = globalThis;
  if (process && process.noDeprecation === true) return original;
  function deprecated(...args) {
    if (!warned) {
      warned = true;
      const host = globalThis.process;
      if (host && typeof host.emitWarning === 'function')
        host.emitWarning(message, 'DeprecationWarning', code, deprecated);
    }
    return new.target ? Reflect.construct(original, args, new.target) : Reflect.apply(original, this, args);
  }
  Object.setPrototypeOf(deprecated, original);
  if (original.prototype) deprecated.prototype = original.prototype;
  return deprecated;
}

function isDebugged(set) {
  const { process } = globalThis;
  const wanted = (process && process.env && process.env.NODE_DEBUG) || '';
  return wanted.split(',').some((pattern) => {
    const expression = pattern
      .trim()
      .replace(/[|\\{}()[\]^$+?.]/g, '\\$&')
      .replaceAll('*', '.*');
    return expression !== '' && new RegExp(`^${expression}$`, 'i').test(set);
  });
}

function debuglog(set, ready) {
  let enabled;
  const name = String(set).toUpperCase();
  const test = () => {
    if (enabled === undefined) enabled = isDebugged(name);
    return enabled;
  };
  const log = (...args) => {
    if (typeof ready === 'function') {
      ready(log);
      ready = undefined;
    }
    if (!test()) return;
    const { process } = globalThis;
    const line = `${name} ${(process && process.pid) || 0}: ${require('util_format').format(...args)}\n`;
    if (process && process.stderr) process.stderr.write(line);
  };
  return Object.defineProperty(log, 'enabled', { get: test, configurable: true, enumerable: true });
}

// --- text ------------------------------------------------------------------------------------------------

function toUSVString(text) {
  return require('encoding').toWellFormed(`${text}`);
}

function styleText(style, text) {
  needString(text, 'text');
  let before = '';
  let after = '';
  for (const name of Array.isArray(style) ? style : [style]) {
    const codes = inspect.colors[name];
    if (!codes)
      throw require('errors').argValue(
        'format',
        name,
        `must be one of: ${Object.keys(inspect.colors)
          .map((known) => `'${known}'`)
          .join(', ')}`,
      );
    before += `\x1b[${codes[0]}m`;
    after = `\x1b[${codes[1]}m${after}`;
  }
  return `${before}${text}${after}`;
}

function extend(target, source) {
  return source !== null && typeof source === 'object' ? Object.assign(target, source) : target;
}

function aborted(signal, resource) {
  if (resource === null || typeof resource !== 'object')
    throw argType('resource', 'of type object', resource);
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}

const isPrimitive = (value) => value === null || (typeof value !== 'object' && typeof value !== 'function');

module.exports = {
  _extend: extend,
  aborted,
  callbackify,
  debug: debuglog,
  debuglog,
  deprecate,
  inherits,
  inspect,
  isArray: Array.isArray,
  isBoolean: (value) => typeof value === 'boolean',
  isDate: types.isDate,
  isError: (value) => types.isNativeError(value) || value instanceof Error,
  isFunction: (value) => typeof value === 'function',
  isNull: (value) => value === null,
  isNullOrUndefined: (value) => value === null || value === undefined,
  isNumber: (value) => typeof value === 'number',
  isObject: (value) => value !== null && typeof value === 'object',
  isPrimitive,
  isRegExp: types.isRegExp,
  isString: (value) => typeof value === 'string',
  isSymbol: (value) => typeof value === 'symbol',
  isUndefined: (value) => value === undefined,
  promisify,
  stripVTControlCharacters,
  styleText,
  toUSVString,
  types,
};

// Where a seldom used export comes from.
const LAZY = {
  format: 'util_format',
  formatWithOptions: 'util_format',
  isDeepStrictEqual: 'util_equal',
  structuredClone: 'util_clone',
  TextEncoder: 'encoding',
  TextDecoder: 'encoding',
  isBuffer: 'buffer',
};

for (const [name, source] of Object.entries(LAZY)) {
  Object.defineProperty(module.exports, name, {
    enumerable: true,
    configurable: true,
    get() {
      const value = name === 'isBuffer' ? require(source).Buffer.isBuffer : require(source)[name];
      Object.defineProperty(module.exports, name, {
        value,
        writable: true,
        enumerable: true,
        configurable: true,
      });
      return value;
    },
    set(value) {
      Object.defineProperty(module.exports, name, {
        value,
        writable: true,
        enumerable: true,
        configurable: true,
      });
    },
  });
}
