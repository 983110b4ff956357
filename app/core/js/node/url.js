// url: the classes URL and URLSearchParams, and conversions between URLs and paths of files. Node's older
// functions (parse, format, resolve) are in url_legacy.js.
'use strict';

const { argType, coded, needString } = require('errors');
const {
  encodeC0,
  hostText,
  isSpecial,
  parse,
  parsePath,
  parsePort,
  parseQuery,
  pathText,
  percentEncode,
  serialize,
} = require('url_parse');
const { parseHost, toUnicode } = require('url_host');
const { URLSearchParams, bind, reload } = require('url_params');

const CUSTOM = Symbol.for('nodejs.util.inspect.custom');
const ORIGIN_SCHEMES = ['http', 'https', 'ws', 'wss', 'ftp'];

function invalid(input, base) {
  const error = coded(TypeError, 'ERR_INVALID_URL', 'Invalid URL');
  error.input = input;
  if (base !== undefined) error.base = base;
  return error;
}

function parseBoth(input, base) {
  const baseRecord = base === undefined ? undefined : parse(base);
  return baseRecord === null ? null : parse(input, baseRecord);
}

// Neither credentials nor a port can stand without a host, or in a file's URL.
function cannotHavePort(record) {
  return record.host === null || record.host === '' || record.scheme === 'file';
}

class URL {
  #record;
  #params = null;

