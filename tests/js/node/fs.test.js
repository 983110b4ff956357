'use strict';

const test = require('./harness');
const assert = require('assert');
const fs = require('fs');
const os = require('os');
const path = require('path');
const { promisify } = require('util');
const { pipeline } = require('stream/promises');

const root = fs.mkdtempSync(path.join(os.tmpdir(), 'pino-fs-'));
const at = (...names) => path.join(root, ...names);
const throwsWith = (work, fields) => assert.throws(work, (error) => {
  for (const [name, value] of Object.entries(fields)) assert.strictEqual(error[name], value, name);
  return true;
});

test('a file is written, read, appended to', () => {
  fs.writeFileSync(at('a'), 'héllo');
  assert.strictEqual(fs.readFileSync(at('a'), 'utf8'), 'héllo');
  assert.deepStrictEqual([...fs.readFileSync(at('a')).subarray(0, 3)], [0x68, 0xc3, 0xa9]);
  fs.appendFileSync(at('a'), Buffer.from(' more'));
  assert.strictEqual(fs.readFileSync(at('a'), { encoding: 'utf8' }), 'héllo more');
  fs.writeFileSync(at('a'), 'new', { mode: 0o600 });
  assert.strictEqual(fs.readFileSync(Buffer.from(at('a')), 'latin1'), 'new');
  fs.writeFileSync(at('hex'), '00ff', 'hex');
  assert.deepStrictEqual([...fs.readFileSync(at('hex'))], [0, 255]);
});

test('files of /proc, whose size is not known, are read', () => {
  assert.ok(fs.readFileSync('/proc/self/status', 'utf8').includes('Pid:'));
});

test("errors are Node's", () => {
  throwsWith(() => fs.readFileSync(at('none')), {
    code: 'ENOENT', errno: -2, syscall: 'open', path: at('none'), message: `ENOENT: no such file or directory, open '${at('none')}'`,
  });
  throwsWith(() => fs.renameSync(at('none'), at('b')), {
    code: 'ENOENT', syscall: 'rename', path: at('none'), dest: at('b'),
    message: `ENOENT: no such file or directory, rename '${at('none')}' -> '${at('b')}'`,
  });
  throwsWith(() => fs.writeFileSync(at('a'), 'x', { flag: 'wx' }), { code: 'EEXIST', syscall: 'open' });
  throwsWith(() => fs.readFileSync(root), { code: 'EISDIR' });
  throwsWith(() => fs.readdirSync(at('a')), { code: 'ENOTDIR', syscall: 'scandir' });
  throwsWith(() => fs.closeSync(9999), { code: 'EBADF', syscall: 'close' });
  throwsWith(() => fs.openSync(at('a'), 'zz'), { code: 'ERR_INVALID_ARG_VALUE' });
  throwsWith(() => fs.readFileSync('a\0b'), { code: 'ERR_INVALID_ARG_VALUE' });
  throwsWith(() => fs.readFileSync(), { code: 'ERR_INVALID_ARG_TYPE' });
});

test('descriptors', () => {
  const fd = fs.openSync(at('fd'), 'w+');
  assert.strictEqual(fs.writeSync(fd, 'abcdef'), 6);
  assert.strictEqual(fs.writeSync(fd, Buffer.from('XYZ'), 1, 1, 2), 1);
  const into = Buffer.alloc(4);
  assert.strictEqual(fs.readSync(fd, into, 0, 4, 1), 4);
  assert.strictEqual(into.toString(), 'bYde');
  assert.strictEqual(fs.readSync(fd, into, { position: 5 }), 1);
  assert.strictEqual(fs.readFileSync(fd, 'utf8'), '');
  fs.ftruncateSync(fd, 2);
  assert.strictEqual(fs.fstatSync(fd).size, 2);
  fs.closeSync(fd);
  throwsWith(() => fs.readSync(fd, into), { code: 'EBADF' });
});

