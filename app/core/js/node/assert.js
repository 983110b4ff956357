// assert: checks that throw an AssertionError.
'use strict';

const { argType, argValue, coded, needFunction } = require('errors');
const { inspect } = require('inspect');
const { isDeepEqual, isDeepStrictEqual } = require('util_equal');

function shown(value) {
  return inspect(value, {
    compact: false,
    depth: 1000,
    sorted: true,
    maxArrayLength: Infinity,
    getters: true,
  });
}

const KIND_TEXT = {
  deepStrictEqual: 'Expected values to be strictly deep-equal:',
  strictEqual: 'Expected values to be strictly equal:',
  deepEqual: 'Expected values to be loosely deep-equal:',
  notDeepStrictEqual: 'Expected "actual" not to be strictly deep-equal to:',
  notStrictEqual: 'Expected "actual" to be strictly unequal to:',
  notDeepEqual: 'Expected "actual" not to be loosely deep-equal to:',
};

// Lines both have, in order, by the longest common subsequence; only small texts are worth it.
function commonLines(a, b) {
  const table = Array.from({ length: a.length + 1 }, () => new Uint16Array(b.length + 1));
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      table[i][j] = a[i] === b[j] ? table[i + 1][j + 1] + 1 : Math.max(table[i + 1][j], table[i][j + 1]);
    }
  }
  return table;
}

const MOST_LINES = 500;

function difference(actual, expected) {
  const a = shown(actual).split('\n');
  const b = shown(expected).split('\n');
  if (a.length > MOST_LINES || b.length > MOST_LINES) {
    return [
      ...a.slice(0, 20).map((line) => `+ ${line}`),
      '...',
      ...b.slice(0, 20).map((line) => `- ${line}`),
      '...',
    ];
  }
  const table = commonLines(a, b);
  const lines = [];
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      lines.push(`  ${a[i]}`);
      i++;
      j++;
    } else if (i < a.length && (j === b.length || table[i + 1][j] >= table[i][j + 1])) {
      lines.push(`+ ${a[i++]}`);
    } else {
      lines.push(`- ${b[j++]}`);
    }
  }
  return lines;
}

function isSimple(value) {
  return (typeof value !== 'object' || value === null) && typeof value !== 'function';
}

function comparison(operator, actual, expected) {
  const head = KIND_TEXT[operator];
  if (operator.startsWith('not')) return `${head}\n\n${shown(actual)}\n`;
  const a = shown(actual);
  const b = shown(expected);
  const short =
    isSimple(actual) &&
    isSimple(expected) &&
    !a.includes('\n') &&
    !b.includes('\n') &&
    a.length + b.length <= 60 &&
    (actual !== 0 || expected !== 0);
  if (short) return `${head}\n\n${a} !== ${b}\n`;
  return `${head}\n+ actual - expected\n\n${difference(actual, expected).join('\n')}`;
}

function generated(operator, actual, expected) {
  if (operator === 'deepEqual') {
    return `${KIND_TEXT.deepEqual}\n\n${shown(actual)}\n\nshould loosely deep-equal\n\n${shown(expected)}`;
  }
  if (KIND_TEXT[operator]) return comparison(operator, actual, expected);
  return `${inspect(actual)} ${operator} ${inspect(expected)}`;
}

class AssertionError extends Error {
  constructor(options) {
    if (options === null || typeof options !== 'object') throw argType('options', 'of type object', options);
    const { message, operator = 'fail', actual, expected } = options;
    super(
      message === undefined || message === null ? generated(operator, actual, expected) : String(message),
    );
    this.generatedMessage = message === undefined || message === null;
    Object.defineProperty(this, 'name', {
      value: 'AssertionError',
      enumerable: false,
      writable: true,
      configurable: true,
    });
    this.code = 'ERR_ASSERTION';
    this.actual = actual;
    this.expected = expected;
    this.operator = operator;
  }

  toString() {
    return `${this.name} [${this.code}]: ${this.message}`;
  }
}

function raise(message, operator, actual, expected) {
  if (message instanceof Error) throw message;
  throw new AssertionError({ message, operator, actual, expected });
}

function needTwo(args) {
  if (args.length < 2) {
    throw coded(TypeError, 'ERR_MISSING_ARGS', 'The "actual" and "expected" arguments must be specified');
  }
}

