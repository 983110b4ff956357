'use strict';

const test = require('./harness');
const assert = require('assert');
const fs = require('fs');
const os = require('os');
const path = require('path');
const { exec, execFile, execFileSync, execSync, fork, spawn, spawnSync } = require('child_process');
const { promisify } = require('util');

const ended = (child) => new Promise((resolve) => child.on('close', (code, signal) => resolve([code, signal])));
const isEngine = !process.execPath.includes('node');

test('execSync gives the output', () => {
  assert.strictEqual(execSync('echo hi').toString(), 'hi\n');
  assert.strictEqual(execSync('echo $X; pwd', { encoding: 'utf8', env: { X: 'y' }, cwd: '/' }), 'y\n/\n');
  assert.strictEqual(execFileSync('cat', { input: 'piped', encoding: 'utf8' }), 'piped');
});

test('a failed execSync carries all of it', () => {
  assert.throws(() => execSync('echo out; echo bad >&2; exit 3', { stdio: 'pipe' }), (error) => {
    assert.strictEqual(error.status, 3);
    assert.strictEqual(String(error.stdout), 'out\n');
    assert.strictEqual(String(error.stderr), 'bad\n');
    assert.ok(error.message.startsWith('Command failed: echo out'));
    assert.ok(error.message.includes('bad'));
    return true;
  });
});

test('spawnSync', () => {
  const { status, signal, stdout, output } = spawnSync('sh', ['-c', 'printf "%s" "$1"', 'sh', 'a b'], { encoding: 'utf8' });
  assert.deepStrictEqual([status, signal, stdout, output.length], [0, null, 'a b', 3]);
  assert.strictEqual(spawnSync('sh', ['-c', 'kill -9 $$']).signal, 'SIGKILL');
  const missing = spawnSync('pino-no-such-program');
  assert.deepStrictEqual([missing.error.code, missing.error.path, missing.status], ['ENOENT', 'pino-no-such-program', null]);
  assert.strictEqual(spawnSync('sleep', ['60'], { timeout: 50 }).error.code, 'ETIMEDOUT');
  const tooMuch = spawnSync('yes', { maxBuffer: 1000 });
  assert.strictEqual(tooMuch.error.code, 'ENOBUFS');
  assert.ok(tooMuch.stdout.length >= 1000 && tooMuch.stdout.length < 1000000);
  assert.strictEqual(spawnSync('cat', { input: Buffer.alloc(500000, 'x') }).stdout.length, 500000);
});

test('output goes to a file that the script has opened', () => {
  const file = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'pino-cp-')), 'log');
  const fd = fs.openSync(file, 'w');
  spawnSync('sh', ['-c', 'echo one; echo two >&2'], { stdio: ['ignore', fd, fd] });
  fs.closeSync(fd);
  assert.strictEqual(fs.readFileSync(file, 'utf8'), 'one\ntwo\n');
  fs.rmSync(path.dirname(file), { recursive: true });
});

test('exec calls back with output or error', async () => {
  const run = (...args) => new Promise((resolve) => exec(...args, (...got) => resolve(got)));
  assert.deepStrictEqual(await run('echo $A', { env: { A: 'b' } }), [null, 'b\n', '']);
  const [failed, , stderr] = await run('echo no >&2; exit 4');
  assert.deepStrictEqual([failed.code, failed.killed, failed.signal, failed.cmd, stderr], [4, false, null, 'echo no >&2; exit 4', 'no\n']);
  const [late] = await run('sleep 60', { timeout: 30 });
  assert.deepStrictEqual([late.killed, late.signal], [true, 'SIGTERM']);
  const [much, kept] = await run('yes', { maxBuffer: 5000 });
  assert.deepStrictEqual([much.code, kept.length], ['ERR_CHILD_PROCESS_STDIO_MAXBUFFER', 5000]);
  assert.deepStrictEqual(await promisify(exec)('echo p'), { stdout: 'p\n', stderr: '' });
  await assert.rejects(promisify(execFile)('false'), { code: 1, stdout: '' });
});

