// TextEncoder, TextDecoder, atob and btoa.
'use strict';

const { DOMException, argType, coded, hidden } = require('errors');
const native = binding('encoding');

// Under this length a loop in JavaScript is quicker than the way through C.
const SHORT = 64;

// null where the text has other characters. Bytes is the class that is made.
function asciiBytes(text, Bytes = Uint8Array) {
  const bytes = new Bytes(text.length);
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit > 0x7f) return null;
    bytes[i] = unit;
  }
  return bytes;
}

function utf8Encode(text) {
  return (text.length <= SHORT && asciiBytes(text)) || new Uint8Array(native.utf8Encode(text));
}

function asciiText(bytes) {
  let text = '';
  for (let i = 0; i < bytes.length; i++) {
    if (bytes[i] > 0x7f) return null;
    text += String.fromCharCode(bytes[i]);
  }
  return text;
}

function utf8Decode(bytes) {
  if (bytes.length <= SHORT) {
    const text = asciiText(bytes);
    if (text !== null) return text;
  }
  return native.utf8Decode(bytes);
}

// How many bytes a UTF-8 sequence has that begins with this byte; 1 for what begins none.
function sequenceLength(lead) {
  if (lead >= 0xc2 && lead <= 0xdf) return 2;
  if (lead >= 0xe0 && lead <= 0xef) return 3;
  return lead >= 0xf0 && lead <= 0xf4 ? 4 : 1;
}

// The second byte of some sequences is limited: no overlong forms, no surrogates, nothing above U+10FFFF.
function secondFits(lead, second) {
  if (lead === 0xe0) return second >= 0xa0;
  if (lead === 0xed) return second < 0xa0;
  if (lead === 0xf0) return second >= 0x90;
  return lead === 0xf4 ? second < 0x90 : true;
}

// The number of bytes at the end that may yet become a character when more bytes come.
function unfinished(bytes) {
  const { length } = bytes;
  for (let back = 1; back <= 3 && back <= length; back++) {
    const byte = bytes[length - back];
    if ((byte & 0xc0) === 0x80) continue;
    if (sequenceLength(byte) <= back) return 0;
    return back === 1 || secondFits(byte, bytes[length - back + 1]) ? back : 0;
  }
  return 0;
}

class TextEncoder {
  get encoding() {
    return 'utf-8';
  }

  encode(text = '') {
    return utf8Encode(`${text}`);
  }

  encodeInto(text, target) {
    if (!(target instanceof Uint8Array)) throw argType('dest', 'an instance of Uint8Array', target);
    let read = 0;
    let written = 0;
    for (const char of text) {
      const bytes = utf8Encode(char);
      if (written + bytes.length > target.length) break;
      target.set(bytes, written);
      written += bytes.length;
      read += char.length;
    }
    return { read, written };
  }

  get [Symbol.toStringTag]() {
    return 'TextEncoder';
  }
}

// Labels of the encodings that are decoded here, as the Encoding Standard (encoding.spec.whatwg.org) lists
// them.
const LABELS = {
  'utf-8': ['utf-8', 'utf8', 'unicode-1-1-utf-8', 'unicode11utf8', 'unicode20utf8', 'x-unicode20utf8'],
  'utf-16le': ['utf-16le', 'utf-16', 'ucs-2', 'unicode', 'csunicode', 'iso-10646-ucs-2', 'unicodefeff'],
  'windows-1252': [
    'windows-1252',
    'latin1',
    'ascii',
    'us-ascii',
    'iso-8859-1',
    'iso8859-1',
    'iso88591',
    'iso_8859-1',
    'iso_8859-1:1987',
    'iso-ir-100',
    'ansi_x3.4-1968',
    'cp1252',
    'cp819',
    'x-cp1252',
    'l1',
    'ibm819',
    'csisolatin1',
  ],
};

// What windows-1252 has at 0x80 to 0x9f in place of Latin 1's control characters.
const WINDOWS_1252 =
  '\u20ac\x81\u201a\u0192\u201e\u2026\u2020\u2021\u02c6\u2030\u0160\u2039\u0152\x8d\u017d\x8f' +
  '\x90\u2018\u2019\u201c\u201d\u2022\u2013\u2014\u02dc\u2122\u0161\u203a\u0153\x9d\u017e\u0178';

// Names that iconv knows under another name than the standard's.
const CHARSETS = {
  'x-sjis': 'shift_jis',
  sjis: 'shift_jis',
  'windows-31j': 'cp932',
  'x-gbk': 'gbk',
  gb2312: 'gbk',
};

function canonical(label) {
  const name = label.replace(/^[\t\n\f\r ]+|[\t\n\f\r ]+$/g, '').toLowerCase();
  for (const [encoding, labels] of Object.entries(LABELS)) {
    if (labels.includes(name)) return encoding;
  }
  return CHARSETS[name] || name;
}

function utf16Text(bytes) {
  const parts = [];
  // The copy lies at an even place, as a view of 16 bits must; all machines this runs on are little-endian.
  const copy = new Uint8Array(bytes.length & ~1);
  copy.set(bytes.length % 2 === 0 ? bytes : bytes.subarray(0, copy.length));
  const units = new Uint16Array(copy.buffer);
  for (let at = 0; at < units.length; at += 8192) {
    parts.push(String.fromCharCode.apply(null, units.subarray(at, at + 8192)));
  }
  return parts.join('');
}

// With the u flag a pair is one character, so that only a surrogate without its partner matches.
const LONE_SURROGATE = /\p{Surrogate}/gu;

function toWellFormed(text) {
  return text.replace(LONE_SURROGATE, '\ufffd');
}

