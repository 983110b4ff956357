// child_process on the natives of node_child.c. What a child "inherits" is the script's console, for the engine's
// own output is not what the person sees; its input is empty.
'use strict';

const native = binding('child_process');
const EventEmitter = require('events');
const { Readable } = require('stream_readable');
const { Writable } = require('stream_writable');
const { Buffer } = require('buffer');
const { abortError, argType, argValue, coded, hidden, needFunction, needString } = require('errors');
const { nextTick } = require('process_tick');
const { setTimeout, clearTimeout } = globalThis;
const SIGNALS = binding('os').signals();
const CUSTOM = Symbol.for('nodejs.util.promisify.custom');
const MAX_BUFFER = 1024 * 1024;

// --- arguments ---

function signalNumber(signal) {
  const wanted = signal ?? 'SIGTERM';
  if (typeof wanted === 'number' && Number.isInteger(wanted) && wanted >= 0 && wanted < 65) return wanted;
  const number = typeof wanted === 'string' ? SIGNALS[wanted.toUpperCase()] : undefined;
  if (number === undefined) throw coded(TypeError, 'ERR_UNKNOWN_SIGNAL', `Unknown signal: ${signal}`);
  return number;
}

function stdioList(stdio, count = 3) {
  const list = Array.isArray(stdio) ? [...stdio] : Array(count).fill(stdio ?? 'pipe');
  while (list.length < 3) list.push('pipe');
  if (list.length > 3 && list.slice(3).some((item) => item !== null && item !== undefined && item !== 'ignore')) {
    throw argValue('options.stdio', stdio, 'has more than three entries, which PinokioCloud does not offer');
  }
  return list.slice(0, 3).map((item, index) => {
    const wanted = item ?? 'pipe';
    if (wanted === 'overlapped') return 'pipe';
    if (['pipe', 'ignore', 'inherit'].includes(wanted)) return wanted;
    if (wanted === 'ipc') throw coded(Error, 'ERR_IPC_DISABLED', "the channel 'ipc' is not offered by PinokioCloud");
    if (wanted === 0 || wanted === 1 || wanted === 2) return index === 0 ? 'ignore' : 'inherit';
    if (typeof wanted === 'number') return wanted;
    if (wanted && wanted._isStdio) return 'inherit';
    if (wanted && typeof wanted.fd === 'number') return wanted.fd;
    throw argValue('stdio', wanted);
  });
}

// 'inherit' is a pipe whose content goes to the script's console.
function nativeStdio(stdio) {
  return stdio.map((item, index) => (item === 'inherit' ? (index === 0 ? 'ignore' : 'pipe') : item));
}

function toCwd(cwd) {
  if (cwd === undefined || cwd === null) return undefined;
  return typeof cwd === 'string' ? cwd : require('fs_common').toPath(cwd, 'options.cwd');
}

function envList(env) {
  const source = env || process.env;
  const list = [];
  for (const name in source) {
    if (source[name] !== undefined) list.push(`${name}=${source[name]}`);
  }
  return list;
}

function withoutNul(texts) {
  for (const text of texts) {
    if (text.includes('\0')) throw argValue('args', text, 'must be a string without null bytes');
  }
}

// Gives {file, args (with the name of the program first), env, cwd, detached} and the rest of the options.
function normalize(file, args, options) {
  needString(file, 'file');
  if (file === '') throw argValue('file', file, 'cannot be empty');
  let list = args;
  let given = options;
  if (args !== undefined && args !== null && !Array.isArray(args)) {
    if (typeof args !== 'object') throw argType('args', 'of type object', args);
    [list, given] = [[], args];
  }
  given = given || {};
  if (given.uid !== undefined || given.gid !== undefined) {
    throw coded(Error, 'ERR_FEATURE_UNAVAILABLE_ON_PLATFORM', 'the options uid and gid are not offered by PinokioCloud');
  }
  const words = (list || []).map(String);
  const command = [file, ...words].join(' ');
  const shell = typeof given.shell === 'string' ? given.shell : '/bin/sh';
  const argv = given.shell ? [shell, '-c', command] : [given.argv0 || file, ...words];
  const program = given.shell ? shell : file;
  withoutNul([program, ...argv]);
  return {
    ...given, file: program, args: argv, cwd: toCwd(given.cwd), env: envList(given.env), detached: Boolean(given.detached),
  };
}

