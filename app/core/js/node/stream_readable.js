// Readable: a queue of chunks that _read fills and that flows to 'data', to read(), or to a pipe. Everything is
// handed out by pump(), which runs in a turn of its own after something has changed.
'use strict';

const { Stream, addAbortSignal, applyOptions, commonState, construct, destroy, fail, nextTick, undestroy,
  whenConstructed } = require('stream_base');
const { argType, coded, hidden } = require('errors');
const { Buffer } = require('buffer');

function Readable(options) {
  if (!(this instanceof Readable)) return new Readable(options);
  initReadable(this, options, false);
  Stream.call(this, options);
  applyOptions(this, options, ['read', 'destroy', 'construct']);
  construct(this);
}
Object.setPrototypeOf(Readable.prototype, Stream.prototype);
Object.setPrototypeOf(Readable, Stream);

function initReadable(stream, options, isDuplex) {
  const state = commonState(options, 'readable', isDuplex);
  Object.assign(state, {
    buffer: [], flowing: null, ended: false, endEmitted: false, reading: false, scheduled: false,
    needReadable: false, didRead: false, encoding: null, decoder: null, pipes: [], waitingFor: new Set(),
    defaultEncoding: (options && options.defaultEncoding) || 'utf8',
  });
  hidden(stream, '_readableState', state);
  if (options && options.encoding) useEncoding(state, options.encoding);
}

function useEncoding(state, encoding) {
  const { StringDecoder } = require('string_decoder');
  state.decoder = new StringDecoder(encoding);
  state.encoding = state.decoder.encoding;
}

const proto = Readable.prototype;
proto.destroy = destroy;
proto._undestroy = undestroy;
proto._destroy = function _destroy(error, callback) {
  callback(error);
};
proto[Symbol.for('nodejs.rejection')] = function rejected(error) {
  this.destroy(error);
};
proto._read = function _read() {
  throw coded(Error, 'ERR_METHOD_NOT_IMPLEMENTED', 'The _read() method is not implemented');
};

// --- filling ---

function sizeOf(state, chunk) {
  return state.objectMode ? 1 : chunk.length;
}

function toChunk(state, chunk, encoding) {
  if (state.objectMode) return chunk;
  if (typeof chunk === 'string') {
    if (state.decoder === null) return Buffer.from(chunk, encoding || state.defaultEncoding);
    if ((encoding || state.defaultEncoding) === state.encoding) return chunk;
    return state.decoder.write(Buffer.from(chunk, encoding || state.defaultEncoding));
  }
  if (!ArrayBuffer.isView(chunk)) {
    throw argType('chunk', 'of type string or an instance of Buffer or Uint8Array', chunk);
  }
  const bytes = Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  return state.decoder === null ? bytes : state.decoder.write(bytes);
}

function enqueue(state, chunk, atFront) {
  const size = sizeOf(state, chunk);
  if (size === 0 && !state.objectMode) return;
  state.length += size;
  if (atFront) state.buffer.unshift(chunk);
  else state.buffer.push(chunk);
}

function endInput(stream) {
  const state = stream._readableState;
  if (state.ended) return;
  if (state.decoder !== null) enqueue(state, state.decoder.end(), false);
  state.ended = true;
}

function add(stream, chunk, encoding, atFront) {
  const state = stream._readableState;
  if (!atFront) state.reading = false;
  if (state.destroyed) return false;
  if (chunk === null) {
    endInput(stream);
    schedule(stream);
    return false;
  }
  if (state.ended && !atFront) {
    fail(stream, coded(Error, 'ERR_STREAM_PUSH_AFTER_EOF', 'stream.push() after EOF'));
    return false;
  }
  if (state.endEmitted) {
    fail(stream, coded(Error, 'ERR_STREAM_UNSHIFT_AFTER_END_EVENT', 'stream.unshift() after end event'));
    return false;
  }
  try {
    enqueue(state, toChunk(state, chunk, encoding), atFront);
  } catch (error) {
    fail(stream, error);
    return false;
  }
  schedule(stream);
  return state.length < state.highWaterMark;
}

