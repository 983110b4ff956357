// The requests of http and https, on the engine's own HTTP client. A request goes out when end() is called; its
// answer is whole when 'response' is emitted, and is then read as a stream.
'use strict';

const native = binding('fetch');
const EventEmitter = require('events');
const { Readable } = require('stream_readable');
const { Writable } = require('stream_writable');
const { Buffer } = require('buffer');
const { nextTick } = require('process_tick');
const { abortError, coded, hidden } = require('errors');
const { setTimeout, clearTimeout } = globalThis;

const ONCE = ['age', 'authorization', 'content-length', 'content-type', 'etag', 'expires', 'from', 'host',
  'if-modified-since', 'if-unmodified-since', 'last-modified', 'location', 'max-forwards', 'proxy-authorization',
  'referer', 'retry-after', 'server', 'user-agent'];

// --- the answer ---

function joinHeaders(flat) {
  const headers = {};
  for (let i = 0; i + 1 < flat.length; i += 2) {
    const [name, value] = [flat[i], flat[i + 1]];
    if (name === 'set-cookie') (headers[name] = headers[name] || []).push(value);
    else if (!(name in headers)) headers[name] = value;
    else if (!ONCE.includes(name)) headers[name] += `${name === 'cookie' ? ';' : ','} ${value}`;
  }
  return headers;
}

class IncomingMessage extends Readable {
  constructor(raw) {
    const bytes = Buffer.from(raw.body);
    let at = 0;
    super({
      read(size) {
        this.push(at < bytes.length ? bytes.subarray(at, at += size) : null);
      },
    });
    // The client has undone the compression; a script must not try again.
    const headers = joinHeaders(raw.headers);
    if (headers['content-encoding'] && raw.method !== 'HEAD') {
      delete headers['content-encoding'];
      headers['content-length'] = String(bytes.length);
    }
    Object.assign(this, {
      statusCode: raw.status, statusMessage: raw.statusText, headers, rawHeaders: raw.headers, httpVersion: '1.1',
      httpVersionMajor: 1, httpVersionMinor: 1, complete: true, aborted: false, trailers: {}, rawTrailers: [], url: '',
      method: null,
    });
    const socket = Object.assign(new EventEmitter(), { encrypted: raw.url.startsWith('https:'), destroy: () => this.destroy() });
    hidden(this, 'socket', socket);
    hidden(this, 'connection', socket);
  }

  setTimeout() {
    return this;
  }
}

// --- the request ---

function fromUrl(url) {
  const options = {
    protocol: url.protocol, hostname: url.hostname.replace(/^\[|\]$/g, ''), port: url.port, path: `${url.pathname}${url.search}`,
  };
  if (url.username || url.password) options.auth = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
  return options;
}

function toOptions(args, protocol) {
  const [first, second] = args;
  if (typeof first !== 'string' && !(first instanceof URL)) return { protocol, ...first };
  const url = typeof first === 'string' ? new URL(first) : first;
  return { ...fromUrl(url), ...second };
}

function toUrl(options) {
  const host = options.hostname || (options.host ? `${options.host}`.replace(/:\d+$/, '') : 'localhost');
  const port = options.port || options.defaultPort;
  const path = options.path || '/';
  if (/[^\x21-\xff]/.test(path)) throw coded(TypeError, 'ERR_UNESCAPED_CHARACTERS', 'Request path contains unescaped characters');
  const name = host.includes(':') ? `[${host}]` : host;
  return `${options.protocol}//${name}${port ? `:${port}` : ''}${path.startsWith('/') ? '' : '/'}${path}`;
}

class ClientRequest extends Writable {
  #headers = new Map(); // lower-case name -> [name, value]
  #parts = [];
  #id = null;
  #timer = null;
  #timeout = 0;

