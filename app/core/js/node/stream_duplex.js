// Duplex, Transform and PassThrough.
'use strict';

const { Stream, applyOptions, construct, nextTick } = require('stream_base');
const { Readable, initReadable } = require('stream_readable');
const { Writable, initWritable } = require('stream_writable');
const { coded } = require('errors');

const METHODS = ['read', 'write', 'writev', 'destroy', 'final', 'construct', 'transform', 'flush'];

function Duplex(options) {
  if (!(this instanceof Duplex)) return new Duplex(options);
  initReadable(this, options, true);
  initWritable(this, options, true);
  Stream.call(this, options);
  this.allowHalfOpen = !options || options.allowHalfOpen !== false;
  if (options && options.readable === false) {
    this.readable = false;
    Object.assign(this._readableState, { ended: true, endEmitted: true });
  }
  if (options && options.writable === false) {
    this.writable = false;
    Object.assign(this._writableState, { ending: true, finished: true });
  }
  applyOptions(this, options, METHODS);
  construct(this);
}
Object.setPrototypeOf(Duplex.prototype, Readable.prototype);
Object.setPrototypeOf(Duplex, Readable);
for (const name of Object.getOwnPropertyNames(Writable.prototype)) {
  if (name in Duplex.prototype && name !== 'destroy') continue;
  Object.defineProperty(Duplex.prototype, name, Object.getOwnPropertyDescriptor(Writable.prototype, name));
}

function Transform(options) {
  if (!(this instanceof Transform)) return new Transform(options);
  Duplex.call(this, options);
  this._heldWrite = null;
}
Object.setPrototypeOf(Transform.prototype, Duplex.prototype);
Object.setPrototypeOf(Transform, Duplex);

Transform.prototype._transform = function _transform() {
  throw coded(Error, 'ERR_METHOD_NOT_IMPLEMENTED', 'The _transform() method is not implemented');
};

// The next chunk is asked for only when the reading side has room.
Transform.prototype._write = function _write(chunk, encoding, callback) {
  const state = this._readableState;
  this._transform(chunk, encoding, (error, value) => {
    if (error) {
      callback(error);
      return;
    }
    if (value !== undefined && value !== null) this.push(value);
    if (state.ended || state.length < state.highWaterMark || state.length === 0) callback();
    else this._heldWrite = callback;
  });
};

Transform.prototype._read = function _read() {
  // There is nothing to fetch: the next write brings it, and asks for no more until then.
  const callback = this._heldWrite;
  this._heldWrite = null;
  this._readableState.reading = false;
  if (callback) callback();
};

Transform.prototype._final = function _final(callback) {
  const end = (error, value) => {
    if (error) {
      callback(error);
      return;
    }
    if (value !== undefined && value !== null) this.push(value);
    this.push(null);
    // 'end' comes before 'finish' where somebody reads.
    nextTick(() => nextTick(() => nextTick(callback)));
  };
  if (typeof this._flush === 'function') this._flush(end);
  else end();
};

function PassThrough(options) {
  if (!(this instanceof PassThrough)) return new PassThrough(options);
  Transform.call(this, options);
}
Object.setPrototypeOf(PassThrough.prototype, Transform.prototype);
Object.setPrototypeOf(PassThrough, Transform);

PassThrough.prototype._transform = function _transform(chunk, encoding, callback) {
  callback(null, chunk);
};

module.exports = { Duplex, Transform, PassThrough };
