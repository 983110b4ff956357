// ReadStream and WriteStream.
'use strict';

const sync = require('fs_sync');
const { Readable } = require('stream_readable');
const { Writable } = require('stream_writable');
const { toOptions, toPath } = require('fs_common');
const { argType, outOfRange } = require('errors');
const { Buffer } = require('buffer');
const { setImmediate } = globalThis;

function useFile(stream, path, options) {
  if (options.fd === undefined || options.fd === null) {
    stream.path = toPath(path);
    stream.fd = null;
    return;
  }
  stream.path = path === undefined || path === null ? undefined : toPath(path);
  stream.handle = typeof options.fd === 'object' ? options.fd : null;
  stream.fd = stream.handle ? stream.handle.fd : options.fd;
}

function open(stream, flags, callback) {
  if (stream.fd === null) {
    try {
      stream.fd = sync.open(stream.path, flags, stream.mode);
    } catch (error) {
      callback(error);
      return;
    }
    stream.pending = false;
    setImmediate(() => {
      stream.emit('open', stream.fd);
      stream.emit('ready');
    });
  }
  callback();
}

function close(stream, error, callback) {
  const { fd } = stream;
  stream.fd = null;
  if (fd === null || !stream.autoClose) {
    callback(error);
    return;
  }
  try {
    if (stream.handle) stream.handle.close().then(() => callback(error), callback);
    else {
      sync.close(fd);
      callback(error);
    }
  } catch (failure) {
    callback(error || failure);
  }
}

function checkRange(options) {
  const { start, end } = options;
  if (start !== undefined && typeof start !== 'number') throw argType('start', 'of type number', start);
  if (end !== undefined && typeof end !== 'number') throw argType('end', 'of type number', end);
  if (start !== undefined && end !== undefined && start > end) throw outOfRange('start', `<= "end" (here: ${end})`, start);
}

function callable(Class) {
  return new Proxy(Class, { apply: (_, self, args) => new Class(...args) });
}

class ReadStream extends Readable {
  constructor(path, options) {
    const given = toOptions(options, {});
    checkRange(given);
    super({ highWaterMark: 65536, ...given, encoding: given.encoding || undefined });
    useFile(this, path, given);
    this.flags = given.flags ?? 'r';
    this.mode = given.mode ?? 0o666;
    this.start = given.start;
    this.end = given.end ?? Infinity;
    this.autoClose = given.autoClose !== false;
    this.bytesRead = 0;
    this.pending = this.fd === null;
    this.pos = given.start;
  }

  _construct(callback) {
    open(this, this.flags, callback);
  }

  // A turn for each part, so that a large file does not hold up everything else.
  _read(size) {
    setImmediate(() => {
      if (this.destroyed || this.fd === null) return;
      const left = this.end - (this.start || 0) + 1 - this.bytesRead;
      const buffer = Buffer.allocUnsafe(Math.min(size, left));
      try {
        const count = buffer.length > 0 ? sync.read(this.fd, buffer, 0, buffer.length, this.pos) : 0;
        this.bytesRead += count;
        if (this.pos !== undefined) this.pos += count;
        this.push(count > 0 ? buffer.subarray(0, count) : null);
      } catch (error) {
        this.destroy(error);
      }
    });
  }

  _destroy(error, callback) {
    close(this, error, callback);
  }

  close(callback) {
    if (callback) this.once('close', () => callback(null));
    this.destroy();
  }
}

class WriteStream extends Writable {
  constructor(path, options) {
    const given = toOptions(options, {});
    checkRange(given);
    super({ decodeStrings: true, ...given });
    useFile(this, path, given);
    this.flags = given.flags ?? 'w';
    this.mode = given.mode ?? 0o666;
    this.start = given.start;
    this.autoClose = given.autoClose !== false;
    this.bytesWritten = 0;
    this.pending = this.fd === null;
    this.pos = given.start;
    if (given.encoding) this.setDefaultEncoding(given.encoding);
  }

  _construct(callback) {
    open(this, this.flags, callback);
  }

  _write(chunk, encoding, callback) {
    let done = 0;
    try {
      while (done < chunk.length) {
        const count = sync.write(this.fd, chunk, done, chunk.length - done, this.pos);
        done += count;
        this.bytesWritten += count;
        if (this.pos !== undefined) this.pos += count;
      }
    } catch (error) {
      callback(error);
      return;
    }
    setImmediate(callback);
  }

  _destroy(error, callback) {
    close(this, error, callback);
  }

  close(callback) {
    if (callback) {
      if (this.closed) setImmediate(callback);
      else this.once('close', () => callback(null));
    }
    if (!this.autoClose) this.on('finish', () => this.destroy());
    this.end();
  }
}

module.exports = { ReadStream: callable(ReadStream), WriteStream: callable(WriteStream) };
