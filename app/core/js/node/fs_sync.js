// The synchronous functions of fs; fs.js and fs_promises.js are made of them.
'use strict';

const native = binding('fs');
const { BigIntStats, Dirent, Stats, constants, encoded, encodedName, run, systemError, toBytes, toFd, toFlags, toMode,
  toOptions, toPath, toPathOrFd, toSeconds } = require('fs_common');
const { argType, coded, outOfRange } = require('errors');
const { Buffer } = require('buffer');
const { join, dirname, resolve, sep } = require('path');

const sync = {};
module.exports = sync;

// --- descriptors ---

sync.open = (path, flags, mode) => {
  const name = toPath(path);
  return run('open', name, undefined, () => native.open(name, toFlags(flags), toMode(mode, 0o666)));
};

sync.close = (fd) => run('close', undefined, undefined, () => native.close(toFd(fd)));
sync.fsync = (fd) => run('fsync', undefined, undefined, () => native.fsync(toFd(fd)));
sync.fdatasync = (fd) => run('fdatasync', undefined, undefined, () => native.fsync(toFd(fd)));

// (fd, buffer, options) or (fd, buffer, offset, length, position)
function part(buffer, offset, length, position) {
  if (!ArrayBuffer.isView(buffer)) throw argType('buffer', 'an instance of Buffer, TypedArray, or DataView', buffer);
  const bytes = new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
  const given = offset !== null && typeof offset === 'object' ? offset : { offset, length, position };
  const start = given.offset ?? 0;
  const count = given.length ?? bytes.length - start;
  if (!(start >= 0 && start <= bytes.length)) throw outOfRange('offset', `>= 0 && <= ${bytes.length}`, start);
  if (!(count >= 0 && count <= bytes.length - start)) throw outOfRange('length', `>= 0 && <= ${bytes.length - start}`, count);
  return [bytes, start, count, Number(given.position ?? -1)];
}

sync.read = (fd, buffer, offset, length, position) => {
  const args = part(buffer, offset, length, position);
  return run('read', undefined, undefined, () => native.read(toFd(fd), ...args));
};

sync.write = (fd, data, offset, length, position) => {
  const args = typeof data === 'string' ? part(toBytes(data, length), 0, undefined, offset)
    : part(data, offset, length, position);
  return run('write', undefined, undefined, () => native.write(toFd(fd), ...args));
};

function vector(one) {
  return (fd, buffers, position) => {
    let at = position;
    let total = 0;
    for (const buffer of buffers) {
      const count = one(fd, buffer, 0, buffer.byteLength, at);
      total += count;
      if (typeof at === 'number') at += count;
      if (count < buffer.byteLength) break;
    }
    return total;
  };
}
sync.readv = vector(sync.read);
sync.writev = vector(sync.write);

// --- whole files ---

sync.readFile = (path, options) => {
  const { encoding, flag } = toOptions(options, { encoding: null, flag: 'r' });
  const target = toPathOrFd(path);
  const bytes = Buffer.from(run(typeof target === 'number' ? 'read' : 'open', target, undefined,
    () => native.readFile(target, toFlags(flag))));
  return encoded(bytes, encoding);
};

function writeWith(defaultFlag) {
  return (path, data, options) => {
    const { encoding, flag, mode } = toOptions(options, { encoding: 'utf8', flag: defaultFlag, mode: 0o666 });
    const target = toPathOrFd(path);
    const bytes = toBytes(data, encoding);
    run('open', target, undefined, () => native.writeFile(target, bytes, toFlags(flag, defaultFlag), toMode(mode, 0o666)));
  };
}
sync.writeFile = writeWith('w');
sync.appendFile = writeWith('a');

// --- what is known of a file ---

