// crypto: digests, keys from passwords, randomness. Ciphers, signatures and keys are not offered.
'use strict';

const native = binding('crypto');
const { Buffer } = require('buffer');
const { Transform } = require('stream_duplex');
const { DOMException, argType, coded, needFunction, needString, outOfRange } = require('errors');
const { setImmediate } = globalThis;

function toBytes(data, encoding, name = 'data') {
  if (typeof data === 'string') return Buffer.from(data, encoding === 'buffer' ? 'utf8' : encoding);
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  if (data instanceof ArrayBuffer) return new Uint8Array(data);
  throw argType(name, 'of type string or an instance of Buffer, TypedArray, DataView, or ArrayBuffer', data);
}

function result(bytes, encoding) {
  const buffer = Buffer.from(bytes);
  return encoding && encoding !== 'buffer' ? buffer.toString(encoding) : buffer;
}

// --- digests ---

class Digest extends Transform {
  #step;
  #isDone = false;
  #last = null;

  constructor(step, options) {
    super(options);
    this.#step = step;
  }

  _transform(chunk, encoding, callback) {
    this.#step(toBytes(chunk, encoding));
    callback();
  }

  _flush(callback) {
    callback(null, this.digest());
  }

  update(data, encoding) {
    if (this.#isDone) throw coded(Error, 'ERR_CRYPTO_HASH_FINALIZED', 'Digest already called');
    this.#step(toBytes(data, encoding));
    return this;
  }

  finish() {
    if (!this.#isDone) this.#last = this.#step();
    const wasDone = this.#isDone;
    this.#isDone = true;
    return { wasDone, bytes: this.#last };
  }

  clone() {
    if (this.#isDone) throw coded(Error, 'ERR_CRYPTO_HASH_FINALIZED', 'Digest already called');
    return this.#step(null);
  }
}

class Hash extends Digest {
  digest(encoding) {
    const { wasDone, bytes } = this.finish();
    if (wasDone) throw coded(Error, 'ERR_CRYPTO_HASH_FINALIZED', 'Digest already called');
    return result(bytes, encoding);
  }

  copy(options) {
    return new Hash(this.clone(), options);
  }
}

class Hmac extends Digest {
  digest(encoding) {
    const { wasDone, bytes } = this.finish();
    return result(wasDone ? new ArrayBuffer(0) : bytes, encoding);
  }
}

function createHash(algorithm, options) {
  needString(algorithm, 'algorithm');
  return new Hash(native.hash(algorithm), options);
}

function createHmac(algorithm, key, options) {
  needString(algorithm, 'hmac');
  return new Hmac(native.hmac(algorithm, toBytes(key, 'utf8', 'key')), options);
}

// --- randomness ---

function randomFillSync(buffer, offset = 0, size) {
  const bytes = toBytes(buffer, undefined, 'buf');
  const count = size ?? bytes.length - offset;
  if (!(offset >= 0 && offset <= bytes.length)) throw outOfRange('offset', `>= 0 && <= ${bytes.length}`, offset);
  if (!(count >= 0 && offset + count <= bytes.length)) throw outOfRange('size', `>= 0 && <= ${bytes.length - offset}`, size);
  native.random(bytes.subarray(offset, offset + count));
  return buffer;
}

function later(work, callback) {
  needFunction(callback, 'callback');
  let value;
  try {
    value = work();
  } catch (error) {
    setImmediate(callback, error);
    return;
  }
  setImmediate(callback, null, value);
}

function randomFill(buffer, ...args) {
  const callback = args.pop();
  later(() => randomFillSync(buffer, ...args), callback);
}

function randomBytes(size, callback) {
  if (typeof size !== 'number') throw argType('size', 'of type number', size);
  if (!(size >= 0 && size <= 2147483647)) throw outOfRange('size', '>= 0 && <= 2147483647', size);
  if (callback !== undefined) return later(() => randomBytes(size), callback);
  return randomFillSync(Buffer.alloc(size));
}

const RANGE = 2 ** 48;

// Numbers above the largest multiple of the range are drawn again, so that all are equally likely.
function drawBelow(range) {
  const limit = RANGE - (RANGE % range);
  for (;;) {
    const number = randomBytes(6).readUIntBE(0, 6);
    if (number < limit) return number % range;
  }
}

function randomInt(...args) {
  const callback = typeof args[args.length - 1] === 'function' ? args.pop() : undefined;
  const [min, max] = args.length > 1 ? args : [0, args[0]];
  if (!Number.isSafeInteger(min)) throw argType('min', 'a safe integer', min);
  if (!Number.isSafeInteger(max)) throw argType('max', 'a safe integer', max);
  if (max <= min) throw outOfRange('max', `greater than the value of "min" (${min})`, max);
  if (max - min >= RANGE) throw outOfRange('max - min', `<= ${RANGE - 1}`, max - min);
  if (callback) return later(() => min + drawBelow(max - min), callback);
  return min + drawBelow(max - min);
}

function randomUUID() {
  const bytes = randomBytes(16);
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

function getRandomValues(array) {
  if (!ArrayBuffer.isView(array) || array instanceof DataView || array instanceof Float32Array || array instanceof Float64Array) {
    throw new DOMException('The data argument must be an integer-type TypedArray', 'TypeMismatchError');
  }
  if (array.byteLength > 65536) {
    throw new DOMException(`The requested length exceeds 65,536 bytes: ${array.byteLength}`, 'QuotaExceededError');
  }
  native.random(new Uint8Array(array.buffer, array.byteOffset, array.byteLength));
  return array;
}

function timingSafeEqual(one, other) {
  const [first, second] = [toBytes(one, undefined, 'buf1'), toBytes(other, undefined, 'buf2')];
  if (first.length !== second.length) {
    throw coded(RangeError, 'ERR_CRYPTO_TIMING_SAFE_EQUAL_LENGTH', 'Input buffers must have the same byte length');
  }
  return native.equal(first, second);
}

// --- keys from passwords ---

function pbkdf2Sync(password, salt, iterations, length, digest) {
  needString(digest, 'digest');
  if (!Number.isInteger(iterations) || iterations < 1) throw outOfRange('iterations', '>= 1 && <= 2147483647', iterations);
  if (!Number.isInteger(length) || length < 0) throw outOfRange('keylen', '>= 0 && <= 2147483647', length);
  return Buffer.from(native.pbkdf2(toBytes(password, 'utf8', 'password'), toBytes(salt, 'utf8', 'salt'), iterations, length, digest));
}

function scryptSync(password, salt, length, options) {
  const given = options || {};
  const cost = given.N ?? given.cost ?? 16384;
  const blockSize = given.r ?? given.blockSize ?? 8;
  const parallelization = given.p ?? given.parallelization ?? 1;
  const maxmem = given.maxmem ?? 32 * 1024 * 1024;
  if (!Number.isInteger(length) || length < 0) throw outOfRange('keylen', '>= 0 && <= 2147483647', length);
  try {
    return Buffer.from(native.scrypt(toBytes(password, 'utf8', 'password'), toBytes(salt, 'utf8', 'salt'), length, cost,
      blockSize, parallelization, maxmem));
  } catch (error) {
    throw coded(RangeError, 'ERR_CRYPTO_INVALID_SCRYPT_PARAMS', `Invalid scrypt params: ${error.message}`);
  }
}

const pbkdf2 = (password, salt, iterations, length, digest, callback) => (
  later(() => pbkdf2Sync(password, salt, iterations, length, digest), callback));

function scrypt(password, salt, length, ...rest) {
  const callback = rest.pop();
  return later(() => scryptSync(password, salt, length, rest[0]), callback);
}

// --- the web's interface ---

const WEB_DIGESTS = { 'SHA-1': 'sha1', 'SHA-256': 'sha256', 'SHA-384': 'sha384', 'SHA-512': 'sha512' };

const subtle = {
  async digest(algorithm, data) {
    const name = `${(algorithm && algorithm.name) || algorithm}`.toUpperCase();
    if (!WEB_DIGESTS[name]) throw new DOMException(`Unrecognized algorithm name: ${name}`, 'NotSupportedError');
    return createHash(WEB_DIGESTS[name]).update(data).finish().bytes;
  },
};
const webcrypto = { getRandomValues, randomUUID, subtle, [Symbol.toStringTag]: 'Crypto' };

module.exports = {
  Hash, Hmac, createHash, createHmac, getRandomValues, pbkdf2, pbkdf2Sync, randomBytes, randomFill, randomFillSync,
  randomInt, randomUUID, scrypt, scryptSync, subtle, timingSafeEqual, webcrypto,
  constants: {},
  getHashes: () => native.hashes(),
  hash: (algorithm, data, encoding = 'hex') => createHash(algorithm).update(data).digest(encoding),
  pseudoRandomBytes: randomBytes,
};

const NOT_OFFERED = ['createCipheriv', 'createDecipheriv', 'createDiffieHellman', 'createECDH', 'createPrivateKey',
  'createPublicKey', 'createSecretKey', 'createSign', 'createVerify', 'diffieHellman', 'generateKey', 'generateKeyPair',
  'generateKeyPairSync', 'generateKeySync', 'hkdf', 'hkdfSync', 'privateDecrypt', 'privateEncrypt', 'publicDecrypt',
  'publicEncrypt', 'sign', 'verify'];
for (const name of NOT_OFFERED) {
  module.exports[name] = () => {
    throw coded(Error, 'ERR_FEATURE_UNAVAILABLE_ON_PLATFORM', `crypto.${name} is not offered by PinokioCloud`);
  };
}
