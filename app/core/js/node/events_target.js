// Event, EventTarget, AbortController and AbortSignal, as the web's standards have them, without a tree of
// nodes.
'use strict';

const { DOMException, argType, coded } = require('errors');

const CUSTOM = Symbol.for('nodejs.util.inspect.custom');
const STATE = Symbol('state');

class Event {
  constructor(type, options = {}) {
    if (arguments.length === 0)
      throw coded(TypeError, 'ERR_MISSING_ARGS', 'The "type" argument must be specified');
    if (options !== null && typeof options !== 'object') throw argType('options', 'of type object', options);
    const init = options ?? {};
    // Not a private field: the target changes it while it dispatches.
    Object.defineProperty(this, STATE, {
      value: {
        type: `${type}`,
        bubbles: Boolean(init.bubbles),
        cancelable: Boolean(init.cancelable),
        composed: Boolean(init.composed),
        canceled: false,
        stopped: false,
        stoppedNow: false,
        passive: false,
        target: null,
        current: null,
        time: Date.now(),
        dispatching: false,
      },
    });
  }

  get type() {
    return this[STATE].type;
  }
  get target() {
    return this[STATE].target;
  }
  get srcElement() {
    return this[STATE].target;
  }
  get currentTarget() {
    return this[STATE].current;
  }
  get bubbles() {
    return this[STATE].bubbles;
  }
  get cancelable() {
    return this[STATE].cancelable;
  }
  get composed() {
    return this[STATE].composed;
  }
  get defaultPrevented() {
    return this[STATE].cancelable && this[STATE].canceled;
  }
  get returnValue() {
    return !this.defaultPrevented;
  }
  get timeStamp() {
    return this[STATE].time;
  }
  get eventPhase() {
    return this[STATE].dispatching ? Event.AT_TARGET : Event.NONE;
  }
  get isTrusted() {
    return false;
  }
  get cancelBubble() {
    return this[STATE].stopped;
  }
  set cancelBubble(value) {
    if (value) this.stopPropagation();
  }

  composedPath() {
    return this[STATE].dispatching ? [this[STATE].current] : [];
  }

  preventDefault() {
    if (!this[STATE].passive) this[STATE].canceled = true;
  }

  stopPropagation() {
    this[STATE].stopped = true;
  }

  stopImmediatePropagation() {
    this[STATE].stopped = true;
    this[STATE].stoppedNow = true;
  }

  get [Symbol.toStringTag]() {
    return 'Event';
  }

  [CUSTOM](depth, options, inspect) {
    const name = this.constructor.name;
    if (depth < 0) return name;
    const { type, defaultPrevented, cancelable, timeStamp } = this;
    return `${name} ${inspect({ type, defaultPrevented, cancelable, timeStamp }, { ...options, depth })}`;
  }
}

for (const [i, name] of ['NONE', 'CAPTURING_PHASE', 'AT_TARGET', 'BUBBLING_PHASE'].entries()) {
  Object.defineProperty(Event, name, { value: i, enumerable: true });
  Object.defineProperty(Event.prototype, name, { value: i, enumerable: true });
}

class CustomEvent extends Event {
  #detail;

  constructor(type, options) {
    super(type, options);
    this.#detail = options?.detail ?? null;
  }

  get detail() {
    return this.#detail;
  }

  get [Symbol.toStringTag]() {
    return 'CustomEvent';
  }
}

// An error in a listener is the program's, not the dispatcher's.
function reportLater(error) {
  const { process } = globalThis;
  const raise = () => {
    throw error;
  };
  if (process && typeof process.nextTick === 'function') process.nextTick(raise);
  else Promise.reject(error);
}

function call(listener, target, event) {
  try {
    const result =
      typeof listener === 'function' ? listener.call(target, event) : listener.handleEvent(event);
    if (result && typeof result.then === 'function') result.then(undefined, reportLater);
  } catch (error) {
    reportLater(error);
  }
}

class EventTarget {
  #listeners = new Map();

