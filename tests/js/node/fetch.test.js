'use strict';

// globalThis.SERVER is the address of the server in tests/net/test_server.h.
const test = require('./harness');
const assert = require('assert');
const http = require('http');
const https = require('https');
const { SERVER } = globalThis;

test('fetch: text, json, status, headers', async () => {
  const hello = await fetch(`${SERVER}/hello`);
  assert.deepStrictEqual([hello.ok, hello.status, hello.statusText, hello.url, hello.redirected],
    [true, 200, 'OK', `${SERVER}/hello`, false]);
  assert.strictEqual(hello.headers.get('Content-Type'), 'text/plain');
  assert.strictEqual(await hello.text(), 'hello');
  await assert.rejects(hello.text(), { name: 'TypeError' });
  assert.deepStrictEqual(await (await fetch(new URL(`${SERVER}/json`))).json(), { name: 'pinokio', n: 3 });
  const missing = await fetch(`${SERVER}/missing`);
  assert.deepStrictEqual([missing.ok, missing.status], [false, 404]);
  const cookies = (await fetch(`${SERVER}/headers`)).headers.getSetCookie();
  assert.deepStrictEqual(cookies, ['a=1', 'b=2']);
});

test('fetch: the body in its forms', async () => {
  const response = await fetch(`${SERVER}/hello`);
  const copy = response.clone();
  assert.strictEqual((await response.arrayBuffer()).byteLength, 5);
  assert.strictEqual(await (await copy.blob()).text(), 'hello');
  let size = 0;
  for await (const part of (await fetch(`${SERVER}/big`)).body) size += part.length;
  assert.strictEqual(size, 1000000);
  assert.strictEqual((await (await fetch(`${SERVER}/gzip`)).text()).length, 8000);
});

test('fetch: what is sent', async () => {
  const echo = async (init) => (await fetch(`${SERVER}/echo`, init)).text();
  const json = await echo({ method: 'post', headers: { 'Content-Type': 'application/json', 'X-A': 'é' }, body: JSON.stringify({ a: 1 }) }).catch((error) => error.name);
  assert.ok(json === 'TypeError' || json.startsWith('POST\n'));
  const form = await echo({ method: 'PUT', body: new URLSearchParams({ a: 'b c' }) });
  assert.ok(form.startsWith('PUT\n') && /content-type: application\/x-www-form-urlencoded/i.test(form) && form.endsWith('a=b+c'));
  const upload = new FormData();
  upload.append('field', 'value');
  upload.append('file', new Blob(['content'], { type: 'text/plain' }), 'a.txt');
  const multipart = await echo({ method: 'POST', body: upload });
  assert.match(multipart, /content-type: multipart\/form-data; boundary=/i);
  assert.match(multipart, /name="field"\r\n\r\nvalue\r\n/);
  assert.match(multipart, /name="file"; filename="a.txt"\r\nContent-Type: text\/plain\r\n\r\ncontent\r\n/);
  const bytes = await echo({ method: 'POST', body: new Uint8Array([0x61, 0x62]) });
  assert.ok(bytes.endsWith('\nab'));
});

test('fetch: redirects', async () => {
  const followed = await fetch(`${SERVER}/to/302/hello`);
  assert.deepStrictEqual([followed.url, followed.redirected, await followed.text()], [`${SERVER}/hello`, true, 'hello']);
  const manual = await fetch(`${SERVER}/to/302/hello`, { redirect: 'manual' });
  assert.deepStrictEqual([manual.status, manual.headers.get('location')], [302, '/hello']);
  await assert.rejects(fetch(`${SERVER}/to/302/hello`, { redirect: 'error' }), { name: 'TypeError' });
  await assert.rejects(fetch(`${SERVER}/loop`), { name: 'TypeError', message: 'fetch failed' });
});

