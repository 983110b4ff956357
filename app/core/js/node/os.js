'use strict';

const native = binding('os');
const fs = require('fs_sync');
const { hidden } = require('errors');

const ARCHS = { x86_64: 'x64', aarch64: 'arm64', armv7l: 'arm', i686: 'ia32' };
const TIMES = ['user', 'nice', 'sys', 'idle', 'iowait', 'irq'];
const TICK_MS = 10; // /proc/stat counts hundredths of a second

function lines(path) {
  try {
    return fs.readFile(path, 'utf8').split('\n');
  } catch {
    return [];
  }
}

function cpuTimes() {
  return lines('/proc/stat').filter((line) => /^cpu\d/.test(line)).map((line) => {
    const numbers = line.split(/\s+/).slice(1).map((ticks) => Number(ticks) * TICK_MS);
    const times = Object.fromEntries(TIMES.map((name, index) => [name, numbers[index] || 0]));
    delete times.iowait;
    return times;
  });
}

function cpuField(label) {
  return lines('/proc/cpuinfo').filter((line) => line.startsWith(label)).map((line) => line.slice(line.indexOf(':') + 1).trim());
}

function cpus() {
  const models = cpuField('model name');
  const speeds = cpuField('cpu MHz');
  return cpuTimes().map((times, index) => ({
    model: models[index] || models[0] || 'unknown',
    speed: Math.round(Number(speeds[index]) || 0),
    times,
  }));
}

// What programs may still get, caches included, as Node gives it.
function freemem() {
  const line = lines('/proc/meminfo').find((text) => text.startsWith('MemAvailable:'));
  return line ? Number(line.split(/\s+/)[1]) * 1024 : native.sysinfo().free;
}

function homedir() {
  return process.env.HOME || native.user().homedir;
}

function tmpdir() {
  const { TMPDIR, TMP, TEMP } = process.env;
  const path = TMPDIR || TMP || TEMP || '/tmp';
  return path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path;
}

function prefixLength(netmask) {
  const [base, width] = netmask.includes(':') ? [16, 4] : [10, 8];
  const groups = netmask.split(/[.:]/).filter((group) => group !== '');
  const bits = groups.map((group) => parseInt(group, base).toString(2).padStart(width, '0')).join('');
  return bits.split('1').length - 1;
}

function networkInterfaces() {
  const result = {};
  for (const { name, scopeid, ...about } of native.interfaces()) {
    about.cidr = about.netmask ? `${about.address}/${prefixLength(about.netmask)}` : null;
    if (scopeid !== undefined) about.scopeid = scopeid;
    (result[name] = result[name] || []).push(about);
  }
  return result;
}

function userInfo(options) {
  const { uid, gid, username, homedir: home, shell } = native.user();
  const info = { uid, gid, username, homedir: home, shell };
  if (!options || options.encoding !== 'buffer') return info;
  const { Buffer } = require('buffer');
  for (const name of ['username', 'homedir', 'shell']) info[name] = Buffer.from(info[name]);
  return info;
}

const arch = () => ARCHS[native.uname().machine] || native.uname().machine;

const os = module.exports = {
  EOL: '\n',
  devNull: '/dev/null',
  arch,
  availableParallelism: () => native.availableParallelism(),
  cpus,
  endianness: () => (new Uint8Array(new Uint16Array([1]).buffer)[0] === 1 ? 'LE' : 'BE'),
  freemem,
  homedir,
  hostname: () => native.uname().hostname,
  loadavg: () => native.sysinfo().loads,
  machine: () => native.uname().machine,
  networkInterfaces,
  platform: () => 'linux',
  release: () => native.uname().release,
  tmpdir,
  totalmem: () => native.sysinfo().total,
  type: () => native.uname().type,
  uptime: () => native.sysinfo().uptime,
  userInfo,
  version: () => native.uname().version,
  getPriority() {
    throw new Error('os.getPriority is not offered by PinokioCloud');
  },
  setPriority() {
    throw new Error('os.setPriority is not offered by PinokioCloud');
  },
  constants: {
    UV_UDP_REUSEADDR: 4,
    signals: native.signals(),
    errno: native.errnos(),
    priority: {
      PRIORITY_LOW: 19, PRIORITY_BELOW_NORMAL: 10, PRIORITY_NORMAL: 0, PRIORITY_ABOVE_NORMAL: -7, PRIORITY_HIGH: -14,
      PRIORITY_HIGHEST: -20,
    },
  },
};

// `os.arch + ''` and `${os.platform}` give the value, as in Node.
for (const name of ['arch', 'availableParallelism', 'endianness', 'freemem', 'homedir', 'hostname', 'machine', 'platform',
  'release', 'tmpdir', 'totalmem', 'type', 'uptime', 'version']) {
  hidden(os[name], Symbol.toPrimitive, () => os[name]());
}
