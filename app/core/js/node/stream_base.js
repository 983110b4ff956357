// What readable and writable streams share: the legacy Stream, destroying, and errors that end a stream. The
// constructors are functions and not classes, because many packages call them as `Readable.call(this, options)`.
'use strict';

const EventEmitter = require('events');
const { abortError } = require('errors');
const { nextTick } = require('process_tick');

function Stream(options) {
  EventEmitter.call(this, options);
}
Object.setPrototypeOf(Stream.prototype, EventEmitter.prototype);
Object.setPrototypeOf(Stream, EventEmitter);

// For emitters that are no Readable but call themselves streams.
Stream.prototype.pipe = function pipe(target, options) {
  this.on('data', (chunk) => {
    if (target.writable && target.write(chunk) === false && this.pause) this.pause();
  });
  target.on('drain', () => this.resume && this.resume());
  if (!options || options.end !== false) this.on('end', () => target.end());
  target.emit('pipe', this);
  return target;
};

function states(stream) {
  return [stream._readableState, stream._writableState].filter((state) => state);
}

function isDestroyed(stream) {
  return states(stream).some((state) => state.destroyed);
}

function emitClose(stream) {
  const all = states(stream);
  for (const state of all) state.closeEmitted = true;
  if (all.some((state) => state.emitClose)) stream.emit('close');
}

function emitError(stream, error) {
  const all = states(stream);
  if (all.some((state) => state.errorEmitted)) return;
  for (const state of all) state.errorEmitted = true;
  stream.emit('error', error);
}

function destroy(error, callback) {
  if (isDestroyed(this)) {
    if (typeof callback === 'function') callback();
    return this;
  }
  for (const state of states(this)) {
    state.destroyed = true;
    if (error) state.errored = state.errored || error;
  }
  const done = (failure) => {
    for (const state of states(this)) {
      state.closed = true;
      if (failure) state.errored = state.errored || failure;
    }
    if (typeof callback === 'function') callback(failure);
    nextTick(() => {
      try {
        if (failure) emitError(this, failure);
      } finally {
        emitClose(this);
      }
    });
  };
  whenConstructed(this, () => {
    let called = false;
    const once = (failure) => {
      if (called) return;
      called = true;
      done(failure || error || null);
    };
    try {
      this._destroy(error || null, once);
    } catch (failure) {
      once(failure);
    }
  });
  return this;
}

function undestroy() {
  for (const state of states(this)) {
    Object.assign(state, {
      destroyed: false, closed: false, closeEmitted: false, errored: null, errorEmitted: false, ended: false,
      endEmitted: false, ending: false, finished: false, reading: false, writing: false,
    });
  }
}

// A stream without autoDestroy tells of its error and stays open.
function fail(stream, error) {
  const all = states(stream);
  if (all.some((state) => state.destroyed)) return;
  if (all.some((state) => state.autoDestroy)) {
    stream.destroy(error);
    return;
  }
  for (const state of all) state.errored = state.errored || error;
  nextTick(() => emitError(stream, error));
}

function whenConstructed(stream, then) {
  const waiting = states(stream).find((state) => !state.constructed);
  if (waiting) waiting.waiting.push(then);
  else then();
}

// Runs _construct in the next turn, when a derived constructor has set its fields.
function construct(stream) {
  if (typeof stream._construct !== 'function') return;
  for (const state of states(stream)) state.constructed = false;
  const done = (error) => {
    const waiting = states(stream).flatMap((state) => state.waiting.splice(0));
    for (const state of states(stream)) state.constructed = true;
    if (error) fail(stream, error);
    for (const then of waiting) then();
  };
  nextTick(() => {
    try {
      stream._construct((error) => nextTick(done, error));
    } catch (error) {
      done(error);
    }
  });
}

function addAbortSignal(signal, stream) {
  const abort = () => stream.destroy(abortError(signal.reason));
  if (signal.aborted) abort();
  else signal.addEventListener('abort', abort, { once: true });
  return stream;
}

function applyOptions(stream, options, methods) {
  if (!options) return;
  for (const name of methods) {
    if (typeof options[name] === 'function') stream[`_${name}`] = options[name];
  }
  if (options.signal) nextTick(() => addAbortSignal(options.signal, stream));
}

const settings = { highWaterMark: 16384, objectHighWaterMark: 16 };

function commonState(options, side, isDuplex) {
  const given = options || {};
  const objectMode = Boolean(given.objectMode || (isDuplex && given[`${side}ObjectMode`]));
  const mark = given.highWaterMark ?? (isDuplex ? given[`${side}HighWaterMark`] : undefined);
  return {
    objectMode,
    highWaterMark: mark ?? (objectMode ? settings.objectHighWaterMark : settings.highWaterMark),
    length: 0,
    constructed: true,
    waiting: [],
    destroyed: false,
    errored: null,
    errorEmitted: false,
    closed: false,
    closeEmitted: false,
    emitClose: given.emitClose !== false,
    autoDestroy: given.autoDestroy !== false,
  };
}

module.exports = {
  Stream, addAbortSignal, applyOptions, commonState, construct, destroy, fail, nextTick, settings, undestroy,
  whenConstructed,
};
