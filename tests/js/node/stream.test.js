'use strict';

const test = require('./harness');
const assert = require('assert');
const { Readable, Writable, Transform, PassThrough, Duplex, pipeline, finished } = require('stream');
const promises = require('stream/promises');
const { text } = require('stream/consumers');
const { inherits } = require('util');

const event = (emitter, name) => new Promise((resolve) => emitter.once(name, resolve));
const collector = (into, options) => new Writable({
  ...options,
  write(chunk, encoding, callback) {
    into.push(String(chunk));
    callback();
  },
});

test('a readable is iterated', async () => {
  const got = [];
  for await (const item of Readable.from(['a', 'b', 'c'])) got.push(item);
  assert.deepStrictEqual(got, ['a', 'b', 'c']);
});

test('leaving the loop destroys the stream', async () => {
  let isDestroyed = false;
  const endless = new Readable({
    read() { this.push('x'); },
    destroy(error, callback) {
      isDestroyed = true;
      callback(error);
    },
  });
  for await (const chunk of endless) if (chunk) break;
  assert.ok(isDestroyed && endless.destroyed);
});

test('readable and read(n)', async () => {
  const source = new Readable({ read() {} });
  source.push('abcdef');
  source.push(null);
  const got = [];
  source.on('readable', () => {
    for (let chunk = source.read(4); chunk !== null; chunk = source.read(4)) got.push(String(chunk));
  });
  await event(source, 'end');
  assert.deepStrictEqual(got, ['abcd', 'ef']);
});

test('setEncoding joins characters cut in two', async () => {
  const source = new Readable({ read() {} });
  source.setEncoding('utf8');
  source.push(Buffer.from([0xe2, 0x82]));
  source.push(Buffer.from([0xac]));
  source.push(null);
  assert.deepStrictEqual(await source.toArray(), ['€']);
});

test('a paused stream waits', async () => {
  const source = Readable.from(['q']);
  source.pause();
  const got = [];
  source.on('data', (chunk) => got.push(chunk));
  await new Promise((resolve) => setTimeout(resolve, 3));
  assert.deepStrictEqual(got, []);
  source.resume();
  await event(source, 'end');
  assert.deepStrictEqual(got, ['q']);
});

test('a slow writer holds a fast reader', async () => {
  let waiting = 0;
  let most = 0;
  let number = 0;
  const source = new Readable({
    objectMode: true,
    highWaterMark: 2,
    read() {
      waiting += 1;
      most = Math.max(most, waiting);
      this.push(number < 50 ? number++ : null);
    },
  });
  const target = new Writable({
    objectMode: true,
    highWaterMark: 2,
    write(chunk, encoding, callback) {
      setTimeout(() => {
        waiting -= 1;
        callback();
      }, 0);
    },
  });
  await promises.pipeline(source, target);
  assert.strictEqual(number, 50);
  assert.ok(most < 12, `${most} items were in flight`);
});

test('one source feeds two pipes', async () => {
  const source = new Readable({ read() {} });
  const [one, two] = [[], []];
  const ends = [collector(one), collector(two)];
  for (const end of ends) source.pipe(end);
  source.push('k');
  source.push(null);
  await Promise.all(ends.map((end) => event(end, 'finish')));
  assert.deepStrictEqual([one, two], [['k'], ['k']]);
});

test('final, end and finish come in order', async () => {
  const order = [];
  const target = new Writable({
    write(chunk, encoding, callback) {
      order.push(String(chunk));
      callback();
    },
    final(callback) {
      order.push('final');
      callback();
    },
  });
  target.on('finish', () => order.push('finish'));
  target.write('a');
  target.end('b', () => order.push('ended'));
  await event(target, 'close');
  assert.deepStrictEqual(order, ['a', 'b', 'final', 'ended', 'finish']);
});

test('corked writes arrive together', async () => {
  const sizes = [];
  const target = new Writable({
    writev(chunks, callback) {
      sizes.push(chunks.length);
      callback();
    },
  });
  target.cork();
  for (const chunk of ['1', '2', '3']) target.write(chunk);
  target.uncork();
  target.end();
  await event(target, 'finish');
  assert.deepStrictEqual(sizes, [3]);
});

test('errors of writing reach callback and event', async () => {
  const target = new Writable({ write: (chunk, encoding, callback) => callback(new Error('full')) });
  const heard = [];
  target.on('error', (error) => heard.push(`event ${error.message}`));
  target.write('x', (error) => heard.push(`callback ${error.message}`));
  await event(target, 'close');
  assert.deepStrictEqual(heard.sort(), ['callback full', 'event full']);
  const late = new Writable({ write: (chunk, encoding, callback) => callback() });
  late.end();
  late.write('late');
  assert.strictEqual((await event(late, 'error')).code, 'ERR_STREAM_WRITE_AFTER_END');
});

test('pipeline carries data, errors and a value', async () => {
  const got = [];
  const double = new Transform({ objectMode: true, transform: (n, encoding, callback) => callback(null, `${n * 2}`) });
  await promises.pipeline(Readable.from([1, 2, 3]), double, collector(got));
  assert.deepStrictEqual(got, ['2', '4', '6']);
  const source = new Readable({ read() { this.destroy(new Error('boom')); } });
  const middle = new PassThrough();
  const error = await new Promise((resolve) => pipeline(source, middle, collector([]), resolve));
  assert.strictEqual(error.message, 'boom');
  assert.ok(middle.destroyed);
  const value = await promises.pipeline(Readable.from(['x', 'y']), async function* shout(chunks) {
    for await (const chunk of chunks) yield `${chunk}!`;
  }, async (chunks) => {
    let all = '';
    for await (const chunk of chunks) all += chunk;
    return all;
  });
  assert.strictEqual(value, 'x!y!');
});

test('finished tells of an end and of a premature close', async () => {
  assert.strictEqual(await new Promise((resolve) => finished(Readable.from([]).resume(), resolve)), undefined);
  const cut = new Readable({ read() {} });
  const heard = new Promise((resolve) => finished(cut, resolve));
  cut.destroy();
  assert.strictEqual((await heard).code, 'ERR_STREAM_PREMATURE_CLOSE');
});

test('constructors work as functions, as old packages call them', async () => {
  function Dashes() {
    Transform.call(this);
  }
  inherits(Dashes, Transform);
  Dashes.prototype._transform = function transform(chunk, encoding, callback) {
    this.push(chunk);
    this.push('-');
    callback();
  };
  const dashes = new Dashes();
  assert.ok(dashes instanceof Readable && dashes instanceof Writable && !(new Readable() instanceof Writable));
  dashes.end('zz');
  assert.strictEqual(await text(dashes), 'zz-');
});

test('both sides of a duplex', async () => {
  const got = [];
  const both = new Duplex({
    read() {
      this.push('r');
      this.push(null);
    },
    write(chunk, encoding, callback) {
      got.push(`w${chunk}`);
      callback();
    },
  });
  both.on('data', (chunk) => got.push(String(chunk)));
  both.end('1');
  await event(both, 'close');
  assert.deepStrictEqual(got.sort(), ['r', 'w1']);
});

test('a megabyte goes through a transform with drain', async () => {
  const through = new PassThrough();
  let size = 0;
  const reading = (async () => {
    for await (const chunk of through) size += chunk.length;
  })();
  for (let i = 0; i < 100; i++) if (!through.write(Buffer.alloc(10000))) await event(through, 'drain');
  through.end();
  await reading;
  assert.strictEqual(size, 1000000);
});

module.exports = test.done();
