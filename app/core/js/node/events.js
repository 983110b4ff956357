// events: EventEmitter. Listeners of one name are an array that is replaced, never changed, so that an emit
// goes over the listeners of its start whatever they add or remove.
'use strict';

const { abortError, argType, coded, needFunction, outOfRange } = require('errors');

const ERROR_MONITOR = Symbol.for('events.errorMonitor');
const REJECTION = Symbol.for('nodejs.rejection');
const CAPTURE = Symbol('kCapture');

function EventEmitter(options) {
  EventEmitter.init.call(this, options);
}

EventEmitter.init = function init(options) {
  // A prototype's own table must not be shared by what inherits from it.
  if (this._events === undefined || this._events === Object.getPrototypeOf(this)._events) {
    this._events = Object.create(null);
    this._eventsCount = 0;
  }
  this._maxListeners = this._maxListeners || undefined;
  if (options && options.captureRejections) this[CAPTURE] = true;
};

EventEmitter.prototype._events = undefined;
EventEmitter.prototype._eventsCount = 0;
EventEmitter.prototype._maxListeners = undefined;

let defaultMax = 10;

function needListener(listener) {
  needFunction(listener, 'listener');
}

function needCount(count, name) {
  if (typeof count !== 'number') throw argType(name, 'of type number', count);
  if (!(count >= 0)) throw outOfRange(name, 'a non-negative number', count);
}

function tableOf(emitter) {
  if (emitter._events === undefined) {
    emitter._events = Object.create(null);
    emitter._eventsCount = 0;
  }
  return emitter._events;
}

// Other code may have put a bare function there, as Node's own table has.
function listenersOf(emitter, name) {
  const found = emitter._events === undefined ? undefined : emitter._events[name];
  if (found === undefined) return [];
  return typeof found === 'function' ? [found] : found;
}

function setListeners(emitter, name, list) {
  const table = tableOf(emitter);
  const had = table[name] !== undefined;
  if (list.length > 0) {
    table[name] = list;
    if (!had) emitter._eventsCount++;
  } else if (had) {
    delete table[name];
    emitter._eventsCount--;
  }
}

function warnOfLeak(emitter, name, list) {
  const most = emitter.getMaxListeners();
  if (most === 0 || list.length <= most || list.warned) return;
  list.warned = true;
  const { process } = globalThis;
  if (!process || typeof process.emitWarning !== 'function') return;
  const kind = emitter.constructor && emitter.constructor.name;
  const warning = new Error(
    `Possible EventEmitter memory leak detected. ${list.length} ${String(name)} listeners added ` +
      `to [${kind}]. Use emitter.setMaxListeners() to increase limit`,
  );
  Object.assign(warning, { name: 'MaxListenersExceededWarning', emitter, type: name, count: list.length });
  process.emitWarning(warning);
}

function add(emitter, name, listener, first) {
  needListener(listener);
  if (tableOf(emitter).newListener !== undefined)
    emitter.emit('newListener', name, listener.listener || listener);
  const before = listenersOf(emitter, name);
  const list = first ? [listener, ...before] : [...before, listener];
  if (before.warned) list.warned = true;
  setListeners(emitter, name, list);
  warnOfLeak(emitter, name, list);
  return emitter;
}

function onceWrapper(emitter, name, listener) {
  let fired = false;
  function wrapped(...args) {
    if (fired) return undefined;
    emitter.removeListener(name, wrapped);
    fired = true;
    return Reflect.apply(listener, emitter, args);
  }
  wrapped.listener = listener;
  return wrapped;
}

// --- emitting --------------------------------------------------------------------------------------------

function unhandled(args) {
  const [error] = args;
  if (error instanceof Error) return error;
  let text;
  try {
    text = require('inspect').inspect(error);
  } catch {
    text = String(error);
  }
  const made = coded(Error, 'ERR_UNHANDLED_ERROR', `Unhandled error. (${text})`);
  made.context = error;
  return made;
}

// A listener that is async reports its failure where the emitter asked for that.
function watchRejection(emitter, result, name, args) {
  if (!result || typeof result.then !== 'function') return;
  result.then(undefined, (error) => {
    const report = () => {
      if (typeof emitter[REJECTION] === 'function') emitter[REJECTION](error, name, ...args);
      else emitter.emit('error', error);
    };
    const { process } = globalThis;
    if (process && typeof process.nextTick === 'function') process.nextTick(report);
    else report();
  });
}