function statWith(syscall) {
  return (path, options) => {
    const name = syscall === 'fstat' ? toFd(path) : toPath(path);
    const given = options || {};
    try {
      const values = run(syscall, name, undefined, () => native[syscall](name));
      return given.bigint ? new BigIntStats(values) : new Stats(values);
    } catch (error) {
      if (given.throwIfNoEntry === false && (error.code === 'ENOENT' || error.code === 'ENOTDIR')) return undefined;
      throw error;
    }
  };
}
sync.stat = statWith('stat');
sync.lstat = statWith('lstat');
sync.fstat = statWith('fstat');

sync.access = (path, mode) => {
  const name = toPath(path);
  run('access', name, undefined, () => native.access(name, mode ?? constants.F_OK));
};

sync.exists = (path) => {
  try {
    return native.exists(toPath(path));
  } catch {
    return false;
  }
};

sync.chmod = (path, mode) => {
  const name = toPath(path);
  run('chmod', name, undefined, () => native.chmod(name, toMode(mode)));
};
sync.fchmod = (fd, mode) => run('fchmod', undefined, undefined, () => native.fchmod(toFd(fd), toMode(mode)));
sync.chown = (path, uid, gid) => {
  const name = toPath(path);
  run('chown', name, undefined, () => native.chown(name, uid, gid, true));
};
sync.lchown = (path, uid, gid) => {
  const name = toPath(path);
  run('lchown', name, undefined, () => native.chown(name, uid, gid, false));
};

function utimesWith(syscall, follow) {
  return (path, atime, mtime) => {
    const name = toPath(path);
    const times = [toSeconds(atime, 'atime'), toSeconds(mtime, 'mtime')];
    run(syscall, name, undefined, () => native.utimes(name, ...times, follow));
  };
}
sync.utimes = utimesWith('utime', true);
sync.lutimes = utimesWith('lutime', false);
sync.futimes = (fd, atime, mtime) => {
  const times = [toSeconds(atime, 'atime'), toSeconds(mtime, 'mtime')];
  run('futime', undefined, undefined, () => native.futimes(toFd(fd), ...times));
};

sync.ftruncate = (fd, length = 0) => {
  run('ftruncate', undefined, undefined, () => native.ftruncate(toFd(fd), Math.max(0, length)));
};
sync.truncate = (path, length = 0) => {
  if (typeof path === 'number') {
    sync.ftruncate(path, length);
    return;
  }
  const fd = sync.open(path, 'r+');
  try {
    sync.ftruncate(fd, length);
  } finally {
    sync.close(fd);
  }
};

// --- folders ---

function entriesOf(path) {
  const flat = run('scandir', path, undefined, () => native.readdir(path));
  const entries = [];
  for (let i = 0; i < flat.length; i += 2) entries.push(new Dirent(flat[i], flat[i + 1], path));
  return entries;
}

function allEntriesOf(path) {
  return entriesOf(path).flatMap((entry) => (
    entry.isDirectory() ? [entry, ...allEntriesOf(join(path, entry.name))] : [entry]));
}

sync.readdir = (path, options) => {
  const { encoding, withFileTypes, recursive } = toOptions(options, { encoding: 'utf8' });
  const name = toPath(path);
  const entries = recursive ? allEntriesOf(name) : entriesOf(name);
  if (withFileTypes) {
    for (const entry of entries) entry.name = encodedName(entry.name, encoding);
    return entries;
  }
  const below = (entry) => (entry.path === name ? entry.name : join(entry.path.slice(name.length), entry.name).replace(/^\/+/, ''));
  return entries.map((entry) => encodedName(below(entry), encoding));
};

function makeAll(path, mode) {
  try {
    native.mkdir(path, mode);
    return path;
  } catch (error) {
    if (error.code === 'EEXIST') {
      const stats = sync.stat(path, { throwIfNoEntry: false });
      if (stats && stats.isDirectory()) return undefined;
      throw error;
    }
    if (error.code !== 'ENOENT' || dirname(path) === path) throw error;
  }
  const first = makeAll(dirname(path), mode);
  return makeAll(path, mode) === undefined ? first : first || path;
}

