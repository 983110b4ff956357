// util.inspect for the built-in classes: the frame of each kind (prefix, brackets, what stands alone) and
// the entries that are no properties (elements of arrays and sets, pairs of maps, bytes of buffers).
'use strict';

const types = require('util_types');
const { prefixOf } = require('inspect_names');

const isIndex = (key) =>
  typeof key === 'string' && /^(0|[1-9]\d{0,9})$/.test(key) && Number(key) < 4294967295;

function named(value, keys) {
  return keys.filter((key) => !isIndex(key));
}

// --- functions -------------------------------------------------------------------------------------------

function classText(value, name, tag, source) {
  let text =
    Object.prototype.hasOwnProperty.call(value, 'name') && value.name
      ? `class ${value.name}`
      : 'class (anonymous)';
  if (name !== 'Function' && name !== null) text += ` [${name}]`;
  if (tag !== '' && name !== tag) text += ` [${tag}]`;
  const parent = Object.getPrototypeOf(value);
  if (name === null) text += ' extends [null prototype]';
  else if (parent && parent.name) text += ` extends ${parent.name}`;
  else if (/^class[^{]*\bextends\s+null\b/.test(source)) text += ' extends null';
  return `[${text}]`;
}

function functionText(value, name, tag) {
  const source = Function.prototype.toString.call(value);
  if (source.startsWith('class') && source.endsWith('}')) return classText(value, name, tag, source);
  const generator = types.isGeneratorFunction(value) ? 'Generator' : '';
  const kind = `${types.isAsyncFunction(value) ? 'Async' : ''}${generator}Function`;
  let text = `[${kind}`;
  if (name === null) text += ' (null prototype)';
  text += value.name === '' || value.name === undefined ? ' (anonymous)' : `: ${String(value.name)}`;
  text += ']';
  if (name !== kind && name !== null && name !== 'Function') text += ` ${name}`;
  if (tag !== '' && name !== tag && tag !== kind) text += ` [${tag}]`;
  return text;
}

// --- errors ----------------------------------------------------------------------------------------------

// Shows the class where the stack, made when the error was thrown, knows only the name of its base class.
function improved(stack, error, name, tag) {
  const given = error.name === undefined || error.name === null ? 'Error' : String(error.name);
  const follows = stack[given.length];
  const begins =
    given.endsWith('Error') &&
    stack.startsWith(given) &&
    (follows === undefined || follows === ':' || follows === '\n');
  if (name !== null && !begins) return stack;
  const first =
    /^([A-Z][a-z_ A-Z0-9[\]()-]+)(?::|\n\s+at)/.exec(stack) || /^([a-z_A-Z0-9-]*Error)$/.exec(stack);
  const fallback = name === null ? (first && first[1]) || 'Error' : 'Error';
  const prefix = prefixOf(name, tag, fallback).slice(0, -1);
  if (prefix === given) return stack;
  const rest = stack.slice(name === null && first ? first[1].length : given.length);
  return prefix.includes(given) || name === null ? `${prefix}${rest}` : `${prefix} [${given}]${rest}`;
}

function errorText(ctx, error, name, tag, keys, tools) {
  const original = tools.stackOf(error);
  for (const key of ['name', 'message', 'stack']) {
    const at = keys.indexOf(key);
    if (at >= 0 && typeof error[key] === 'string' && original.includes(error[key])) keys.splice(at, 1);
  }
  for (const key of ['cause', 'errors']) {
    const wanted = key === 'cause' ? 'cause' in error : Array.isArray(error.errors);
    if (wanted && !keys.includes(key)) keys.push(key);
  }
  let stack = improved(original, error, name, tag);
  if (!stack.includes('\n    at')) stack = `[${stack}]`;
  return stack.replaceAll('\n', `\n${' '.repeat(ctx.indentation)}`);
}

// --- frames ----------------------------------------------------------------------------------------------

function alone(base, keys, style, ctx) {
  if (keys.length === 0) return { whole: style ? ctx.stylize(base, style) : base };
  return { base, keys };
}

function arrayFrame(ctx, value, name, tag, keys) {
  const prefix = name !== 'Array' || tag !== '' ? prefixOf(name, tag, 'Array', `(${value.length})`) : '';
  const rest = named(value, keys);
  if (value.length === 0 && rest.length === 0) return { whole: `${prefix}[]` };
  return { kind: 'array', open: `${prefix}[`, close: ']', keys: rest, isList: true };
}

function typedSlot(value, slot) {
  return Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype), slot).get.call(value);
}

function typedFrame(ctx, value, name, tag, keys) {
  const length = typedSlot(value, 'length');
  const prefix = prefixOf(name, tag, typedSlot(value, Symbol.toStringTag), `(${length})`);
  const rest = named(value, keys);
  if (length === 0 && rest.length === 0 && !ctx.showHidden) return { whole: `${prefix}[]` };
  return { kind: 'typed', open: `${prefix}[`, close: ']', keys: rest, isList: true };
}