const methods = {
  emit(name, ...args) {
    if (name === 'error') {
      if (listenersOf(this, ERROR_MONITOR).length > 0) this.emit(ERROR_MONITOR, ...args);
      if (listenersOf(this, 'error').length === 0) throw unhandled(args);
    }
    const list = listenersOf(this, name);
    for (const listener of list) {
      const result = Reflect.apply(listener, this, args);
      if (result !== undefined && (this[CAPTURE] || EventEmitter.captureRejections))
        watchRejection(this, result, name, args);
    }
    return list.length > 0;
  },

  addListener(name, listener) {
    return add(this, name, listener, false);
  },

  prependListener(name, listener) {
    return add(this, name, listener, true);
  },

  once(name, listener) {
    needListener(listener);
    return this.on(name, onceWrapper(this, name, listener));
  },

  prependOnceListener(name, listener) {
    needListener(listener);
    return this.prependListener(name, onceWrapper(this, name, listener));
  },

  removeListener(name, listener) {
    needListener(listener);
    const list = listenersOf(this, name);
    const at = list.findLastIndex((item) => item === listener || item.listener === listener);
    if (at < 0) return this;
    const removed = list[at];
    setListeners(
      this,
      name,
      list.filter((item, i) => i !== at),
    );
    if (tableOf(this).removeListener !== undefined)
      this.emit('removeListener', name, removed.listener || listener);
    return this;
  },

  removeAllListeners(name) {
    const table = tableOf(this);
    if (table.removeListener === undefined) {
      if (arguments.length > 0) {
        setListeners(this, name, []);
      } else {
        this._events = Object.create(null);
        this._eventsCount = 0;
      }
      return this;
    }
    if (arguments.length > 0) {
      for (const listener of [...listenersOf(this, name)].reverse()) this.removeListener(name, listener);
      return this;
    }
    for (const key of Reflect.ownKeys(table)) if (key !== 'removeListener') this.removeAllListeners(key);
    this.removeAllListeners('removeListener');
    this._events = Object.create(null);
    this._eventsCount = 0;
    return this;
  },

  listeners(name) {
    return listenersOf(this, name).map((item) => item.listener || item);
  },

  rawListeners(name) {
    return [...listenersOf(this, name)];
  },

  listenerCount(name, listener) {
    const list = listenersOf(this, name);
    if (!listener) return list.length;
    return list.filter((item) => item === listener || item.listener === listener).length;
  },

  eventNames() {
    return this._eventsCount > 0 ? Reflect.ownKeys(this._events) : [];
  },

  setMaxListeners(count) {
    needCount(count, 'setMaxListeners');
    this._maxListeners = count;
    return this;
  },

  getMaxListeners() {
    return this._maxListeners === undefined ? defaultMax : this._maxListeners;
  },
};

Object.assign(EventEmitter.prototype, methods);
EventEmitter.prototype.on = EventEmitter.prototype.addListener;
EventEmitter.prototype.off = EventEmitter.prototype.removeListener;

// --- promises and iterators ------------------------------------------------------------------------------

function isTarget(emitter) {
  return typeof emitter.addEventListener === 'function' && typeof emitter.on !== 'function';
}

function listen(emitter, name, listener) {
  if (isTarget(emitter)) emitter.addEventListener(name, listener);
  else if (typeof emitter.on === 'function') emitter.on(name, listener);
  else throw argType('emitter', 'an instance of EventEmitter or EventTarget', emitter);
}

function unlisten(emitter, name, listener) {
  if (isTarget(emitter)) emitter.removeEventListener(name, listener);
  else emitter.removeListener(name, listener);
}

function needSignal(signal) {
  if (signal !== undefined && (signal === null || typeof signal !== 'object' || !('aborted' in signal))) {
    throw argType('options.signal', 'an instance of AbortSignal', signal);
  }
}

function once(emitter, name, options = {}) {
  return new Promise((resolve, reject) => {
    const signal = options && options.signal;
    needSignal(signal);
    if (signal && signal.aborted) throw abortError(signal.reason);
    const failsOnError = name !== 'error' && !isTarget(emitter);
    const clean = () => {
      unlisten(emitter, name, arrived);
      if (failsOnError) unlisten(emitter, 'error', failed);
      if (signal) signal.removeEventListener('abort', aborted);
    };
    const arrived = (...args) => {
      clean();
      resolve(args);
    };
    const failed = (error) => {
      clean();
      reject(error);
    };
    const aborted = () => {
      clean();
      reject(abortError(signal.reason));
    };
    listen(emitter, name, arrived);
    if (failsOnError) listen(emitter, 'error', failed);
    if (signal) signal.addEventListener('abort', aborted, { once: true });
  });
}

