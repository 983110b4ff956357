'use strict';

const { Stream, addAbortSignal, settings } = require('stream_base');
const { Readable } = require('stream_readable');
const { Writable } = require('stream_writable');
const { Duplex, Transform, PassThrough } = require('stream_duplex');
const { finished, pipeline } = require('stream_end');
const promises = require('stream/promises');
const { promisify } = require('util');

Object.defineProperty(finished, promisify.custom, { value: promises.finished });
Object.defineProperty(pipeline, promisify.custom, { value: promises.pipeline });

module.exports = Object.assign(Stream, {
  Stream, Readable, Writable, Duplex, Transform, PassThrough, addAbortSignal, finished, pipeline, promises,
  getDefaultHighWaterMark: (objectMode) => (objectMode ? settings.objectHighWaterMark : settings.highWaterMark),
  isDisturbed: (stream) => Boolean(stream._readableState && (stream._readableState.didRead || stream.destroyed)),
  isErrored: (stream) => Boolean(stream.errored),
  isReadable: (stream) => Boolean(stream.readable),
});
