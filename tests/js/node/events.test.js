'use strict';

const test = require('./harness');
const assert = require('assert');
const EventEmitter = require('events');

const { on, once } = EventEmitter;

test('listeners are called in order with this and arguments', () => {
  const emitter = new EventEmitter();
  const calls = [];
  emitter.on('e', function first(a, b) {
    calls.push([this === emitter, a, b]);
  });
  emitter.prependListener('e', () => calls.push('before'));
  emitter.addListener('e', () => calls.push('last'));
  assert.strictEqual(emitter.emit('e', 1, 2), true);
  assert.deepStrictEqual(calls, ['before', [true, 1, 2], 'last']);
  assert.strictEqual(emitter.emit('other'), false);
});

test('once, off and removeAllListeners', () => {
  const emitter = new EventEmitter();
  let count = 0;
  const listener = () => {
    count++;
  };
  emitter.once('e', listener);
  assert.deepStrictEqual(emitter.listeners('e'), [listener]);
  assert.strictEqual(emitter.rawListeners('e')[0].listener, listener);
  emitter.emit('e');
  emitter.emit('e');
  assert.strictEqual(count, 1);
  emitter.once('e', listener).off('e', listener);
  emitter.on('e', listener).on('e', listener).removeListener('e', listener);
  assert.strictEqual(emitter.listenerCount('e'), 1);
  emitter.on('f', listener).on(Symbol.for('s'), listener);
  assert.deepStrictEqual(emitter.eventNames(), ['e', 'f', Symbol.for('s')]);
  emitter.removeAllListeners('e');
  assert.strictEqual(emitter.emit('e'), false);
  emitter.removeAllListeners();
  assert.deepStrictEqual(emitter.eventNames(), []);
});

test('an emit goes over the listeners of its start', () => {
  const emitter = new EventEmitter();
  const calls = [];
  const second = () => calls.push('second');
  emitter.on('e', () => {
    calls.push('first');
    emitter.off('e', second);
    emitter.on('e', () => calls.push('late'));
  });
  emitter.on('e', second);
  emitter.emit('e');
  assert.deepStrictEqual(calls, ['first', 'second']);
});

test('newListener and removeListener', () => {
  const emitter = new EventEmitter();
  const seen = [];
  const listener = () => {};
  emitter.on('newListener', (name, added) =>
    seen.push(['+', name, added === listener, emitter.listenerCount('e')]),
  );
  emitter.on('removeListener', (name, removed) => seen.push(['-', name, removed === listener]));
  emitter.once('e', listener);
  emitter.emit('e');
  assert.deepStrictEqual(seen, [
    ['+', 'removeListener', false, 0],
    ['+', 'e', true, 0],
    ['-', 'e', true],
  ]);
});

test('an error nobody listens to is thrown', () => {
  const emitter = new EventEmitter();
  const error = new Error('boom');
  assert.throws(
    () => emitter.emit('error', error),
    (thrown) => thrown === error,
  );
  assert.throws(() => emitter.emit('error', 'text'), {
    code: 'ERR_UNHANDLED_ERROR',
    message: "Unhandled error. ('text')",
    context: 'text',
  });
  const monitored = [];
  emitter.on(EventEmitter.errorMonitor, (seen) => monitored.push(seen));
  assert.throws(() => emitter.emit('error', error));
  emitter.on('error', () => monitored.push('handled'));
  emitter.emit('error', error);
  assert.deepStrictEqual(monitored, [error, error, 'handled']);
});

test('subclasses, old style and new', () => {
  function Old() {
    EventEmitter.call(this);
  }
  Object.setPrototypeOf(Old.prototype, EventEmitter.prototype);
  class New extends EventEmitter {}
  for (const made of [new Old(), new New()]) {
    let called = false;
    made.on('x', () => {
      called = true;
    });
    made.emit('x');
    assert.ok(called && made instanceof EventEmitter);
  }
  const mixed = Object.assign({}, EventEmitter.prototype);
  mixed.on('x', () => {});
  assert.strictEqual(mixed.listenerCount('x'), 1);
  assert.strictEqual(EventEmitter.EventEmitter, EventEmitter);
  assert.throws(() => new New().on('x', 5), {
    code: 'ERR_INVALID_ARG_TYPE',
    message: 'The "listener" argument must be of type function. Received type number (5)',
  });
});

test('limits', () => {
  const emitter = new EventEmitter();
  assert.strictEqual(emitter.getMaxListeners(), 10);
  assert.strictEqual(emitter.setMaxListeners(3).getMaxListeners(), 3);
  assert.strictEqual(EventEmitter.defaultMaxListeners, 10);
  assert.throws(() => emitter.setMaxListeners(-1), { code: 'ERR_OUT_OF_RANGE' });
});

