// fetch, on the engine's own HTTP client. An answer is read as a whole before the promise of fetch() resolves.
'use strict';

const native = binding('fetch');
const { Body, FormData, extract } = require('fetch_body');
const { Headers } = require('fetch_headers');
const { Buffer } = require('buffer');
const { DOMException } = require('errors');

const NORMAL_METHODS = ['DELETE', 'GET', 'HEAD', 'OPTIONS', 'POST', 'PUT'];
const NO_BODY = [101, 204, 205, 304];
const REDIRECTS = [301, 302, 303, 307, 308];

function toMethod(method) {
  const upper = `${method}`.toUpperCase();
  const name = NORMAL_METHODS.includes(upper) ? upper : `${method}`;
  if (!/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(name)) throw new TypeError(`'${method}' is not a valid HTTP method.`);
  if (['CONNECT', 'TRACE', 'TRACK'].includes(upper)) throw new TypeError(`'${method}' HTTP method is unsupported.`);
  return name;
}

function toUrl(input) {
  let url;
  try {
    url = new URL(`${input}`);
  } catch (error) {
    throw new TypeError(`Failed to parse URL from ${input}`, { cause: error });
  }
  if (url.username || url.password) {
    throw new TypeError(`Request cannot be constructed from a URL that includes credentials: ${url.host}`);
  }
  return url;
}

class Request extends Body {
  constructor(input, init) {
    const given = init || {};
    const from = input instanceof Request ? input : null;
    const url = from ? from.url : toUrl(input).href;
    const method = toMethod(given.method ?? (from ? from.method : 'GET'));
    const body = given.body !== undefined ? extract(given.body) : from ? Body.contentOf(from) : null;
    if (body !== null && (method === 'GET' || method === 'HEAD')) {
      throw new TypeError('Request with GET/HEAD method cannot have body.');
    }
    super(body);
    const redirect = given.redirect ?? (from ? from.redirect : 'follow');
    if (!['follow', 'error', 'manual'].includes(redirect)) throw new TypeError(`'${redirect}' is not a way to treat redirects`);
    const headers = new Headers(given.headers ?? (from ? from.headers : undefined));
    if (body && body.type && !headers.has('content-type')) headers.set('content-type', body.type);
    const signal = given.signal === undefined && from ? from.signal : given.signal ?? new AbortController().signal;
    const fields = {
      url, method, headers, redirect, signal, cache: given.cache ?? 'default', credentials: given.credentials ?? 'same-origin',
      destination: '', duplex: 'half', integrity: '', keepalive: Boolean(given.keepalive), mode: given.mode ?? 'cors',
      referrer: 'about:client', referrerPolicy: given.referrerPolicy ?? '',
    };
    for (const [name, value] of Object.entries(fields)) Object.defineProperty(this, name, { value, enumerable: true });
  }

  clone() {
    return new Request(this);
  }

  get [Symbol.toStringTag]() {
    return 'Request';
  }
}

class Response extends Body {
  constructor(body, init) {
    const given = init || {};
    const status = given.status ?? 200;
    const { type = 'default', url = '', redirected = false, unchecked = false } = given[PRIVATE] || {};
    if (!unchecked && !(Number.isInteger(status) && status >= 200 && status <= 599)) {
      throw new RangeError('init["status"] must be in the range of 200 to 599, inclusive.');
    }
    const content = body instanceof Kept ? body.content : extract(body);
    if (content !== null && NO_BODY.includes(status)) throw new TypeError(`Response constructor: Invalid response status code ${status}`);
    super(content);
    const headers = new Headers(given.headers);
    if (content && content.type && !headers.has('content-type')) headers.set('content-type', content.type);
    const fields = { status, statusText: `${given.statusText ?? ''}`, headers, type, url, redirected, ok: status >= 200 && status < 300 };
    for (const [name, value] of Object.entries(fields)) Object.defineProperty(this, name, { value, enumerable: true });
  }

