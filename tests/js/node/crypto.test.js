'use strict';

const test = require('./harness');
const assert = require('assert');
const crypto = require('crypto');
const zlib = require('zlib');
const { Readable } = require('stream');
const { text } = require('stream/consumers');

// From RFC 1321, FIPS 180-4, RFC 4231, RFC 6070 and RFC 7914.
const ABC = {
  md5: '900150983cd24fb0d6963f7d28e17f72',
  sha1: 'a9993e364706816aba3e25717850c26c9cd0d89d',
  sha256: 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
  sha384: 'cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7',
  sha512: 'ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f',
};

for (const [name, digest] of Object.entries(ABC)) {
  test(name, () => {
    assert.strictEqual(crypto.createHash(name).update('a').update(Buffer.from('bc')).digest('hex'), digest);
    assert.ok(crypto.getHashes().includes(name));
  });
}

test('a digest is taken once, copied before, or streamed', async () => {
  const hash = crypto.createHash('sha1').update('a');
  const copy = hash.copy();
  assert.strictEqual(hash.update('bc').digest('hex'), ABC.sha1);
  assert.strictEqual(copy.update('bc').digest('base64'), Buffer.from(ABC.sha1, 'hex').toString('base64'));
  assert.throws(() => hash.digest(), { code: 'ERR_CRYPTO_HASH_FINALIZED' });
  assert.throws(() => crypto.createHash('nope'), /Digest method not supported/);
  const [digest] = await Readable.from([Buffer.from('abc')]).pipe(crypto.createHash('sha256')).toArray();
  assert.strictEqual(digest.toString('hex'), ABC.sha256);
});

test('hmac', () => {
  const mac = crypto.createHmac('sha256', 'Jefe').update('what do ya want for nothing?').digest('hex');
  assert.strictEqual(mac, '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843');
  assert.strictEqual(crypto.createHmac('md5', '').update('').digest('hex'), '74e6f7298a9c2d168935f58c001bad88');
});

test('pbkdf2 and scrypt', async () => {
  assert.strictEqual(crypto.pbkdf2Sync('password', 'salt', 2, 20, 'sha1').toString('hex'), 'ea6c014dc72d6f8ccd1ed92ace1d41f0d8de8957');
  assert.strictEqual(crypto.pbkdf2Sync('password', 'salt', 1, 20, 'sha1').toString('hex'), '0c60c80f961f0e71f3a9b524af6012062fe037a6');
  const key = crypto.scryptSync('password', 'NaCl', 64, { N: 1024, r: 8, p: 16 }).toString('hex');
  assert.ok(key.startsWith('fdbabe1c9d3472007856e7190d01e9fe'));
  assert.throws(() => crypto.scryptSync('p', 's', 8, { N: 3 }), { name: 'RangeError' });
  assert.strictEqual((await new Promise((resolve) => crypto.scrypt('p', 's', 8, (error, got) => resolve(got)))).length, 8);
});

test('randomness', () => {
  assert.notDeepStrictEqual(crypto.randomBytes(16), crypto.randomBytes(16));
  assert.match(crypto.randomUUID(), /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  const seen = new Set();
  for (let i = 0; i < 500; i++) seen.add(crypto.randomInt(3, 6));
  assert.deepStrictEqual([...seen].sort(), [3, 4, 5]);
  assert.throws(() => crypto.randomInt(5, 5), { code: 'ERR_OUT_OF_RANGE' });
  const part = Buffer.alloc(64);
  crypto.randomFillSync(part, 32);
  assert.ok(part.subarray(0, 32).every((byte) => byte === 0) && part.subarray(32).some((byte) => byte !== 0));
  assert.ok(globalThis.crypto.getRandomValues(new Uint32Array(8)).some((word) => word !== 0));
});

test('timingSafeEqual', () => {
  assert.strictEqual(crypto.timingSafeEqual(Buffer.from('ab'), Buffer.from('ab')), true);
  assert.strictEqual(crypto.timingSafeEqual(Buffer.from('ab'), Buffer.from('ac')), false);
  assert.throws(() => crypto.timingSafeEqual(Buffer.from('a'), Buffer.from('ab')), { name: 'RangeError' });
});

test("the web's digest", async () => {
  const digest = await globalThis.crypto.subtle.digest('SHA-256', new TextEncoder().encode('abc'));
  assert.strictEqual(Buffer.from(digest).toString('hex'), ABC.sha256);
});

test('compressing and back', async () => {
  const long = 'hello '.repeat(10000);
  for (const [pack, unpack] of [['gzip', 'gunzip'], ['deflate', 'inflate'], ['deflateRaw', 'inflateRaw'], ['gzip', 'unzip'], ['deflate', 'unzip']]) {
    const packed = zlib[`${pack}Sync`](long);
    assert.ok(packed.length < 1000);
    assert.strictEqual(zlib[`${unpack}Sync`](packed).toString(), long);
    assert.strictEqual((await new Promise((resolve) => zlib[unpack](packed, (error, data) => resolve(data)))).toString(), long);
  }
  assert.strictEqual(zlib.gunzipSync(zlib.gzipSync('')).length, 0);
  assert.strictEqual(zlib.gunzipSync(Buffer.concat([zlib.gzipSync('one'), zlib.gzipSync('two')])).toString(), 'onetwo');
  assert.strictEqual(await text(Readable.from([zlib.gzipSync('streamed')]).pipe(zlib.createGunzip())), 'streamed');
});

test('what cannot be unpacked', () => {
  const packed = zlib.gzipSync('hello '.repeat(1000));
  assert.throws(() => zlib.gunzipSync(packed.subarray(0, 20)), { code: 'Z_BUF_ERROR', message: 'unexpected end of file' });
  assert.throws(() => zlib.gunzipSync(Buffer.alloc(40)), { code: 'Z_DATA_ERROR' });
  assert.throws(() => zlib.gunzipSync(packed, { maxOutputLength: 100 }), { code: 'ERR_BUFFER_TOO_LARGE' });
});

module.exports = test.done();