function ok(...args) {
  const [value, message] = args;
  if (value) return;
  const text = args.length === 0 ? 'No value argument passed to `assert.ok()`' : message;
  if (text !== undefined) {
    if (text instanceof Error) throw text;
    const error = new AssertionError({ message: text, operator: '==', actual: value, expected: true });
    error.generatedMessage = args.length === 0;
    throw error;
  }
  const error = new AssertionError({
    message: `The expression evaluated to a falsy value:\n\n  ${inspect(value)}\n`,
    operator: '==',
    actual: value,
    expected: true,
  });
  error.generatedMessage = true;
  throw error;
}

function assert(...args) {
  ok(...args);
}

// name, whether the two agree, and the operator that the error names.
const COMPARISONS = {
  // eslint-disable-next-line eqeqeq -- assert.equal promises the loose comparison
  equal: [(a, b) => a == b || (a !== a && b !== b), '=='],
  // eslint-disable-next-line eqeqeq
  notEqual: [(a, b) => a != b && !(a !== a && b !== b), '!='],
  strictEqual: [Object.is, 'strictEqual'],
  notStrictEqual: [(a, b) => !Object.is(a, b), 'notStrictEqual'],
  deepEqual: [isDeepEqual, 'deepEqual'],
  notDeepEqual: [(a, b) => !isDeepEqual(a, b), 'notDeepEqual'],
  deepStrictEqual: [isDeepStrictEqual, 'deepStrictEqual'],
  notDeepStrictEqual: [(a, b) => !isDeepStrictEqual(a, b), 'notDeepStrictEqual'],
};

for (const [name, [agrees, operator]] of Object.entries(COMPARISONS)) {
  assert[name] = {
    [name](actual, expected, message) {
      needTwo(arguments);
      if (!agrees(actual, expected)) raise(message, operator, actual, expected);
    },
  }[name];
}

assert.ok = ok;

assert.fail = function fail(...args) {
  if (args.length > 1) {
    const [actual, expected, message, operator = '!='] = args;
    raise(message, operator, actual, expected);
  }
  const [message = 'Failed'] = args;
  if (message instanceof Error) throw message;
  const error = new AssertionError({ message, operator: 'fail' });
  error.generatedMessage = args.length === 0;
  throw error;
};

assert.ifError = function ifError(value) {
  if (value === null || value === undefined) return;
  let text = 'ifError got unwanted exception: ';
  if (typeof value === 'object' && typeof value.message === 'string')
    text += value.message || value.constructor.name;
  else text += inspect(value);
  const error = new AssertionError({ message: text, operator: 'ifError', actual: value, expected: null });
  error.generatedMessage = true;
  throw error;
};

function matching(name, wanted) {
  const verdict = wanted ? 'did not match' : 'was expected to not match';
  return function check(text, expression, message) {
    if (!(expression instanceof RegExp)) throw argType('regexp', 'an instance of RegExp', expression);
    if (typeof text === 'string' && expression.test(text) === wanted) return;
    const made =
      typeof text !== 'string'
        ? `The "string" argument must be of type string. Received type ${typeof text} (${inspect(text)})`
        : `The input ${verdict} the regular expression ${inspect(expression)}. Input:\n\n${inspect(text)}\n`;
    if (message instanceof Error) throw message;
    const error = new AssertionError({
      message: message ?? made,
      operator: name,
      actual: text,
      expected: expression,
    });
    error.generatedMessage = message === undefined;
    throw error;
  };
}

assert.match = matching('match', true);
assert.doesNotMatch = matching('doesNotMatch', false);

// --- functions that throw --------------------------------------------------------------------------------

function checkShape(error, expected, message, operator) {
  const keys = Object.keys(expected);
  if (expected instanceof Error) keys.push('name', 'message');
  else if (keys.length === 0) throw argValue('error', expected, 'may not be an empty object');
  for (const key of keys) {
    const want = expected[key];
    if (typeof error[key] === 'string' && want instanceof RegExp && want.test(error[key])) continue;
    if (key in error && isDeepStrictEqual(error[key], want)) continue;
    const pick = (from) =>
      Object.fromEntries(keys.filter((name) => name in from).map((name) => [name, from[name]]));
    if (message instanceof Error) throw message;
    const made = new AssertionError({
      message,
      operator: message === undefined ? 'deepStrictEqual' : operator,
      actual: pick(error),
      expected: pick(expected),
    });
    Object.assign(made, { actual: error, expected, operator });
    throw made;
  }
}