  clone() {
    const { status, statusText, headers, type, url, redirected } = this;
    return new Response(new Kept(Body.contentOf(this)), { status, statusText, headers, [PRIVATE]: { type, url, redirected, unchecked: true } });
  }

  static error() {
    return new Response(null, { status: 0, [PRIVATE]: { type: 'error', unchecked: true } });
  }

  static json(data, init) {
    const text = JSON.stringify(data);
    if (text === undefined) throw new TypeError('Value is not JSON serializable');
    const headers = new Headers(init && init.headers);
    if (!headers.has('content-type')) headers.set('content-type', 'application/json');
    return new Response(text, { ...init, headers });
  }

  static redirect(url, status = 302) {
    if (!REDIRECTS.includes(status)) throw new RangeError(`Invalid status code ${status}`);
    return new Response(null, { status, headers: { location: toUrl(url).href } });
  }

  get [Symbol.toStringTag]() {
    return 'Response';
  }
}

const PRIVATE = Symbol('response');

class Kept {
  constructor(content) {
    this.content = content;
  }
}

function toResponse(raw) {
  const pairs = [];
  for (let i = 0; i + 1 < raw.headers.length; i += 2) pairs.push([raw.headers[i], raw.headers[i + 1]]);
  const hasBody = !NO_BODY.includes(raw.status);
  const content = hasBody ? new Kept({ bytes: Buffer.from(raw.body), type: null }) : null;
  return new Response(content, {
    status: raw.status, statusText: raw.statusText, headers: pairs,
    [PRIVATE]: { type: 'basic', url: raw.url, redirected: raw.redirected, unchecked: true },
  });
}

function failed(cause) {
  return new TypeError('fetch failed', { cause });
}

function abortReason(signal) {
  return signal.reason ?? new DOMException('This operation was aborted', 'AbortError');
}

// data: and blob: addresses are answered here; what is left goes over the network.
async function local(request) {
  if (!request.url.startsWith('data:')) return null;
  const match = /^data:([^,]*?)(;base64)?,(.*)$/s.exec(request.url.split('#')[0]);
  if (!match) throw failed(new Error('the data: address is not valid'));
  const bytes = match[2] ? Buffer.from(decodeURIComponent(match[3]), 'base64') : Buffer.from(decodeURIComponent(match[3]));
  return new Response(bytes, { headers: { 'content-type': match[1] || 'text/plain;charset=US-ASCII' }, [PRIVATE]: { type: 'basic', url: request.url } });
}

function headerPairs(headers) {
  const list = [];
  for (const [name, value] of headers) list.push(name, value);
  if (!headers.has('accept')) list.push('accept', '*/*');
  return list;
}

function send(request, body) {
  const { signal } = request;
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(abortReason(signal));
      return;
    }
    const options = {
      method: request.method, url: request.url, headers: headerPairs(request.headers), body, follow: request.redirect === 'follow',
    };
    const id = native.send(options, (error, raw) => {
      signal.removeEventListener('abort', onAbort);
      if (error) reject(failed(error));
      else resolve(raw);
    });
    function onAbort() {
      native.abort(id);
      reject(abortReason(signal));
    }
    signal.addEventListener('abort', onAbort, { once: true });
  });
}

async function fetch(input, init) {
  const request = new Request(input, init);
  const content = Body.contentOf(request);
  const body = content === null ? null : await content.bytes;
  const answered = await local(request);
  if (answered) return answered;
  if (!/^https?:/.test(request.url)) throw failed(new Error(`unknown scheme: ${new URL(request.url).protocol}`));
  let raw;
  try {
    raw = await send(request, body);
  } catch (error) {
    // A native refuses some requests before it sends them.
    throw error instanceof Error && error.pinoCode !== undefined ? failed(error) : error;
  }
  if (request.redirect === 'error' && REDIRECTS.includes(raw.status)) throw failed(new Error('unexpected redirect'));
  return toResponse(raw);
}

module.exports = { FormData, Headers, Request, Response, fetch };
