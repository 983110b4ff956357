// util.format: text with %s, %d, %i, %f, %j, %o, %O, %c and %%, as console.log takes it.
'use strict';

const { bigintText, inspect, numberText, textWidth } = require('inspect');

const BUILT_IN = new Set(
  Object.getOwnPropertyNames(globalThis).filter((name) => /^[A-Z][A-Za-z0-9]+$/.test(name)),
);

// The class whose prototype gives the value this method is one that the script made.
function comesFromScript(value, method) {
  if (typeof value[method] !== 'function') return false;
  let owner = value;
  while (owner !== null && !Object.prototype.hasOwnProperty.call(owner, method))
    owner = Object.getPrototypeOf(owner);
  if (owner === value) return true;
  const descriptor = owner === null ? undefined : Object.getOwnPropertyDescriptor(owner, 'constructor');
  const maker = descriptor && descriptor.value;
  return typeof maker !== 'function' || !BUILT_IN.has(maker.name);
}

// A class with a conversion of its own is shown by it, a built-in one by inspect.
function hasOwnText(value) {
  return comesFromScript(value, 'toString') || comesFromScript(value, Symbol.toPrimitive);
}

function asNumber(options, value, convert) {
  if (typeof value === 'bigint') return bigintText(value, options.numericSeparator);
  if (typeof value === 'symbol') return 'NaN';
  return numberText(convert(value), options.numericSeparator);
}

function asString(options, value) {
  switch (typeof value) {
    case 'number':
      return numberText(value, options.numericSeparator);
    case 'bigint':
      return bigintText(value, options.numericSeparator);
    case 'object':
      if (value === null || hasOwnText(value)) return String(value);
      return inspect(value, { ...options, depth: 0, colors: false, compact: 3 });
    default:
      return String(value);
  }
}

function asJson(options, value) {
  try {
    return JSON.stringify(value);
  } catch (error) {
    // Both engines say so in words of their own; no other text tells a cycle from a toJSON that threw.
    if (error instanceof TypeError && /circular|cyclic/i.test(error.message)) return '[Circular]';
    throw error;
  }
}

const DIRECTIVES = {
  s: asString,
  d: (options, value) =>
    typeof value === 'object' && value !== null
      ? numberText(Number(value), options.numericSeparator)
      : asNumber(options, value, Number),
  i: (options, value) =>
    typeof value === 'bigint' || typeof value === 'symbol'
      ? asNumber(options, value, Number)
      : numberText(Number.parseInt(value), options.numericSeparator),
  f: (options, value) =>
    typeof value === 'symbol' ? 'NaN' : numberText(Number.parseFloat(value), options.numericSeparator),
  j: asJson,
  o: (options, value) => inspect(value, { ...options, showHidden: true, showProxy: true, depth: 4 }),
  O: (options, value) => inspect(value, options),
  c: () => '',
};

function formatWithOptions(options, ...args) {
  if (options === null || typeof options !== 'object') {
    throw require('errors').argType('inspectOptions', 'of type object', options);
  }
  let next = 0;
  let text = '';
  if (typeof args[0] === 'string') {
    if (args.length === 1) return args[0];
    next = 1;
    text = args[0].replace(/%([sdifjoOc%])/g, (all, kind) => {
      if (kind === '%') return '%';
      return next < args.length ? DIRECTIVES[kind](options, args[next++]) : all;
    });
  }
  const rest = args.slice(next).map((value) => (typeof value === 'string' ? value : inspect(value, options)));
  return (next > 0 ? [text, ...rest] : rest).join(' ');
}

function format(...args) {
  return formatWithOptions({}, ...args);
}

module.exports = { format, formatWithOptions, textWidth };
