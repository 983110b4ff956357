// Buffer's numbers: readUInt8 ... writeDoubleBE, made from one table, and the ones of 1 to 6 bytes.
'use strict';

const { argType, coded, outOfRange } = require('errors');

// What DataView calls it, its name in Buffer's methods, and the limits of what may be written.
const WIDE = [
  ['Float32', 'Float', 4],
  ['Float64', 'Double', 8],
  ['BigUint64', 'BigUInt64', 8, 0n, 2n ** 64n - 1n],
  ['BigInt64', 'BigInt64', 8, -(2n ** 63n), 2n ** 63n - 1n],
];

function checkOffset(buffer, offset, size) {
  if (typeof offset !== 'number') throw argType('offset', 'of type number', offset);
  const last = buffer.length - size;
  if (Number.isInteger(offset) && offset >= 0 && offset <= last) return;
  if (!Number.isInteger(offset)) throw outOfRange('offset', 'an integer', offset);
  if (last < 0)
    throw coded(RangeError, 'ERR_BUFFER_OUT_OF_BOUNDS', 'Attempt to access memory outside buffer bounds');
  throw outOfRange('offset', `>= 0 and <= ${last}`, offset);
}

function powerRange(size, signed) {
  const bits = size * 8;
  return signed ? `>= -(2 ** ${bits - 1}) and < 2 ** ${bits - 1}` : `>= 0 and < 2 ** ${bits}`;
}

function bigRange(min) {
  return min === 0n ? '>= 0n and < 2n ** 64n' : '>= -(2n ** 63n) and < 2n ** 63n';
}

function checkValue(value, size, min, max) {
  if (value >= min && value <= max) return;
  if (typeof min === 'bigint') throw outOfRange('value', bigRange(min), value);
  const range = size > 4 ? powerRange(size, min < 0) : `>= ${min} and <= ${max}`;
  // A value that is no number at all is written as 0, as typed arrays do.
  if (!Number.isNaN(value)) throw outOfRange('value', range, value);
}

function view(buffer) {
  return new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength);
}

function makeReader(type, size, little) {
  const method = `get${type}`;
  return function read(offset = 0) {
    checkOffset(this, offset, size);
    return view(this)[method](offset, little);
  };
}

function makeWriter(type, size, little, min, max) {
  const method = `set${type}`;
  const isBig = typeof min === 'bigint';
  return function write(value, offset = 0) {
    if (isBig && typeof value !== 'bigint') throw argType('value', 'of type bigint', value);
    const number = isBig ? value : +value;
    if (min !== undefined) checkValue(number, size, min, max);
    checkOffset(this, offset, size);
    view(this)[method](offset, number, little);
    return offset + size;
  };
}

function checkSize(byteLength) {
  if (typeof byteLength !== 'number') throw argType('byteLength', 'of type number', byteLength);
  if (!Number.isInteger(byteLength)) throw outOfRange('byteLength', 'an integer', byteLength);
  if (byteLength < 1 || byteLength > 6) throw outOfRange('byteLength', '>= 1 and <= 6', byteLength);
}

// Up to 48 bits: bitwise operators would cut them to 32. A view for each number would take ten times as
// long.
function readInteger(buffer, offset, size, signed, little) {
  checkOffset(buffer, offset, size);
  let value = 0;
  for (let i = 0; i < size; i++) value = value * 256 + buffer[little ? offset + size - 1 - i : offset + i];
  const limit = 2 ** (size * 8);
  return signed && value >= limit / 2 ? value - limit : value;
}

function writeInteger(buffer, value, offset, size, signed, little) {
  const limit = 2 ** (size * 8);
  const number = +value;
  checkValue(number, size, signed ? -limit / 2 : 0, signed ? limit / 2 - 1 : limit - 1);
  checkOffset(buffer, offset, size);
  let left = Number.isNaN(number) ? 0 : Math.trunc(number);
  if (left < 0) left += limit;
  for (let i = 0; i < size; i++) {
    buffer[little ? offset + i : offset + size - 1 - i] = left % 256;
    left = Math.floor(left / 256);
  }
  return offset + size;
}

function define(prototype, name, value) {
  for (const alias of new Set([name, name.replace('UInt', 'Uint')])) {
    Object.defineProperty(prototype, alias, { value, writable: true, configurable: true, enumerable: true });
  }
}

function addIntegers(prototype, name, signed) {
  define(prototype, `read${name}8`, function read(offset = 0) {
    return readInteger(this, offset, 1, signed, true);
  });
  define(prototype, `write${name}8`, function write(value, offset = 0) {
    return writeInteger(this, value, offset, 1, signed, true);
  });
  for (const order of ['LE', 'BE']) {
    const little = order === 'LE';
    for (const size of [2, 4]) {
      define(prototype, `read${name}${size * 8}${order}`, function read(offset = 0) {
        return readInteger(this, offset, size, signed, little);
      });
      define(prototype, `write${name}${size * 8}${order}`, function write(value, offset = 0) {
        return writeInteger(this, value, offset, size, signed, little);
      });
    }
    define(prototype, `read${name}${order}`, function read(offset, byteLength) {
      if (offset === undefined) throw argType('offset', 'of type number', offset);
      checkSize(byteLength);
      return readInteger(this, offset, byteLength, signed, little);
    });
    define(prototype, `write${name}${order}`, function write(value, offset, byteLength) {
      checkSize(byteLength);
      return writeInteger(this, value, offset, byteLength, signed, little);
    });
  }
}

function addNumbers(prototype) {
  addIntegers(prototype, 'UInt', false);
  addIntegers(prototype, 'Int', true);
  for (const [type, name, size, min, max] of WIDE) {
    for (const order of ['LE', 'BE']) {
      define(prototype, `read${name}${order}`, makeReader(type, size, order === 'LE'));
      define(prototype, `write${name}${order}`, makeWriter(type, size, order === 'LE', min, max));
    }
  }
}

function makeSwap(size) {
  return function swap() {
    if (this.length % size !== 0) {
      throw coded(
        RangeError,
        'ERR_INVALID_BUFFER_SIZE',
        `Buffer size must be a multiple of ${size * 8}-bits`,
      );
    }
    for (let i = 0; i < this.length; i += size) this.subarray(i, i + size).reverse();
    return this;
  };
}

module.exports = { addNumbers, makeSwap };
