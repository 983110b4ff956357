'use strict';

const test = require('./harness');
const assert = require('assert');
const { Buffer, Blob, File, atob, btoa, constants, kMaxLength } = require('buffer');

const list = (buffer) => Array.from(buffer);

test('from text in every encoding', () => {
  const rows = {
    'utf8': [104, 195, 169, 226, 130, 172, 240, 159, 152, 128],
    'latin1': [104, 233, 172, 61, 0],
    'ascii': [104, 233, 172, 61, 0],
    'binary': [104, 233, 172, 61, 0],
    'ucs2': [104, 0, 233, 0, 172, 32, 61, 216, 0, 222],
    'utf16le': [104, 0, 233, 0, 172, 32, 61, 216, 0, 222],
  };
  for (const [encoding, bytes] of Object.entries(rows))
    assert.deepStrictEqual(list(Buffer.from('hé€😀', encoding)), bytes, encoding);
  assert.deepStrictEqual(list(Buffer.from('48656cZZ', 'hex')), [72, 101, 108]);
  assert.deepStrictEqual(list(Buffer.from('abc', 'hex')), [171]);
  assert.deepStrictEqual(list(Buffer.from('SGVs bG8', 'base64')), [72, 101, 108, 108, 111]);
  assert.deepStrictEqual(list(Buffer.from('-_-_', 'base64')), [251, 255, 191]);
  assert.deepStrictEqual(list(Buffer.from('+/+/', 'base64url')), [251, 255, 191]);
  assert.deepStrictEqual(list(Buffer.from('a\ud800b')), [97, 239, 191, 189, 98]);
});

test('to text in every encoding', () => {
  const bytes = Buffer.from([104, 195, 169, 255, 128, 0, 62]);
  assert.strictEqual(bytes.toString(), 'hé\ufffd\ufffd\0>');
  assert.strictEqual(bytes.toString('latin1'), 'hÃ©ÿ\x80\0>');
  assert.strictEqual(bytes.toString('ascii'), 'hC)\x7f\0\0>');
  assert.strictEqual(bytes.toString('hex'), '68c3a9ff80003e');
  assert.strictEqual(bytes.toString('base64'), 'aMOp/4AAPg==');
  assert.strictEqual(bytes.toString('base64url'), 'aMOp_4AAPg');
  assert.strictEqual(Buffer.from([104, 0, 61, 216, 0, 222, 9]).toString('utf16le'), 'h😀');
  assert.strictEqual(bytes.toString('UTF-8', 1, 3), 'é');
  assert.strictEqual(bytes.toString('latin1', -5, 100), 'hÃ©ÿ\x80\0>');
  assert.throws(() => bytes.toString('nope'), {
    code: 'ERR_UNKNOWN_ENCODING',
    message: 'Unknown encoding: nope',
  });
});

test('from arrays, memory, buffers and objects', () => {
  assert.deepStrictEqual(list(Buffer.from([1, 257, -1, 2.9, 'x'])), [1, 1, 255, 2, 0]);
  const memory = new ArrayBuffer(4);
  const shared = Buffer.from(memory, 1, 2);
  shared[0] = 7;
  assert.deepStrictEqual(list(new Uint8Array(memory)), [0, 7, 0, 0]);
  const source = Buffer.from('ab');
  const copy = Buffer.from(source);
  copy[0] = 0;
  assert.strictEqual(source.toString(), 'ab');
  assert.deepStrictEqual(list(Buffer.from(new Uint16Array([1, 256]))), [1, 0]);
  assert.deepStrictEqual(list(Buffer.from(JSON.parse(JSON.stringify(Buffer.from('hi'))))), [104, 105]);
  assert.strictEqual(Buffer.from(new String('obj')).toString(), 'obj');
  assert.strictEqual(Buffer.from({ valueOf: () => 'v' }).toString(), 'v');
  assert.deepStrictEqual(list(Buffer.from({ length: 2, 0: 5, 1: 6 })), [5, 6]);
  for (const wrong of [null, undefined, 5, {}, () => 1])
    assert.throws(() => Buffer.from(wrong), { code: 'ERR_INVALID_ARG_TYPE' });
  assert.throws(() => Buffer.from(memory, 5), { code: 'ERR_BUFFER_OUT_OF_BOUNDS' });
});