  constructor(protocol, args) {
    super({ autoDestroy: false });
    const callback = typeof args[args.length - 1] === 'function' ? args.pop() : null;
    const options = toOptions(args, protocol);
    if (options.protocol !== protocol) {
      throw coded(TypeError, 'ERR_INVALID_PROTOCOL', `Protocol "${options.protocol}" not supported. Expected "${protocol}"`);
    }
    this.method = `${options.method || 'GET'}`.toUpperCase();
    this.protocol = protocol;
    this.path = options.path || '/';
    this.host = options.hostname || options.host || 'localhost';
    Object.assign(this, { aborted: false, reusedSocket: false, finished: false });
    hidden(this, 'address', toUrl(options));
    hidden(this, 'socket', Object.assign(new EventEmitter(), { setKeepAlive() {}, setNoDelay() {}, setTimeout() {}, destroy: (error) => this.destroy(error) }));
    for (const [name, value] of Object.entries(options.headers || {})) {
      if (value !== undefined) this.setHeader(name, value);
    }
    if (options.auth && !this.hasHeader('authorization')) {
      this.setHeader('Authorization', `Basic ${Buffer.from(options.auth).toString('base64')}`);
    }
    if (callback) this.once('response', callback);
    if (options.timeout) this.setTimeout(options.timeout);
    if (options.signal) this.#follow(options.signal);
    nextTick(() => this.emit('socket', this.socket));
  }

  #follow(signal) {
    const abort = () => this.destroy(abortError(signal.reason));
    if (signal.aborted) nextTick(abort);
    else signal.addEventListener('abort', abort, { once: true });
  }

  setHeader(name, value) {
    if (!/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(name)) {
      throw coded(TypeError, 'ERR_INVALID_HTTP_TOKEN', `Header name must be a valid HTTP token ["${name}"]`);
    }
    if (value === undefined) throw coded(TypeError, 'ERR_HTTP_INVALID_HEADER_VALUE', `Invalid value "undefined" for header "${name}"`);
    if (/[\0\r\n]/.test([].concat(value).join(''))) {
      throw coded(TypeError, 'ERR_INVALID_CHAR', `Invalid character in header content ["${name}"]`);
    }
    this.#headers.set(name.toLowerCase(), [name, value]);
    return this;
  }

  getHeader(name) {
    const known = this.#headers.get(name.toLowerCase());
    return known && known[1];
  }

  getHeaders() {
    return Object.fromEntries([...this.#headers].map(([key, [, value]]) => [key, value]));
  }

  getHeaderNames() {
    return [...this.#headers.keys()];
  }

  hasHeader(name) {
    return this.#headers.has(name.toLowerCase());
  }

  removeHeader(name) {
    this.#headers.delete(name.toLowerCase());
  }

  flushHeaders() {}

  setNoDelay() {}

  setSocketKeepAlive() {}

  setTimeout(ms, callback) {
    if (callback) this.once('timeout', callback);
    this.#timeout = ms;
    clearTimeout(this.#timer);
    if (ms > 0) this.#timer = setTimeout(() => this.emit('timeout'), ms);
    return this;
  }

  abort() {
    this.aborted = true;
    nextTick(() => this.emit('abort'));
    this.destroy();
  }

  _write(chunk, encoding, callback) {
    this.#parts.push(chunk);
    callback();
  }

  _final(callback) {
    this.finished = true;
    const headers = [];
    for (const [name, value] of this.#headers.values()) {
      if (name.toLowerCase() === 'transfer-encoding') continue;
      for (const one of [].concat(value)) headers.push(name, `${one}`);
    }
    const body = this.#parts.length > 0 ? Buffer.concat(this.#parts) : null;
    try {
      this.#id = native.send({ method: this.method, url: this.address, headers, body, follow: false },
        (error, raw) => this.#answered(error, raw));
    } catch (error) {
      callback(error);
      return;
    }
    callback();
  }

  #answered(error, raw) {
    clearTimeout(this.#timer);
    this.#id = null;
    if (this.destroyed) return;
    if (error) {
      this.destroy(withCode(error, this.host));
      return;
    }
    const response = new IncomingMessage({ ...raw, method: this.method });
    response.req = this;
    hidden(this, 'res', response);
    const heard = this.emit('response', response);
    if (!heard) response.resume();
    response.once('close', () => this.destroy());
  }

  _destroy(error, callback) {
    clearTimeout(this.#timer);
    let failure = error;
    if (this.#id !== null) {
      native.abort(this.#id);
      failure = error || Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' });
    }
    callback(failure);
  }
}

// Node's codes for what scripts look at most.
const CODES = [[/cannot resolve/, 'ENOTFOUND'], [/refused/, 'ECONNREFUSED'], [/did not answer/, 'ETIMEDOUT'],
  [/unreachable/, 'ENETUNREACH'], [/certificate/, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'], [/connection/, 'ECONNRESET']];

function withCode(error, hostname) {
  const known = CODES.find(([words]) => words.test(error.message));
  return Object.assign(error, known ? { code: known[1] } : {}, { hostname });
}

module.exports = { ClientRequest, IncomingMessage };
