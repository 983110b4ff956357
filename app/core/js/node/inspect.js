// util.inspect: values as text in the way Node prints them. A value's text is made in three steps: the
// frame is its prefix, brackets and kind; the entries are formatted each by themselves; the layout puts
// them on one line, in columns or one below the other. How Node lays out is a matter of a few limits, named
// below.
'use strict';

const { argType, stackOf } = require('errors');
const { entriesOf, specialFrame } = require('inspect_kinds');
const { constructorName, prefixOf } = require('inspect_names');

const CUSTOM = Symbol.for('nodejs.util.inspect.custom');

const DEFAULTS = {
  showHidden: false,
  depth: 2,
  colors: false,
  customInspect: true,
  showProxy: false,
  maxArrayLength: 100,
  maxStringLength: 10000,
  breakLength: 128,
  compact: 3,
  sorted: false,
  getters: false,
  numericSeparator: false,
};

const COLORS = {
  reset: [0, 0],
  bold: [1, 22],
  dim: [2, 22],
  italic: [3, 23],
  underline: [4, 24],
  blink: [5, 25],
  inverse: [7, 27],
  hidden: [8, 28],
  strikethrough: [9, 29],
  doubleunderline: [21, 24],
  black: [30, 39],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  blue: [34, 39],
  magenta: [35, 39],
  cyan: [36, 39],
  white: [37, 39],
  bgBlack: [40, 49],
  bgRed: [41, 49],
  bgGreen: [42, 49],
  bgYellow: [43, 49],
  bgBlue: [44, 49],
  bgMagenta: [45, 49],
  bgCyan: [46, 49],
  bgWhite: [47, 49],
  framed: [51, 54],
  overlined: [53, 55],
  gray: [90, 39],
  grey: [90, 39],
  redBright: [91, 39],
  greenBright: [92, 39],
  yellowBright: [93, 39],
  blueBright: [94, 39],
  magentaBright: [95, 39],
  cyanBright: [96, 39],
  whiteBright: [97, 39],
  bgGray: [100, 49],
  bgRedBright: [101, 49],
  bgGreenBright: [102, 49],
  bgYellowBright: [103, 49],
  bgBlueBright: [104, 49],
  bgMagentaBright: [105, 49],
  bgCyanBright: [106, 49],
  bgWhiteBright: [107, 49],
};

const STYLES = {
  special: 'cyan',
  number: 'yellow',
  bigint: 'yellow',
  boolean: 'yellow',
  undefined: 'grey',
  null: 'bold',
  string: 'green',
  symbol: 'green',
  date: 'magenta',
  regexp: 'red',
  module: 'underline',
};

const ANSI = /\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[PX^_][^\x1b]*\x1b\\|[@-Z\\^_=>])/g;

function stripVTControlCharacters(text) {
  require('errors').needString(text, 'str');
  return text.replace(ANSI, '');
}

// --- primitives ------------------------------------------------------------------------------------------

const ESCAPES = { '\b': '\\b', '\t': '\\t', '\n': '\\n', '\f': '\\f', '\r': '\\r', '\\': '\\\\' };

function escapeChar(char) {
  if (ESCAPES[char]) return ESCAPES[char];
  const code = char.charCodeAt(0);
  return code > 0xff ? `\\u${code.toString(16)}` : `\\x${code.toString(16).toUpperCase().padStart(2, '0')}`;
}

// The quote that needs no escaping is taken, the single one where all would.
function quote(text) {
  let mark = "'";
  if (text.includes("'")) {
    if (!text.includes('"')) mark = '"';
    else if (!text.includes('`') && !text.includes('${')) mark = '`';
  }
  const escaped = text.replace(/[\x00-\x1f\x7f-\x9f\\]|\p{Surrogate}/gu, escapeChar);
  return `${mark}${mark === "'" ? escaped.replace(/'/g, "\\'") : escaped}${mark}`;
}

