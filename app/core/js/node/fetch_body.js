// Bodies: FormData, and what Request and Response do with the bytes they hold.
'use strict';

const { Buffer, Blob, File } = require('buffer');
const { randomBytes } = require('crypto');

// --- forms ---

function toFile(value, name, filename) {
  if (!(value instanceof Blob)) return `${value}`;
  if (value instanceof File && filename === undefined) return value;
  return new File([value], filename ?? (value instanceof File ? value.name : 'blob'), { type: value.type });
}

class FormData {
  #list = [];

  constructor(form) {
    if (form !== undefined) throw new TypeError('FormData: there are no HTML forms here');
  }

  append(name, value, filename) {
    this.#list.push([`${name}`, toFile(value, name, filename)]);
  }

  delete(name) {
    this.#list = this.#list.filter(([known]) => known !== `${name}`);
  }

  get(name) {
    const found = this.#list.find(([known]) => known === `${name}`);
    return found ? found[1] : null;
  }

  getAll(name) {
    return this.#list.filter(([known]) => known === `${name}`).map(([, value]) => value);
  }

  has(name) {
    return this.#list.some(([known]) => known === `${name}`);
  }

  set(name, value, filename) {
    const at = this.#list.findIndex(([known]) => known === `${name}`);
    const entry = [`${name}`, toFile(value, name, filename)];
    if (at < 0) {
      this.#list.push(entry);
      return;
    }
    this.#list[at] = entry;
    this.#list = this.#list.filter(([known], index) => known !== `${name}` || index <= at);
  }

  entries() {
    return this.#list.map(([name, value]) => [name, value])[Symbol.iterator]();
  }

  keys() {
    return this.#list.map(([name]) => name)[Symbol.iterator]();
  }

  values() {
    return this.#list.map(([, value]) => value)[Symbol.iterator]();
  }

  forEach(call, self) {
    for (const [name, value] of this.#list) call.call(self, value, name, this);
  }

  [Symbol.iterator]() {
    return this.entries();
  }

  get [Symbol.toStringTag]() {
    return 'FormData';
  }
}

function quoted(text) {
  return text.replace(/\r\n|\r|\n/g, '%0D%0A').replace(/"/g, '%22');
}

async function encodeForm(form, boundary) {
  const parts = [];
  for (const [name, value] of form) {
    const isText = typeof value === 'string';
    const file = isText ? '' : `; filename="${quoted(value.name)}"\r\nContent-Type: ${value.type || 'application/octet-stream'}`;
    parts.push(Buffer.from(`--${boundary}\r\nContent-Disposition: form-data; name="${quoted(name)}"${file}\r\n\r\n`));
    parts.push(isText ? Buffer.from(value.replace(/\r?\n/g, '\r\n')) : Buffer.from(await value.arrayBuffer()), Buffer.from('\r\n'));
  }
  parts.push(Buffer.from(`--${boundary}--\r\n`));
  return Buffer.concat(parts);
}

function headerValue(head, name) {
  const line = head.split('\r\n').find((text) => text.toLowerCase().startsWith(`${name}:`));
  return line ? line.slice(name.length + 1).trim() : '';
}

function decodeMultipart(bytes, boundary) {
  const form = new FormData();
  const text = bytes.toString('latin1');
  for (const piece of `\r\n${text}`.split(`\r\n--${boundary}`).slice(1, -1)) {
    const split = piece.indexOf('\r\n\r\n');
    if (split < 0) throw new TypeError('the body is not a valid form');
    const head = Buffer.from(piece.slice(2, split), 'latin1').toString('utf8');
    const content = Buffer.from(piece.slice(split + 4), 'latin1');
    const disposition = headerValue(head, 'content-disposition');
    const name = (/[; ]name="([^"]*)"/.exec(disposition) || [])[1];
    const filename = (/filename="([^"]*)"/.exec(disposition) || [])[1];
    if (name === undefined) throw new TypeError('the body is not a valid form');
    if (filename === undefined) form.append(name, content.toString('utf8'));
    else form.append(name, new File([content], filename, { type: headerValue(head, 'content-type') }));
  }
  return form;
}

// --- bodies ---

