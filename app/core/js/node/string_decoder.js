// string_decoder: text from bytes that come in pieces, where a character may lie in two of them.
'use strict';

const { argType, coded } = require('errors');
const { Buffer } = require('buffer');
const { findCodec } = require('buffer_codecs');
const { unfinished } = require('encoding');

// How many bytes at the end must wait for the next piece.
const PENDING = {
  utf8: unfinished,
  utf16le(bytes) {
    const odd = bytes.length % 2;
    const last = bytes.length - odd - 1;
    const opensPair = last > 0 && (bytes[last] & 0xfc) === 0xd8;
    return odd + (opensPair ? 2 : 0);
  },
  base64: (bytes) => bytes.length % 3,
  base64url: (bytes) => bytes.length % 3,
};

class StringDecoder {
  #rest = Buffer.alloc(0);
  #pending;

  constructor(encoding) {
    const codec = findCodec(encoding || 'utf8');
    if (!codec) throw coded(TypeError, 'ERR_UNKNOWN_ENCODING', `Unknown encoding: ${encoding}`);
    this.encoding = codec.name;
    this.#pending = PENDING[codec.name] || (() => 0);
  }

  // The bytes of a character that is not complete yet.
  get lastChar() {
    return this.#rest;
  }

  get lastNeed() {
    return this.#rest.length > 0 ? this.lastTotal - this.#rest.length : 0;
  }

  get lastTotal() {
    if (this.#rest.length === 0) return 0;
    if (this.encoding !== 'utf8') return this.encoding === 'utf16le' ? 2 : 3;
    const [lead] = this.#rest;
    return lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  }

  write(chunk) {
    if (typeof chunk === 'string') return chunk;
    if (!ArrayBuffer.isView(chunk)) {
      throw argType('buf', 'an instance of Buffer, TypedArray, or DataView', chunk);
    }
    let bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    if (this.#rest.length > 0) bytes = Buffer.concat([this.#rest, bytes]);
    const whole = bytes.length - this.#pending(bytes);
    this.#rest = Buffer.from(bytes.subarray(whole));
    return bytes.toString(this.encoding, 0, whole);
  }

  end(chunk) {
    const text = chunk === undefined ? '' : this.write(chunk);
    const rest = this.#rest;
    this.#rest = Buffer.alloc(0);
    return text + rest.toString(this.encoding);
  }
}

module.exports = { StringDecoder };
