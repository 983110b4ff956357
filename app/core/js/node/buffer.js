// buffer: Node's Buffer over Uint8Array. Buffer is a plain function, since old code calls it without new;
// what it makes are FastBuffers, whose prototype is Buffer.prototype.
'use strict';

const { SHORT, asciiBytes } = require('encoding');
const { findCodec, utf8 } = require('buffer_codecs');
const { addNumbers, makeSwap } = require('buffer_numbers');
const { argType, argValue, coded, hidden, outOfRange } = require('errors');
const types = require('util_types');

const MAX_LENGTH = 4294967296;
const MAX_STRING = 536870888;
const CUSTOM = Symbol.for('nodejs.util.inspect.custom');

class FastBuffer extends Uint8Array {}

// --- making ----------------------------------------------------------------------------------------------

function codecFor(encoding) {
  if (encoding === undefined || encoding === null || encoding === '') return utf8;
  const codec = findCodec(encoding);
  if (!codec) throw coded(TypeError, 'ERR_UNKNOWN_ENCODING', `Unknown encoding: ${encoding}`);
  return codec;
}

// The same memory, seen as a Buffer.
function asBuffer(bytes) {
  return new FastBuffer(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function needSize(size) {
  if (typeof size !== 'number') throw argType('size', 'of type number', size);
  if (!(size >= 0 && size <= MAX_LENGTH)) throw outOfRange('size', `>= 0 && <= ${MAX_LENGTH}`, size);
}

function Buffer(value, encodingOrOffset, length) {
  if (typeof value !== 'number') return Buffer.from(value, encodingOrOffset, length);
  if (typeof encodingOrOffset === 'string') throw argType('string', 'of type string', value);
  return Buffer.alloc(value);
}

Object.setPrototypeOf(Buffer, Uint8Array);
Buffer.prototype = FastBuffer.prototype;
hidden(FastBuffer.prototype, 'constructor', Buffer);
// map, filter and the like of Uint8Array make their results through this.
Object.defineProperty(Buffer, Symbol.species, { get: () => FastBuffer, configurable: true });

function fromArrayBuffer(memory, byteOffset, length) {
  const offset = byteOffset === undefined ? 0 : +byteOffset || 0;
  const most = memory.byteLength - offset;
  if (most < 0) throw coded(RangeError, 'ERR_BUFFER_OUT_OF_BOUNDS', '"offset" is outside of buffer bounds');
  if (length === undefined) return new FastBuffer(memory, offset);
  const size = Math.max(0, +length || 0);
  if (size > most)
    throw coded(RangeError, 'ERR_BUFFER_OUT_OF_BOUNDS', '"length" is outside of buffer bounds');
  return new FastBuffer(memory, offset, size);
}

function fromArrayLike(list) {
  const length = Math.max(0, Math.trunc(Number(list.length)) || 0);
  const buffer = new FastBuffer(length);
  if (ArrayBuffer.isView(list) || Array.isArray(list)) buffer.set(list);
  else for (let i = 0; i < length; i++) buffer[i] = list[i];
  return buffer;
}

function fromObject(value, encodingOrOffset, length) {
  const inner = typeof value.valueOf === 'function' ? value.valueOf() : value;
  if (inner !== value && inner !== null && (typeof inner === 'string' || typeof inner === 'object')) {
    return Buffer.from(inner, encodingOrOffset, length);
  }
  if (value.length !== undefined || types.isAnyArrayBuffer(value.buffer)) {
    return typeof value.length === 'number' ? fromArrayLike(value) : new FastBuffer(0);
  }
  if (value.type === 'Buffer' && Array.isArray(value.data)) return fromArrayLike(value.data);
  if (typeof value[Symbol.toPrimitive] === 'function') {
    const text = value[Symbol.toPrimitive]('string');
    if (typeof text === 'string') return Buffer.from(text, encodingOrOffset);
  }
  return undefined;
}

Buffer.from = function from(value, encodingOrOffset, length) {
  if (typeof value === 'string') {
    if (value.length === 0) return new FastBuffer(0);
    if (value.length <= SHORT && (encodingOrOffset === undefined || encodingOrOffset === 'utf8')) {
      const short = asciiBytes(value, FastBuffer);
      if (short) return short;
    }
    return asBuffer(
      codecFor(typeof encodingOrOffset === 'string' ? encodingOrOffset : undefined).encode(value),
    );
  }
  if (value !== null && typeof value === 'object') {
    if (types.isAnyArrayBuffer(value)) return fromArrayBuffer(value, encodingOrOffset, length);
    const made = fromObject(value, encodingOrOffset, length);
    if (made) return made;
  }
  throw argType(
    'first argument',
    'of type string or an instance of Buffer, ArrayBuffer, or Array or an Array-like Object',
    value,
  );
};

Buffer.alloc = function alloc(size, fill, encoding) {
  needSize(size);
  const buffer = new FastBuffer(size);
  return fill === undefined || fill === 0 || size === 0 ? buffer : buffer.fill(fill, encoding);
};

Buffer.allocUnsafe = function allocUnsafe(size) {
  needSize(size);
  return new FastBuffer(size);
};

Buffer.allocUnsafeSlow = Buffer.allocUnsafe;

Buffer.of = function of(...items) {
  return fromArrayLike(items);
};

Buffer.copyBytesFrom = function copyBytesFrom(view, offset = 0, length = view.length - offset) {
  const part = view.subarray(offset, offset + length);
  return asBuffer(new Uint8Array(part.buffer, part.byteOffset, part.byteLength).slice());
};

Buffer.concat = function concat(list, length) {
  if (!Array.isArray(list)) throw argType('list', 'an instance of Array', list);
  list.forEach((item, i) => {
    if (!(item instanceof Uint8Array))
      throw argType(`list[${i}]`, 'an instance of Buffer or Uint8Array', item);
  });
  const size = length === undefined ? list.reduce((sum, item) => sum + item.length, 0) : length;
  const whole = Buffer.alloc(size);
  let at = 0;
  for (const item of list) {
    const part = item.length > size - at ? item.subarray(0, size - at) : item;
    whole.set(part, at);
    at += part.length;
  }
  return whole;
};

// --- asking ----------------------------------------------------------------------------------------------

Buffer.poolSize = 8192;

Buffer.isBuffer = function isBuffer(value) {
  return value instanceof Buffer;
};

Buffer.isEncoding = function isEncoding(encoding) {
  return typeof encoding === 'string' && encoding !== '' && findCodec(encoding) !== undefined;
};

Buffer.byteLength = function byteLength(value, encoding) {
  if (typeof value === 'string') return (findCodec(encoding ?? 'utf8') || utf8).length(value);
  if (ArrayBuffer.isView(value) || types.isAnyArrayBuffer(value)) return value.byteLength;
  throw argType('string', 'of type string or an instance of Buffer or ArrayBuffer', value);
};

function needBytes(value, name) {
  if (!(value instanceof Uint8Array)) throw argType(name, 'an instance of Buffer or Uint8Array', value);
}

function order(a, b) {
  const shared = Math.min(a.length, b.length);
  for (let i = 0; i < shared; i++) {
    if (a[i] !== b[i]) return a[i] < b[i] ? -1 : 1;
  }
  return Math.sign(a.length - b.length);
}

Buffer.compare = function compare(a, b) {
  needBytes(a, 'buf1');
  needBytes(b, 'buf2');
  return order(a, b);
};

const methods = {};

methods.equals = function equals(other) {
  needBytes(other, 'otherBuffer');
  return this === other || (this.length === other.length && order(this, other) === 0);
};

function bound(name, value, fallback, most) {
  if (value === undefined) return fallback;
  if (typeof value !== 'number') throw argType(name, 'of type number', value);
  if (!Number.isInteger(value)) throw outOfRange(name, 'an integer', value);
  if (value < 0 || value > most) throw outOfRange(name, `>= 0 && <= ${most}`, value);
  return value;
}

methods.compare = function compare(target, targetStart, targetEnd, sourceStart, sourceEnd) {
  needBytes(target, 'target');
  const from = bound('targetStart', targetStart, 0, MAX_LENGTH);
  const to = bound('targetEnd', targetEnd, target.length, target.length);
  const ownFrom = bound('sourceStart', sourceStart, 0, MAX_LENGTH);
  const ownTo = bound('sourceEnd', sourceEnd, this.length, this.length);
  if (ownFrom >= ownTo) return from >= to ? 0 : -1;
  if (from >= to) return 1;
  return order(this.subarray(ownFrom, ownTo), target.subarray(from, to));
};

// --- text ------------------------------------------------------------------------------------------------

function clamp(value, least, most, fallback) {
  if (value === undefined) return fallback;
  const number = Math.trunc(Number(value)) || 0;
  return Math.min(Math.max(number, least), most);
}

methods.toString = function toString(encoding, start, end) {
  if (this.length === 0) return '';
  const from = clamp(start, 0, this.length, 0);
  const to = clamp(end, 0, this.length, this.length);
  if (to <= from) return '';
  const codec = codecFor(encoding);
  return codec.decode(from === 0 && to === this.length ? this : this.subarray(from, to));
};

methods.toLocaleString = methods.toString;

methods.toJSON = function toJSON() {
  return { type: 'Buffer', data: Array.from(this) };
};

methods.write = function write(text, offset, length, encoding) {
  if (typeof text !== 'string') throw new TypeError('argument must be a string');
  if (typeof offset === 'string') return this.write(text, 0, this.length, offset);
  if (typeof length === 'string') return this.write(text, offset, undefined, length);
  const at = bound('offset', offset, 0, this.length);
  const room = bound('length', length, this.length - at, this.length);
  return this[WRITE](text, at, Math.min(room, this.length - at), codecFor(encoding));
};

const WRITE = Symbol('write');

methods[WRITE] = function writeText(text, at, room, codec) {
  let bytes = codec.encode(text);
  if (bytes.length > room) bytes = bytes.subarray(0, codec.whole(bytes, room));
  this.set(bytes, at);
  return bytes.length;
};

for (const name of ['utf8', 'ucs2', 'utf16le', 'latin1', 'ascii', 'hex', 'base64', 'base64url']) {
  methods[`${name}Slice`] = function slice(start, end) {
    return this.toString(name, start, end);
  };
  methods[`${name}Write`] = function write(text, offset, length) {
    return this.write(text, offset, length, name);
  };
}

// --- parts -----------------------------------------------------------------------------------------------

methods.subarray = function subarray(start, end) {
  const { length } = this;
  const place = (value) => {
    const at = Math.trunc(Number(value)) || 0;
    return at < 0 ? Math.max(0, at + length) : Math.min(at, length);
  };
  const from = place(start);
  const to = end === undefined ? length : place(end);
  return new FastBuffer(this.buffer, this.byteOffset + from, Math.max(0, to - from));
};

methods.slice = function slice(start, end) {
  return this.subarray(start, end);
};

function copyBound(name, value, fallback) {
  if (value === undefined) return fallback;
  const number = Math.trunc(Number(value)) || 0;
  if (number < 0) throw outOfRange(name, '>= 0', number);
  return number;
}

methods.copy = function copy(target, targetStart, sourceStart, sourceEnd) {
  needBytes(target, 'target');
  const at = copyBound('targetStart', targetStart, 0);
  const from = sourceStart === undefined ? 0 : Math.trunc(Number(sourceStart)) || 0;
  if (from < 0 || from > this.length) throw outOfRange('sourceStart', `>= 0 && <= ${this.length}`, from);
  const to = Math.min(copyBound('sourceEnd', sourceEnd, this.length), this.length);
  if (at >= target.length || from >= to) return 0;
  const count = Math.min(to - from, target.length - at);
  Uint8Array.prototype.set.call(target, this.subarray(from, from + count), at);
  return count;
};

function fillBytes(value, encoding) {
  if (typeof value !== 'string') return value;
  const codec = codecFor(encoding);
  const bytes = codec.encode(value);
  if (bytes.length === 0 && value.length > 0) throw argValue('value', value);
  return bytes;
}

methods.fill = function fill(value, offset, end, encoding) {
  if (typeof offset === 'string') return this.fill(value, 0, this.length, offset);
  if (typeof end === 'string') return this.fill(value, offset, this.length, end);
  if (encoding !== undefined && typeof encoding !== 'string')
    throw argType('encoding', 'of type string', encoding);
  const from = bound('offset', offset, 0, MAX_LENGTH);
  const to = bound('end', end, this.length, this.length);
  if (from >= to) return this;
  if (value instanceof Uint8Array && value.length === 0) throw argValue('value', value);
  const bytes = value instanceof Uint8Array ? value : fillBytes(value, encoding);
  if (!(bytes instanceof Uint8Array) || bytes.length === 0) {
    const number =
      bytes instanceof Uint8Array || typeof value === 'boolean' ? +Boolean(value === true) : +value || 0;
    return Uint8Array.prototype.fill.call(this, number & 255, from, to);
  }
  // Doubles what is there already, so that a long fill takes few steps.
  const target = this.subarray(from, to);
  let done = Math.min(bytes.length, target.length);
  target.set(bytes.subarray(0, done));
  while (done < target.length) {
    target.copyWithin(done, 0, Math.min(done, target.length - done));
    done *= 2;
  }
  return this;
};

// --- searching -------------------------------------------------------------------------------------------

function matchesAt(buffer, pattern, at) {
  for (let i = 1; i < pattern.length; i++) {
    if (buffer[at + i] !== pattern[i]) return false;
  }
  return true;
}

// step is 2 for UTF-16, whose characters begin at even places only.
function searchForward(buffer, pattern, from, step) {
  const last = buffer.length - pattern.length;
  let at = from;
  while (at <= last) {
    at = Uint8Array.prototype.indexOf.call(buffer, pattern[0], at);
    if (at < 0 || at > last) return -1;
    if (at % step === 0 && matchesAt(buffer, pattern, at)) return at;
    at++;
  }
  return -1;
}

function searchBackward(buffer, pattern, from, step) {
  for (let at = Math.min(from, buffer.length - pattern.length); at >= 0; at--) {
    if (buffer[at] === pattern[0] && at % step === 0 && matchesAt(buffer, pattern, at)) return at;
  }
  return -1;
}

function startOfSearch(buffer, offset, forward) {
  const number = Number(offset);
  if (Number.isNaN(number)) return forward ? 0 : buffer.length;
  const at = Math.trunc(Math.max(Math.min(number, 0x7fffffff), -0x80000000));
  return at < 0 ? buffer.length + at : at;
}

function search(buffer, value, byteOffset, encoding, forward) {
  let offset = byteOffset;
  let name = encoding;
  if (typeof offset === 'string') {
    name = offset;
    offset = undefined;
  }
  let start = startOfSearch(buffer, offset, forward);
  if (start < 0) {
    if (!forward) return -1;
    start = 0;
  }
  let pattern = value;
  let step = 1;
  if (typeof value === 'number') {
    pattern = [value & 255];
  } else if (typeof value === 'string') {
    const codec = codecFor(name);
    pattern = codec.encode(value);
    step = codec.name === 'utf16le' ? 2 : 1;
  } else if (!(value instanceof Uint8Array)) {
    throw argType('value', 'one of type number or string or an instance of Buffer or Uint8Array', value);
  }
  if (pattern.length === 0) return Math.min(start, buffer.length);
  return (forward ? searchForward : searchBackward)(buffer, pattern, start - (start % step), step);
}

methods.indexOf = function indexOf(value, byteOffset, encoding) {
  return search(this, value, byteOffset, encoding, true);
};

methods.lastIndexOf = function lastIndexOf(value, byteOffset, encoding) {
  return search(this, value, byteOffset, encoding, false);
};

methods.includes = function includes(value, byteOffset, encoding) {
  return this.indexOf(value, byteOffset, encoding) !== -1;
};

methods[CUSTOM] = function custom(depth, options, inspect) {
  const most = module.exports.INSPECT_MAX_BYTES;
  const { hexPairs } = require('inspect_kinds');
  let text = hexPairs(this.subarray(0, most));
  const left = this.length - most;
  if (left > 0) text += ` ... ${left} more byte${left > 1 ? 's' : ''}`;
  const extra = {};
  for (const key of Object.keys(this)) {
    if (!/^\d+$/.test(key)) extra[key] = this[key];
    else if (key === '0' && this.length > 1000) break;
  }
  const named =
    Object.keys(extra).length > 0 ? inspect(extra, { ...options, breakLength: Infinity, compact: true }) : '';
  if (named !== '') text += `${text === '' ? '' : ', '}${named.slice(2, -2)}`;
  return `<${this.constructor.name}${text === '' ? ' ' : ` ${text}`}>`.replace(
    / >$/,
    this.length === 0 ? ' >' : '>',
  );
};

for (const name of Reflect.ownKeys(methods)) {
  Object.defineProperty(Buffer.prototype, name, {
    value: methods[name],
    writable: true,
    configurable: true,
    enumerable: typeof name === 'string',
  });
}
addNumbers(Buffer.prototype);
for (const [name, size] of [
  ['swap16', 2],
  ['swap32', 4],
  ['swap64', 8],
]) {
  Object.defineProperty(Buffer.prototype, name, {
    value: makeSwap(size),
    writable: true,
    configurable: true,
  });
}
// Names of old for the view's own.
Object.defineProperty(Buffer.prototype, 'parent', {
  get() {
    return this instanceof Buffer ? this.buffer : undefined;
  },
});
Object.defineProperty(Buffer.prototype, 'offset', {
  get() {
    return this instanceof Buffer ? this.byteOffset : undefined;
  },
});

function isWellFormedUtf8(input) {
  const bytes = ArrayBuffer.isView(input) ? asBuffer(input) : new FastBuffer(input);
  const { TextDecoder } = require('encoding');
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return true;
  } catch {
    return false;
  }
}

function isAscii(input) {
  const bytes = ArrayBuffer.isView(input) ? asBuffer(input) : new FastBuffer(input);
  return bytes.every((byte) => byte < 0x80);
}

function transcode(source, from, to) {
  needBytes(source, 'source');
  return Buffer.from(
    Buffer.prototype.toString
      .call(source, from)
      .replace(/[^\x00-\xff]/gu, (char) => (/^(latin1|binary|ascii)$/i.test(to) ? '?' : char)),
    to,
  );
}

module.exports = {
  Buffer,
  SlowBuffer: Buffer.allocUnsafeSlow,
  INSPECT_MAX_BYTES: 50,
  constants: { MAX_LENGTH, MAX_STRING_LENGTH: MAX_STRING },
  isAscii,
  isUtf8: isWellFormedUtf8,
  kMaxLength: MAX_LENGTH,
  kStringMaxLength: MAX_STRING,
  transcode,
  get Blob() {
    return require('buffer_blob').Blob;
  },
  get File() {
    return require('buffer_blob').File;
  },
  get atob() {
    return require('encoding').atob;
  },
  get btoa() {
    return require('encoding').btoa;
  },
};