// Each takes all bytes and gives text; undecodable bytes become U+FFFD.
const DECODERS = {
  'utf-8': utf8Decode,
  'utf-16le': (bytes) => toWellFormed(utf16Text(bytes)) + (bytes.length % 2 === 1 ? '\ufffd' : ''),
  'windows-1252': (bytes) =>
    native.latin1Decode(bytes).replace(/[\x80-\x9f]/g, (char) => WINDOWS_1252[char.charCodeAt(0) - 0x80]),
};

// How many bytes at the end wait for the next piece of a stream.
const PENDING = {
  'utf-8': unfinished,
  'utf-16le': (bytes) =>
    (bytes.length % 2) + (bytes.length > 1 && (bytes[(bytes.length & ~1) - 1] & 0xfc) === 0xd8 ? 2 : 0),
};

function bytesOf(input) {
  if (input === undefined) return new Uint8Array(0);
  if (ArrayBuffer.isView(input)) return new Uint8Array(input.buffer, input.byteOffset, input.byteLength);
  if (require('util_types').isAnyArrayBuffer(input)) return new Uint8Array(input);
  throw argType('list', 'an instance of SharedArrayBuffer, ArrayBuffer or ArrayBufferView', input);
}

function joined(a, b) {
  const out = new Uint8Array(a.length + b.length);
  out.set(a);
  out.set(b, a.length);
  return out;
}

function notDecodable(encoding) {
  return coded(
    TypeError,
    'ERR_ENCODING_INVALID_ENCODED_DATA',
    `The encoded data was not valid for encoding ${encoding}`,
  );
}

class TextDecoder {
  #encoding;
  #fatal;
  #ignoreBOM;
  #rest = null;
  #started = false;

  constructor(label = 'utf-8', options = {}) {
    this.#encoding = canonical(`${label}`);
    this.#fatal = Boolean(options && options.fatal);
    this.#ignoreBOM = Boolean(options && options.ignoreBOM);
    if (DECODERS[this.#encoding] || this.#knownCharset()) return;
    throw coded(RangeError, 'ERR_ENCODING_NOT_SUPPORTED', `The "${label}" encoding is not supported`);
  }

  get encoding() {
    return this.#encoding;
  }

  get fatal() {
    return this.#fatal;
  }

  get ignoreBOM() {
    return this.#ignoreBOM;
  }

  decode(input, options) {
    const more = Boolean(options && options.stream);
    let bytes = bytesOf(input);
    if (this.#rest) bytes = joined(this.#rest, bytes);
    this.#rest = null;
    if (more) {
      const pending = PENDING[this.#encoding] ? PENDING[this.#encoding](bytes) : 0;
      if (pending > 0) this.#rest = bytes.slice(bytes.length - pending);
      bytes = bytes.subarray(0, bytes.length - pending);
    }
    const first = !this.#started;
    this.#started = more && (this.#started || bytes.length > 0);
    const text = this.#text(bytes);
    return first && !this.#ignoreBOM && text[0] === '\ufeff' ? text.slice(1) : text;
  }

  #knownCharset() {
    try {
      native.charsetDecode(this.#encoding, new Uint8Array(0), false);
      return true;
    } catch {
      return false;
    }
  }

  #text(bytes) {
    const decode = DECODERS[this.#encoding];
    if (!decode) {
      try {
        return native.charsetDecode(this.#encoding, bytes, this.#fatal);
      } catch {
        throw notDecodable(this.#encoding);
      }
    }
    const text = decode(bytes);
    if (this.#fatal && text.includes('\ufffd') && !this.#isFaithful(text, bytes))
      throw notDecodable(this.#encoding);
    return text;
  }

  // U+FFFD may stand in the bytes themselves: then encoding the text gives the same bytes again.
  #isFaithful(text, bytes) {
    if (this.#encoding !== 'utf-8') return text === utf16Text(bytes) && bytes.length % 2 === 0;
    const again = utf8Encode(text);
    return again.length === bytes.length && again.every((byte, i) => byte === bytes[i]);
  }

  get [Symbol.toStringTag]() {
    return 'TextDecoder';
  }
}

function btoa(input) {
  if (arguments.length === 0)
    throw coded(TypeError, 'ERR_MISSING_ARGS', 'The "data" argument must be specified');
  const text = `${input}`;
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit > 0xff) throw new DOMException('Invalid character', 'InvalidCharacterError');
    bytes[i] = unit;
  }
  return native.base64Encode(bytes, false);
}

function atob(input) {
  if (arguments.length === 0)
    throw coded(TypeError, 'ERR_MISSING_ARGS', 'The "data" argument must be specified');
  let text = `${input}`.replace(/[\t\n\f\r ]/g, '');
  if (text.length % 4 === 0) text = text.replace(/={1,2}$/, '');
  if (/[^A-Za-z0-9+/]/.test(text)) throw new DOMException('Invalid character', 'InvalidCharacterError');
  if (text.length % 4 === 1) {
    throw new DOMException('The string to be decoded is not correctly encoded.', 'InvalidCharacterError');
  }
  return native.latin1Decode(new Uint8Array(native.base64Decode(text)));
}

for (const Class of [TextEncoder, TextDecoder]) {
  hidden(Class.prototype, Symbol.for('nodejs.util.inspect.custom'), function custom(depth, options, inspect) {
    const shown =
      Class === TextEncoder
        ? { encoding: this.encoding }
        : { encoding: this.encoding, fatal: this.fatal, ignoreBOM: this.ignoreBOM };
    return `${Class.name} ${inspect(shown, options)}`;
  });
}

module.exports = {
  SHORT,
  asciiBytes,
  TextEncoder,
  TextDecoder,
  atob,
  btoa,
  toWellFormed,
  unfinished,
  utf16Text,
  utf8Decode,
  utf8Encode,
};