function separated(text) {
  const [, sign, whole, rest] = /^(-?)(\d+)(.*)$/.exec(text);
  const left = whole.replace(/\B(?=(\d{3})+$)/g, '_');
  const right = rest.replace(/^\.(\d+)$/, (all, digits) => `.${digits.replace(/(\d{3})(?=\d)/g, '$1_')}`);
  return `${sign}${left}${right}`;
}

function numberText(value, numericSeparator) {
  if (Object.is(value, -0)) return '-0';
  const text = String(value);
  return numericSeparator && Number.isFinite(value) && !text.includes('e') ? separated(text) : text;
}

function bigintText(value, numericSeparator) {
  return `${numericSeparator ? separated(String(value)) : value}n`;
}

function stringText(ctx, value) {
  let text = value;
  let trailer = '';
  if (text.length > ctx.maxStringLength) {
    const left = text.length - ctx.maxStringLength;
    text = text.slice(0, ctx.maxStringLength);
    trailer = `... ${left} more character${left > 1 ? 's' : ''}`;
  }
  // A long text of several lines is shown as lines joined by plus signs.
  if (ctx.compact !== true && text.length > 16 && text.length > ctx.breakLength - ctx.indentation - 4) {
    const lines = text.match(/[^\n]*\n|[^\n]+$/g);
    return (
      lines.map((line) => ctx.stylize(quote(line), 'string')).join(` +\n${' '.repeat(ctx.indentation + 2)}`) +
      trailer
    );
  }
  return ctx.stylize(quote(text), 'string') + trailer;
}

function primitiveText(ctx, value) {
  switch (typeof value) {
    case 'string':
      return stringText(ctx, value);
    case 'number':
      return ctx.stylize(numberText(value, ctx.numericSeparator), 'number');
    case 'bigint':
      return ctx.stylize(bigintText(value, ctx.numericSeparator), 'bigint');
    case 'symbol':
      return ctx.stylize(value.toString(), 'symbol');
    case 'undefined':
      return ctx.stylize('undefined', 'undefined');
    default:
      return ctx.stylize(`${value}`, value === null ? 'null' : 'boolean');
  }
}

// --- layout ----------------------------------------------------------------------------------------------

const WIDE_EMOJI = /[\u{1f300}-\u{1f64f}\u{1f900}-\u{1f9ff}\u{20000}-\u{3fffd}]/u;
const WIDE =
  /[\u1100-\u115f\u2329\u232a\u2e80-\u303e\u3040-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]/;
const NO_WIDTH = /[\p{Mn}\p{Me}\p{Cf}\x00-\x1f\x7f-\x9f]/u;

// Columns of a terminal that the text takes.
function textWidth(text, colors) {
  const plain = colors ? text.replace(ANSI, '') : text;
  if (/^[\x20-\x7e]*$/.test(plain)) return plain.length;
  let width = 0;
  for (const char of plain.normalize('NFC')) {
    if (!NO_WIDTH.test(char)) width += WIDE.test(char) || WIDE_EMOJI.test(char) ? 2 : 1;
  }
  return width;
}

const GAP = 2; // between entries of one line: a comma and a space

// Near to a square, where a character is 2.5 times as high as it is wide; entries of unlike length allow
// more.
function columnCount(ctx, count, cell, mean) {
  const biased = Math.max(cell - Math.sqrt(cell - mean) - 3, 1);
  return Math.min(
    Math.round(Math.sqrt(2.5 * biased * count) / biased),
    Math.floor((ctx.breakLength - ctx.indentation) / cell),
    ctx.compact * 4,
    15,
  );
}