function spawnError(error, options, syscall) {
  const code = error.code || 'UNKNOWN';
  return Object.assign(new Error(`${syscall} ${options.file} ${code}`), {
    errno: error.errno, code, syscall: `${syscall} ${options.file}`, path: options.file, spawnargs: options.args.slice(1),
  });
}

// --- beside the script ---

class ChildProcess extends EventEmitter {
  #id = 0;
  #open = 0;
  #isOver = false;

  constructor() {
    super();
    Object.assign(this, {
      pid: undefined, stdin: null, stdout: null, stderr: null, stdio: [null, null, null], connected: false, killed: false,
      exitCode: null, signalCode: null, spawnfile: null, spawnargs: [],
    });
  }

  spawn(options) {
    const stdio = stdioList(options.stdio);
    this.spawnfile = options.file;
    this.spawnargs = options.args;
    try {
      const request = { ...options, stdio: nativeStdio(stdio) };
      [this.#id, this.pid] = native.start(request, (event, first, second) => this.#on(event, first, second));
    } catch (error) {
      if (error.errno === undefined) throw error;
      this.#makeStreams(stdio, true);
      nextTick(() => this.#failed(spawnError(error, options, 'spawn')));
      return this;
    }
    this.#makeStreams(stdio, false);
    nextTick(() => this.emit('spawn'));
    return this;
  }

  #failed(error) {
    this.#isOver = true;
    this.exitCode = error.errno;
    for (const stream of [this.stdin, this.stdout, this.stderr]) if (stream) stream.destroy();
    this.emit('error', error);
    this.emit('close', error.errno, null);
  }

  #makeStreams(stdio, isDead) {
    if (stdio[0] === 'pipe') this.stdin = this.#makeInput();
    this.stdout = this.#makeOutput(stdio[1], 1, isDead);
    this.stderr = this.#makeOutput(stdio[2], 2, isDead);
    this.stdio = [this.stdin, this.stdout, this.stderr];
  }