sync.mkdir = (path, options) => {
  const given = typeof options === 'object' && options !== null ? options : { mode: options };
  const name = toPath(path);
  const mode = toMode(given.mode, 0o777);
  if (given.recursive) return run('mkdir', name, undefined, () => makeAll(resolve(name), mode));
  return run('mkdir', name, undefined, () => native.mkdir(name, mode));
};

sync.mkdtemp = (prefix, options) => {
  const name = toPath(prefix, 'prefix');
  return encodedName(run('mkdtemp', `${name}XXXXXX`, undefined, () => native.mkdtemp(name)), toOptions(options, {}).encoding);
};

sync.rmdir = (path, options) => {
  const name = toPath(path);
  if (options && options.recursive) {
    if (!sync.stat(name).isDirectory()) throw systemError('ENOTDIR', 20, 'not a directory', 'rmdir', name);
    run('rmdir', name, undefined, () => native.removeTree(name));
    return;
  }
  run('rmdir', name, undefined, () => native.rmdir(name));
};

sync.unlink = (path) => {
  const name = toPath(path);
  run('unlink', name, undefined, () => native.unlink(name));
};

sync.rm = (path, options) => {
  const given = options || {};
  const name = toPath(path);
  const stats = run('lstat', name, undefined, () => sync.lstat(name, { throwIfNoEntry: !given.force }));
  if (stats === undefined) return;
  if (stats.isDirectory() && !given.recursive) {
    throw Object.assign(coded(Error, 'ERR_FS_EISDIR', `Path is a directory: rm returned EISDIR (is a directory) ${name}`),
      { path: name, syscall: 'rm', errno: 21 });
  }
  try {
    run('rm', name, undefined, () => native.removeTree(name));
  } catch (error) {
    if (!(given.force && error.code === 'ENOENT')) throw error;
  }
};

// --- names and links ---

sync.rename = (from, to) => {
  const [source, target] = [toPath(from, 'oldPath'), toPath(to, 'newPath')];
  run('rename', source, target, () => native.rename(source, target));
};
sync.link = (from, to) => {
  const [source, target] = [toPath(from, 'existingPath'), toPath(to, 'newPath')];
  run('link', source, target, () => native.link(source, target));
};
sync.symlink = (target, path) => {
  const [to, at] = [toPath(target, 'target'), toPath(path)];
  run('symlink', to, at, () => native.symlink(to, at));
};
sync.readlink = (path, options) => {
  const name = toPath(path);
  return encodedName(run('readlink', name, undefined, () => native.readlink(name)), toOptions(options, {}).encoding);
};
sync.realpath = (path, options) => {
  const name = toPath(path);
  return encodedName(run('realpath', name, undefined, () => native.realpath(name)), toOptions(options, {}).encoding);
};

// --- copies ---

sync.copyFile = (from, to, mode = 0) => {
  const [source, target] = [toPath(from, 'src'), toPath(to, 'dest')];
  run('copyfile', source, target, () => native.copyFile(source, target, mode));
};

function copyProblem(code, text, path) {
  return Object.assign(coded(Error, code, `${text}: ${path}`), { path, syscall: 'cp' });
}

function mayReplace(target, options) {
  if (options.errorOnExist && options.force === false) throw copyProblem('ERR_FS_CP_EEXIST', 'Target already exists', target);
  return options.force !== false;
}

function copyLink(source, target, present, options) {
  const link = sync.readlink(source);
  if (present) {
    if (present.isDirectory()) throw copyProblem('ERR_FS_CP_SYMLINK_TO_SUBDIRECTORY', 'Cannot replace a directory with a link', target);
    if (!mayReplace(target, options)) return;
    sync.unlink(target);
  }
  sync.symlink(options.verbatimSymlinks || link.startsWith('/') ? link : resolve(dirname(source), link), target);
}