// Puts the entries of a long array into columns; extra is the line that tells how many were left out.
function inColumns(ctx, output, hasExtra, rightAligned) {
  const items = hasExtra ? output.slice(0, -1) : output;
  const widths = items.map((item) => textWidth(item, ctx.colors));
  const widest = Math.max(...widths);
  const total = widths.reduce((sum, width) => sum + width + GAP, 0);
  const cell = widest + GAP;
  if (cell * 3 + ctx.indentation >= ctx.breakLength) return output;
  if (total / cell <= 5 && widest > 6) return output;
  const columns = columnCount(ctx, items.length, cell, total / output.length);
  if (columns <= 1) return output;
  const columnWidths = [];
  for (let i = 0; i < columns; i++) {
    let width = 0;
    for (let j = i; j < items.length; j += columns) width = Math.max(width, widths[j]);
    columnWidths.push(width + GAP);
  }
  const rows = [];
  for (let start = 0; start < items.length; start += columns) {
    const end = Math.min(start + columns, items.length);
    let row = '';
    for (let j = start; j < end; j++) {
      const last = j === end - 1;
      const text = last ? items[j] : `${items[j]}, `;
      const spare = ' '.repeat(columnWidths[j - start] - widths[j] - GAP);
      if (rightAligned) row += spare + text;
      else row += last ? text : text + spare;
    }
    rows.push(row);
  }
  if (hasExtra) rows.push(output[output.length - 1]);
  return rows;
}

function fitsOneLine(ctx, output, start, base) {
  let total = output.length + start;
  if (total + output.length > ctx.breakLength) return false;
  for (const item of output) {
    total += ctx.colors ? item.replace(ANSI, '').length : item.length;
    if (total > ctx.breakLength) return false;
  }
  return base === '' || !base.includes('\n');
}

function layout(ctx, output, shape, level) {
  const { base, open, close } = shape;
  const lead = base ? `${base} ` : '';
  const indent = `\n${' '.repeat(ctx.indentation)}`;
  if (ctx.compact === true) {
    if (fitsOneLine(ctx, output, 0, base))
      return `${open}${base ? ` ${base}` : ''} ${output.join(', ')} ${close}`;
    const first = base === '' && open.length === 1 ? ' ' : `${base ? ` ${base}` : ''}${indent}  `;
    return `${open}${first}${output.join(`,${indent}  `)} ${close}`;
  }
  if (typeof ctx.compact === 'number' && ctx.compact >= 1) {
    let rows = output;
    if (shape.isList && output.length > 6) rows = inColumns(ctx, output, shape.hasExtra, shape.rightAligned);
    // Only the innermost levels go on one line, and never a list that was put into columns.
    if (ctx.deepest - level < ctx.compact && rows === output) {
      const start = output.length + ctx.indentation + open.length + base.length + 10;
      if (fitsOneLine(ctx, output, start, base)) {
        const line = output.join(', ');
        if (!line.includes('\n')) return `${lead}${open} ${line} ${close}`;
      }
    }
    return `${lead}${open}${indent}  ${rows.join(`,${indent}  `)}${indent}${close}`;
  }
  return `${lead}${open}${indent}  ${output.join(`,${indent}  `)}${indent}${close}`;
}

// --- properties ------------------------------------------------------------------------------------------

function keysOf(ctx, value) {
  if (ctx.showHidden) return Object.getOwnPropertyNames(value).concat(Object.getOwnPropertySymbols(value));
  const symbols = Object.getOwnPropertySymbols(value);
  const keys = Object.keys(value);
  if (symbols.length === 0) return keys;
  return keys.concat(symbols.filter((symbol) => Object.prototype.propertyIsEnumerable.call(value, symbol)));
}

function keyText(ctx, key, enumerable) {
  if (typeof key === 'symbol')
    return `[${ctx.stylize(String(key).replace(/[\x00-\x1f\x7f-\x9f]/g, escapeChar), 'symbol')}]`;
  if (key === '__proto__') return "['__proto__']";
  if (!enumerable) return `[${key.replace(/[\x00-\x1f\x7f-\x9f]/g, escapeChar)}]`;
  if (/^[a-zA-Z_][a-zA-Z_0-9]*$/.test(key)) return ctx.stylize(key, 'name');
  return ctx.stylize(quote(key), 'string');
}

