// What fs and fs/promises share: arguments, errors, Stats, Dirent.
'use strict';

const { argType, argValue, coded, hidden, outOfRange } = require('errors');
const { Buffer } = require('buffer');

const constants = Object.freeze({
  F_OK: 0, R_OK: 4, W_OK: 2, X_OK: 1,
  COPYFILE_EXCL: 1, COPYFILE_FICLONE: 2, COPYFILE_FICLONE_FORCE: 4,
  O_RDONLY: 0, O_WRONLY: 1, O_RDWR: 2, O_CREAT: 0o100, O_EXCL: 0o200, O_NOCTTY: 0o400, O_TRUNC: 0o1000,
  O_APPEND: 0o2000, O_NONBLOCK: 0o4000, O_DSYNC: 0o10000, O_SYNC: 0o4010000,
  S_IFMT: 0o170000, S_IFREG: 0o100000, S_IFDIR: 0o40000, S_IFCHR: 0o20000, S_IFBLK: 0o60000, S_IFIFO: 0o10000,
  S_IFLNK: 0o120000, S_IFSOCK: 0o140000,
  S_IRWXU: 0o700, S_IRUSR: 0o400, S_IWUSR: 0o200, S_IXUSR: 0o100, S_IRWXG: 0o70, S_IRGRP: 0o40, S_IWGRP: 0o20,
  S_IXGRP: 0o10, S_IRWXO: 0o7, S_IROTH: 0o4, S_IWOTH: 0o2, S_IXOTH: 0o1,
});

const { O_RDONLY, O_WRONLY, O_RDWR, O_CREAT, O_EXCL, O_TRUNC, O_APPEND, O_SYNC } = constants;
const FLAGS = {
  r: O_RDONLY, rs: O_RDONLY | O_SYNC, 'r+': O_RDWR, 'rs+': O_RDWR | O_SYNC,
  w: O_WRONLY | O_CREAT | O_TRUNC, wx: O_WRONLY | O_CREAT | O_TRUNC | O_EXCL,
  'w+': O_RDWR | O_CREAT | O_TRUNC, 'wx+': O_RDWR | O_CREAT | O_TRUNC | O_EXCL,
  a: O_WRONLY | O_CREAT | O_APPEND, ax: O_WRONLY | O_CREAT | O_APPEND | O_EXCL,
  as: O_WRONLY | O_CREAT | O_APPEND | O_SYNC,
  'a+': O_RDWR | O_CREAT | O_APPEND, 'ax+': O_RDWR | O_CREAT | O_APPEND | O_EXCL,
  'as+': O_RDWR | O_CREAT | O_APPEND | O_SYNC,
};
const SWAPPED = { sr: 'rs', xw: 'wx', xa: 'ax', sa: 'as', 'sr+': 'rs+', 'xw+': 'wx+', 'xa+': 'ax+', 'sa+': 'as+' };

function toFlags(flags, otherwise = 'r') {
  if (typeof flags === 'number') return flags;
  const name = flags ?? otherwise;
  const number = FLAGS[SWAPPED[name] || name];
  if (number === undefined) throw argValue('flags', flags);
  return number;
}

function toPath(value, name = 'path') {
  let path = value;
  if (Buffer.isBuffer(value) || value instanceof Uint8Array) path = Buffer.from(value).toString('utf8');
  else if (value && typeof value === 'object' && typeof value.href === 'string') path = require('url').fileURLToPath(value);
  if (typeof path !== 'string') throw argType(name, 'of type string or an instance of Buffer or URL', value);
  if (path.includes('\0')) throw argValue(name, value, 'must be a string, Uint8Array, or URL without null bytes');
  return path;
}

function toFd(value, name = 'fd') {
  if (typeof value !== 'number') throw argType(name, 'of type number', value);
  if (!Number.isInteger(value) || value < 0 || value > 2147483647) {
    throw outOfRange(name, Number.isInteger(value) ? '>= 0 && <= 2147483647' : 'an integer', value);
  }
  return value;
}

function toPathOrFd(value) {
  return typeof value === 'number' ? toFd(value) : toPath(value);
}

function toMode(mode, otherwise) {
  if (mode === undefined || mode === null) return otherwise;
  if (typeof mode === 'string') {
    if (!/^[0-7]+$/.test(mode)) throw argValue('mode', mode, 'must be a 32-bit unsigned integer or an octal string');
    return parseInt(mode, 8);
  }
  if (typeof mode !== 'number') throw argType('mode', 'of type number', mode);
  return mode & 0o7777;
}

// Options given as an object or as the name of an encoding.
function toOptions(options, defaults) {
  if (options === undefined || options === null || typeof options === 'function') return { ...defaults };
  const given = typeof options === 'string' ? { ...defaults, encoding: options } : { ...defaults, ...options };
  if (typeof options !== 'string' && typeof options !== 'object') {
    throw argType('options', 'of type string or an instance of Object', options);
  }
  const { encoding } = given;
  if (encoding && encoding !== 'buffer' && !Buffer.isEncoding(encoding)) {
    throw argValue('encoding', encoding, 'is invalid encoding');
  }
  return given;
}

