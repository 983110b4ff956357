// Blob and File: bytes with a type, held in memory.
'use strict';

const { argType, coded } = require('errors');
const { utf8Decode, utf8Encode } = require('encoding');
const types = require('util_types');

const BYTES = Symbol('bytes');

function partBytes(part, endings) {
  if (part instanceof Blob) return part[BYTES]();
  if (types.isAnyArrayBuffer(part)) return new Uint8Array(part).slice();
  if (ArrayBuffer.isView(part)) return new Uint8Array(part.buffer, part.byteOffset, part.byteLength).slice();
  const text = `${part}`;
  return utf8Encode(endings === 'native' ? text.replace(/\r\n?/g, '\n') : text);
}

function joined(parts) {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function relative(value, size, fallback) {
  if (value === undefined) return fallback;
  const at = Math.trunc(Number(value)) || 0;
  return at < 0 ? Math.max(size + at, 0) : Math.min(at, size);
}

class Blob {
  #bytes;
  #type;

  constructor(parts = [], options = {}) {
    if (parts === null || typeof parts !== 'object' || typeof parts[Symbol.iterator] !== 'function') {
      throw argType('sources', 'a sequence', parts);
    }
    const { type = '', endings = 'transparent' } = options ?? {};
    this.#bytes = joined([...parts].map((part) => partBytes(part, endings)));
    this.#type = /[^\x20-\x7e]/.test(`${type}`) ? '' : `${type}`.toLowerCase();
  }

  get size() {
    return this.#bytes.length;
  }

  get type() {
    return this.#type;
  }

  [BYTES]() {
    return this.#bytes;
  }

  async text() {
    return utf8Decode(this.#bytes);
  }

  async arrayBuffer() {
    return this.#bytes.slice().buffer;
  }

  async bytes() {
    return this.#bytes.slice();
  }

  slice(start, end, type = '') {
    const from = relative(start, this.size, 0);
    const to = relative(end, this.size, this.size);
    return new Blob([this.#bytes.subarray(from, Math.max(from, to))], { type });
  }

  stream() {
    if (typeof globalThis.ReadableStream !== 'function') {
      throw coded(Error, 'ERR_METHOD_NOT_IMPLEMENTED', 'The stream() method is not implemented');
    }
    const bytes = this.#bytes.slice();
    return new globalThis.ReadableStream({
      start(controller) {
        if (bytes.length > 0) controller.enqueue(bytes);
        controller.close();
      },
    });
  }

  get [Symbol.toStringTag]() {
    return 'Blob';
  }

  [Symbol.for('nodejs.util.inspect.custom')](depth, options, inspect) {
    return depth < 0 ? '[Blob]' : `Blob ${inspect({ size: this.size, type: this.type }, options)}`;
  }
}

class File extends Blob {
  #name;
  #lastModified;

  constructor(parts, name, options = {}) {
    super(parts, options);
    this.#name = `${name}`;
    this.#lastModified = options.lastModified === undefined ? Date.now() : Number(options.lastModified);
  }

  get name() {
    return this.#name;
  }

  get lastModified() {
    return this.#lastModified;
  }

  get [Symbol.toStringTag]() {
    return 'File';
  }
}

// For the modules that send bodies: the bytes themselves, not a copy.
function blobBytes(blob) {
  return blob[BYTES]();
}

module.exports = { Blob, File, blobBytes };