proto.push = function push(chunk, encoding) {
  return add(this, chunk === undefined ? null : chunk, encoding, false);
};

proto.unshift = function unshift(chunk, encoding) {
  return add(this, chunk, encoding, true);
};

function fill(stream) {
  const state = stream._readableState;
  if (state.reading || state.ended || state.destroyed || state.errored || !state.constructed) return;
  if (state.length > 0 && state.length >= state.highWaterMark) return;
  state.reading = true;
  try {
    stream._read(state.highWaterMark);
  } catch (error) {
    fail(stream, error);
  }
}

// --- handing out ---

function schedule(stream) {
  const state = stream._readableState;
  if (state.scheduled) return;
  state.scheduled = true;
  nextTick(() => {
    state.scheduled = false;
    whenConstructed(stream, () => pump(stream));
  });
}

function pump(stream) {
  const state = stream._readableState;
  if (state.flowing) {
    while (state.flowing && state.length > 0 && !state.destroyed) emitData(stream, takeNext(state));
  } else if (state.needReadable && !state.destroyed && !state.endEmitted && (state.length > 0 || state.ended)) {
    state.needReadable = false;
    stream.emit('readable');
    if (!state.ended && state.length < state.highWaterMark) state.needReadable = true;
    if (state.ended && state.length === 0) endOutput(stream);
  }
  if (state.flowing && state.ended && state.length === 0) endOutput(stream);
  if (state.flowing || state.needReadable) fill(stream);
}

function emitData(stream, chunk) {
  stream._readableState.didRead = true;
  stream.emit('data', chunk);
}

function takeNext(state) {
  const chunk = state.buffer.shift();
  state.length -= sizeOf(state, chunk);
  return chunk;
}

function takeAll(state) {
  const all = state.buffer.length === 1 ? state.buffer[0]
    : state.decoder !== null ? state.buffer.join('') : Buffer.concat(state.buffer, state.length);
  state.buffer = [];
  state.length = 0;
  return all;
}

function take(state, count) {
  if (state.objectMode) return takeNext(state);
  const all = takeAll(state);
  if (count >= all.length) return all;
  state.buffer = [all.slice(count)];
  state.length = all.length - count;
  return all.slice(0, count);
}

function endOutput(stream) {
  const state = stream._readableState;
  if (state.endEmitted || state.endScheduled || state.destroyed) return;
  state.endScheduled = true;
  nextTick(() => {
    state.endScheduled = false;
    if (state.endEmitted || state.destroyed || state.errored || state.length > 0) return;
    state.endEmitted = true;
    stream.emit('end');
    const writable = stream._writableState;
    if (writable && stream.allowHalfOpen === false && !writable.ending) stream.end();
    if (state.autoDestroy && (!writable || !writable.autoDestroy || writable.finished)) stream.destroy();
  });
}

// How much read(n) may take now; 0 is "wait".
function available(state, n) {
  if (state.length === 0) return 0;
  if (state.objectMode) return 1;
  if (n === undefined || Number.isNaN(n)) return state.length;
  return n <= state.length ? n : state.ended ? state.length : 0;
}

proto.read = function read(size) {
  const state = this._readableState;
  const n = size === undefined ? undefined : Math.trunc(size);
  if (n > state.highWaterMark && !state.objectMode) state.highWaterMark = n;
  if (n === 0) {
    fill(this);
    if (state.length > 0 || state.ended) schedule(this);
    return null;
  }
  if (available(state, n) === 0 || state.length < state.highWaterMark) fill(this);
  const count = available(state, n);
  const chunk = count > 0 ? take(state, count) : null;
  if (chunk === null || state.length === 0) state.needReadable = true;
  if (state.ended && state.length === 0) endOutput(this);
  else if (state.needReadable) fill(this);
  if (chunk !== null && !state.destroyed) emitData(this, chunk);
  return chunk;
};