function toBytes(data, encoding) {
  if (typeof data === 'string') return Buffer.from(data, encoding || 'utf8');
  if (ArrayBuffer.isView(data)) return Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  throw argType('data', 'of type string or an instance of Buffer, TypedArray, or DataView', data);
}

function encoded(bytes, encoding) {
  return encoding && encoding !== 'buffer' ? bytes.toString(encoding) : bytes;
}

function encodedName(name, encoding) {
  return encoding === 'buffer' ? Buffer.from(name) : encoding && encoding !== 'utf8' ? Buffer.from(name).toString(encoding) : name;
}

// Seconds, from a Date, a number of seconds, or its text.
function toSeconds(value, name) {
  if (value instanceof Date) return value.getTime() / 1000;
  const number = Number(value);
  if (!Number.isFinite(number)) throw argType(name, 'an instance of Date or a number of seconds', value);
  return number;
}

// Runs natives and adds Node's fields to the error of a system call.
function run(syscall, path, dest, work) {
  try {
    return work();
  } catch (error) {
    if (error && error.errno !== undefined) {
      error.syscall = syscall;
      if (typeof path === 'string') error.path = path;
      if (dest !== undefined) error.dest = dest;
    }
    throw error;
  }
}

function systemError(code, errno, text, syscall, path) {
  return Object.assign(new Error(`${code}: ${text}, ${syscall} '${path}'`), { errno: -errno, code, syscall, path });
}

const NUMBERS = ['dev', 'mode', 'nlink', 'uid', 'gid', 'rdev', 'blksize', 'ino', 'size', 'blocks'];
const TIMES = ['atime', 'mtime', 'ctime', 'birthtime'];
const KINDS = {
  isFile: constants.S_IFREG, isDirectory: constants.S_IFDIR, isSymbolicLink: constants.S_IFLNK,
  isFIFO: constants.S_IFIFO, isSocket: constants.S_IFSOCK, isCharacterDevice: constants.S_IFCHR,
  isBlockDevice: constants.S_IFBLK,
};

function addDate(stats, name, ms) {
  let date;
  Object.defineProperty(stats, name, {
    configurable: true,
    enumerable: true,
    get() {
      if (date === undefined) date = new Date(ms);
      return date;
    },
    set(value) {
      date = value;
    },
  });
}

class Stats {
  constructor(values) {
    NUMBERS.forEach((name, index) => { this[name] = values[index]; });
    TIMES.forEach((name, index) => { this[`${name}Ms`] = values[10 + 2 * index] * 1000 + values[11 + 2 * index] / 1e6; });
    TIMES.forEach((name) => addDate(this, name, this[`${name}Ms`]));
  }
}

class BigIntStats {
  constructor(values) {
    NUMBERS.forEach((name, index) => { this[name] = BigInt(values[index]); });
    const ns = TIMES.map((_, index) => BigInt(values[10 + 2 * index]) * 1000000000n + BigInt(values[11 + 2 * index]));
    TIMES.forEach((name, index) => { this[`${name}Ms`] = ns[index] / 1000000n; });
    TIMES.forEach((name, index) => { this[`${name}Ns`] = ns[index]; });
    TIMES.forEach((name) => addDate(this, name, Number(this[`${name}Ms`])));
  }
}

for (const [name, kind] of Object.entries(KINDS)) {
  for (const Kind of [Stats, BigIntStats]) {
    hidden(Kind.prototype, name, function isKind() {
      return (Number(this.mode) & constants.S_IFMT) === kind;
    });
  }
}

const TYPES = {
  isFile: 1, isDirectory: 2, isSymbolicLink: 3, isFIFO: 4, isSocket: 5, isCharacterDevice: 6, isBlockDevice: 7,
};

class Dirent {
  #type;

  constructor(name, type, path) {
    this.name = name;
    this.parentPath = path;
    this.path = path;
    this.#type = type;
  }

  static is(entry, type) {
    return entry.#type === type;
  }
}
for (const [name, type] of Object.entries(TYPES)) {
  hidden(Dirent.prototype, name, function isType() {
    return Dirent.is(this, type);
  });
}

// A function of Node's fs that this engine does not have.
function notOffered(name) {
  return () => {
    throw coded(Error, 'ERR_FEATURE_UNAVAILABLE_ON_PLATFORM', `fs.${name} is not offered by PinokioCloud`);
  };
}

module.exports = {
  BigIntStats, Dirent, Stats, constants, encoded, encodedName, notOffered, run, systemError, toBytes, toFd, toFlags,
  toMode, toOptions, toPath, toPathOrFd, toSeconds,
};
