// fs/promises. The work itself is done at once, for a system call is short; the promise settles in a later turn of
// the main loop, so that a script which polls leaves time to timers and requests.
'use strict';

const sync = require('fs_sync');
const { constants, notOffered, toOptions } = require('fs_common');
const { abortError } = require('errors');
const EventEmitter = require('events');
const { Buffer } = require('buffer');
const { setImmediate } = globalThis;

function settle(work) {
  return new Promise((resolve, reject) => {
    try {
      const value = work();
      setImmediate(resolve, value);
    } catch (error) {
      setImmediate(reject, error);
    }
  });
}

function fdOf(target) {
  return target instanceof FileHandle ? target.fd : target;
}

function withSignal(work) {
  return (target, ...args) => settle(() => {
    const { signal } = args[args.length - 1] || {};
    if (signal && signal.aborted) throw abortError(signal.reason);
    return work(fdOf(target), ...args);
  });
}

class FileHandle extends EventEmitter {
  #fd;

  constructor(fd) {
    super();
    this.#fd = fd;
  }

  get fd() {
    return this.#fd;
  }

  close() {
    return settle(() => {
      if (this.#fd === -1) return;
      sync.close(this.#fd);
      this.#fd = -1;
      this.emit('close');
    });
  }

  read(buffer, offset, length, position) {
    return settle(() => {
      const options = buffer && !ArrayBuffer.isView(buffer) ? buffer : null;
      const into = options ? options.buffer || Buffer.alloc(16384) : buffer || Buffer.alloc(16384);
      const bytesRead = sync.read(this.#fd, into, options || offset, length, position);
      return { bytesRead, buffer: into };
    });
  }

  write(data, offset, length, position) {
    return settle(() => ({ bytesWritten: sync.write(this.#fd, data, offset, length, position), buffer: data }));
  }

  readv(buffers, position) {
    return settle(() => ({ bytesRead: sync.readv(this.#fd, buffers, position), buffers }));
  }

  writev(buffers, position) {
    return settle(() => ({ bytesWritten: sync.writev(this.#fd, buffers, position), buffers }));
  }

  createReadStream(options) {
    return require('fs_streams').ReadStream(undefined, { ...toOptions(options, {}), fd: this });
  }

  createWriteStream(options) {
    return require('fs_streams').WriteStream(undefined, { ...toOptions(options, {}), fd: this });
  }

  async* readLines(options) {
    let rest = '';
    for await (const chunk of this.createReadStream({ encoding: 'utf8', ...options })) {
      const lines = (rest + chunk).split(/\r?\n/);
      rest = lines.pop();
      yield* lines;
    }
    if (rest !== '') yield rest;
  }
}

const ON_HANDLE = {
  readFile: sync.readFile, writeFile: sync.writeFile, appendFile: sync.writeFile, stat: sync.fstat,
  chmod: sync.fchmod, utimes: sync.futimes, truncate: sync.ftruncate, sync: sync.fsync, datasync: sync.fdatasync,
};
for (const [name, work] of Object.entries(ON_HANDLE)) {
  FileHandle.prototype[name] = function onHandle(...args) {
    return settle(() => work(this.fd, ...args));
  };
}
if (Symbol.asyncDispose) FileHandle.prototype[Symbol.asyncDispose] = FileHandle.prototype.close;

const SAME = ['access', 'chmod', 'chown', 'copyFile', 'lchown', 'link', 'lstat', 'lutimes', 'mkdir', 'mkdtemp', 'opendir',
  'readdir', 'readlink', 'realpath', 'rename', 'rm', 'rmdir', 'stat', 'symlink', 'truncate', 'unlink', 'utimes'];
const promises = {};
for (const name of SAME) promises[name] = (...args) => settle(() => sync[name](...args));

Object.assign(promises, {
  constants,
  appendFile: withSignal(sync.appendFile),
  cp: (from, to, options) => sync.copyWaiting(from, to, options),
  open: (path, flags, mode) => settle(() => new FileHandle(sync.open(path, flags, mode))),
  readFile: withSignal(sync.readFile),
  statfs: notOffered('promises.statfs'),
  watch: notOffered('promises.watch'),
  async writeFile(path, data, options) {
    const isText = typeof data === 'string' || ArrayBuffer.isView(data);
    if (isText || data === null || data === undefined || !(data[Symbol.asyncIterator] || data[Symbol.iterator])) {
      await withSignal(sync.writeFile)(path, data, options);
      return;
    }
    const parts = [];
    for await (const part of data) parts.push(typeof part === 'string' ? Buffer.from(part, toOptions(options, {}).encoding) : part);
    await settle(() => sync.writeFile(fdOf(path), Buffer.concat(parts), options));
  },
});

module.exports = promises;
