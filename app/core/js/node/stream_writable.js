// Writable: a queue of chunks that goes to _write (or _writev) one at a time. advance() is the only place that
// starts a write; it loops, so that a _write which answers at once does not grow the stack.
'use strict';

const { Stream, applyOptions, commonState, construct, destroy, fail, nextTick, undestroy,
  whenConstructed } = require('stream_base');
const { addSharedViews } = require('stream_readable');
const { argType, coded, hidden } = require('errors');
const { Buffer } = require('buffer');

function Writable(options) {
  if (!(this instanceof Writable)) return new Writable(options);
  initWritable(this, options, false);
  Stream.call(this, options);
  applyOptions(this, options, ['write', 'writev', 'destroy', 'final', 'construct']);
  construct(this);
}
Object.setPrototypeOf(Writable.prototype, Stream.prototype);
Object.setPrototypeOf(Writable, Stream);

// A Duplex inherits from Readable and is a Writable nevertheless.
Object.defineProperty(Writable, Symbol.hasInstance, {
  value(object) {
    if (Function.prototype[Symbol.hasInstance].call(this, object)) return true;
    return this === Writable && Boolean(object && object._writableState);
  },
});

function initWritable(stream, options, isDuplex) {
  const state = commonState(options, 'writable', isDuplex);
  Object.assign(state, {
    queue: [], writing: false, advancing: false, corked: 0, needDrain: false, ending: false, finishing: false,
    finished: false, finalCalled: false, onFinish: [],
    decodeStrings: !options || options.decodeStrings !== false,
    defaultEncoding: (options && options.defaultEncoding) || 'utf8',
  });
  hidden(stream, '_writableState', state);
}

const proto = Writable.prototype;
proto.destroy = destroy;
proto._undestroy = undestroy;
proto._destroy = function _destroy(error, callback) {
  callback(error);
};
proto[Symbol.for('nodejs.rejection')] = function rejected(error) {
  this.destroy(error);
};
proto._write = function _write(chunk, encoding, callback) {
  if (typeof this._writev !== 'function') {
    throw coded(Error, 'ERR_METHOD_NOT_IMPLEMENTED', 'The _write() method is not implemented');
  }
  this._writev([{ chunk, encoding }], callback);
};
proto.pipe = function pipe() {
  fail(this, coded(Error, 'ERR_STREAM_CANNOT_PIPE', 'Cannot pipe, not readable'));
};

function toChunk(state, chunk, encoding) {
  if (chunk === null) throw coded(TypeError, 'ERR_STREAM_NULL_VALUES', 'May not write null values to stream');
  if (state.objectMode) return { chunk, encoding };
  if (typeof chunk === 'string') {
    return state.decodeStrings ? { chunk: Buffer.from(chunk, encoding), encoding: 'buffer' } : { chunk, encoding };
  }
  if (Buffer.isBuffer(chunk)) return { chunk, encoding: 'buffer' };
  if (!ArrayBuffer.isView(chunk)) {
    throw argType('chunk', 'of type string or an instance of Buffer or Uint8Array', chunk);
  }
  return { chunk: Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength), encoding: 'buffer' };
}

function refusal(state, action) {
  if (state.ending) return coded(Error, 'ERR_STREAM_WRITE_AFTER_END', 'write after end');
  if (state.destroyed) return coded(Error, 'ERR_STREAM_DESTROYED', `Cannot call ${action} after a stream was destroyed`);
  return null;
}

proto.write = function write(chunk, encoding, callback) {
  const state = this._writableState;
  const done = typeof encoding === 'function' ? encoding : callback || (() => {});
  const named = typeof encoding === 'string' ? encoding : state.defaultEncoding;
  if (named !== 'buffer' && !Buffer.isEncoding(named)) {
    throw coded(TypeError, 'ERR_UNKNOWN_ENCODING', `Unknown encoding: ${named}`);
  }
  const item = toChunk(state, chunk, named);
  const error = refusal(state, 'write');
  if (error !== null) {
    nextTick(done, error);
    fail(this, error);
    return false;
  }
  item.size = state.objectMode ? 1 : item.chunk.length;
  item.callback = done;
  state.length += item.size;
  state.queue.push(item);
  const roomy = state.length < state.highWaterMark;
  if (!roomy) state.needDrain = true;
  advance(this);
  return roomy && !state.errored && !state.destroyed;
};

function advance(stream) {
  const state = stream._writableState;
  if (state.advancing || state.corked > 0 || !state.constructed) {
    if (!state.constructed && state.queue.length > 0) whenConstructed(stream, () => advance(stream));
    return;
  }
  state.advancing = true;
  while (!state.writing && state.queue.length > 0 && !state.destroyed && !state.errored && state.corked === 0) {
    const batch = state.queue.length > 1 && typeof stream._writev === 'function';
    writeOut(stream, batch ? state.queue.splice(0) : [state.queue.shift()], batch);
  }
  state.advancing = false;
  finishIfDone(stream);
}