// The events of one name as they come; what arrives while nobody waits is kept.
class EventIterator {
  #events = [];
  #waiting = [];
  #error = null;
  #ended = false;
  #clean;

  constructor(attach) {
    this.#clean = attach({
      push: (args) => this.#push(args),
      fail: (error) => this.#fail(error),
      end: () => this.return(),
    });
  }

  #push(args) {
    const waiter = this.#waiting.shift();
    if (waiter) waiter.resolve({ value: args, done: false });
    else this.#events.push(args);
  }

  #fail(error) {
    this.#clean();
    this.#ended = true;
    const waiter = this.#waiting.shift();
    if (waiter) waiter.reject(error);
    else this.#error = { error };
    this.#finishWaiting();
  }

  #finishWaiting() {
    for (const waiter of this.#waiting.splice(0)) waiter.resolve({ value: undefined, done: true });
  }

  next() {
    if (this.#events.length > 0) return Promise.resolve({ value: this.#events.shift(), done: false });
    if (this.#error) {
      const { error } = this.#error;
      this.#error = null;
      return Promise.reject(error);
    }
    if (this.#ended) return Promise.resolve({ value: undefined, done: true });
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  return() {
    this.#clean();
    this.#ended = true;
    this.#finishWaiting();
    return Promise.resolve({ value: undefined, done: true });
  }

  throw(error) {
    if (!(error instanceof Error)) throw argType('EventEmitter.AsyncIterator', 'an instance of Error', error);
    this.#fail(error);
  }

  [Symbol.asyncIterator]() {
    return this;
  }
}

function on(emitter, name, options = {}) {
  const { signal } = options;
  needSignal(signal);
  if (signal && signal.aborted) throw abortError(signal.reason);
  return new EventIterator(({ push, fail, end }) => {
    const failsOnError = name !== 'error' && !isTarget(emitter);
    const closers = options.close || [];
    const arrived = (...args) => push(args);
    const aborted = () => fail(abortError(signal.reason));
    listen(emitter, name, arrived);
    if (failsOnError) listen(emitter, 'error', fail);
    for (const closer of closers) listen(emitter, closer, end);
    if (signal) signal.addEventListener('abort', aborted, { once: true });
    return () => {
      unlisten(emitter, name, arrived);
      if (failsOnError) unlisten(emitter, 'error', fail);
      for (const closer of closers) unlisten(emitter, closer, end);
      if (signal) signal.removeEventListener('abort', aborted);
    };
  });
}

// --- functions of the module -----------------------------------------------------------------------------

function getEventListeners(emitter, name) {
  if (typeof emitter.listeners === 'function') return emitter.listeners(name);
  return require('events_target').listenersOfTarget(emitter, name);
}

function setMaxListeners(count = defaultMax, ...emitters) {
  needCount(count, 'n');
  if (emitters.length === 0) defaultMax = count;
  for (const emitter of emitters)
    if (typeof emitter.setMaxListeners === 'function') emitter.setMaxListeners(count);
}

function addAbortListener(signal, listener) {
  if (signal === undefined) throw argType('signal', 'an instance of AbortSignal', signal);
  needSignal(signal);
  needListener(listener);
  if (signal.aborted) Promise.resolve().then(() => listener());
  else signal.addEventListener('abort', listener, { once: true });
  return {
    [Symbol.dispose ?? Symbol.for('nodejs.dispose')]: () => signal.removeEventListener('abort', listener),
  };
}

class EventEmitterAsyncResource extends EventEmitter {}

Object.assign(EventEmitter, {
  EventEmitter,
  EventEmitterAsyncResource,
  addAbortListener,
  captureRejectionSymbol: REJECTION,
  captureRejections: false,
  errorMonitor: ERROR_MONITOR,
  getEventListeners,
  getMaxListeners: (emitter) =>
    typeof emitter.getMaxListeners === 'function' ? emitter.getMaxListeners() : defaultMax,
  listenerCount: (emitter, name) =>
    typeof emitter.listenerCount === 'function'
      ? emitter.listenerCount(name)
      : getEventListeners(emitter, name).length,
  on,
  once,
  setMaxListeners,
  usingDomains: false,
});

Object.defineProperty(EventEmitter, 'defaultMaxListeners', {
  enumerable: true,
  get: () => defaultMax,
  set(count) {
    needCount(count, 'defaultMaxListeners');
    defaultMax = count;
  },
});

for (const name of ['Event', 'CustomEvent', 'EventTarget', 'AbortController', 'AbortSignal']) {
  Object.defineProperty(EventEmitter, name, {
    enumerable: false,
    configurable: true,
    get: () => require('events_target')[name],
  });
}

module.exports = EventEmitter;
