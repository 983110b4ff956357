'use strict';

const test = require('./harness');
const assert = require('assert');
const fs = require('fs');
const net = require('net');
const os = require('os');
const { Console } = require('console');
const { Writable } = require('stream');
const timers = require('timers/promises');

const isEngine = !process.execPath.includes('node');

test('os', () => {
  assert.deepStrictEqual([os.platform(), os.type(), os.EOL], ['linux', 'Linux', '\n']);
  assert.ok(['x64', 'arm64'].includes(os.arch()));
  assert.strictEqual(os.hostname(), fs.readFileSync('/proc/sys/kernel/hostname', 'utf8').trim());
  assert.strictEqual(os.release(), fs.readFileSync('/proc/sys/kernel/osrelease', 'utf8').trim());
  assert.ok(os.totalmem() > os.freemem() && os.freemem() > 0);
  assert.ok(os.cpus().length >= 1 && os.cpus()[0].times.idle > 0);
  assert.ok(os.uptime() > 0 && os.loadavg().length === 3);
  assert.strictEqual(os.networkInterfaces().lo.find((about) => about.family === 'IPv4').cidr, '127.0.0.1/8');
  assert.strictEqual(os.userInfo().uid, process.getuid());
  assert.deepStrictEqual([os.constants.signals.SIGKILL, os.constants.errno.ENOENT], [9, 2]);
});

test('process', () => {
  assert.strictEqual(process.platform, 'linux');
  assert.match(process.version, /^v20\./);
  assert.strictEqual(process.cwd(), fs.realpathSync('.'));
  assert.ok(process.pid > 0 && process.ppid >= 0);
  assert.strictEqual(typeof process.env.PATH, 'string');
  const [seconds, nano] = process.hrtime(process.hrtime());
  assert.ok(seconds === 0 && nano >= 0);
  assert.ok(process.hrtime.bigint() > 0n && process.uptime() >= 0 && process.memoryUsage().rss > 1e6);
  assert.strictEqual(process.kill(process.pid, 0), true);
});

test('what the shared engine refuses', () => {
  if (!isEngine) return;
  assert.throws(() => process.chdir('/'), /cwd/);
  assert.throws(() => process.exit(3), /process\.exit\(3\)/);
  process.exitCode = undefined;
  assert.throws(() => process.kill(process.pid), /engine/);
  assert.throws(() => process.kill(-1, 0), /one process/);
});

test('nextTick comes before timers and with its arguments', async () => {
  const order = [];
  setTimeout(() => order.push('timeout'), 0);
  process.nextTick((...args) => order.push(args.join()), 'tick', 1);
  await timers.setTimeout(5);
  assert.deepStrictEqual(order, ['tick,1', 'timeout']);
});

test('timers/promises', async () => {
  assert.strictEqual(await timers.setTimeout(1, 'value'), 'value');
  assert.strictEqual(await timers.setImmediate('now'), 'now');
  let count = 0;
  for await (const value of timers.setInterval(1, 'beat')) {
    assert.strictEqual(value, 'beat');
    if (++count === 3) break;
  }
  const controller = new AbortController();
  const waiting = timers.setTimeout(60000, null, { signal: controller.signal });
  controller.abort();
  await assert.rejects(waiting, { name: 'AbortError', code: 'ABORT_ERR' });
});

function recorded(run) {
  const got = { out: '', err: '' };
  const stream = (name) => new Writable({
    write(chunk, encoding, callback) {
      got[name] += chunk;
      callback();
    },
  });
  run(new Console(stream('out'), stream('err')));
  return got;
}

test('console', () => {
  const { out, err } = recorded((console) => {
    console.log('a %s', 'b', { c: 1 });
    console.group('G');
    console.log('x\ny');
    console.groupEnd();
    console.count();
    console.count();
    console.dir({ a: { b: {} } }, { depth: 0 });
    console.error('bad');
    console.assert(1 === 2, 'sum %d', 3);
    console.table([{ a: 1 }]);
  });
  assert.strictEqual(out, 'a b { c: 1 }\nG\n  x\n  y\ndefault: 1\ndefault: 2\n{ a: [Object] }\n' +
    '┌─────────┬───┐\n│ (index) │ a │\n├─────────┼───┤\n│ 0       │ 1 │\n└─────────┴───┘\n');
  assert.strictEqual(err, 'bad\nAssertion failed: sum 3\n');
});

test('net knows addresses', () => {
  const cases = { '1.2.3.4': 4, '1.2.3': 0, '256.1.1.1': 0, '::1': 6, '1::2::3': 0, 'fe80::1%eth0': 6, '::ffff:1.2.3.4': 6, '1:2:3:4:5:6:7': 0 };
  for (const [address, kind] of Object.entries(cases)) assert.strictEqual(net.isIP(address), kind, address);
});

module.exports = test.done();