function accessorText(ctx, value, descriptor, level) {
  const label = descriptor.set ? 'Getter/Setter' : 'Getter';
  const { getters } = ctx;
  const wanted =
    getters === true || (getters === 'get' && !descriptor.set) || (getters === 'set' && descriptor.set);
  if (!wanted) return ctx.stylize(`[${label}]`, 'special');
  let got;
  try {
    got = descriptor.get.call(value);
  } catch (error) {
    const start = ctx.stylize(`[${label}: <Inspection threw (${error.message})>`, 'special');
    return `${start}${ctx.stylize(']', 'special')}`;
  }
  ctx.indentation += 2;
  const text =
    got === null || typeof got !== 'object'
      ? `${ctx.stylize(`[${label}:`, 'special')} ${primitiveText(ctx, got)}${ctx.stylize(']', 'special')}`
      : `${ctx.stylize(`[${label}]`, 'special')} ${formatValue(ctx, got, level)}`;
  ctx.indentation -= 2;
  return text;
}

// where is 'object' for a property, 'item' for an element of an array, 'extra' for an array's named
// property.
function propertyText(ctx, value, key, where, level, original = value) {
  const descriptor = Object.getOwnPropertyDescriptor(value, key) || {
    value: value[key],
    enumerable: true,
    configurable: true,
    writable: true,
  };
  let text;
  let gap = ' ';
  if ('value' in descriptor) {
    const step = ctx.compact !== true || where !== 'object' ? 2 : 3;
    ctx.indentation += step;
    text = formatValue(ctx, descriptor.value, level);
    if (step === 3 && ctx.breakLength < textWidth(text, ctx.colors)) gap = `\n${' '.repeat(ctx.indentation)}`;
    ctx.indentation -= step;
  } else if (descriptor.get) {
    text = accessorText(ctx, original, descriptor, level);
  } else {
    text = descriptor.set ? ctx.stylize('[Setter]', 'special') : ctx.stylize('undefined', 'undefined');
  }
  return where === 'item' ? text : `${keyText(ctx, key, descriptor.enumerable)}:${gap}${text}`;
}

// --- values ----------------------------------------------------------------------------------------------

function customText(ctx, value, level) {
  const custom = value[CUSTOM];
  if (typeof custom !== 'function' || custom === inspect) return undefined;
  // A prototype inherits the method that is meant for its instances.
  const { constructor } = value;
  if (constructor && constructor.prototype === value) return undefined;
  const depth = ctx.depth === null ? null : ctx.depth - level;
  const result = custom.call(value, depth, userOptions(ctx), inspect);
  if (result === value) return undefined;
  if (result !== null && typeof result === 'object') return formatValue(ctx, result, level);
  return `${result}`.replaceAll('\n', `\n${' '.repeat(ctx.indentation)}`);
}

function userOptions(ctx) {
  const options = { ...ctx.options, stylize: ctx.stylize };
  for (const name of Object.keys(DEFAULTS)) options[name] = ctx[name];
  return options;
}

function formatValue(ctx, value, level) {
  if (value === null || (typeof value !== 'object' && typeof value !== 'function'))
    return primitiveText(ctx, value);
  if (ctx.customInspect) {
    const text = customText(ctx, value, level);
    if (text !== undefined) return text;
  }
  if (ctx.seen.includes(value)) {
    if (!ctx.circular.has(value)) ctx.circular.set(value, ctx.circular.size + 1);
    return ctx.stylize(`[Circular *${ctx.circular.get(value)}]`, 'special');
  }
  return objectText(ctx, value, level);
}

function tagOf(ctx, value) {
  const tag = value[Symbol.toStringTag];
  if (typeof tag !== 'string' || tag === '') return '';
  const own = ctx.showHidden ? Object.prototype.hasOwnProperty : Object.prototype.propertyIsEnumerable;
  return own.call(value, Symbol.toStringTag) ? '' : tag;
}

function plainFrame(ctx, value, name, tag, keys) {
  const prefix = name === 'Object' && tag === '' ? '' : prefixOf(name, tag, 'Object');
  if (keys.length === 0) return { whole: `${prefix}{}` };
  return { open: `${prefix}{`, close: '}' };
}

function objectText(ctx, value, level) {
  const name = constructorName(value, ctx, inspect);
  const tag = tagOf(ctx, value);
  const keys = keysOf(ctx, value);
  const found = specialFrame(ctx, value, name, tag, keys, tools) || plainFrame(ctx, value, name, tag, keys);
  if (found.whole !== undefined) return found.whole;
  const shape = { base: '', open: '{', close: '}', ...found };
  if (ctx.depth !== null && level > ctx.depth) {
    const label = prefixOf(name, tag, Array.isArray(value) ? 'Array' : 'Object').slice(0, -1);
    return ctx.stylize(`[${label}]`, 'special');
  }
  ctx.seen.push(value);
  ctx.deepest = level;
  const output = contents(ctx, value, shape, level + 1);
  ctx.seen.pop();
  if (ctx.circular.has(value)) {
    const reference = ctx.stylize(`<ref *${ctx.circular.get(value)}>`, 'special');
    if (ctx.compact === true) shape.open = `${reference} ${shape.open}`;
    else if (shape.base === '') shape.open = `${reference} ${shape.open}`;
    else shape.base = `${reference} ${shape.base}`;
  }
  if (ctx.sorted) sortEntries(ctx, output, shape);
  return remember(ctx, layout(ctx, output, shape, level), level);
}

function contents(ctx, value, shape, level) {
  const output = entriesOf(ctx, value, shape, level, tools);
  shape.itemCount = output.length;
  for (const key of shape.keys || keysOf(ctx, value)) {
    output.push(propertyText(ctx, value, key, shape.isList ? 'extra' : 'object', level));
  }
  return output;
}

function sortEntries(ctx, output, shape) {
  const compare = typeof ctx.sorted === 'function' ? ctx.sorted : undefined;
  if (!shape.isList) {
    output.sort(compare);
  } else if (output.length > shape.itemCount + 1) {
    output.push(...output.splice(shape.itemCount).sort(compare));
  }
}

// Very large trees are cut: past this many characters only the outline of what follows is shown.
const MOST_TEXT = 2 ** 27;

function remember(ctx, text, level) {
  const budget = (ctx.budget[level] || 0) + text.length;
  ctx.budget[level] = budget;
  if (budget > MOST_TEXT) ctx.depth = -1;
  return text;
}

const tools = { formatValue, keysOf, numberText, propertyText, quote, primitiveText, bigintText, stackOf };

// --- the public part -------------------------------------------------------------------------------------

function colorize(text, style) {
  const name = inspect.styles[style];
  const codes = name === undefined ? undefined : inspect.colors[name];
  return codes === undefined ? text : `\x1b[${codes[0]}m${text}\x1b[${codes[1]}m`;
}

function inspect(value, options, ...legacy) {
  const ctx = { ...inspect.defaultOptions, breakLength: 80, options: {} };
  if (typeof options === 'boolean' || legacy.length > 0) {
    if (options !== undefined) ctx.showHidden = options;
    if (legacy[0] !== undefined) [ctx.depth] = legacy;
    if (legacy[1] !== undefined) [, ctx.colors] = legacy;
  } else if (options !== null && typeof options === 'object') {
    ctx.options = options;
    for (const name of Object.keys(options)) {
      if (name in DEFAULTS || name === 'stylize') ctx[name] = options[name];
    }
  }
  Object.assign(ctx, { seen: [], circular: new Map(), budget: [], indentation: 0, deepest: 0 });
  if (ctx.colors) ctx.stylize = colorize;
  else if (typeof ctx.stylize !== 'function') ctx.stylize = (text) => text;
  if (ctx.maxArrayLength === null) ctx.maxArrayLength = Infinity;
  if (ctx.maxStringLength === null) ctx.maxStringLength = Infinity;
  return formatValue(ctx, value, 0);
}

let defaults = { ...DEFAULTS };

Object.defineProperty(inspect, 'defaultOptions', {
  enumerable: true,
  get: () => defaults,
  set(options) {
    if (options === null || typeof options !== 'object') throw argType('options', 'of type object', options);
    defaults = { ...defaults, ...options };
  },
});
inspect.custom = CUSTOM;
inspect.colors = COLORS;
inspect.styles = STYLES;

module.exports = { inspect, numberText, bigintText, stripVTControlCharacters, textWidth };
