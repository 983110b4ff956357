'use strict';

const test = require('./harness');
const assert = require('assert');
const { TextEncoder, TextDecoder } = require('util');

const bytes = (...list) => new Uint8Array(list);
const decode = (label, list, options, more) => new TextDecoder(label, options).decode(bytes(...list), more);

test('TextEncoder', () => {
  const encoder = new TextEncoder();
  assert.strictEqual(encoder.encoding, 'utf-8');
  assert.deepStrictEqual(
    Array.from(encoder.encode('aé€😀\ud800')),
    [97, 195, 169, 226, 130, 172, 240, 159, 152, 128, 239, 191, 189],
  );
  assert.strictEqual(encoder.encode().length, 0);
  assert.strictEqual(encoder.encode(undefined).length, 0);
  const target = new Uint8Array(4);
  assert.deepStrictEqual({ ...encoder.encodeInto('a€€', target) }, { read: 2, written: 4 });
  assert.deepStrictEqual(Array.from(target), [97, 226, 130, 172]);
});

test('decoding UTF-8', () => {
  assert.strictEqual(decode('utf-8', [0xef, 0xbb, 0xbf, 97]), 'a');
  assert.strictEqual(decode('utf8', [0xef, 0xbb, 0xbf, 97], { ignoreBOM: true }), '\ufeffa');
  assert.strictEqual(
    decode('utf-8', [0xc0, 0x80, 97, 0xe2, 0x82, 98, 0xed, 0xa0, 0x80, 0xf4, 0x90, 0x80, 0x80]),
    '\ufffd\ufffda\ufffdb\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd',
  );
  assert.throws(() => decode('utf-8', [0xff], { fatal: true }), {
    name: 'TypeError',
    code: 'ERR_ENCODING_INVALID_ENCODED_DATA',
  });
  assert.strictEqual(decode('utf-8', [0xef, 0xbf, 0xbd], { fatal: true }), '\ufffd');
  assert.strictEqual(new TextDecoder().decode(new Uint8Array([0, 97, 98]).buffer.slice(1)), 'ab');
  assert.strictEqual(new TextDecoder().decode(new DataView(new Uint8Array([97, 98]).buffer, 1)), 'b');
  assert.strictEqual(new TextDecoder().decode(), '');
});

test('a stream cuts characters anywhere', () => {
  const whole = Array.from(new TextEncoder().encode('aé€😀z'));
  for (let size = 1; size < 5; size++) {
    const decoder = new TextDecoder();
    let text = '';
    for (let at = 0; at < whole.length; at += size)
      text += decoder.decode(bytes(...whole.slice(at, at + size)), { stream: true });
    assert.strictEqual(text + decoder.decode(), 'aé€😀z', String(size));
  }
  const cut = new TextDecoder();
  assert.strictEqual(cut.decode(bytes(97, 0xe2), { stream: true }) + cut.decode(), 'a\ufffd');
});

test('other encodings and labels', () => {
  assert.strictEqual(decode('latin1', [0xe9, 0x41]), 'éA');
  assert.strictEqual(decode('utf-16le', [0x61, 0, 0x3d, 0xd8, 0, 0xde]), 'a😀');
  assert.deepStrictEqual(
    ['UTF-8', ' utf8 ', 'ascii', 'iso-8859-1', 'ucs-2'].map((label) => new TextDecoder(label).encoding),
    ['utf-8', 'utf-8', 'windows-1252', 'windows-1252', 'utf-16le'],
  );
  assert.throws(() => new TextDecoder('no-such'), {
    name: 'RangeError',
    code: 'ERR_ENCODING_NOT_SUPPORTED',
    message: 'The "no-such" encoding is not supported',
  });
  assert.throws(() => new TextDecoder().decode('text'), { code: 'ERR_INVALID_ARG_TYPE' });
});

test('other charsets', () => {
  assert.strictEqual(decode('shift_jis', [0x93, 0xfa, 0x96, 0x7b]), '日本');
  assert.strictEqual(decode('gbk', [0xd6, 0xd0]), '中');
});

module.exports = test.done();