  #makeInput() {
    const id = this.#id;
    const input = new Writable({
      write: (chunk, encoding, callback) => {
        if (this.#isOver) {
          callback(Object.assign(new Error('write EPIPE'), { code: 'EPIPE', errno: -32, syscall: 'write' }));
          return;
        }
        input.whenWritten = callback;
        native.write(id, chunk);
      },
      final: (callback) => {
        native.endInput(id);
        callback();
      },
      destroy: (error, callback) => {
        native.endInput(id);
        callback(error);
      },
    });
    hidden(input, 'whenWritten', null);
    return input;
  }

  #makeOutput(kind, fd, isDead) {
    if (kind !== 'pipe' && kind !== 'inherit') return null;
    const id = this.#id;
    if (!isDead) this.#open += 1;
    const output = new Readable({
      highWaterMark: 65536,
      read() {
        native.pause(id, fd, false);
      },
    });
    const closed = () => {
      if (isDead) return;
      this.#open -= 1;
      this.#closeIfDone();
    };
    output.on('close', closed);
    output.fd = fd;
    if (kind === 'pipe') return output;
    output.on('data', (chunk) => (fd === 1 ? process.stdout : process.stderr).write(chunk));
    hidden(this, fd === 1 ? 'forwardedOut' : 'forwardedErr', output);
    return null;
  }

  #output(fd) {
    return fd === 1 ? this.stdout || this.forwardedOut : this.stderr || this.forwardedErr;
  }

  #on(event, first, second) {
    if (event === 'exit') this.#onExit(first, second);
    else if (event === 'stdin') this.#onInput(first);
    else this.#onData(event === 'stdout' ? 1 : 2, first);
  }

  #onData(fd, data) {
    const output = this.#output(fd);
    if (data === null) {
      output.push(null);
      // Nobody reads it: what it holds is dropped, so that 'close' can come.
      if (this.#isOver && output.readableFlowing === null && output.listenerCount('readable') === 0) output.resume();
    } else if (!output.destroyed && !output.push(Buffer.from(data))) {
      native.pause(this.#id, fd, true);
    }
  }

  #onInput(problem) {
    const callback = this.stdin && this.stdin.whenWritten;
    if (!callback) return;
    this.stdin.whenWritten = null;
    callback(problem === null ? null : Object.assign(new Error(`write ${problem}`), { code: problem, syscall: 'write' }));
  }

  #onExit(code, signal) {
    this.#isOver = true;
    this.exitCode = code;
    this.signalCode = signal;
    if (this.stdin) this.stdin.destroy();
    try {
      this.emit('exit', code, signal);
    } finally {
      nextTick(() => {
        for (const output of [this.stdout, this.stderr]) {
          if (output && output.readableFlowing === null && output.listenerCount('readable') === 0) output.resume();
        }
        this.#closeIfDone();
      });
    }
  }

  #closeIfDone() {
    if (!this.#isOver || this.#open > 0) return;
    this.#open = Infinity;
    this.emit('close', this.exitCode, this.signalCode);
  }

  // With isGroup also what the child has started.
  end(signal, isGroup) {
    const number = signalNumber(signal);
    if (this.#isOver && !isGroup) return false;
    const done = native.kill(this.#id, number, isGroup);
    if (done && number !== 0) this.killed = true;
    return done;
  }

  kill(signal) {
    return this.end(signal, false);
  }

  ref() {}

  // A detached child that the script lets go outlives it.
  unref() {
    if (this.isDetached) native.release(this.#id);
  }

  disconnect() {
    throw coded(Error, 'ERR_IPC_DISCONNECTED', 'IPC channel is already disconnected');
  }

  send() {
    throw coded(Error, 'ERR_IPC_CHANNEL_CLOSED', "the channel 'ipc' is not offered by PinokioCloud");
  }

  [Symbol.for('nodejs.dispose')]() {
    if (!this.killed) this.kill();
  }
}

function followSignal(child, options) {
  const { signal } = options;
  if (!signal) return;
  const onAbort = () => {
    child.end(options.killSignal, true);
    child.emit('error', abortError(signal.reason));
  };
  if (signal.aborted) nextTick(onAbort);
  else {
    signal.addEventListener('abort', onAbort, { once: true });
    child.once('close', () => signal.removeEventListener('abort', onAbort));
  }
}

function start(options) {
  const child = new ChildProcess();
  hidden(child, 'isDetached', options.detached);
  child.spawn(options);
  followSignal(child, options);
  return child;
}

function spawn(file, args, options) {
  const normal = normalize(file, args, options);
  const child = start(normal);
  if (normal.timeout > 0) {
    const timer = setTimeout(() => child.end(normal.killSignal, true), normal.timeout);
    child.once('exit', () => clearTimeout(timer));
  }
  return child;
}

// --- with the whole output ---

function collect(stream, options, onTooMuch) {
  const parts = [];
  let size = 0;
  stream.on('data', (chunk) => {
    const room = options.maxBuffer - size;
    parts.push(chunk.length > room ? chunk.subarray(0, Math.max(room, 0)) : chunk);
    size += chunk.length;
    if (chunk.length > room) onTooMuch();
  });
  return () => {
    const all = Buffer.concat(parts);
    return options.encoding && options.encoding !== 'buffer' && Buffer.isEncoding(options.encoding) ? all.toString(options.encoding) : all;
  };
}

function failure(command, stderr, fields) {
  const error = new Error(`Command failed: ${command}${stderr && stderr.length > 0 ? `\n${stderr}` : ''}`);
  return Object.assign(error, fields, { cmd: command });
}

function runToEnd(options, command, callback) {
  const child = start({ ...options, stdio: ['pipe', 'pipe', 'pipe'] });
  let problem = null;
  const stop = (error) => {
    if (problem !== null) return;
    problem = error;
    child.end(options.killSignal, true);
    // A grandchild in a session of its own may keep them open.
    child.stdout.destroy();
    child.stderr.destroy();
  };
  const tooMuch = (name) => () => stop(Object.assign(
    coded(RangeError, 'ERR_CHILD_PROCESS_STDIO_MAXBUFFER', `${name} maxBuffer length exceeded`), { cmd: command }));
  const outputs = [collect(child.stdout, options, tooMuch('stdout')), collect(child.stderr, options, tooMuch('stderr'))];
  const timer = options.timeout > 0 ? setTimeout(() => stop('timeout'), options.timeout) : null;
  let called = false;
  const done = (error) => {
    if (called) return;
    called = true;
    if (timer !== null) clearTimeout(timer);
    if (callback) callback(error, ...outputs.map((output) => output()));
  };
  child.on('error', (error) => done(Object.assign(error, { cmd: command })));
  child.on('close', (code, signal) => {
    if (problem !== null && problem !== 'timeout') done(problem);
    else if (code === 0 && signal === null && problem === null) done(null);
    else done(failure(command, outputs[1]().toString(), { code, killed: child.killed, signal }));
  });
  return child;
}

const EXEC_DEFAULTS = { encoding: 'utf8', maxBuffer: MAX_BUFFER, timeout: 0, killSignal: 'SIGTERM' };

function execFile(file, ...rest) {
  const callback = typeof rest[rest.length - 1] === 'function' ? rest.pop() : null;
  const [args, options] = rest;
  const normal = { ...EXEC_DEFAULTS, ...normalize(file, args, options) };
  const command = normal.shell ? normal.args[2] : [file, ...normal.args.slice(1)].join(' ');
  return runToEnd(normal, command, callback);
}

function exec(command, options, callback) {
  const done = typeof options === 'function' ? options : callback;
  needString(command, 'command');
  if (done !== undefined && done !== null) needFunction(done, 'callback');
  const given = typeof options === 'object' && options !== null ? options : {};
  const normal = { ...EXEC_DEFAULTS, ...normalize(command, [], { ...given, shell: given.shell || true }) };
  return runToEnd(normal, command, done);
}

function promised(call) {
  return (...args) => {
    let child;
    const promise = new Promise((resolve, reject) => {
      child = call(...args, (error, stdout, stderr) => {
        if (error) reject(Object.assign(error, { stdout, stderr }));
        else resolve({ stdout, stderr });
      });
    });
    promise.child = child;
    return promise;
  };
}
hidden(exec, CUSTOM, promised(exec));
hidden(execFile, CUSTOM, promised(execFile));

// --- while the script waits ---

function decode(bytes, encoding) {
  const buffer = Buffer.from(bytes);
  return encoding && encoding !== 'buffer' ? buffer.toString(encoding) : buffer;
}

function runSync(options) {
  const stdio = stdioList(options.stdio);
  const input = options.input === undefined || options.input === null ? undefined
    : require('fs_common').toBytes(options.input);
  const request = {
    ...options, input, stdio: nativeStdio(input === undefined ? stdio : ['pipe', stdio[1], stdio[2]]),
    timeout: options.timeout || 0, maxBuffer: options.maxBuffer ?? MAX_BUFFER, killSignal: signalNumber(options.killSignal),
  };
  let raw;
  try {
    raw = native.run(request);
  } catch (error) {
    if (error.errno === undefined) throw error;
    return { error: spawnError(error, options, 'spawnSync'), status: null, signal: null, output: null, pid: 0, stdout: null, stderr: null };
  }
  const shown = (bytes, kind, stream) => {
    if (kind === 'inherit' && bytes.byteLength > 0) stream().write(Buffer.from(bytes));
    return kind === 'pipe' ? decode(bytes, options.encoding) : null;
  };
  const stdout = shown(raw.stdout, stdio[1], () => process.stdout);
  const stderr = shown(raw.stderr, stdio[2], () => process.stderr);
  const result = { status: raw.status, signal: raw.signal, output: [null, stdout, stderr], pid: raw.pid, stdout, stderr };
  if (raw.problem !== null) {
    const errno = binding('os').errnos()[raw.problem];
    result.error = spawnError({ code: raw.problem, errno: -errno }, options, 'spawnSync');
  }
  return result;
}

function spawnSync(file, args, options) {
  return runSync({ ...normalize(file, args, options) });
}

// Gives the output, or throws an error that carries all of the result.
function checkedSync(options, command) {
  const isPlain = options.stdio === undefined;
  const result = runSync(isPlain ? { ...options, stdio: ['pipe', 'pipe', 'pipe'] } : options);
  if (isPlain && result.stderr && result.stderr.length > 0) process.stderr.write(result.stderr);
  if (result.error) throw Object.assign(result.error, { ...result, error: undefined });
  if (result.status !== 0) throw Object.assign(failure(command, result.stderr ? result.stderr.toString() : '', result), { cmd: undefined });
  return result.stdout;
}

function execFileSync(file, args, options) {
  const normal = normalize(file, args, options);
  return checkedSync(normal, [file, ...normal.args.slice(1)].join(' '));
}

function execSync(command, options) {
  needString(command, 'command');
  const given = options || {};
  return checkedSync(normalize(command, [], { ...given, shell: given.shell || true }), command);
}

function fork() {
  throw coded(Error, 'ERR_FEATURE_UNAVAILABLE_ON_PLATFORM',
    'child_process.fork is not offered by PinokioCloud: it starts another Node with a channel to it');
}

module.exports = { ChildProcess, exec, execFile, execFileSync, execSync, fork, spawn, spawnSync };