function copyPlain(source, target, stats, present, options) {
  if (present && present.isDirectory()) {
    throw copyProblem('ERR_FS_CP_NON_DIR_TO_DIR', 'Cannot overwrite a directory with a file', target);
  }
  if (present && !mayReplace(target, options)) return;
  if (!stats.isFile()) throw copyProblem('ERR_FS_CP_UNKNOWN', 'Cannot copy this kind of file', source);
  sync.copyFile(source, target, options.mode || 0);
  if (options.preserveTimestamps) sync.utimes(target, stats.atime, stats.mtime);
}

// Yields what the filter says of each entry; the driver gives back the decision, awaited or not.
function* copyEntry(source, target, options, isTop) {
  if (options.filter && !(yield options.filter(source, target))) return;
  const stats = options.dereference ? sync.stat(source) : sync.lstat(source);
  const present = sync.lstat(target, { throwIfNoEntry: false });
  if (present && present.ino === stats.ino && present.dev === stats.dev) {
    throw copyProblem('ERR_FS_CP_EINVAL', 'Source and target are the same', target);
  }
  if (isTop) sync.mkdir(dirname(resolve(target)), { recursive: true });
  if (stats.isSymbolicLink()) {
    copyLink(source, target, present, options);
    return;
  }
  if (!stats.isDirectory()) {
    copyPlain(source, target, stats, present, options);
    return;
  }
  if (!options.recursive) throw copyProblem('ERR_FS_EISDIR', 'Recursive option not enabled, cannot copy a directory', source);
  if (present && !sync.stat(target).isDirectory()) {
    throw copyProblem('ERR_FS_CP_DIR_TO_NON_DIR', 'Cannot overwrite a file with a directory', target);
  }
  if (!present) sync.mkdir(target, { mode: stats.mode | 0o700 });
  for (const entry of entriesOf(source)) yield* copyEntry(join(source, entry.name), join(target, entry.name), options, false);
  if (!present) sync.chmod(target, stats.mode & 0o7777);
  if (options.preserveTimestamps) sync.utimes(target, stats.atime, stats.mtime);
}

function copySteps(from, to, options) {
  const [source, target] = [toPath(from, 'src'), toPath(to, 'dest')];
  if (`${resolve(target)}${sep}`.startsWith(`${resolve(source)}${sep}`) && resolve(source) !== resolve(target)) {
    throw copyProblem('ERR_FS_CP_EINVAL', 'Cannot copy a folder into itself', target);
  }
  return copyEntry(source, target, options || {}, true);
}

sync.cp = (from, to, options) => {
  const steps = copySteps(from, to, options);
  for (let step = steps.next(); !step.done; step = steps.next(step.value));
};

// Not a function of Node's: fs.cp and fs.promises.cp, whose filter may give a promise.
Object.defineProperty(sync, 'copyWaiting', {
  value: async (from, to, options) => {
    const steps = copySteps(from, to, options);
    for (let step = steps.next(); !step.done; step = steps.next(await step.value));
  },
});

// --- walking a folder ---

class Dir {
  #entries;

  constructor(path) {
    this.path = path;
    this.#entries = entriesOf(path);
  }

  readSync() {
    if (this.#entries === null) throw coded(Error, 'ERR_DIR_CLOSED', 'Directory handle was closed');
    return this.#entries.shift() || null;
  }

  closeSync() {
    if (this.#entries === null) throw coded(Error, 'ERR_DIR_CLOSED', 'Directory handle was closed');
    this.#entries = null;
  }

  read(callback) {
    const promise = (async () => this.readSync())();
    if (!callback) return promise;
    promise.then((entry) => callback(null, entry), callback);
    return undefined;
  }

  close(callback) {
    const promise = (async () => this.closeSync())();
    if (!callback) return promise;
    promise.then(() => callback(null), callback);
    return undefined;
  }

  async* entries() {
    try {
      for (let entry = this.readSync(); entry !== null; entry = this.readSync()) yield entry;
    } finally {
      this.closeSync();
    }
  }

  [Symbol.asyncIterator]() {
    return this.entries();
  }
}

sync.opendir = (path) => new Dir(toPath(path));
Object.defineProperty(sync, 'Dir', { value: Dir });