function checkThrown(error, expected, message, operator) {
  if (expected === undefined) return;
  if (expected instanceof RegExp) {
    const text = String(error);
    if (expected.test(text)) return;
    raise(
      message ??
        `The input did not match the regular expression ${inspect(expected)}. Input:\n\n${inspect(text)}\n`,
      operator,
      error,
      expected,
    );
  }
  if (typeof expected === 'object') {
    if (error === null || typeof error !== 'object') raise(message, operator, error, expected);
    checkShape(error, expected, message, operator);
    return;
  }
  if (expected.prototype !== undefined && error instanceof expected) return;
  if (Error.isPrototypeOf(expected)) {
    if (message !== undefined) raise(message, operator, error, expected);
    const got = error?.constructor?.name ?? inspect(error);
    const tail = error?.message ? `\n\nError message:\n\n${error.message}` : '';
    const text = `The error is expected to be an instance of "${expected.name}". Received "${got}"${tail}`;
    raise(text, operator, error, expected);
  }
  const result = Reflect.apply(expected, {}, [error]);
  if (result === true) return;
  const name = expected.name ? `"${expected.name}" ` : '';
  raise(
    message ?? `The ${name}validation function is expected to return "true". Received ${inspect(result)}`,
    operator,
    error,
    expected,
  );
}

function splitExpectation(expected, message) {
  if (typeof expected === 'string') return [undefined, expected];
  if (
    expected !== undefined &&
    expected !== null &&
    typeof expected !== 'object' &&
    typeof expected !== 'function'
  ) {
    throw argType('error', 'of type function or an instance of Error, RegExp, or Object', expected);
  }
  return [expected ?? undefined, message];
}

function missing(operator, expected, message) {
  const what = operator === 'rejects' ? 'rejection' : 'exception';
  const name = expected && expected.name ? ` (${expected.name})` : '';
  if (message instanceof Error) throw message;
  const error = new AssertionError({
    message: `Missing expected ${what}${name}${message ? `: ${message}` : '.'}`,
    operator,
    actual: undefined,
    expected,
  });
  throw error;
}

assert.throws = function throws(call, expected, message) {
  needFunction(call, 'fn');
  const [want, text] = splitExpectation(expected, message);
  let thrown;
  try {
    call();
  } catch (error) {
    thrown = { error };
  }
  if (!thrown) missing('throws', want, text);
  checkThrown(thrown.error, want, text, 'throws');
};

function unwanted(error, expected, message, operator) {
  const [want, text] = splitExpectation(expected, message);
  const kind = operator === 'doesNotReject' ? 'rejection' : 'exception';
  const isWanted =
    want === undefined || (want instanceof RegExp ? want.test(String(error)) : error instanceof want);
  if (!isWanted) throw error;
  throw new AssertionError({
    message: `Got unwanted ${kind}${text ? `: ${text}` : '.'}\nActual message: "${error && error.message}"`,
    operator,
    actual: error,
    expected: want,
  });
}

assert.doesNotThrow = function doesNotThrow(call, expected, message) {
  needFunction(call, 'fn');
  try {
    call();
  } catch (error) {
    unwanted(error, expected, message, 'doesNotThrow');
  }
};

async function settled(promiseOrFunction) {
  let promise = promiseOrFunction;
  if (typeof promise === 'function') {
    promise = promise();
    if (!promise || typeof promise.then !== 'function') {
      const got = promise === undefined ? 'undefined' : `type ${typeof promise}`;
      const text = `Expected instance of Promise to be returned from the "promiseFn" function but got ${got}.`;
      throw coded(TypeError, 'ERR_INVALID_RETURN_VALUE', text);
    }
  } else if (!promise || typeof promise.then !== 'function') {
    throw argType('promiseFn', 'of type function or an instance of Promise', promise);
  }
  try {
    await promise;
    return null;
  } catch (error) {
    return { error };
  }
}

assert.rejects = async function rejects(promiseOrFunction, expected, message) {
  const outcome = await settled(promiseOrFunction);
  const [want, text] = splitExpectation(expected, message);
  if (!outcome) missing('rejects', want, text);
  checkThrown(outcome.error, want, text, 'rejects');
};

assert.doesNotReject = async function doesNotReject(promiseOrFunction, expected, message) {
  const outcome = await settled(promiseOrFunction);
  if (outcome) unwanted(outcome.error, expected, message, 'doesNotReject');
};

assert.AssertionError = AssertionError;

function strict(...args) {
  ok(...args);
}

assert.strict = Object.assign(strict, assert, {
  equal: assert.strictEqual,
  notEqual: assert.notStrictEqual,
  deepEqual: assert.deepStrictEqual,
  notDeepEqual: assert.notDeepStrictEqual,
});
strict.strict = strict;

module.exports = assert;
