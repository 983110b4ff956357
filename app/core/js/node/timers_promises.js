'use strict';

const { setTimeout, clearTimeout, setInterval, clearInterval, setImmediate, clearImmediate } = globalThis;
const { abortError } = require('errors');

function promised(start, stop) {
  return (value, options) => new Promise((resolve, reject) => {
    const signal = options && options.signal;
    if (signal && signal.aborted) {
      reject(abortError(signal.reason));
      return;
    }
    const onAbort = () => {
      stop(timer);
      reject(abortError(signal.reason));
    };
    const timer = start(() => {
      if (signal) signal.removeEventListener('abort', onAbort);
      resolve(value);
    });
    if (signal) signal.addEventListener('abort', onAbort, { once: true });
  });
}

async function* every(ms, value, options) {
  const signal = options && options.signal;
  if (signal && signal.aborted) throw abortError(signal.reason);
  let due = 0;
  let wake = () => {};
  const timer = setInterval(() => {
    due += 1;
    wake();
  }, ms);
  const onAbort = () => wake();
  if (signal) signal.addEventListener('abort', onAbort, { once: true });
  try {
    for (;;) {
      if (signal && signal.aborted) throw abortError(signal.reason);
      for (; due > 0; due -= 1) yield value;
      if (!signal || !signal.aborted) await new Promise((resolve) => { wake = resolve; });
    }
  } finally {
    clearInterval(timer);
    if (signal) signal.removeEventListener('abort', onAbort);
  }
}

const wait = (ms, value, options) => promised((call) => setTimeout(call, ms), clearTimeout)(value, options);

module.exports = {
  setTimeout: wait,
  setImmediate: promised(setImmediate, clearImmediate),
  setInterval: every,
  scheduler: { wait: (ms, options) => wait(ms, undefined, options), yield: () => promised(setImmediate, clearImmediate)() },
};