test('alloc, concat, byteLength, isBuffer, isEncoding', () => {
  assert.deepStrictEqual(list(Buffer.alloc(3)), [0, 0, 0]);
  assert.deepStrictEqual(list(Buffer.alloc(5, 'ab')), [97, 98, 97, 98, 97]);
  assert.deepStrictEqual(list(Buffer.alloc(2, 300)), [44, 44]);
  assert.strictEqual(Buffer.allocUnsafe(9).length, 9);
  assert.throws(() => Buffer.alloc(-1), { code: 'ERR_OUT_OF_RANGE' });
  assert.throws(() => Buffer.alloc('5'), { code: 'ERR_INVALID_ARG_TYPE' });
  assert.strictEqual(Buffer.concat([Buffer.from('a'), new Uint8Array([98, 99])]).toString(), 'abc');
  assert.strictEqual(Buffer.concat([Buffer.from('abc'), Buffer.from('def')], 4).toString(), 'abcd');
  assert.deepStrictEqual(list(Buffer.concat([Buffer.from([1])], 3)), [1, 0, 0]);
  assert.deepStrictEqual(
    [
      Buffer.byteLength('é€'),
      Buffer.byteLength('abc=', 'base64'),
      Buffer.byteLength('ff', 'hex'),
      Buffer.byteLength('ab', 'ucs2'),
      Buffer.byteLength(new ArrayBuffer(3)),
    ],
    [5, 2, 1, 4, 3],
  );
  assert.deepStrictEqual(
    [Buffer.isBuffer(Buffer.alloc(0)), Buffer.isBuffer(new Uint8Array(1)), Buffer.isBuffer(null)],
    [true, false, false],
  );
  assert.deepStrictEqual(
    ['utf8', 'UTF-8', 'hex', 'base64url', 'binary', 'nope', '', 5].map((name) => Buffer.isEncoding(name)),
    [true, true, true, true, true, false, false, false],
  );
  assert.ok(Buffer.from('x') instanceof Uint8Array);
  assert.strictEqual(kMaxLength, constants.MAX_LENGTH);
});

test('slice and subarray share memory and are Buffers', () => {
  const buffer = Buffer.from('hello');
  const part = buffer.slice(1, -1);
  assert.strictEqual(part.toString(), 'ell');
  part[0] = 69;
  assert.strictEqual(buffer.toString(), 'hEllo');
  assert.ok(Buffer.isBuffer(part) && Buffer.isBuffer(buffer.subarray(2)));
  assert.strictEqual(buffer.subarray(-3, 9).toString(), 'llo');
  assert.strictEqual(buffer.slice(4, 2).length, 0);
  assert.ok(Buffer.isBuffer(buffer.map((byte) => byte + 1)));
});

test('write keeps characters whole', () => {
  const buffer = Buffer.alloc(6, 46);
  assert.strictEqual(buffer.write('é€€'), 5);
  assert.deepStrictEqual(list(buffer), [195, 169, 226, 130, 172, 46]);
  assert.strictEqual(buffer.write('abc', 4), 2);
  assert.strictEqual(buffer.write('ff00', 0, 'hex'), 2);
  assert.strictEqual(buffer.write('xyz', 1, 2, 'latin1'), 2);
  assert.strictEqual(buffer.toString('latin1'), 'ÿxy\x82ab');
  assert.throws(() => buffer.write('a', 7), { code: 'ERR_OUT_OF_RANGE' });
});