test('a time-out ends what the shell has started too', async () => {
  if (!isEngine) return;
  const { stdout } = await new Promise((resolve) => {
    exec('sleep 4321 & echo $!; wait', { timeout: 100 }, (error, out) => resolve({ error, stdout: out }));
  });
  const isGone = () => {
    try {
      process.kill(Number(stdout), 0);
      return fs.readFileSync(`/proc/${Number(stdout)}/stat`, 'utf8').includes(') Z ');
    } catch {
      return true;
    }
  };
  while (!isGone()) await new Promise((resolve) => setTimeout(resolve, 1));
});

test('spawn: data both ways, events in order', async () => {
  const child = spawn('cat');
  const events = [];
  for (const name of ['spawn', 'exit', 'close']) child.on(name, (...args) => events.push([name, ...args]));
  let size = 0;
  child.stdout.setEncoding('utf8');
  child.stdout.on('data', (chunk) => { size += chunk.length; });
  child.stdin.write('a'.repeat(300000));
  child.stdin.end('z');
  await ended(child);
  assert.strictEqual(size, 300001);
  assert.deepStrictEqual(events, [['spawn'], ['exit', 0, null], ['close', 0, null]]);
  assert.ok(child.pid > 0 && child.exitCode === 0);
});

test('spawn: a program that is not there is an event', async () => {
  const child = spawn('pino-no-such-program', ['x']);
  let isLater = false;
  const heard = new Promise((resolve) => child.on('error', (error) => {
    assert.ok(isLater);
    resolve(error);
  }));
  isLater = true;
  const error = await heard;
  assert.deepStrictEqual([error.code, error.syscall, error.path, error.spawnargs, child.pid],
    ['ENOENT', 'spawn pino-no-such-program', 'pino-no-such-program', ['x'], undefined]);
  const folder = spawn('true', { cwd: '/no/such/folder' });
  assert.strictEqual((await new Promise((resolve) => folder.on('error', resolve))).code, 'ENOENT');
});

test('kill', async () => {
  const child = spawn('sleep', ['60']);
  assert.strictEqual(child.kill('SIGINT'), true);
  assert.deepStrictEqual(await ended(child), [null, 'SIGINT']);
  assert.deepStrictEqual([child.killed, child.signalCode, child.kill()], [true, 'SIGINT', false]);
  assert.throws(() => child.kill('SIGNOPE'), { code: 'ERR_UNKNOWN_SIGNAL' });
});

test('writing to a child that is gone is an error, not the end of us', async () => {
  const child = spawn('true');
  const problem = new Promise((resolve) => child.stdin.on('error', (error) => resolve(error.code)));
  const closed = ended(child).then(() => 'EPIPE');
  await new Promise((resolve) => child.on('exit', resolve));
  child.stdin.write('x');
  assert.ok(['EPIPE', 'ERR_STREAM_DESTROYED'].includes(await Promise.race([problem, closed])));
});

test('an AbortSignal ends a child', async () => {
  const controller = new AbortController();
  const child = spawn('sleep', ['60'], { signal: controller.signal });
  const error = new Promise((resolve) => child.on('error', resolve));
  controller.abort();
  assert.strictEqual((await error).name, 'AbortError');
  await ended(child);
});

test('unread output does not hold up close', async () => {
  assert.deepStrictEqual(await ended(spawn('sh', ['-c', 'yes | head -c 50000'])), [0, null]);
});

test('shell: true joins the arguments', () => {
  assert.strictEqual(spawnSync('echo', ['a', '$((1+1))'], { shell: true, encoding: 'utf8' }).stdout, 'a 2\n');
});

test('fork says that it is not offered', () => {
  if (isEngine) assert.throws(() => fork('x.js'), /fork is not offered/);
});

module.exports = test.done();
