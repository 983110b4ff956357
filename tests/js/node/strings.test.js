'use strict';

const test = require('./harness');
const assert = require('assert');
const querystring = require('querystring');
const { StringDecoder } = require('string_decoder');
const { Buffer } = require('buffer');

test('querystring.parse', () => {
  const rows = [
    ['a=1&b=2&a=3', { a: ['1', '3'], b: '2' }],
    ['', {}],
    ['a', { a: '' }],
    ['a+b=%20c', { 'a b': ' c' }],
    ['%zz=%41&&=x', { '%zz': 'A', '': 'x' }],
    ['a==b', { a: '=b' }],
  ];
  for (const [text, expected] of rows) assert.deepStrictEqual({ ...querystring.parse(text) }, expected, text);
  assert.deepStrictEqual({ ...querystring.parse('a:1;b:2', ';', ':') }, { a: '1', b: '2' });
  assert.deepStrictEqual(
    { ...querystring.parse('a=1&b=2&c=3', null, null, { maxKeys: 2 }) },
    { a: '1', b: '2' },
  );
  assert.strictEqual(Object.getPrototypeOf(querystring.parse('a=1')), null);
});

test('querystring.stringify, escape, unescape', () => {
  assert.strictEqual(
    querystring.stringify({ a: [1, 'x y'], b: true, c: null, d: undefined, e: {}, f: 'ü&=' }),
    'a=1&a=x%20y&b=true&c=&d=&e=&f=%C3%BC%26%3D',
  );
  assert.strictEqual(querystring.stringify({ a: 1, b: 2 }, ';', ':'), 'a:1;b:2');
  assert.strictEqual(querystring.stringify('text'), '');
  assert.strictEqual(querystring.escape("a b!'()*~é"), "a%20b!'()*~%C3%A9");
  assert.strictEqual(querystring.unescape('%41%zz'), 'A%zz');
});

test('StringDecoder keeps what is not complete', () => {
  const decoder = new StringDecoder('utf8');
  assert.strictEqual(decoder.write(Buffer.from([0xe2, 0x82])), '');
  assert.strictEqual(decoder.write(Buffer.from([0xac, 97])), '€a');
  assert.strictEqual(decoder.write(Buffer.from([0xf0, 0x9f])), '');
  assert.strictEqual(decoder.end(), '\ufffd');
  assert.strictEqual(decoder.end(Buffer.from('x')), 'x');
});

test('StringDecoder for the other encodings', () => {
  const run = (encoding, ...chunks) => {
    const decoder = new StringDecoder(encoding);
    return chunks.map((chunk) => decoder.write(Buffer.from(chunk))).concat(decoder.end());
  };
  assert.deepStrictEqual(run('utf16le', [0x61], [0, 0x3d, 0xd8], [0, 0xde]), ['', 'a', '😀', '']);
  assert.deepStrictEqual(run('base64', [1], [2, 3, 4]), ['', 'AQID', 'BA==']);
  assert.deepStrictEqual(run('hex', [1, 255]), ['01ff', '']);
  assert.deepStrictEqual(run('latin1', [0xe9]), ['é', '']);
  assert.strictEqual(new StringDecoder().encoding, 'utf8');
  assert.throws(() => new StringDecoder('no'), { code: 'ERR_UNKNOWN_ENCODING' });
});

module.exports = test.done();