function sizedFrame(kind, fallback) {
  return (ctx, value, name, tag, keys) => {
    const size = Object.getOwnPropertyDescriptor(
      kind === 'map' ? Map.prototype : Set.prototype,
      'size',
    ).get.call(value);
    const prefix = prefixOf(name, tag, fallback, `(${size})`);
    if (size === 0 && keys.length === 0) return { whole: `${prefix}{}` };
    return { kind, open: `${prefix}{`, keys };
  };
}

function argumentsFrame(ctx, value, name, tag, keys) {
  return keys.length === 0 ? { whole: '[Arguments] {}' } : { open: '[Arguments] {', keys };
}

function functionFrame(ctx, value, name, tag, keys) {
  return alone(functionText(value, name, tag), keys, 'special', ctx);
}

function regExpFrame(ctx, value, name, tag, keys) {
  const prefix = prefixOf(name, tag, 'RegExp');
  const text = RegExp.prototype.toString.call(value);
  return alone(prefix === 'RegExp ' ? text : `${prefix}${text}`, keys, 'regexp', ctx);
}

function dateFrame(ctx, value, name, tag, keys) {
  const prefix = prefixOf(name, tag, 'Date');
  const text = Number.isNaN(Date.prototype.getTime.call(value))
    ? Date.prototype.toString.call(value)
    : Date.prototype.toISOString.call(value);
  return alone(prefix === 'Date ' ? text : `${prefix}${text}`, keys, 'date', ctx);
}

function errorFrame(ctx, value, name, tag, keys, tools) {
  return alone(errorText(ctx, value, name, tag, keys, tools), keys, undefined, ctx);
}

function bufferFrame(ctx, value, name, tag, keys) {
  const fallback = types.isArrayBuffer(value) ? 'ArrayBuffer' : 'SharedArrayBuffer';
  return { kind: 'bytes', open: `${prefixOf(name, tag, fallback)}{`, keys };
}

function viewFrame(ctx, value, name, tag, keys) {
  return { kind: 'view', open: `${prefixOf(name, tag, 'DataView')}{`, keys };
}

function opaqueFrame(fallback, entry) {
  return (ctx, value, name, tag, keys) => {
    const prefix = prefixOf(name, tag, fallback);
    if (!entry && keys.length === 0) return { whole: `${prefix}{}` };
    return { kind: entry ? 'opaque' : 'object', open: `${prefix}{`, keys, entry };
  };
}

function boxedFrame(ctx, value, name, tag, keys, tools) {
  const [type, unbox] = BOXES.find(([, , check]) => check(value));
  const inner = unbox.call(value);
  let base = `[${type}`;
  if (type !== name) base += name === null ? ' (null prototype)' : ` (${name})`;
  base += `: ${tools.primitiveText({ ...ctx, stylize: (text) => text }, inner)}]`;
  if (tag !== '' && tag !== name) base += ` [${tag}]`;
  const rest =
    type === 'String' ? named(value, keys).filter((key) => key !== 'length' || ctx.showHidden) : keys;
  return alone(base, rest, type.toLowerCase(), ctx);
}

const BOXES = [
  ['Number', Number.prototype.valueOf, types.isNumberObject],
  ['String', String.prototype.valueOf, types.isStringObject],
  ['Boolean', Boolean.prototype.valueOf, types.isBooleanObject],
  ['BigInt', BigInt.prototype.valueOf, types.isBigIntObject],
  ['Symbol', Symbol.prototype.valueOf, types.isSymbolObject],
];

function generatorFrame(ctx, value, name, tag, keys) {
  const prefix = prefixOf(name, tag, tag);
  return keys.length === 0 ? { whole: `${prefix}{}` } : { open: `${prefix}{`, keys };
}

// The first check that holds gives the frame.
const KINDS = [
  [Array.isArray, arrayFrame],
  [types.isSet, sizedFrame('set', 'Set')],
  [types.isMap, sizedFrame('map', 'Map')],
  [types.isTypedArray, typedFrame],
  [types.isArgumentsObject, argumentsFrame],
  [(value) => typeof value === 'function', functionFrame],
  [types.isRegExp, regExpFrame],
  [types.isDate, dateFrame],
  [types.isNativeError, errorFrame],
  [types.isAnyArrayBuffer, bufferFrame],
  [types.isDataView, viewFrame],
  [types.isPromise, opaqueFrame('Promise')],
  [types.isWeakSet, opaqueFrame('WeakSet', '<items unknown>')],
  [types.isWeakMap, opaqueFrame('WeakMap', '<items unknown>')],
  [types.isBoxedPrimitive, boxedFrame],
  [types.isGeneratorObject, generatorFrame],
];

// Plain objects are most of what is shown: they need none of the checks.
function isPlain(value) {
  if (typeof value === 'function') return false;
  const prototype = Object.getPrototypeOf(value);
  return (
    prototype === Object.prototype &&
    Object.prototype.toString.call(value) === '[object Object]' &&
    value[Symbol.toStringTag] === undefined
  );
}