test('stat', () => {
  fs.writeFileSync(at('s'), '12345');
  fs.chmodSync(at('s'), 0o640);
  fs.utimesSync(at('s'), 1, new Date(2500));
  const stats = fs.statSync(at('s'));
  assert.deepStrictEqual([stats.size, stats.mode & 0o777, stats.atimeMs, stats.mtimeMs], [5, 0o640, 1000, 2500]);
  assert.deepStrictEqual([stats.isFile(), stats.isDirectory(), stats.isSymbolicLink()], [true, false, false]);
  assert.strictEqual(stats.mtime.toISOString(), '1970-01-01T00:00:02.500Z');
  assert.ok(stats.birthtime instanceof Date && stats.ino > 0 && stats.nlink === 1);
  assert.strictEqual(fs.statSync(at('s'), { bigint: true }).mtimeNs, 2500000000n);
  assert.strictEqual(fs.statSync(at('none'), { throwIfNoEntry: false }), undefined);
  assert.strictEqual(fs.statSync('/dev/null').isCharacterDevice(), true);
});

test('exists and access', () => {
  assert.deepStrictEqual([at('s'), at('none'), undefined, {}, 'a\0b'].map((name) => fs.existsSync(name)), [true, false, false, false, false]);
  fs.accessSync(at('s'), fs.constants.R_OK);
  throwsWith(() => fs.accessSync(at('none')), { code: 'ENOENT', syscall: 'access' });
});

test('folders', () => {
  assert.strictEqual(fs.mkdirSync(at('d/e/f'), { recursive: true }), at('d'));
  assert.strictEqual(fs.mkdirSync(at('d/e/f'), { recursive: true }), undefined);
  throwsWith(() => fs.mkdirSync(at('d')), { code: 'EEXIST' });
  throwsWith(() => fs.mkdirSync(at('a/b/c'), { recursive: true }), { code: 'ENOTDIR' });
  fs.writeFileSync(at('d/e/z'), '');
  fs.writeFileSync(at('d/B'), '');
  assert.deepStrictEqual(fs.readdirSync(at('d')), ['B', 'e']);
  assert.deepStrictEqual(fs.readdirSync(at('d'), { recursive: true }).sort(), ['B', 'e', 'e/f', 'e/z']);
  const entries = fs.readdirSync(at('d'), { withFileTypes: true });
  assert.deepStrictEqual(entries.map((entry) => [entry.name, entry.isDirectory()]), [['B', false], ['e', true]]);
  throwsWith(() => fs.rmdirSync(at('d')), { code: 'ENOTEMPTY' });
  throwsWith(() => fs.rmSync(at('d')), { code: 'ERR_FS_EISDIR' });
  fs.rmSync(at('d'), { recursive: true });
  assert.strictEqual(fs.existsSync(at('d')), false);
  throwsWith(() => fs.rmSync(at('d')), { code: 'ENOENT' });
  fs.rmSync(at('d'), { force: true });
});

test('removing a tree does not follow links', () => {
  fs.mkdirSync(at('keep'));
  fs.writeFileSync(at('keep/file'), '');
  fs.mkdirSync(at('gone'));
  fs.symlinkSync(at('keep'), at('gone/link'));
  fs.rmSync(at('gone'), { recursive: true });
  assert.strictEqual(fs.existsSync(at('keep/file')), true);
});

test('links', () => {
  fs.symlinkSync('a', at('link'));
  assert.strictEqual(fs.readlinkSync(at('link')), 'a');
  assert.strictEqual(fs.lstatSync(at('link')).isSymbolicLink(), true);
  assert.strictEqual(fs.realpathSync(at('link')), path.join(fs.realpathSync(root), 'a'));
  fs.linkSync(at('a'), at('hard'));
  assert.strictEqual(fs.statSync(at('hard')).nlink, 2);
  fs.unlinkSync(at('hard'));
});

