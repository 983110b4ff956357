// fs: the synchronous functions under their names, and the same with a callback that is called in a later turn.
'use strict';

const sync = require('fs_sync');
const { Dirent, Stats, constants, notOffered } = require('fs_common');
const { hidden, needFunction } = require('errors');
const { Buffer } = require('buffer');
const { setImmediate } = globalThis;
const CUSTOM = Symbol.for('nodejs.util.promisify.custom');

const fs = { constants, Stats, Dirent, Dir: sync.Dir };
module.exports = fs;

for (const name of ['F_OK', 'R_OK', 'W_OK', 'X_OK']) fs[name] = constants[name];

// A wrong argument throws at once; what the system refuses goes to the callback.
function attempt(work, callback, toResult) {
  let value;
  try {
    value = work();
  } catch (error) {
    if (error.errno === undefined && /^ERR_(INVALID_ARG|OUT_OF_RANGE)/.test(error.code)) throw error;
    setImmediate(callback, error);
    return;
  }
  setImmediate(callback, null, ...toResult(value));
}

for (const [name, work] of Object.entries(sync)) {
  fs[`${name}Sync`] = work;
  if (name === 'cp' || name === 'exists') continue;
  fs[name] = (...args) => {
    const callback = args.pop();
    needFunction(callback, 'cb');
    attempt(() => work(...args), callback, (value) => (value === undefined ? [] : [value]));
  };
}

function withBytes(name) {
  const work = sync[name];
  const promised = name.startsWith('read') ? 'bytesRead' : 'bytesWritten';
  fs[name] = (fd, data, ...args) => {
    const callback = args.pop();
    needFunction(callback, 'cb');
    attempt(() => work(fd, data, ...args), callback, (count) => [count, data]);
  };
  hidden(fs[name], CUSTOM, (fd, data, ...args) => new Promise((resolve, reject) => {
    fs[name](fd, data, ...args, (error, count) => {
      if (error) reject(error);
      else resolve({ [promised]: count, [name.endsWith('v') ? 'buffers' : 'buffer']: data });
    });
  }));
}
for (const name of ['read', 'write', 'readv', 'writev']) withBytes(name);

// fs.read also takes (fd, callback) and (fd, options, callback).
const plainRead = fs.read;
fs.read = (fd, ...args) => {
  const [first] = args;
  if (ArrayBuffer.isView(first)) return plainRead(fd, ...args);
  const callback = args.pop();
  const options = typeof first === 'object' && first !== null ? first : {};
  return plainRead(fd, options.buffer || Buffer.alloc(16384), options, callback);
};
hidden(fs.read, CUSTOM, plainRead[CUSTOM]);

fs.exists = (path, callback) => {
  needFunction(callback, 'cb');
  setImmediate(callback, sync.exists(path));
};
hidden(fs.exists, CUSTOM, async (path) => sync.exists(path));

fs.cp = (from, to, options, callback) => {
  const done = typeof options === 'function' ? options : callback;
  needFunction(done, 'cb');
  sync.copyWaiting(from, to, typeof options === 'function' ? {} : options)
    .then(() => setImmediate(done, null), (error) => setImmediate(done, error));
};

fs.realpath.native = fs.realpath;
fs.realpathSync.native = fs.realpathSync;

for (const name of ['ReadStream', 'WriteStream']) {
  Object.defineProperty(fs, name, { enumerable: true, configurable: true, get: () => require('fs_streams')[name] });
}
fs.createReadStream = (path, options) => new fs.ReadStream(path, options);
fs.createWriteStream = (path, options) => new fs.WriteStream(path, options);

Object.defineProperty(fs, 'promises', { enumerable: true, configurable: true, get: () => require('fs/promises') });

for (const name of ['openAsBlob', 'statfs', 'statfsSync', 'unwatchFile', 'watch', 'watchFile']) fs[name] = notOffered(name);
