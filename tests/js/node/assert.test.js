'use strict';

const test = require('./harness');
const assert = require('assert');

// Uses none of what it tests: a failure here must not depend on assert.
function same(actual, expected) {
  if (actual !== expected) throw new Error(`${JSON.stringify(actual)} is not ${JSON.stringify(expected)}`);
}

function failure(call) {
  try {
    call();
  } catch (error) {
    return error;
  }
  throw new Error('did not throw');
}

const fails = (...calls) => {
  for (const call of calls) same(failure(call).code, 'ERR_ASSERTION');
};

test('ok and assert itself', () => {
  assert(1);
  assert.ok('x', 'not shown');
  fails(
    () => assert(0),
    () => assert.ok(''),
    () => assert.ok(null, 'm'),
    () => assert.ok(),
  );
  const error = failure(() => assert.ok(0, 'why'));
  same(error.message, 'why');
  same(error.name, 'AssertionError');
  same(error.generatedMessage, false);
  same(failure(() => assert(false, new TypeError('own'))).name, 'TypeError');
});

test('equal and strictEqual', () => {
  assert.equal(1, '1');
  assert.equal(NaN, NaN);
  assert.strictEqual(NaN, NaN);
  assert.notEqual(1, 2);
  assert.notStrictEqual(1, '1');
  fails(
    () => assert.equal(1, 2),
    () => assert.strictEqual(1, '1'),
    () => assert.strictEqual(0, -0),
    () => assert.notEqual(1, '1'),
    () => assert.notStrictEqual(1, 1),
  );
  const error = failure(() => assert.strictEqual(1, 2));
  same(error.message, 'Expected values to be strictly equal:\n\n1 !== 2\n');
  same(`${error.actual} ${error.expected} ${error.operator}`, '1 2 strictEqual');
  same(failure(() => assert.equal(1, 2)).message, '1 == 2');
  same(failure(() => assert.strictEqual(1)).code, 'ERR_MISSING_ARGS');
});

test('deep equality', () => {
  assert.deepEqual({ a: [1] }, { a: ['1'] });
  assert.deepEqual([1, 2], [1, 2]);
  assert.deepStrictEqual(new Map([['a', new Set([1])]]), new Map([['a', new Set([1])]]));
  assert.notDeepEqual({ a: 1 }, { a: 2 });
  assert.notDeepStrictEqual({ a: 1 }, { a: '1' });
  fails(
    () => assert.deepStrictEqual({ a: 1 }, { a: '1' }),
    () => assert.deepEqual([1], [1, 2]),
    () => assert.notDeepEqual([1], ['1']),
    () => assert.deepEqual({ a: 1 }, null),
  );
  const { message } = failure(() => assert.deepStrictEqual({ a: 1, b: 2 }, { a: 1, b: 3 }));
  same(message.startsWith('Expected values to be strictly deep-equal:\n+ actual - expected\n\n'), true);
  same(/\+ +b: 2/.test(message) && /- +b: 3/.test(message), true);
});

test('throws and doesNotThrow', () => {
  const boom = () => {
    throw new TypeError('boom 42');
  };
  assert.throws(boom);
  assert.throws(boom, TypeError);
  assert.throws(boom, /boom \d+/);
  assert.throws(boom, { name: 'TypeError', message: /boom/ });
  assert.throws(boom, new TypeError('boom 42'));
  assert.throws(boom, (error) => error.message.length === 7);
  assert.doesNotThrow(() => {});
  fails(
    () => assert.throws(() => {}),
    () => assert.throws(boom, /other/),
    () => assert.throws(boom, { message: 'x' }),
    () => assert.throws(boom, () => false),
    () => assert.doesNotThrow(boom),
  );
  same(failure(() => assert.throws(boom, RangeError)).message.includes('RangeError'), true);
  same(failure(() => assert.throws(() => {})).message, 'Missing expected exception.');
  same(
    failure(() => assert.throws(() => {}, TypeError, 'text')).message,
    'Missing expected exception (TypeError): text',
  );
  same(failure(() => assert.throws('x')).code, 'ERR_INVALID_ARG_TYPE');
});

test('rejects and doesNotReject', async () => {
  const no = async () => {
    throw new RangeError('no');
  };
  await assert.rejects(no);
  await assert.rejects(no(), RangeError);
  await assert.rejects(no, { message: 'no' });
  await assert.doesNotReject(async () => {});
  const outcome = await assert.rejects(Promise.resolve(1)).then(
    () => null,
    (error) => error,
  );
  same(outcome.message, 'Missing expected rejection.');
  const unwanted = await assert.doesNotReject(no).then(
    () => null,
    (error) => error,
  );
  same(unwanted.code, 'ERR_ASSERTION');
});

test('fail, match, ifError, AssertionError, strict', () => {
  same(failure(() => assert.fail()).message, 'Failed');
  same(failure(() => assert.fail('m')).message, 'm');
  assert.match('abc', /b/);
  assert.doesNotMatch('abc', /x/);
  fails(
    () => assert.match('abc', /x/),
    () => assert.doesNotMatch('abc', /b/),
  );
  assert.ifError(null);
  same(failure(() => assert.ifError(new Error('e'))).message, 'ifError got unwanted exception: e');
  const made = new assert.AssertionError({ message: 'm', actual: 1, expected: 2, operator: 'op' });
  same(made instanceof Error && made.code === 'ERR_ASSERTION' && made.operator === 'op', true);
  same(assert.strict.equal, assert.strictEqual);
  same(assert.strict.deepEqual, assert.deepStrictEqual);
  same(require('assert/strict'), assert.strict);
  same(assert.strict.strict, assert.strict);
});

module.exports = test.done();
