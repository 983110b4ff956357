'use strict';

const { setTimeout, clearTimeout, setInterval, clearInterval, setImmediate, clearImmediate } = globalThis;

module.exports = {
  setTimeout, clearTimeout, setInterval, clearInterval, setImmediate, clearImmediate,
  get promises() {
    return require('timers/promises');
  },
};

const { promisify } = require('util');
Object.defineProperty(setTimeout, promisify.custom, { get: () => module.exports.promises.setTimeout });
Object.defineProperty(setImmediate, promisify.custom, { get: () => module.exports.promises.setImmediate });