proto.pause = function pause() {
  const state = this._readableState;
  if (state.flowing !== false) {
    state.flowing = false;
    this.emit('pause');
  }
  return this;
};

proto.resume = function resume() {
  const state = this._readableState;
  if (!state.flowing) {
    state.flowing = this.listenerCount('readable') === 0;
    if (state.flowing) nextTick(() => this.emit('resume'));
    schedule(this);
  }
  return this;
};

proto.isPaused = function isPaused() {
  return this._readableState.flowing === false;
};

proto.setEncoding = function setEncoding(encoding) {
  const state = this._readableState;
  const queued = state.buffer;
  useEncoding(state, encoding);
  state.buffer = [];
  state.length = 0;
  for (const chunk of queued) enqueue(state, toChunk(state, chunk), false);
  return this;
};

proto.on = function on(event, listener) {
  const result = Stream.prototype.on.call(this, event, listener);
  const state = this._readableState;
  if (!state) return result;
  if (event === 'data') {
    if (state.flowing !== false && this.listenerCount('readable') === 0) this.resume();
  } else if (event === 'readable' && !state.endEmitted) {
    state.flowing = false;
    state.needReadable = true;
    schedule(this);
  }
  return result;
};
proto.addListener = proto.on;

function afterRemoval(stream) {
  const state = stream._readableState;
  if (state && !state.flowing && stream.listenerCount('readable') === 0 && stream.listenerCount('data') > 0 &&
      state.needReadable) {
    stream.resume();
  }
}

proto.removeListener = function removeListener(event, listener) {
  const result = Stream.prototype.removeListener.call(this, event, listener);
  if (event === 'readable') nextTick(afterRemoval, this);
  return result;
};
proto.off = proto.removeListener;

// --- pipes ---

proto.pipe = function pipe(target, options) {
  const source = this;
  const state = this._readableState;
  const onData = (chunk) => {
    if (target.write(chunk) !== false) return;
    state.waitingFor.add(target);
    source.pause();
  };
  const onDrain = () => {
    if (state.waitingFor.delete(target) && state.waitingFor.size === 0) source.resume();
  };
  const onEnd = () => target.end();
  const onError = (error) => {
    source.unpipe(target);
    if (target.listenerCount('error') === 0) fail(target, error);
  };
  const onGone = () => source.unpipe(target);
  const ends = !(options && options.end === false) && !target._isStdio;
  this.on('data', onData);
  this.once('end', ends ? onEnd : onGone);
  target.on('drain', onDrain);
  target.prependListener('error', onError);
  target.once('close', onGone);
  state.pipes.push({
    target,
    detach() {
      source.removeListener('data', onData);
      source.removeListener('end', ends ? onEnd : onGone);
      target.removeListener('drain', onDrain);
      target.removeListener('error', onError);
      target.removeListener('close', onGone);
      onDrain();
    },
  });
  target.emit('pipe', this);
  if (!state.flowing && state.waitingFor.size === 0) this.resume();
  return target;
};

proto.unpipe = function unpipe(target) {
  const state = this._readableState;
  const leaving = state.pipes.filter((pipe) => target === undefined || pipe.target === target);
  state.pipes = state.pipes.filter((pipe) => !leaving.includes(pipe));
  for (const pipe of leaving) {
    pipe.detach();
    pipe.target.emit('unpipe', this, { hasUnpiped: false });
  }
  if (leaving.length > 0 && state.pipes.length === 0 && this.listenerCount('data') === 0) this.pause();
  return this;
};

// --- iterating ---

async function* iterate(stream, options) {
  const { finished } = require('stream_end');
  let wake = () => {};
  let failure;
  const onReadable = () => wake();
  stream.on('readable', onReadable);
  const cleanup = finished(stream, { writable: false }, (error) => {
    failure = error || null;
    wake();
  });
  try {
    for (;;) {
      const chunk = stream.destroyed ? null : stream.read();
      if (chunk !== null) yield chunk;
      else if (failure) throw failure;
      else if (failure === null) return;
      else await new Promise((resolve) => { wake = resolve; });
    }
  } finally {
    cleanup();
    stream.removeListener('readable', onReadable);
    if (options.destroyOnReturn !== false && failure === undefined) {
      stream.on('error', () => {});
      stream.destroy();
    }
  }
}