test('events.once', async () => {
  const emitter = new EventEmitter();
  const waiting = once(emitter, 'e');
  emitter.emit('e', 1, 2);
  assert.deepStrictEqual(await waiting, [1, 2]);
  const failing = once(emitter, 'e');
  emitter.emit('error', new Error('no'));
  await assert.rejects(failing, { message: 'no' });
  assert.strictEqual(emitter.listenerCount('e') + emitter.listenerCount('error'), 0);
  const controller = new AbortController();
  const aborted = once(emitter, 'e', { signal: controller.signal });
  controller.abort();
  await assert.rejects(aborted, { name: 'AbortError', code: 'ABORT_ERR' });
  await assert.rejects(once(emitter, 'e', { signal: AbortSignal.abort() }), { name: 'AbortError' });
  const target = new EventTarget();
  const event = once(target, 'x');
  target.dispatchEvent(new Event('x'));
  assert.strictEqual((await event)[0].type, 'x');
});

test('events.on', async () => {
  const emitter = new EventEmitter();
  const iterator = on(emitter, 'e');
  emitter.emit('e', 1);
  emitter.emit('e', 2);
  assert.deepStrictEqual(await iterator.next(), { value: [1], done: false });
  const got = [];
  for await (const [value] of iterator) {
    got.push(value);
    if (value === 3) break;
    emitter.emit('e', 3);
  }
  assert.deepStrictEqual(got, [2, 3]);
  assert.strictEqual(emitter.listenerCount('e'), 0);
  const controller = new AbortController();
  const stopped = on(emitter, 'e', { signal: controller.signal });
  const next = stopped.next();
  controller.abort();
  await assert.rejects(next, { name: 'AbortError' });
});

test('EventTarget and Event', () => {
  const target = new EventTarget();
  const calls = [];
  const listener = (event) => calls.push(event.type);
  target.addEventListener('a', listener);
  target.addEventListener('a', listener);
  target.addEventListener(
    'a',
    {
      handleEvent(event) {
        calls.push(event.target === target, event.cancelable);
        event.preventDefault();
      },
    },
    { once: true },
  );
  assert.strictEqual(target.dispatchEvent(new Event('a', { cancelable: true })), false);
  assert.strictEqual(target.dispatchEvent(new Event('a')), true);
  assert.deepStrictEqual(calls, ['a', true, true, 'a']);
  target.removeEventListener('a', listener);
  target.dispatchEvent(new Event('a'));
  assert.strictEqual(calls.length, 4);
  target.addEventListener('b', (event) => event.stopImmediatePropagation());
  target.addEventListener('b', listener);
  target.dispatchEvent(new Event('b'));
  assert.strictEqual(calls.length, 4);
  assert.throws(() => target.dispatchEvent({}), { code: 'ERR_INVALID_ARG_TYPE' });
});

test('AbortController and AbortSignal', async () => {
  const controller = new AbortController();
  const { signal } = controller;
  const seen = [];
  signal.onabort = () => seen.push('property');
  signal.addEventListener('abort', (event) => seen.push(event.type));
  assert.deepStrictEqual([signal.aborted, signal.reason], [false, undefined]);
  signal.throwIfAborted();
  controller.abort();
  controller.abort('again');
  assert.deepStrictEqual(seen, ['property', 'abort']);
  assert.deepStrictEqual(
    [signal.aborted, signal.reason.name, signal.reason.code, signal.reason.message],
    [true, 'AbortError', 20, 'This operation was aborted'],
  );
  assert.throws(() => signal.throwIfAborted(), { name: 'AbortError' });
  assert.strictEqual(AbortSignal.abort('why').reason, 'why');
  assert.throws(() => new AbortSignal(), TypeError);
});

test('AbortSignal.any and timeout', async () => {
  const a = new AbortController();
  const b = new AbortController();
  const any = AbortSignal.any([a.signal, b.signal]);
  let count = 0;
  any.addEventListener('abort', () => {
    count++;
  });
  b.abort('b');
  a.abort('a');
  assert.deepStrictEqual([any.aborted, any.reason, count], [true, 'b', 1]);
  assert.strictEqual(AbortSignal.any([AbortSignal.abort(5)]).reason, 5);
  const keep = setTimeout(() => {}, 5000);
  const timed = AbortSignal.timeout(1);
  await new Promise((resolve) => timed.addEventListener('abort', resolve));
  clearTimeout(keep);
  assert.deepStrictEqual([timed.reason.name, timed.reason.code], ['TimeoutError', 23]);
});

module.exports = test.done();