// Gives {bytes: Buffer or a promise of one, type: the Content-Type that goes with it}.
function extract(body) {
  if (body === undefined || body === null) return null;
  if (typeof body === 'string') return { bytes: Buffer.from(body), type: 'text/plain;charset=UTF-8' };
  if (body instanceof FormData) {
    const boundary = `----formdata-pinokiocloud-${randomBytes(12).toString('hex')}`;
    return { bytes: encodeForm(body, boundary), type: `multipart/form-data; boundary=${boundary}` };
  }
  if (body instanceof Blob) return { bytes: body.arrayBuffer().then((all) => Buffer.from(all)), type: body.type || null };
  if (body instanceof ArrayBuffer) return { bytes: Buffer.from(body.slice(0)), type: null };
  if (ArrayBuffer.isView(body)) return { bytes: Buffer.from(Buffer.from(body.buffer, body.byteOffset, body.byteLength)), type: null };
  if (body instanceof URLSearchParams) {
    return { bytes: Buffer.from(`${body}`), type: 'application/x-www-form-urlencoded;charset=UTF-8' };
  }
  if (typeof body[Symbol.asyncIterator] === 'function') return { bytes: require('stream/consumers').buffer(body), type: null };
  return { bytes: Buffer.from(`${body}`), type: 'text/plain;charset=UTF-8' };
}

// The body as far as scripts look at it: something to iterate, once.
class BodyStream {
  #owner;

  constructor(owner) {
    this.#owner = owner;
  }

  get locked() {
    return this.#owner.bodyUsed;
  }

  async* [Symbol.asyncIterator]() {
    const bytes = await this.#owner.bytes();
    for (let at = 0; at < bytes.length; at += 65536) yield bytes.subarray(at, at + 65536);
  }

  values() {
    return this[Symbol.asyncIterator]();
  }

  getReader() {
    const iterator = this[Symbol.asyncIterator]();
    return {
      read: async () => {
        const { done, value } = await iterator.next();
        return { done, value };
      },
      cancel: () => iterator.return(),
      releaseLock() {},
    };
  }

  async cancel() {
    await this.#owner.bytes();
  }

  pipeTo() {
    throw new Error("body.pipeTo is not offered by PinokioCloud: use `for await (const part of response.body)`");
  }

  pipeThrough() {
    throw new Error("body.pipeThrough is not offered by PinokioCloud: use `for await (const part of response.body)`");
  }

  get [Symbol.toStringTag]() {
    return 'ReadableStream';
  }
}

class Body {
  #content; // what extract() gave, or null
  #used = false;
  #stream = null;

  constructor(content) {
    this.#content = content;
    if (content && content.bytes.catch) content.bytes.catch(() => {});
  }

  get bodyUsed() {
    return this.#used;
  }

  get body() {
    if (this.#content === null) return null;
    this.#stream = this.#stream || new BodyStream(this);
    return this.#stream;
  }

  // For clone() and for sending: does not use the body up.
  static contentOf(body) {
    if (body.#used) throw new TypeError('Body is unusable: Body has already been read');
    return body.#content;
  }

  async #take() {
    if (this.#used) throw new TypeError('Body is unusable: Body has already been read');
    if (this.#content === null) return Buffer.alloc(0);
    this.#used = true;
    return this.#content.bytes;
  }

  async arrayBuffer() {
    const bytes = await this.#take();
    return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
  }

  async bytes() {
    return new Uint8Array(await this.arrayBuffer());
  }

  async text() {
    return new TextDecoder().decode(await this.#take());
  }

  async json() {
    return JSON.parse(await this.text());
  }

  async blob() {
    return new Blob([await this.arrayBuffer()], { type: this.headers.get('content-type') || '' });
  }

  async formData() {
    const type = this.headers.get('content-type') || '';
    const boundary = /^multipart\/form-data.*?boundary="?([^";]+)/i.exec(type);
    const bytes = await this.#take();
    if (boundary) return decodeMultipart(bytes, boundary[1]);
    if (!/^application\/x-www-form-urlencoded/i.test(type)) throw new TypeError('Content-Type was not one of "multipart/form-data" or "application/x-www-form-urlencoded".');
    const form = new FormData();
    for (const [name, value] of new URLSearchParams(bytes.toString('utf8'))) form.append(name, value);
    return form;
  }
}

module.exports = { Body, FormData, extract };
