'use strict';

const test = require('./harness');
const assert = require('assert');
const path = require('path');

function table(call, rows) {
  for (const [args, expected] of rows) {
    assert.deepStrictEqual(call(...[].concat(args)), expected, JSON.stringify(args));
  }
}

test('join puts names together and tidies them', () =>
  table(path.join, [
    [['/a', 'b', '../c'], '/a/c'],
    [['a', '', 'b'], 'a/b'],
    [[], '.'],
    [[''], '.'],
    [['..', '..', 'x'], '../../x'],
    [['/a/', '/b'], '/a/b'],
    [['./a'], 'a'],
    [['a', './'], 'a/'],
    [['/', '..'], '/'],
    [['a/b', '../../..'], '..'],
  ]));

test('normalize', () =>
  table(path.normalize, [
    ['', '.'],
    ['/', '/'],
    ['//a//b/', '/a/b/'],
    ['a/../..', '..'],
    ['./', './'],
    ['a/..', '.'],
    ['/..', '/'],
    ['a/./b', 'a/b'],
  ]));

test('resolve goes from the right to the first absolute path', () => {
  table(path.resolve, [
    [['/a', 'b'], '/a/b'],
    [['/a', '/b', 'c'], '/b/c'],
    [['/a/b', '..', '..', '..'], '/'],
    [['/a/', ''], '/a'],
  ]);
  assert.strictEqual(path.resolve('x'), `${process.cwd() === '/' ? '' : process.cwd()}/x`);
});

test('relative', () =>
  table(path.relative, [
    [['/a/b/c', '/a/d'], '../../d'],
    [['/a', '/a'], ''],
    [['/a', '/a/b'], 'b'],
    [['/', '/x'], 'x'],
    [['/a/b', '/'], '../..'],
    [['/foo/bar', '/foo/barbaz'], '../barbaz'],
  ]));

test('dirname, basename and extname', () => {
  table(path.dirname, [
    ['/a/b', '/a'],
    ['/a', '/'],
    ['a', '.'],
    ['', '.'],
    ['a/b/', 'a'],
    ['//a', '//'],
    ['/a/b//', '/a'],
  ]);
  table(path.basename, [
    ['/a/b.js', 'b.js'],
    [['/a/b.js', '.js'], 'b'],
    ['/a/', 'a'],
    ['', ''],
    [['js', 'js'], ''],
    [['b.js', 'x'], 'b.js'],
  ]);
  table(path.extname, [
    ['a.js', '.js'],
    ['.bashrc', ''],
    ['a.', '.'],
    ['a.tar.gz', '.gz'],
    ['a/b.c/d', ''],
    ['..', ''],
    ['..a', '.a'],
  ]);
});

test("parse and format are each other's inverse", () => {
  assert.deepStrictEqual(path.parse('/home/u/f.txt'), {
    root: '/',
    dir: '/home/u',
    base: 'f.txt',
    ext: '.txt',
    name: 'f',
  });
  assert.deepStrictEqual(path.parse('./a/b'), { root: '', dir: './a', base: 'b', ext: '', name: 'b' });
  assert.deepStrictEqual(path.parse('/'), { root: '/', dir: '/', base: '', ext: '', name: '' });
  assert.strictEqual(path.format({ dir: '/a', base: 'b.c' }), '/a/b.c');
  assert.strictEqual(path.format({ root: '/', name: 'x', ext: '.y' }), '/x.y');
  assert.strictEqual(path.format({ name: 'x', ext: 'y' }), 'x.y');
});

test('isAbsolute, sep, delimiter and the flavours', () => {
  table(path.isAbsolute, [
    ['/a', true],
    ['a', false],
    ['', false],
  ]);
  assert.deepStrictEqual(
    [path.sep, path.delimiter, path.win32.sep, path.win32.delimiter],
    ['/', ':', '\\', ';'],
  );
  assert.strictEqual(path.posix, path);
  assert.strictEqual(path.win32.posix, path);
  assert.strictEqual(require('path/posix'), path);
  assert.strictEqual(path.toNamespacedPath('/a'), '/a');
});

test('win32', () => {
  const { win32 } = path;
  table(win32.join, [
    [['C:\\a', '..', 'b'], 'C:\\b'],
    [['a', 'b/c'], 'a\\b\\c'],
    [['//srv', 'share', 'x'], '\\\\srv\\share\\x'],
  ]);
  table(win32.normalize, [
    ['C:/a//b/..', 'C:\\a'],
    ['c:', 'c:.'],
    ['\\\\s\\h\\x\\', '\\\\s\\h\\x\\'],
  ]);
  table(win32.resolve, [
    [['C:\\a', '..\\b'], 'C:\\b'],
    [['C:\\a', 'D:\\x', 'y'], 'D:\\x\\y'],
  ]);
  table(win32.basename, [
    ['C:\\a\\b.txt', 'b.txt'],
    ['C:x', 'x'],
  ]);
  table(win32.dirname, [
    ['C:\\a\\b', 'C:\\a'],
    ['C:\\', 'C:\\'],
  ]);
  table(win32.extname, [['C:\\a.b\\c.d', '.d']]);
  table(win32.relative, [
    [['C:\\a\\b', 'C:\\a\\c'], '..\\c'],
    [['C:\\a', 'D:\\b'], 'D:\\b'],
  ]);
  table(win32.isAbsolute, [
    ['C:\\x', true],
    ['C:x', false],
    ['\\x', true],
  ]);
  assert.deepStrictEqual(win32.parse('C:\\d\\f.e'), {
    root: 'C:\\',
    dir: 'C:\\d',
    base: 'f.e',
    ext: '.e',
    name: 'f',
  });
});

test('what is no text is refused with its type', () => {
  assert.throws(() => path.join('a', 5), {
    name: 'TypeError',
    code: 'ERR_INVALID_ARG_TYPE',
    message: 'The "path" argument must be of type string. Received type number (5)',
  });
  assert.throws(() => path.basename(undefined), {
    message: 'The "path" argument must be of type string. Received undefined',
  });
  assert.throws(() => path.format(null), { code: 'ERR_INVALID_ARG_TYPE' });
});

module.exports = test.done();