  constructor(input, base = undefined) {
    if (arguments.length === 0)
      throw coded(TypeError, 'ERR_MISSING_ARGS', 'The "url" argument must be specified');
    const text = `${input}`;
    const baseText = base === undefined ? undefined : `${base}`;
    this.#record = parseBoth(text, baseText);
    if (this.#record === null) throw invalid(text, baseText);
  }

  static canParse(input, base = undefined) {
    if (arguments.length === 0)
      throw coded(TypeError, 'ERR_MISSING_ARGS', 'The "url" argument must be specified');
    return parseBoth(`${input}`, base === undefined ? undefined : `${base}`) !== null;
  }

  static parse(input, base = undefined) {
    return URL.canParse(input, base) ? new URL(input, base) : null;
  }

  static createObjectURL() {
    throw coded(Error, 'ERR_METHOD_NOT_IMPLEMENTED', 'The createObjectURL() method is not implemented');
  }

  get href() {
    return serialize(this.#record);
  }

  set href(value) {
    const text = `${value}`;
    const record = parse(text);
    if (record === null) throw invalid(text);
    this.#record = record;
    this.#refresh();
  }

  get origin() {
    const { scheme } = this.#record;
    if (ORIGIN_SCHEMES.includes(scheme)) return `${scheme}://${hostText(this.#record)}`;
    if (scheme === 'blob') {
      const inner = parse(pathText(this.#record));
      if (inner && /^https?$/.test(inner.scheme)) return `${inner.scheme}://${hostText(inner)}`;
    }
    return 'null';
  }

  get protocol() {
    return `${this.#record.scheme}:`;
  }

  set protocol(value) {
    const found = /^([a-zA-Z][a-zA-Z0-9+.-]*)(:|$)/.exec(clean(value));
    if (!found) return;
    const record = this.#record;
    const scheme = found[1].toLowerCase();
    if (isSpecial(scheme) !== isSpecial(record.scheme)) return;
    if (scheme === 'file' && (record.username !== '' || record.password !== '' || record.port !== null))
      return;
    if (record.scheme === 'file' && record.host === '') return;
    record.scheme = scheme;
    if (record.port !== null) record.port = parsePort(scheme, String(record.port));
  }

  get username() {
    return this.#record.username;
  }

  set username(value) {
    if (!cannotHavePort(this.#record)) this.#record.username = percentEncode(`${value}`, 'userinfo');
  }

  get password() {
    return this.#record.password;
  }

  set password(value) {
    if (!cannotHavePort(this.#record)) this.#record.password = percentEncode(`${value}`, 'userinfo');
  }

  get host() {
    return hostText(this.#record);
  }

  set host(value) {
    this.#setHost(value, true);
  }

  get hostname() {
    return this.#record.host ?? '';
  }

  set hostname(value) {
    this.#setHost(value, false);
  }

  #setHost(value, withPort) {
    const record = this.#record;
    if (typeof record.path === 'string') return;
    const special = isSpecial(record.scheme);
    const [text] = clean(value).split(special ? /[/\\?#]/ : /[/?#]/);
    const parts = /^(\[[^\]]*\]|[^:]*)(?::(.*))?$/.exec(text);
    if (!parts) return;
    const [, name, port] = parts;
    if (port !== undefined && (!withPort || record.scheme === 'file')) return;
    if (name === '' && special && record.scheme !== 'file') return;
    if (
      name === '' &&
      (port !== undefined || record.username !== '' || record.password !== '' || record.port !== null)
    )
      return;
    const host = name === '' ? '' : parseHost(name, special, encodeC0);
    if (host === null) return;
    record.host = record.scheme === 'file' && host === 'localhost' ? '' : host;
    if (port) this.port = port;
  }

  get port() {
    return this.#record.port === null ? '' : String(this.#record.port);
  }

  set port(value) {
    const record = this.#record;
    if (cannotHavePort(record)) return;
    const text = clean(value);
    if (text === '') {
      record.port = null;
      return;
    }
    const digits = /^\d+/.exec(text);
    const port = digits ? parsePort(record.scheme, digits[0]) : undefined;
    if (port !== undefined) record.port = port;
  }

  get pathname() {
    return pathText(this.#record);
  }

  set pathname(value) {
    const record = this.#record;
    if (typeof record.path === 'string') return;
    const text = clean(value);
    record.path = [];
    if (text !== '' || isSpecial(record.scheme)) parsePath(record, text);
  }

  get search() {
    return this.#record.query ? `?${this.#record.query}` : '';
  }

  set search(value) {
    const text = clean(value);
    this.#record.query =
      text === '' ? null : parseQuery(this.#record, text[0] === '?' ? text.slice(1) : text);
    this.#refresh();
  }

  get searchParams() {
    this.#params ??= bind(this.#record.query ?? '', (query) => {
      this.#record.query = query === '' ? null : query;
    });
    return this.#params;
  }

  get hash() {
    return this.#record.fragment ? `#${this.#record.fragment}` : '';
  }

  set hash(value) {
    const text = clean(value);
    this.#record.fragment =
      text === '' ? null : percentEncode(text[0] === '#' ? text.slice(1) : text, 'fragment');
  }

  #refresh() {
    if (this.#params) reload(this.#params, this.#record.query ?? '');
  }

  toString() {
    return this.href;
  }

  toJSON() {
    return this.href;
  }

  get [Symbol.toStringTag]() {
    return 'URL';
  }

  [CUSTOM](depth, options, inspect) {
    if (typeof depth === 'number' && depth < 0) return options.stylize('[URL]', 'special');
    const shown = {};
    for (const name of [
      'href',
      'origin',
      'protocol',
      'username',
      'password',
      'host',
      'hostname',
      'port',
      'pathname',
      'search',
      'searchParams',
      'hash',
    ])
      shown[name] = this[name];
    return `${this.constructor.name} ${inspect(shown, options)}`;
  }
}

function clean(value) {
  return `${value}`.replace(/[\t\n\r]/g, '');
}

for (const name of [
  'href',
  'origin',
  'protocol',
  'username',
  'password',
  'host',
  'hostname',
  'port',
  'pathname',
  'search',
  'searchParams',
  'hash',
  'toString',
  'toJSON',
]) {
  Object.defineProperty(URL.prototype, name, { enumerable: true });
}

// --- files -----------------------------------------------------------------------------------------------

function fileURLToPath(input, options) {
  const url = typeof input === 'string' ? new URL(input) : input;
  if (!(url instanceof URL)) throw argType('path', 'of type string or an instance of URL', input);
  if (url.protocol !== 'file:')
    throw coded(TypeError, 'ERR_INVALID_URL_SCHEME', 'The URL must be of scheme file');
  if (options && options.windows) return windowsPath(url);
  if (url.hostname !== '') {
    throw coded(
      TypeError,
      'ERR_INVALID_FILE_URL_HOST',
      'File URL host must be "localhost" or empty on linux',
    );
  }
  if (/%2f/i.test(url.pathname)) {
    throw coded(
      TypeError,
      'ERR_INVALID_FILE_URL_PATH',
      'File URL path must not include encoded / characters',
    );
  }
  return decodeURIComponent(url.pathname);
}

function windowsPath(url) {
  if (/%2f|%5c/i.test(url.pathname)) {
    throw coded(
      TypeError,
      'ERR_INVALID_FILE_URL_PATH',
      'File URL path must not include encoded \\ or / characters',
    );
  }
  const path = decodeURIComponent(url.pathname).replaceAll('/', '\\');
  if (url.hostname !== '') return `\\\\${toUnicode(url.hostname)}${path}`;
  if (!/^\\[a-zA-Z]:/.test(path))
    throw coded(TypeError, 'ERR_INVALID_FILE_URL_PATH', 'File URL path must be absolute');
  return path.slice(1);
}

function escapePathChar(char) {
  return `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;
}

function pathToFileURL(path) {
  needString(path, 'path');
  const resolved = require('path').resolve(path);
  const tail = path.endsWith('/') && resolved !== '/' ? '/' : '';
  return new URL(`file://${`${resolved}${tail}`.replace(/[%\\\n\r\t?#[\]^|~]/g, escapePathChar)}`);
}

function domainToASCII(domain) {
  const text = `${domain}`;
  return parseHost(text, true, encodeC0) ?? '';
}

function domainToUnicode(domain) {
  const ascii = domainToASCII(domain);
  return ascii === '' ? '' : toUnicode(ascii);
}

// What http.request takes for a URL.
function urlToHttpOptions(url) {
  const { hostname, pathname, search } = url;
  const options = {
    __proto__: null,
    ...url,
    protocol: url.protocol,
    hostname: hostname.startsWith('[') ? hostname.slice(1, -1) : hostname,
    hash: url.hash,
    search,
    pathname,
    path: `${pathname}${search}`,
    href: url.href,
  };
  if (url.port !== '') options.port = Number(url.port);
  if (url.username !== '' || url.password !== '') {
    options.auth = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
  }
  return options;
}

module.exports = {
  URL,
  URLSearchParams,
  domainToASCII,
  domainToUnicode,
  fileURLToPath,
  pathToFileURL,
  urlToHttpOptions,
  parse: (...args) => require('url_legacy').parse(...args),
  resolve: (...args) => require('url_legacy').resolve(...args),
  resolveObject: (...args) => require('url_legacy').resolveObject(...args),
  format: (...args) => require('url_legacy').format(...args),
  get Url() {
    return require('url_legacy').Url;
  },
};
