// process.nextTick, and what happens to an error that nobody caught.
'use strict';

const { setTimeout } = globalThis;
const queue = [];
let uncaught = null; // set by process.js

// A timer's error reaches the host's console with its place in the script.
function report(error) {
  if (uncaught !== null && uncaught(error)) return;
  setTimeout(() => {
    throw error;
  }, 0);
}

function drain() {
  while (queue.length > 0) {
    const batch = queue.splice(0);
    for (const [call, args] of batch) {
      try {
        call(...args);
      } catch (error) {
        report(error);
      }
    }
  }
}

function nextTick(call, ...args) {
  if (typeof call !== 'function') throw require('errors').argType('callback', 'of type function', call);
  queue.push([call, args]);
  if (queue.length === 1) Promise.resolve().then(drain);
}

module.exports = {
  nextTick,
  report,
  onUncaught(handler) {
    uncaught = handler;
  },
};