  static [STATE](target, type) {
    return (target.#listeners.get(type) || []).map((item) => item.listener);
  }

  addEventListener(type, listener, options = {}) {
    if (arguments.length < 2) {
      throw coded(TypeError, 'ERR_MISSING_ARGS', 'The "type" and "listener" arguments must be specified');
    }
    if (listener === null || listener === undefined) return;
    if (typeof listener !== 'function' && typeof listener !== 'object') {
      throw argType('listener', 'an instance of EventListener', listener);
    }
    const init = typeof options === 'boolean' ? { capture: options } : (options ?? {});
    const { signal, once = false, passive = false, capture = false } = init;
    if (signal && signal.aborted) return;
    const name = `${type}`;
    const list = this.#listeners.get(name) || [];
    if (list.some((item) => item.listener === listener && item.capture === Boolean(capture))) return;
    this.#listeners.set(name, [...list, { listener, once, passive, capture: Boolean(capture) }]);
    if (signal)
      signal.addEventListener('abort', () => this.removeEventListener(name, listener, init), { once: true });
  }

  removeEventListener(type, listener, options = {}) {
    const capture = Boolean(typeof options === 'boolean' ? options : options?.capture);
    const name = `${type}`;
    const list = this.#listeners.get(name) || [];
    const left = list.filter((item) => item.listener !== listener || item.capture !== capture);
    if (left.length > 0) this.#listeners.set(name, left);
    else this.#listeners.delete(name);
  }

  dispatchEvent(event) {
    if (!(event instanceof Event)) throw argType('event', 'an instance of Event', event);
    const state = event[STATE];
    if (state.dispatching) {
      throw coded(Error, 'ERR_EVENT_RECURSION', `The event "${event.type}" is already being dispatched`);
    }
    Object.assign(state, { target: this, current: this, dispatching: true, stoppedNow: false });
    for (const item of this.#listeners.get(event.type) || []) {
      if (state.stoppedNow) break;
      // One that was removed by an earlier listener is not called any more.
      if (!(this.#listeners.get(event.type) || []).includes(item)) continue;
      if (item.once) this.removeEventListener(event.type, item.listener, item);
      state.passive = item.passive;
      call(item.listener, this, event);
    }
    Object.assign(state, { current: null, dispatching: false, passive: false });
    return !event.defaultPrevented;
  }

  get [Symbol.toStringTag]() {
    return 'EventTarget';
  }

  [CUSTOM](depth, options, inspect) {
    return depth < 0 ? this.constructor.name : `${this.constructor.name} ${inspect({}, options)}`;
  }
}

function listenersOfTarget(target, type) {
  return EventTarget[STATE](target, `${type}`);
}

// The `onNAME` property of a class: one listener that keeps its place when it is changed.
function defineHandler(prototype, type) {
  const handlers = new WeakMap();
  Object.defineProperty(prototype, `on${type}`, {
    configurable: true,
    enumerable: true,
    get() {
      return handlers.get(this)?.handler ?? null;
    },
    set(handler) {
      const kept = handlers.get(this);
      if (kept) {
        kept.handler = typeof handler === 'function' ? handler : null;
        return;
      }
      if (typeof handler !== 'function') return;
      const entry = { handler };
      handlers.set(this, entry);
      this.addEventListener(type, function forward(event) {
        return entry.handler ? entry.handler.call(this, event) : undefined;
      });
    },
  });
}

// --- aborting --------------------------------------------------------------------------------------------

const MAKE = Symbol('make');

class AbortSignal extends EventTarget {
  #aborted = false;
  #reason;
  #followers = new Set();

  constructor(key) {
    if (key !== MAKE) throw coded(TypeError, 'ERR_ILLEGAL_CONSTRUCTOR', 'Illegal constructor');
    super();
  }

  static [MAKE](signal, reason) {
    if (signal.#aborted) return;
    signal.#aborted = true;
    signal.#reason =
      reason === undefined ? new DOMException('This operation was aborted', 'AbortError') : reason;
    const followers = [...signal.#followers];
    signal.#followers.clear();
    signal.dispatchEvent(new Event('abort'));
    for (const follower of followers) AbortSignal[MAKE](follower, signal.#reason);
  }

  get aborted() {
    return this.#aborted;
  }

  get reason() {
    return this.#reason;
  }

  throwIfAborted() {
    if (this.#aborted) throw this.#reason;
  }

  static abort(reason) {
    const signal = new AbortSignal(MAKE);
    AbortSignal[MAKE](signal, reason);
    return signal;
  }

  static timeout(delay) {
    if (typeof delay !== 'number') throw argType('delay', 'of type number', delay);
    const signal = new AbortSignal(MAKE);
    const timer = globalThis.setTimeout(() => {
      AbortSignal[MAKE](signal, new DOMException('The operation was aborted due to timeout', 'TimeoutError'));
    }, delay);
    // A time limit alone must not keep the program running.
    if (timer && typeof timer.unref === 'function') timer.unref();
    return signal;
  }

  static any(signals) {
    const list = [...signals];
    list.forEach((source, i) => {
      if (!(source instanceof AbortSignal))
        throw argType(`signals[${i}]`, 'an instance of AbortSignal', source);
    });
    const signal = new AbortSignal(MAKE);
    const done = list.find((source) => source.#aborted);
    if (done) AbortSignal[MAKE](signal, done.#reason);
    else for (const source of list) source.#followers.add(signal);
    return signal;
  }

  get [Symbol.toStringTag]() {
    return 'AbortSignal';
  }

  [CUSTOM](depth, options, inspect) {
    return depth < 0 ? '[AbortSignal]' : `AbortSignal ${inspect({ aborted: this.aborted }, options)}`;
  }
}

defineHandler(AbortSignal.prototype, 'abort');

class AbortController {
  #signal = new AbortSignal(MAKE);

  get signal() {
    return this.#signal;
  }

  abort(reason) {
    AbortSignal[MAKE](this.#signal, reason);
  }

  get [Symbol.toStringTag]() {
    return 'AbortController';
  }

  [CUSTOM](depth, options, inspect) {
    return depth < 0
      ? '[AbortController]'
      : `AbortController ${inspect({ signal: this.signal }, { ...options, depth: depth - 1 })}`;
  }
}

module.exports = {
  AbortController,
  AbortSignal,
  CustomEvent,
  Event,
  EventTarget,
  defineHandler,
  listenersOfTarget,
};