test('equals, compare, copy', () => {
  const a = Buffer.from('abc');
  const b = Buffer.from('abd');
  assert.deepStrictEqual(
    [a.equals(b), a.equals(Buffer.from('abc')), a.equals(new Uint8Array([97, 98, 99]))],
    [false, true, true],
  );
  assert.deepStrictEqual(
    [a.compare(b), b.compare(a), a.compare(a), Buffer.compare(a, Buffer.from('ab'))],
    [-1, 1, 0, 1],
  );
  assert.strictEqual(a.compare(Buffer.from('xxabcx'), 2, 5), 0);
  const target = Buffer.alloc(5, 45);
  assert.strictEqual(a.copy(target, 1), 3);
  assert.strictEqual(target.toString(), '-abc-');
  assert.strictEqual(a.copy(target, 4), 1);
  assert.strictEqual(a.copy(target, 0, 1, 2), 1);
  assert.strictEqual(target.toString(), 'babca');
  const same = Buffer.from('12345');
  same.copy(same, 1, 0, 4);
  assert.strictEqual(same.toString(), '11234');
  assert.deepStrictEqual([b, a].sort(Buffer.compare).map(String), ['abc', 'abd']);
});

test('fill', () => {
  assert.strictEqual(Buffer.alloc(5).fill('xy').toString(), 'xyxyx');
  assert.strictEqual(Buffer.alloc(5, 46).fill('é', 1, 4).toString('latin1'), '.Ã©Ã.');
  assert.deepStrictEqual(list(Buffer.alloc(3).fill('abcd', 'hex')), [171, 205, 171]);
  assert.deepStrictEqual(list(Buffer.alloc(3).fill(Buffer.from([1, 2]))), [1, 2, 1]);
  assert.deepStrictEqual(list(Buffer.alloc(2, 9).fill('')), [0, 0]);
  assert.throws(() => Buffer.alloc(2).fill('zz', 'hex'), { code: 'ERR_INVALID_ARG_VALUE' });
});

test('indexOf, lastIndexOf, includes', () => {
  const buffer = Buffer.from('this is a buffer');
  assert.deepStrictEqual(
    [buffer.indexOf('is'), buffer.indexOf('is', 3), buffer.indexOf('is', -100), buffer.indexOf('nope')],
    [2, 5, 2, -1],
  );
  assert.deepStrictEqual(
    [buffer.indexOf(97), buffer.indexOf(Buffer.from('buffer')), buffer.indexOf('')],
    [8, 10, 0],
  );
  assert.deepStrictEqual(
    [buffer.lastIndexOf('is'), buffer.lastIndexOf('is', 4), buffer.lastIndexOf(102)],
    [5, 2, 13],
  );
  assert.deepStrictEqual(
    [buffer.includes('buffer'), buffer.includes('xx'), buffer.includes('this', 1)],
    [true, false, false],
  );
  assert.strictEqual(Buffer.from('abc', 'ucs2').indexOf('c', 0, 'ucs2'), 4);
  assert.throws(() => buffer.indexOf({}), { code: 'ERR_INVALID_ARG_TYPE' });
});

test('numbers of fixed size', () => {
  const buffer = Buffer.alloc(8);
  const rows = [
    ['UInt8', 200, 1],
    ['Int8', -100, 1],
    ['UInt16LE', 51234, 2],
    ['UInt16BE', 51234, 2],
    ['Int16LE', -1234, 2],
    ['Int16BE', -1234, 2],
    ['UInt32LE', 4000000000, 4],
    ['UInt32BE', 4000000000, 4],
    ['Int32LE', -2000000000, 4],
    ['Int32BE', -2000000000, 4],
    ['FloatLE', 1.5, 4],
    ['FloatBE', -0.25, 4],
    ['DoubleLE', Math.PI, 8],
    ['DoubleBE', -1e300, 8],
    ['BigUInt64LE', 2n ** 63n + 5n, 8],
    ['BigUInt64BE', 7n, 8],
    ['BigInt64LE', -5n, 8],
    ['BigInt64BE', -(2n ** 62n), 8],
  ];
  for (const [name, value, size] of rows) {
    assert.strictEqual(buffer[`write${name}`](value, 0), size, name);
    assert.strictEqual(buffer[`read${name}`](0), value, name);
  }
  buffer.writeUInt32BE(0x01020304, 2);
  assert.deepStrictEqual(list(buffer.subarray(2, 6)), [1, 2, 3, 4]);
  assert.strictEqual(buffer.readUint16LE(2), 513);
  assert.throws(() => buffer.writeUInt8(256), {
    code: 'ERR_OUT_OF_RANGE',
    message: 'The value of "value" is out of range. It must be >= 0 and <= 255. Received 256',
  });
  assert.throws(() => buffer.readInt32LE(5), {
    code: 'ERR_OUT_OF_RANGE',
    message: 'The value of "offset" is out of range. It must be >= 0 and <= 4. Received 5',
  });
  assert.throws(() => buffer.readInt8(1.5), { code: 'ERR_OUT_OF_RANGE' });
  assert.throws(() => Buffer.alloc(1).readInt16LE(), { code: 'ERR_BUFFER_OUT_OF_BOUNDS' });
});