test('copies', () => {
  fs.copyFileSync(at('a'), at('copied'));
  assert.strictEqual(fs.readFileSync(at('copied'), 'utf8'), 'new');
  throwsWith(() => fs.copyFileSync(at('a'), at('copied'), fs.constants.COPYFILE_EXCL), { code: 'EEXIST', syscall: 'copyfile' });
  fs.mkdirSync(at('tree/sub'), { recursive: true });
  fs.writeFileSync(at('tree/sub/one'), '1');
  fs.writeFileSync(at('tree/skip'), '');
  fs.symlinkSync('sub', at('tree/link'));
  fs.cpSync(at('tree'), at('tree2'), { recursive: true, filter: (from) => !from.endsWith('skip') });
  assert.deepStrictEqual(fs.readdirSync(at('tree2')), ['link', 'sub']);
  assert.strictEqual(fs.readlinkSync(at('tree2/link')), at('tree/sub'));
  assert.strictEqual(fs.readFileSync(at('tree2/sub/one'), 'utf8'), '1');
  throwsWith(() => fs.cpSync(at('tree'), at('tree3')), { code: 'ERR_FS_EISDIR' });
  throwsWith(() => fs.cpSync(at('tree'), at('tree/sub/x'), { recursive: true }), { code: 'ERR_FS_CP_EINVAL' });
});

test('with a callback', async () => {
  const call = (name, ...args) => new Promise((resolve) => fs[name](...args, (...got) => resolve(got)));
  assert.deepStrictEqual(await call('readFile', at('a'), 'utf8'), [null, 'new']);
  assert.strictEqual((await call('readFile', at('none')))[0].code, 'ENOENT');
  assert.deepStrictEqual(await call('exists', at('a')), [true]);
  assert.deepStrictEqual(await call('mkdir', at('cb')), [null]);
  let isLater = false;
  fs.stat(at('a'), () => assert.ok(isLater));
  isLater = true;
  throwsWith(() => fs.readFile(at('a')), { code: 'ERR_INVALID_ARG_TYPE' });
  assert.strictEqual(await promisify(fs.exists)(at('a')), true);
  assert.strictEqual((await promisify(fs.stat)(at('a'))).size, 3);
});

test('with promises', async () => {
  const { promises } = fs;
  assert.strictEqual(promises, require('fs/promises'));
  await promises.writeFile(at('p'), 'one\ntwo');
  assert.strictEqual(await promises.readFile(at('p'), 'utf8'), 'one\ntwo');
  await assert.rejects(promises.readFile(at('none')), { code: 'ENOENT' });
  await promises.cp(at('p'), at('p2'), { filter: async () => true });
  const handle = await promises.open(at('p2'));
  const { bytesRead, buffer } = await handle.read(Buffer.alloc(3), 0, 3, 0);
  assert.deepStrictEqual([bytesRead, buffer.toString()], [3, 'one']);
  const lines = [];
  for await (const line of handle.readLines()) lines.push(line);
  assert.ok(lines.includes('two'));
  await handle.close();
  await promises.rm(at('p2'));
  await assert.rejects(promises.access(at('p2')), { code: 'ENOENT' });
});

test('polling with promises leaves time to timers', async () => {
  let isDone = false;
  setTimeout(() => { isDone = true; }, 1);
  while (!isDone) await fs.promises.stat(root);
});

test('streams', async () => {
  fs.writeFileSync(at('big'), Buffer.alloc(300000, 'x'));
  let size = 0;
  for await (const chunk of fs.createReadStream(at('big'))) size += chunk.length;
  assert.strictEqual(size, 300000);
  const target = fs.createWriteStream(at('part'));
  await pipeline(fs.createReadStream(at('big'), { start: 10, end: 19 }), target);
  assert.strictEqual(fs.readFileSync(at('part'), 'utf8'), 'xxxxxxxxxx');
  assert.strictEqual(target.bytesWritten, 10);
  const failing = fs.createReadStream(at('none'));
  assert.strictEqual(await new Promise((resolve) => failing.on('error', (error) => resolve(error.code))), 'ENOENT');
  const text = fs.createReadStream(at('part'), 'utf8');
  assert.strictEqual(typeof await new Promise((resolve) => text.once('data', resolve)), 'string');
});

test('what is not offered says so', () => {
  if (process.execPath.includes('node')) return;
  assert.throws(() => fs.watch(root), /fs\.watch is not offered/);
});

test('cleaning up', () => fs.rmSync(root, { recursive: true }));

module.exports = test.done();