test('fetch: failure is a TypeError whose cause has the words', async () => {
  await assert.rejects(fetch('http://pinokiocloud-test.invalid/'), (error) => {
    assert.deepStrictEqual([error.name, error.message], ['TypeError', 'fetch failed']);
    assert.match(error.cause.message, /pinokiocloud-test\.invalid/);
    return true;
  });
  await assert.rejects(fetch('not an address'), /Failed to parse URL/);
  await assert.rejects(fetch('ftp://example.com/'), { message: 'fetch failed' });
});

test('fetch: an AbortSignal ends it at once', async () => {
  const controller = new AbortController();
  setTimeout(() => controller.abort(), 20);
  await assert.rejects(fetch(`${SERVER}/silent`, { signal: controller.signal }), { name: 'AbortError' });
  await assert.rejects(fetch(`${SERVER}/hello`, { signal: AbortSignal.abort() }), { name: 'AbortError' });
  await assert.rejects(fetch(`${SERVER}/slow`, { signal: AbortSignal.timeout(20) }).then((response) => response.text()), { name: 'TimeoutError' });
});

test('fetch: twenty at once', async () => {
  const all = await Promise.all(Array.from({ length: 20 }, () => fetch(`${SERVER}/json`).then((response) => response.json())));
  assert.strictEqual(all.filter(({ n }) => n === 3).length, 20);
});

test('Headers, Request and Response by themselves', async () => {
  const headers = new Headers([['X-B', '2'], ['a', '1']]);
  headers.append('A', '3');
  assert.deepStrictEqual([...headers], [['a', '1, 3'], ['x-b', '2']]);
  assert.throws(() => new Headers({ 'bad name': 'x' }), TypeError);
  assert.throws(() => new Request('http://e.com', { body: 'x' }), TypeError);
  assert.throws(() => new Response('x', { status: 204 }), TypeError);
  assert.throws(() => new Response('x', { status: 99 }), RangeError);
  assert.deepStrictEqual(await Response.json({ a: 1 }).json(), { a: 1 });
  const form = new FormData();
  form.append('a', '1');
  assert.strictEqual((await new Response(form).formData()).get('a'), '1');
  assert.strictEqual(await (await fetch('data:text/plain;base64,aGk=')).text(), 'hi');
});

function get(address, options) {
  return new Promise((resolve, reject) => {
    http.get(address, options || {}, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (chunk) => { body += chunk; });
      response.on('end', () => resolve({ response, body }));
    }).on('error', reject);
  });
}

test('http.get', async () => {
  const { response, body } = await get(`${SERVER}/json`);
  assert.deepStrictEqual([response.statusCode, response.headers['content-type'], JSON.parse(body).n], [200, 'application/json', 3]);
  assert.strictEqual((await get(`${SERVER}/to/302/hello`)).response.statusCode, 302);
  assert.deepStrictEqual((await get(`${SERVER}/headers`)).response.headers['set-cookie'], ['a=1', 'b=2']);
});

test('http.request with a body', async () => {
  const { hostname, port } = new URL(SERVER);
  const body = await new Promise((resolve, reject) => {
    const request = http.request({ hostname, port, path: '/echo', method: 'POST', headers: { 'X-Mine': 'yes', 'Content-Length': 7 } }, (response) => {
      const parts = [];
      response.on('data', (part) => parts.push(part));
      response.on('end', () => resolve(Buffer.concat(parts).toString()));
    });
    request.on('error', reject);
    request.write('one ');
    request.end('two');
  });
  assert.ok(body.startsWith('POST\n') && body.includes('X-Mine: yes\n') && body.includes('one two'));
});

test('http: errors, time-out, destroy', async () => {
  await assert.rejects(get('http://pinokiocloud-test.invalid/'), (error) => /^E(NOTFOUND|AI_AGAIN)$/.test(error.code));
  const request = http.get(`${SERVER}/silent`);
  const error = new Promise((resolve) => request.on('error', resolve));
  request.setTimeout(20, () => request.destroy(new Error('too slow')));
  assert.strictEqual((await error).message, 'too slow');
  assert.throws(() => https.get(`${SERVER}/hello`), { code: 'ERR_INVALID_PROTOCOL' });
});

module.exports = test.done();