function specialFrame(ctx, value, name, tag, keys, tools) {
  if (isPlain(value)) return undefined;
  const kind = KINDS.find(([check]) => check(value));
  return kind && kind[1](ctx, value, name, tag, keys, tools);
}

// --- entries ---------------------------------------------------------------------------------------------

function moreItems(count) {
  return `... ${count} more item${count > 1 ? 's' : ''}`;
}

// Holes are counted together and take one place of the limit.
function arrayEntries(ctx, value, shape, level, tools) {
  const output = [];
  const limit = Math.max(0, ctx.maxArrayLength);
  let at = 0;
  while (at < value.length && output.length < limit) {
    if (Object.prototype.hasOwnProperty.call(value, at)) {
      output.push(tools.propertyText(ctx, value, String(at), 'item', level));
      at++;
      continue;
    }
    let end = at + 1;
    const next =
      end < value.length && !Object.prototype.hasOwnProperty.call(value, end)
        ? Object.keys(value).find((key) => isIndex(key) && Number(key) >= end)
        : undefined;
    if (next !== undefined) end = Number(next);
    else if (end < value.length && !Object.prototype.hasOwnProperty.call(value, end)) end = value.length;
    const holes = end - at;
    output.push(ctx.stylize(`<${holes} empty item${holes > 1 ? 's' : ''}>`, 'undefined'));
    at = end;
  }
  if (at < value.length) output.push(moreItems(value.length - at));
  shape.hasExtra = output.length > limit;
  shape.rightAligned =
    output.length > 6 &&
    Array.prototype.every.call(value.slice ? value.slice(0, output.length) : Array.from(value), isNumeric);
  return output;
}

const isNumeric = (item) => typeof item === 'number' || typeof item === 'bigint';

function typedEntries(ctx, value, shape, level, tools) {
  const length = typedSlot(value, 'length');
  const limit = Math.min(Math.max(0, ctx.maxArrayLength), length);
  const output = [];
  for (let i = 0; i < limit; i++) output.push(tools.primitiveText(ctx, value[i]));
  if (length > limit) output.push(moreItems(length - limit));
  shape.hasExtra = length > limit;
  shape.rightAligned = true;
  if (ctx.showHidden) {
    ctx.indentation += 2;
    for (const key of ['BYTES_PER_ELEMENT', 'length', 'byteLength', 'byteOffset', 'buffer']) {
      output.push(`[${key}]: ${tools.formatValue(ctx, value[key], level)}`);
    }
    ctx.indentation -= 2;
  }
  return output;
}

function limited(ctx, size, visit) {
  const limit = Math.min(Math.max(0, ctx.maxArrayLength), size);
  const output = [];
  ctx.indentation += 2;
  visit(output, limit);
  ctx.indentation -= 2;
  if (size > limit) output.push(moreItems(size - limit));
  return output;
}

function setEntries(ctx, value, shape, level, tools) {
  return limited(ctx, value.size, (output, limit) => {
    for (const item of Set.prototype.values.call(value)) {
      if (output.length >= limit) break;
      output.push(tools.formatValue(ctx, item, level));
    }
  });
}

function mapEntries(ctx, value, shape, level, tools) {
  return limited(ctx, value.size, (output, limit) => {
    for (const [key, item] of Map.prototype.entries.call(value)) {
      if (output.length >= limit) break;
      output.push(`${tools.formatValue(ctx, key, level)} => ${tools.formatValue(ctx, item, level)}`);
    }
  });
}

function hexPairs(bytes) {
  let text = '';
  for (const byte of bytes) text += ` ${byte.toString(16).padStart(2, '0')}`;
  return text.slice(1);
}

function byteEntries(ctx, value) {
  const shown = Math.min(Math.max(0, ctx.maxArrayLength), value.byteLength);
  let text = hexPairs(new Uint8Array(value, 0, shown));
  const left = value.byteLength - shown;
  if (left > 0) text += ` ... ${left} more byte${left > 1 ? 's' : ''}`;
  return [
    `${ctx.stylize('[Uint8Contents]', 'special')}: <${text}>`,
    `byteLength: ${ctx.stylize(String(value.byteLength), 'number')}`,
  ];
}

function viewEntries(ctx, value, shape, level, tools) {
  const output = [];
  ctx.indentation += 2;
  for (const key of ['byteLength', 'byteOffset', 'buffer']) {
    output.push(`${key}: ${tools.formatValue(ctx, value[key], level)}`);
  }
  ctx.indentation -= 2;
  return output;
}

const ENTRIES = {
  array: arrayEntries,
  typed: typedEntries,
  set: setEntries,
  map: mapEntries,
  bytes: byteEntries,
  view: viewEntries,
  opaque: (ctx, value, shape) => [ctx.stylize(shape.entry, 'special')],
};

function entriesOf(ctx, value, shape, level, tools) {
  const make = ENTRIES[shape.kind];
  return make ? make(ctx, value, shape, level, tools) : [];
}

module.exports = { entriesOf, hexPairs, specialFrame };