test('numbers of one to six bytes', () => {
  const buffer = Buffer.from([1, 2, 3, 4, 5, 255]);
  assert.deepStrictEqual(
    [
      buffer.readUIntBE(0, 3),
      buffer.readUIntLE(0, 3),
      buffer.readUIntBE(0, 6),
      buffer.readIntBE(5, 1),
      buffer.readIntLE(3, 3),
    ],
    [66051, 197121, 1108152157695, -1, -64252],
  );
  assert.strictEqual(buffer.writeIntBE(-2, 0, 6), 6);
  assert.strictEqual(buffer.toString('hex'), 'fffffffffffe');
  buffer.writeUIntLE(0x123456789a, 0, 5);
  assert.strictEqual(buffer.toString('hex'), '9a78563412fe');
  assert.throws(() => buffer.readUIntBE(0, 7), { code: 'ERR_OUT_OF_RANGE' });
});

test('swap, toJSON, iteration', () => {
  assert.strictEqual(Buffer.from('01020304', 'hex').swap16().toString('hex'), '02010403');
  assert.strictEqual(Buffer.from('01020304', 'hex').swap32().toString('hex'), '04030201');
  assert.strictEqual(Buffer.from('0102030405060708', 'hex').swap64().toString('hex'), '0807060504030201');
  assert.throws(() => Buffer.alloc(3).swap16(), { code: 'ERR_INVALID_BUFFER_SIZE' });
  assert.strictEqual(JSON.stringify({ b: Buffer.from('hi') }), '{"b":{"type":"Buffer","data":[104,105]}}');
  assert.deepStrictEqual(
    [...Buffer.from('ab').entries()],
    [
      [0, 97],
      [1, 98],
    ],
  );
  assert.strictEqual(`${Buffer.from('text')}`, 'text');
});

test('a megabyte goes through every encoding unharmed', () => {
  const big = Buffer.alloc(1 << 20);
  for (let i = 0; i < big.length; i++) big[i] = (i * 31 + (i >> 8)) & 255;
  for (const encoding of ['hex', 'base64', 'base64url', 'latin1', 'ucs2']) {
    assert.ok(Buffer.from(big.toString(encoding), encoding).equals(big), encoding);
  }
  const text = 'aé€😀'.repeat(50000);
  assert.strictEqual(Buffer.from(text).toString(), text);
  assert.strictEqual(Buffer.byteLength(text), 500000);
});

test('atob, btoa', () => {
  assert.strictEqual(btoa('hÿ'), 'aP8=');
  assert.strictEqual(atob(' aP8= '), 'hÿ');
  assert.strictEqual(atob('YQ'), 'a');
  for (const wrong of ['a', 'a===', 'é', 'ab=c'])
    assert.throws(() => atob(wrong), { name: 'InvalidCharacterError', code: 5 });
  assert.throws(() => btoa('€'), { name: 'InvalidCharacterError' });
});

test('Blob', async () => {
  const blob = new Blob(['ab', Buffer.from('cd'), new Blob(['é'])], { type: 'Text/Plain' });
  assert.deepStrictEqual([blob.size, blob.type, await blob.text()], [6, 'text/plain', 'abcdé']);
  assert.strictEqual(await blob.slice(1, 3, 'x/y').text(), 'bc');
  assert.strictEqual(await blob.slice(-2).text(), 'é');
  assert.ok((await blob.arrayBuffer()) instanceof ArrayBuffer);
  const file = new File(['x'], 'n.txt', { lastModified: 5 });
  assert.deepStrictEqual(
    [file.name, file.lastModified, file.size, file instanceof Blob],
    ['n.txt', 5, 1, true],
  );
});

module.exports = test.done();