proto[Symbol.asyncIterator] = function asyncIterator() {
  return iterate(this, {});
};

proto.iterator = function iterator(options) {
  return iterate(this, options || {});
};

proto.toArray = async function toArray() {
  const all = [];
  for await (const chunk of this) all.push(chunk);
  return all;
};

Readable.from = function from(source, options) {
  if (typeof source === 'string' || Buffer.isBuffer(source)) {
    return new Readable({
      objectMode: true,
      ...options,
      read() {
        this.push(source);
        this.push(null);
      },
    });
  }
  const make = source && (source[Symbol.asyncIterator] || source[Symbol.iterator]);
  if (typeof make !== 'function') throw argType('iterable', 'an instance of Iterable', source);
  const iterator = make.call(source);
  const readable = new Readable({ objectMode: true, highWaterMark: 1, ...options });
  readable._read = async () => {
    try {
      const step = await iterator.next();
      const value = step.done ? null : await step.value;
      if (!step.done && value === null) throw coded(TypeError, 'ERR_STREAM_NULL_VALUES', 'May not write null values to stream');
      readable.push(value);
    } catch (error) {
      readable.destroy(error);
    }
  };
  readable._destroy = async (error, callback) => {
    try {
      if (typeof iterator.return === 'function') await iterator.return();
      callback(error);
    } catch (failure) {
      callback(error || failure);
    }
  };
  return readable;
};

// Old-style emitters of 'data' and 'end'.
proto.wrap = function wrap(old) {
  old.on('data', (chunk) => {
    if (!this.push(chunk) && old.pause) old.pause();
  });
  old.on('end', () => this.push(null));
  old.on('error', (error) => fail(this, error));
  old.on('close', () => this.destroy());
  this._read = () => old.resume && old.resume();
  return this;
};

const VIEWS = {
  readable: (stream, state) => stream._readable !== false && !state.destroyed && !state.endEmitted && !state.errored,
  readableAborted: (_, state) => state.destroyed && !state.endEmitted,
  readableDidRead: (_, state) => state.didRead,
  readableEncoding: (_, state) => state.encoding,
  readableEnded: (_, state) => state.endEmitted,
  readableFlowing: (_, state) => state.flowing,
  readableHighWaterMark: (_, state) => state.highWaterMark,
  readableLength: (_, state) => state.length,
  readableObjectMode: (_, state) => state.objectMode,
};
const SETTERS = {
  readable(value) {
    hidden(this, '_readable', Boolean(value));
  },
  readableFlowing(value) {
    this._readableState.flowing = value;
  },
};
for (const [name, view] of Object.entries(VIEWS)) {
  Object.defineProperty(proto, name, {
    configurable: true,
    get() {
      return this._readableState ? view(this, this._readableState) : undefined;
    },
    set: SETTERS[name],
  });
}

const SHARED_VIEWS = {
  destroyed: (states) => states.some((state) => state.destroyed),
  closed: (states) => states.some((state) => state.closed),
  errored: (states) => (states.find((state) => state.errored) || { errored: null }).errored,
};
function addSharedViews(target) {
  for (const [name, view] of Object.entries(SHARED_VIEWS)) {
    Object.defineProperty(target, name, {
      configurable: true,
      get() {
        return view([this._readableState, this._writableState].filter((state) => state));
      },
      set: name === 'destroyed' ? function setDestroyed(value) {
        for (const state of [this._readableState, this._writableState]) if (state) state.destroyed = value;
      } : undefined,
    });
  }
}
addSharedViews(proto);

module.exports = { Readable, addAbortSignal, addSharedViews, initReadable };
