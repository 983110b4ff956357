// The process object. The engine is shared by all scripts: what would change it for the others is refused.
'use strict';

const native = binding('process');
const os = binding('os');
const EventEmitter = require('events');
const { Writable } = require('stream_writable');
const { Readable } = require('stream_readable');
const { nextTick, onUncaught } = require('process_tick');
const { coded } = require('errors');
const { setTimeout } = globalThis;
const write = binding('console').write;

const [pid, ppid, uid, gid, euid, egid] = native.ids();
const ARCHS = { x86_64: 'x64', aarch64: 'arm64' };
const started = seconds();
const process = new EventEmitter();
module.exports = process;

function seconds() {
  const [whole, nano] = native.clock();
  return whole + nano / 1e9;
}

// --- output: the host's console takes lines, a script writes what it likes ---

function consoleStream(level, fd) {
  const { StringDecoder } = require('string_decoder');
  const decoder = new StringDecoder('utf8');
  let rest = '';
  let scheduled = false;
  const flush = () => {
    scheduled = false;
    if (rest !== '') write(level, rest);
    rest = '';
  };
  const stream = new Writable({
    decodeStrings: true,
    write(chunk, encoding, callback) {
      const lines = (rest + decoder.write(chunk)).split('\n');
      rest = lines.pop();
      for (const line of lines) write(level, line);
      if (rest !== '' && !scheduled) {
        scheduled = true;
        setTimeout(flush, 0);
      }
      callback();
    },
  });
  stream.destroy = () => stream; // it belongs to all of the script
  return Object.assign(stream, { fd, isTTY: false, columns: 80, rows: 24, _isStdio: true, _type: 'pipe' });
}

function lazy(name, make) {
  Object.defineProperty(process, name, {
    configurable: true,
    enumerable: true,
    get() {
      const value = make();
      Object.defineProperty(process, name, { configurable: true, enumerable: true, writable: true, value });
      return value;
    },
  });
}

lazy('stdout', () => consoleStream('log', 1));
lazy('stderr', () => consoleStream('error', 2));
lazy('stdin', () => Object.assign(new Readable({
  read() {
    this.push(null);
  },
}), { fd: 0, isTTY: false }));

// --- time and memory ---

function hrtime(since) {
  const [whole, nano] = native.clock();
  if (!since) return [whole, nano];
  const borrow = nano < since[1] ? 1 : 0;
  return [whole - since[0] - borrow, nano - since[1] + borrow * 1e9];
}
hrtime.bigint = () => {
  const [whole, nano] = native.clock();
  return BigInt(whole) * 1000000000n + BigInt(nano);
};

function memoryUsage() {
  const rss = native.rss();
  // JavaScriptCore tells nothing of its heap here: the whole process stands for it.
  return { rss, heapTotal: rss, heapUsed: rss, external: 0, arrayBuffers: 0 };
}
memoryUsage.rss = () => native.rss();

function cpuUsage(before) {
  const [user, system] = native.cpu();
  return before ? { user: user - before.user, system: system - before.system } : { user, system };
}

// --- what ends or changes a process ---

function exit(code) {
  const status = code ?? process.exitCode ?? 0;
  process.exitCode = status;
  process.emit('exit', status);
  throw coded(Error, 'ERR_PROCESS_EXIT', `process.exit(${status}) was called: the script ends here`);
}

function kill(target, signal) {
  const number = typeof signal === 'number' ? signal : os.signals()[signal || 'SIGTERM'];
  if (number === undefined) throw coded(TypeError, 'ERR_UNKNOWN_SIGNAL', `Unknown signal: ${signal}`);
  native.kill(Number(target), number);
  return true;
}

function emitWarning(warning, type, code) {
  const options = typeof type === 'object' && type !== null ? type : { type, code };
  const error = warning instanceof Error ? warning : Object.assign(new Error(String(warning)), { name: options.type || 'Warning' });
  if (options.code) error.code = options.code;
  if (options.detail) error.detail = options.detail;
  nextTick(() => {
    if (process.listenerCount('warning') > 0) process.emit('warning', error);
    else write('warn', `(${error.name}) ${options.code ? `[${options.code}] ` : ''}${error.message}`);
  });
}

function refused(name, reason) {
  return () => {
    throw coded(Error, 'ERR_FEATURE_UNAVAILABLE_ON_PLATFORM', `process.${name} is not possible: ${reason}`);
  };
}

onUncaught((error) => {
  if (process.listenerCount('uncaughtException') === 0) return false;
  process.emit('uncaughtException', error, 'uncaughtException');
  return true;
});

let mask = 0o22;

Object.assign(process, {
  title: 'pinokiocloud',
  version: 'v20.0.0',
  versions: { node: '20.0.0' },
  release: { name: 'node', lts: 'Iron' },
  arch: ARCHS[os.uname().machine] || os.uname().machine,
  platform: 'linux',
  argv: ['pinokiocloud'],
  argv0: 'pinokiocloud',
  execArgv: [],
  execPath: native.execPath(),
  exitCode: undefined,
  env: native.env(),
  pid,
  ppid,
  config: { target_defaults: {}, variables: {} },
  features: {},
  abort: refused('abort', 'the engine is shared with other scripts'),
  chdir: refused('chdir', 'the engine is shared with other scripts; give the option cwd to the command instead'),
  cpuUsage,
  cwd: () => native.cwd(),
  dlopen: refused('dlopen', "Node's compiled modules cannot be loaded"),
  emitWarning,
  exit,
  getegid: () => egid,
  geteuid: () => euid,
  getgid: () => gid,
  getuid: () => uid,
  hrtime,
  kill,
  memoryUsage,
  nextTick,
  umask: (value) => {
    const before = mask;
    if (value !== undefined) mask = Number(value) & 0o777;
    return before;
  },
  uptime: () => seconds() - started,
  binding: refused('binding', 'it is internal to Node'),
  [Symbol.toStringTag]: 'process',
});
