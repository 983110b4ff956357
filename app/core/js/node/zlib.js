// zlib: deflate, gzip and raw deflate. Brotli is not offered. The streams work when all has come.
'use strict';

const native = binding('zlib');
const { Transform } = require('stream_duplex');
const { Buffer } = require('buffer');
const { argType, coded, needFunction } = require('errors');
const { setImmediate } = globalThis;

const ZLIB = 0;
const GZIP = 1;
const RAW = 2;

function toBytes(data) {
  if (typeof data === 'string') return Buffer.from(data);
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  if (data instanceof ArrayBuffer) return new Uint8Array(data);
  throw argType('buffer', 'of type string or an instance of Buffer, TypedArray, DataView, or ArrayBuffer', data);
}

function compressor(format) {
  return (data, options) => Buffer.from(native.compress(toBytes(data), format, options && options.level >= 0 ? options.level : -1));
}

function decompressor(format) {
  return (data, options) => {
    const bytes = toBytes(data);
    try {
      return Buffer.from(native.decompress(bytes, format, (options && options.maxOutputLength) || 2 ** 30));
    } catch (error) {
      if (/more than/.test(error.message)) {
        throw coded(RangeError, 'ERR_BUFFER_TOO_LARGE', `Cannot create a Buffer larger than ${(options && options.maxOutputLength) || 2 ** 30} bytes`);
      }
      const isShort = error.message === 'unexpected end of file';
      throw Object.assign(new Error(error.message), isShort ? { errno: -5, code: 'Z_BUF_ERROR' } : { errno: -3, code: 'Z_DATA_ERROR' });
    }
  };
}

function unzip(data, options) {
  const bytes = toBytes(data);
  return decompressor(bytes[0] === 0x1f && bytes[1] === 0x8b ? GZIP : ZLIB)(bytes, options);
}

const OPERATIONS = {
  deflate: compressor(ZLIB), gzip: compressor(GZIP), deflateRaw: compressor(RAW),
  inflate: decompressor(ZLIB), gunzip: decompressor(GZIP), inflateRaw: decompressor(RAW), unzip,
};

const zlib = module.exports = {
  constants: Object.freeze({
    Z_NO_FLUSH: 0, Z_PARTIAL_FLUSH: 1, Z_SYNC_FLUSH: 2, Z_FULL_FLUSH: 3, Z_FINISH: 4, Z_BLOCK: 5, Z_OK: 0, Z_STREAM_END: 1,
    Z_NEED_DICT: 2, Z_ERRNO: -1, Z_STREAM_ERROR: -2, Z_DATA_ERROR: -3, Z_MEM_ERROR: -4, Z_BUF_ERROR: -5,
    Z_VERSION_ERROR: -6, Z_NO_COMPRESSION: 0, Z_BEST_SPEED: 1, Z_BEST_COMPRESSION: 9, Z_DEFAULT_COMPRESSION: -1,
    Z_FILTERED: 1, Z_HUFFMAN_ONLY: 2, Z_RLE: 3, Z_FIXED: 4, Z_DEFAULT_STRATEGY: 0,
  }),
};

for (const [name, work] of Object.entries(OPERATIONS)) {
  const title = name[0].toUpperCase() + name.slice(1);
  zlib[`${name}Sync`] = work;
  zlib[name] = (data, options, callback) => {
    const done = typeof options === 'function' ? options : callback;
    needFunction(done, 'callback');
    const bytes = toBytes(data);
    let result;
    try {
      result = work(bytes, typeof options === 'function' ? undefined : options);
    } catch (error) {
      setImmediate(done, error);
      return;
    }
    setImmediate(done, null, result);
  };
  zlib[title] = class extends Transform {
    #parts = [];
    #options;

    constructor(options) {
      super(options);
      this.#options = options;
    }

    _transform(chunk, encoding, callback) {
      this.#parts.push(chunk);
      callback();
    }

    _flush(callback) {
      try {
        callback(null, work(Buffer.concat(this.#parts), this.#options));
      } catch (error) {
        callback(error);
      }
    }
  };
  Object.defineProperty(zlib[title], 'name', { value: title });
  zlib[`create${title}`] = (options) => new zlib[title](options);
}

for (const name of ['brotliCompress', 'brotliCompressSync', 'brotliDecompress', 'brotliDecompressSync', 'createBrotliCompress',
  'createBrotliDecompress']) {
  zlib[name] = () => {
    throw coded(Error, 'ERR_FEATURE_UNAVAILABLE_ON_PLATFORM', `zlib.${name} is not offered by PinokioCloud`);
  };
}