function writeOut(stream, items, batch) {
  const state = stream._writableState;
  let sync = true;
  let called = false;
  const done = (error) => {
    if (called) {
      fail(stream, coded(Error, 'ERR_MULTIPLE_CALLBACK', 'Callback called multiple times'));
      return;
    }
    called = true;
    state.writing = false;
    for (const item of items) state.length -= item.size;
    if (sync) nextTick(written, stream, items, error);
    else written(stream, items, error);
  };
  state.writing = true;
  try {
    if (batch) stream._writev(items.map(({ chunk, encoding }) => ({ chunk, encoding })), done);
    else stream._write(items[0].chunk, items[0].encoding, done);
  } catch (error) {
    if (called) throw error;
    done(error);
  }
  sync = false;
}

function written(stream, items, error) {
  const state = stream._writableState;
  if (error) {
    state.errored = state.errored || error;
    for (const item of items) item.callback(error);
    fail(stream, error);
    dropQueue(stream, error);
    return;
  }
  if (state.needDrain && state.length === 0 && !state.ending && !state.destroyed) {
    state.needDrain = false;
    stream.emit('drain');
  }
  for (const item of items) item.callback(null);
  advance(stream);
}

function dropQueue(stream, error) {
  const state = stream._writableState;
  const reason = error || coded(Error, 'ERR_STREAM_DESTROYED', 'Cannot call write after a stream was destroyed');
  for (const item of state.queue.splice(0)) nextTick(item.callback, reason);
  for (const callback of state.onFinish.splice(0)) nextTick(callback, error || coded(Error, 'ERR_STREAM_DESTROYED', 'Cannot call end after a stream was destroyed'));
}

proto.destroy = function destroyWritable(error, callback) {
  const state = this._writableState;
  if (!state.destroyed && (state.queue.length > 0 || state.onFinish.length > 0)) nextTick(dropQueue, this, error);
  return destroy.call(this, error, callback);
};

proto.end = function end(chunk, encoding, callback) {
  const state = this._writableState;
  let done = callback;
  if (typeof chunk === 'function') [chunk, encoding, done] = [undefined, undefined, chunk];
  else if (typeof encoding === 'function') [encoding, done] = [undefined, encoding];
  let error = null;
  if (chunk !== undefined && chunk !== null) {
    error = refusal(state, 'end');
    this.write(chunk, encoding);
  } else if (state.finished && done) {
    error = coded(Error, 'ERR_STREAM_ALREADY_FINISHED', 'Cannot call end after a stream was finished');
  } else if (state.destroyed) {
    error = refusal(state, 'end');
  }
  if (typeof done === 'function') {
    if (error || state.finished) nextTick(done, error);
    else state.onFinish.push(done);
  }
  if (!error && !state.ending) {
    state.ending = true;
    state.corked = 0;
    advance(this);
  }
  return this;
};

function finishIfDone(stream) {
  const state = stream._writableState;
  if (!state.ending || state.writing || state.queue.length > 0 || state.finishing || state.destroyed ||
      state.errored || !state.constructed) {
    if (state.ending && !state.constructed) whenConstructed(stream, () => finishIfDone(stream));
    return;
  }
  state.finishing = true;
  nextTick(() => {
    if (state.destroyed || state.errored) return;
    stream.emit('prefinish');
    if (typeof stream._final !== 'function') {
      finish(stream);
      return;
    }
    let called = false;
    const done = (error) => {
      if (called) return;
      called = true;
      if (error) {
        fail(stream, error);
        dropQueue(stream, error);
      } else {
        nextTick(finish, stream);
      }
    };
    try {
      stream._final(done);
    } catch (error) {
      done(error);
    }
  });
}

function finish(stream) {
  const state = stream._writableState;
  if (state.finished || state.destroyed || state.errored) return;
  state.finished = true;
  for (const callback of state.onFinish.splice(0)) callback(null);
  stream.emit('finish');
  const readable = stream._readableState;
  if (state.autoDestroy && (!readable || !readable.autoDestroy || readable.endEmitted || stream.readable === false)) {
    stream.destroy();
  }
}

proto.cork = function cork() {
  this._writableState.corked += 1;
};

proto.uncork = function uncork() {
  const state = this._writableState;
  if (state.corked > 0) state.corked -= 1;
  advance(this);
};

proto.setDefaultEncoding = function setDefaultEncoding(encoding) {
  if (!Buffer.isEncoding(encoding)) throw coded(TypeError, 'ERR_UNKNOWN_ENCODING', `Unknown encoding: ${encoding}`);
  this._writableState.defaultEncoding = encoding;
  return this;
};

const VIEWS = {
  writable: (stream, state) => stream._writable !== false && !state.destroyed && !state.errored && !state.ending,
  writableAborted: (_, state) => state.destroyed && !state.finished,
  writableCorked: (_, state) => state.corked,
  writableEnded: (_, state) => state.ending,
  writableFinished: (_, state) => state.finished,
  writableHighWaterMark: (_, state) => state.highWaterMark,
  writableLength: (_, state) => state.length,
  writableNeedDrain: (_, state) => !state.destroyed && !state.ending && state.needDrain,
  writableObjectMode: (_, state) => state.objectMode,
};
for (const [name, view] of Object.entries(VIEWS)) {
  Object.defineProperty(proto, name, {
    configurable: true,
    get() {
      return this._writableState ? view(this, this._writableState) : undefined;
    },
    set: name === 'writable' ? function setWritable(value) {
      hidden(this, '_writable', Boolean(value));
    } : undefined,
  });
}
addSharedViews(proto);

module.exports = { Writable, initWritable };
