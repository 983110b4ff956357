// Buffer's text encodings. Each has length (bytes that a text takes), encode (text to bytes) and decode
// (bytes to text); `unit` is the size of what must not be cut in two when a text does not fit.
'use strict';

const native = binding('encoding');
const { unfinished, utf16Text, utf8Decode, utf8Encode } = require('encoding');

function lowBytes(text) {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

function hexDigit(unit) {
  if (unit >= 48 && unit <= 57) return unit - 48;
  const lower = unit | 32;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
}

// Stops at the first pair that is no hexadecimal number.
function hexBytes(text) {
  const bytes = new Uint8Array(text.length >>> 1);
  for (let i = 0; i < bytes.length; i++) {
    const high = hexDigit(text.charCodeAt(2 * i));
    const low = hexDigit(text.charCodeAt(2 * i + 1));
    if (high < 0 || low < 0) return bytes.subarray(0, i);
    bytes[i] = high * 16 + low;
  }
  return bytes;
}

function utf16Bytes(text) {
  const bytes = new Uint8Array(text.length * 2);
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    bytes[2 * i] = unit;
    bytes[2 * i + 1] = unit >>> 8;
  }
  return bytes;
}

function base64Bytes(text) {
  return new Uint8Array(native.base64Decode(text));
}

// What Node reckons before it decodes: padding is not counted, other characters are.
function base64Length(text) {
  let { length } = text;
  if (text[length - 1] === '=') length--;
  if (length > 1 && text[length - 1] === '=') length--;
  return (length * 3) >>> 2;
}

function asciiDecode(bytes) {
  return native.latin1Decode(bytes.some((byte) => byte > 0x7f) ? bytes.map((byte) => byte & 0x7f) : bytes);
}

function utf8Length(text) {
  return text.length < 16 ? utf8Encode(text).length : native.utf8Length(text);
}

const utf8 = {
  name: 'utf8',
  length: utf8Length,
  encode: utf8Encode,
  decode: utf8Decode,
  whole: (bytes, limit) => limit - unfinished(bytes.subarray(0, limit)),
};
const utf16 = {
  name: 'utf16le',
  length: (text) => text.length * 2,
  encode: utf16Bytes,
  decode: utf16Text,
  whole: (bytes, limit) => limit & ~1,
};
const same = (bytes, limit) => limit;
const latin1 = {
  name: 'latin1',
  length: (text) => text.length,
  encode: lowBytes,
  decode: (bytes) => native.latin1Decode(bytes),
  whole: same,
};
const ascii = { name: 'ascii', length: latin1.length, encode: lowBytes, decode: asciiDecode, whole: same };
const hex = {
  name: 'hex',
  length: (text) => text.length >>> 1,
  encode: hexBytes,
  decode: (bytes) => native.hexEncode(bytes),
  whole: same,
};
const base64 = {
  name: 'base64',
  length: base64Length,
  encode: base64Bytes,
  decode: (bytes) => native.base64Encode(bytes, false),
  whole: same,
};
const base64url = { ...base64, name: 'base64url', decode: (bytes) => native.base64Encode(bytes, true) };

const CODECS = {
  'utf8': utf8,
  'utf-8': utf8,
  'ucs2': utf16,
  'ucs-2': utf16,
  'utf16le': utf16,
  'utf-16le': utf16,
  'latin1': latin1,
  'binary': latin1,
  'ascii': ascii,
  'hex': hex,
  'base64': base64,
  'base64url': base64url,
};

// undefined where there is no such encoding.
function findCodec(name) {
  return Object.hasOwn(CODECS, name) ? CODECS[name] : CODECS[String(name).toLowerCase()];
}

module.exports = { findCodec, utf8 };
