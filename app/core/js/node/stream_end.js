// finished and pipeline.
'use strict';

const { nextTick } = require('stream_base');
const { Readable } = require('stream_readable');
const { PassThrough } = require('stream_duplex');
const { abortError, argType, coded, needFunction } = require('errors');

function isStream(value) {
  return Boolean(value && typeof value.on === 'function' && (value._readableState || value._writableState ||
    typeof value.pipe === 'function' || typeof value.write === 'function'));
}

function once(call) {
  let called = false;
  return (...args) => {
    if (called) return;
    called = true;
    call(...args);
  };
}

// Which sides are to end, and whether they have.
function sides(stream, options) {
  const readable = stream._readableState;
  const writable = stream._writableState;
  return {
    readable: options.readable !== false && Boolean(readable) && stream._readable !== false,
    writable: options.writable !== false && Boolean(writable) && stream._writable !== false,
    hasEnded: () => !readable || readable.endEmitted,
    hasFinished: () => !writable || writable.finished,
  };
}

function finished(stream, options, callback) {
  if (typeof options === 'function') [options, callback] = [{}, options];
  if (!isStream(stream)) throw argType('stream', 'an instance of Stream', stream);
  needFunction(callback, 'callback');
  const given = options || {};
  const wanted = sides(stream, given);
  const isKnown = Boolean(stream._readableState || stream._writableState);
  const done = once((error) => {
    if (given.cleanup) cleanup();
    callback.call(stream, error);
  });
  const isOver = () => (!wanted.readable || wanted.hasEnded()) && (!wanted.writable || wanted.hasFinished());
  const check = () => {
    if (!isKnown || isOver()) done();
  };
  const onClose = () => {
    if (stream.errored) done(stream.errored);
    else if (!isKnown || isOver()) done();
    else done(coded(Error, 'ERR_STREAM_PREMATURE_CLOSE', 'Premature close'));
  };
  const onAbort = () => {
    cleanup();
    done(abortError(given.signal.reason));
  };
  const listeners = { end: check, finish: check, close: onClose };
  if (given.error !== false) listeners.error = (error) => done(error);
  for (const [event, listener] of Object.entries(listeners)) stream.on(event, listener);
  if (given.signal) {
    if (given.signal.aborted) nextTick(onAbort);
    else given.signal.addEventListener('abort', onAbort, { once: true });
  }
  if (stream.closed) nextTick(onClose);
  else if (isKnown && isOver()) nextTick(check);
  function cleanup() {
    for (const [event, listener] of Object.entries(listeners)) stream.removeListener(event, listener);
    if (given.signal) given.signal.removeEventListener('abort', onAbort);
  }
  return cleanup;
}

// A stage may be a stream, an iterable (first), or a function of the stage before it.
function toStream(stage, previous, isLast, onValue) {
  if (isStream(stage)) return stage;
  const result = typeof stage === 'function' ? stage(previous) : stage;
  if (isStream(result)) return result;
  if (isLast && result && typeof result.then === 'function') return sinkOf(result, onValue);
  if (result && (result[Symbol.asyncIterator] || result[Symbol.iterator])) return Readable.from(result);
  throw argType('stream', 'a Stream, an Iterable or a function that gives one', result);
}

function sinkOf(promise, onValue) {
  const sink = new PassThrough({ objectMode: true });
  promise.then((value) => {
    onValue(value);
    sink.end();
    sink.resume();
  }, (error) => sink.destroy(error));
  return sink;
}

// Errors travel to every stage; the callback hears of the first one when all is closed.
function pipeline(...args) {
  const callback = args.pop();
  needFunction(callback, 'streams[stream.length - 1]');
  let options = {};
  const last = args[args.length - 1];
  if (last && typeof last === 'object' && !isStream(last) && !last[Symbol.iterator] && !last[Symbol.asyncIterator]) {
    options = args.pop();
  }
  const stages = args.length === 1 && Array.isArray(args[0]) ? args[0] : args;
  if (stages.length < 2) throw coded(TypeError, 'ERR_MISSING_ARGS', 'The "streams" argument must be specified');
  let value;
  let failure = null;
  const streams = [];
  let open = stages.length;
  const report = once(() => nextTick(callback, failure || undefined, failure ? undefined : value));
  const end = (error) => {
    if (error && (failure === null || failure.code === 'ERR_STREAM_PREMATURE_CLOSE')) failure = error;
    if (error) for (const stream of streams) stream.destroy(error);
    open -= 1;
    if (open === 0) report();
  };
  const isConsumed = new Set();
  stages.forEach((stage, index) => {
    const isLast = index === stages.length - 1;
    const previous = streams[index - 1];
    const stream = toStream(stage, previous, isLast, (got) => { value = got; });
    streams.push(stream);
    if (typeof stage === 'function' && previous) isConsumed.add(previous);
    stream.on('error', () => {});
    if (previous && !isConsumed.has(previous)) previous.pipe(stream, { end: !(isLast && options.end === false) });
  });
  streams.forEach((stream, index) => {
    const isLast = index === streams.length - 1;
    if (isLast && options.end === false) {
      open -= 1;
      return;
    }
    finished(stream, { readable: !isLast || !stream._writableState, writable: index > 0 || !stream._readableState }, end);
  });
  if (options.signal) {
    const abort = () => streams[0].destroy(abortError(options.signal.reason));
    if (options.signal.aborted) abort();
    else options.signal.addEventListener('abort', abort, { once: true });
  }
  return streams[streams.length - 1];
}

module.exports = { finished, pipeline };
