// Node's older URL functions: parse, format, resolve. They take what the URL class refuses, such as a path
// alone.
'use strict';

const { argType, coded, needString } = require('errors');
const { toASCII, toUnicode } = require('url_host');

const SLASHED = new Set(['http:', 'https:', 'ftp:', 'gopher:', 'file:', 'ws:', 'wss:']);
const HOSTLESS = new Set(['javascript:']);
const FIELDS = [
  'protocol',
  'slashes',
  'auth',
  'host',
  'port',
  'hostname',
  'hash',
  'search',
  'query',
  'pathname',
  'path',
  'href',
];

const querystring = () => require('querystring');

class Url {
  constructor() {
    for (const field of FIELDS) this[field] = null;
  }

  parse(text, parseQuery, slashesDenoteHost) {
    parseInto(this, text, parseQuery, slashesDenoteHost);
    return this;
  }

  format() {
    return formatParts(this);
  }

  resolve(relative) {
    return this.resolveObject(parse(relative, false, true)).format();
  }

  resolveObject(relative) {
    return resolveParts(this, typeof relative === 'string' ? parse(relative, false, true) : relative);
  }
}

// --- parsing ---------------------------------------------------------------------------------------------

const ESCAPED = /[\t\n\r "'<>\\^`{|}]/g;

function escapeUnwise(text) {
  return text.replace(
    ESCAPED,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`,
  );
}

// Backslashes before the query are meant as slashes.
function straighten(text) {
  const end = text.search(/[?#]/);
  const head = end < 0 ? text : text.slice(0, end);
  return head.replaceAll('\\', '/') + (end < 0 ? '' : text.slice(end));
}

function invalid(text) {
  const error = coded(TypeError, 'ERR_INVALID_URL', 'Invalid URL');
  error.input = text;
  return error;
}

// Where the host ends; what is left of the last '@' before any '/', '?' or '#' is the user.
function splitHost(rest) {
  const end = rest.search(/[/?#]/);
  const authority = end < 0 ? rest : rest.slice(0, end);
  const at = authority.lastIndexOf('@');
  const afterUser = authority.slice(at + 1);
  const stop = afterUser.search(/[\t\n\r "%';<>\\^`{|}]/);
  const host = stop < 0 ? afterUser : afterUser.slice(0, stop);
  return {
    auth: at < 0 ? null : authority.slice(0, at),
    host,
    rest: rest.slice(at + 1 + host.length),
  };
}

function takeHost(url, text) {
  const found = splitHost(text);
  if (found.auth !== null) url.auth = decodeURIComponent(found.auth);
  let { host, rest } = found;
  const port = /:(\d*)$/.exec(host);
  if (port) {
    if (port[1] !== '') url.port = port[1];
    host = host.slice(0, -port[0].length);
  }
  let hostname = host;
  const bracketed = hostname.startsWith('[') && hostname.endsWith(']');
  if (!bracketed) {
    const wrong = hostname.search(/[^a-zA-Z0-9.\-_+\u0080-\uffff]/);
    if (wrong >= 0) {
      if (/[\0-\x1f[\]@|^]/.test(hostname)) throw invalid(url.href);
      rest = `/${hostname.slice(wrong)}${rest}`;
      hostname = hostname.slice(0, wrong);
    }
  } else if (/[\0-\x20<>^|\\]/.test(hostname.slice(1, -1))) {
    throw invalid(url.href);
  }
  hostname = hostname.length > 255 ? '' : hostname.toLowerCase();
  if (!bracketed && hostname !== '') {
    const ascii = toASCII(hostname);
    if (ascii === null || ascii === '') throw invalid(url.href);
    hostname = ascii;
  }
  url.host = `${hostname}${url.port ? `:${url.port}` : ''}`;
  url.hostname = bracketed ? hostname.slice(1, -1) : hostname;
  return bracketed && rest[0] !== '/' ? `/${rest}` : rest;
}

function takeTail(url, text, parseQuery) {
  let rest = text;
  const hash = rest.indexOf('#');
  if (hash >= 0) {
    url.hash = rest.slice(hash);
    rest = rest.slice(0, hash);
  }
  const question = rest.indexOf('?');
  if (question >= 0) {
    url.search = rest.slice(question);
    url.query = url.search.slice(1);
    if (parseQuery) url.query = querystring().parse(url.query);
    rest = rest.slice(0, question);
  } else if (parseQuery) {
    url.search = null;
    url.query = Object.create(null);
  }
  if (rest !== '') url.pathname = rest;
}

function parseInto(url, text, parseQuery, slashesDenoteHost) {
  needString(text, 'url');
  let rest = straighten(text.trim());
  const simple = /^(\/\/?(?!\/)[^?\s]*)(\?[^\s]*)?$/.exec(rest);
  if (simple && !slashesDenoteHost && !/[#@]/.test(rest)) {
    const [path, pathname, search] = simple;
    Object.assign(url, { path, href: path, pathname });
    if (search)
      Object.assign(url, {
        search,
        query: parseQuery ? querystring().parse(search.slice(1)) : search.slice(1),
      });
    else if (parseQuery) url.query = Object.create(null);
    return;
  }
  url.href = text;
  const protocol = /^[a-z0-9.+-]+:/i.exec(rest);
  const scheme = protocol ? protocol[0].toLowerCase() : null;
  if (protocol) {
    url.protocol = scheme;
    rest = rest.slice(protocol[0].length);
  }
  const looksLikeHost = slashesDenoteHost || protocol || /^\/\/[^@/]+@[^@/]+/.test(rest);
  const slashes = Boolean(looksLikeHost) && rest.startsWith('//') && !HOSTLESS.has(scheme);
  if (slashes) {
    rest = rest.slice(2);
    url.slashes = true;
  }
  if (!HOSTLESS.has(scheme) && (slashes || (protocol && !SLASHED.has(scheme)))) rest = takeHost(url, rest);
  if (!HOSTLESS.has(scheme)) rest = escapeUnwise(rest);
  takeTail(url, rest, parseQuery);
  if (SLASHED.has(scheme) && url.hostname && !url.pathname) url.pathname = '/';
  if (url.pathname || url.search) url.path = (url.pathname || '') + (url.search || '');
  url.href = formatParts(url);
}

function parse(text, parseQuery, slashesDenoteHost) {
  return text instanceof Url ? text : new Url().parse(text, parseQuery, slashesDenoteHost);
}

// --- formatting ------------------------------------------------------------------------------------------

function hostOf(url, auth) {
  if (url.host) return auth + url.host;
  if (!url.hostname) return '';
  const bare =
    url.hostname.includes(':') && !url.hostname.startsWith('[') ? `[${url.hostname}]` : url.hostname;
  return auth + bare + (url.port ? `:${url.port}` : '');
}

function prefixed(text, mark) {
  return text && !text.startsWith(mark) ? mark + text : text;
}

function formatParts(url) {
  const auth = url.auth
    ? `${encodeURIComponent(url.auth)
        .replace(/%3A/gi, ':')
        .replace(/%(21|27|28|29|2A)/g, decodeURIComponent)}@`
    : '';
  let protocol = url.protocol || '';
  if (protocol && !protocol.endsWith(':')) protocol += ':';
  let pathname = url.pathname || '';
  let host = hostOf(url, auth);
  const query = url.query !== null && typeof url.query === 'object' ? querystring().stringify(url.query) : '';
  const search = prefixed(url.search || (query && `?${query}`) || '', '?');
  if (url.slashes || SLASHED.has(protocol)) {
    if (url.slashes || host) {
      pathname = prefixed(pathname, '/');
      host = `//${host}`;
    } else if (protocol === 'file:') {
      host = '//';
    }
  }
  pathname = pathname.replace(/[#?]/g, (char) => (char === '#' ? '%23' : '%3F'));
  return protocol + host + pathname + search.replaceAll('#', '%23') + prefixed(url.hash || '', '#');
}

function formatWhatwg(url, options) {
  const { auth = true, fragment = true, search = true, unicode = false } = options || {};
  const credentials =
    auth && (url.username || url.password) ? `${url.username}${url.password ? `:${url.password}` : ''}@` : '';
  const host = unicode ? toUnicode(url.hostname) + (url.port ? `:${url.port}` : '') : url.host;
  const slashes = url.host !== '' || url.href.startsWith(`${url.protocol}//`) ? '//' : '';
  const tail = (search ? url.search : '') + (fragment ? url.hash : '');
  return `${url.protocol}${slashes}${credentials}${host}${url.pathname}${tail}`;
}

function format(input, options) {
  if (typeof input === 'string') return parse(input).format();
  if (input === null || typeof input !== 'object') {
    throw argType('urlObject', 'one of type object or string', input);
  }
  if (input instanceof require('url').URL) return formatWhatwg(input, options);
  return formatParts(input);
}

// --- resolving -------------------------------------------------------------------------------------------

// Applies '.' and '..'; a leading '..' stays only in a path without root.
function mergedSegments(segments, absolute, keepAbove) {
  const out = [];
  let above = 0;
  const last = segments[segments.length - 1];
  for (const segment of segments) {
    if (segment === '.') continue;
    if (segment !== '..') out.push(segment);
    else if (out.length > (absolute ? 1 : 0)) out.pop();
    else if (!absolute && keepAbove) above++;
  }
  const result = [...Array(above).fill('..'), ...out];
  if ((last === '.' || last === '..') && (result[result.length - 1] !== '' || result.length === 1))
    result.push('');
  return result;
}

function takeFrom(result, source, fields) {
  for (const field of fields) result[field] = source[field];
}

function finish(result) {
  result.path =
    result.pathname !== null || result.search !== null
      ? (result.pathname || '') + (result.search || '')
      : null;
  result.href = result.format();
  return result;
}

function mergedPath(base, relative, result) {
  const from = (base.pathname || '').split('/');
  const to = (relative.pathname || '').split('/');
  const absolute = (relative.pathname || '').startsWith('/');
  if (absolute) return mergedSegments(to, true, false).join('/');
  const rooted = (base.pathname || '').startsWith('/') || Boolean(result.host);
  const segments = [...from.slice(0, -1), ...to];
  if (rooted && segments[0] !== '') segments.unshift('');
  return mergedSegments(segments, rooted, true).join('/');
}

// "http:name" for a base of another scheme: the first name is the host.
function otherScheme(result, relative) {
  Object.assign(result, relative);
  if (!SLASHED.has(relative.protocol) || relative.host || relative.protocol === 'file:' || !relative.pathname)
    return result;
  const [host, ...rest] = relative.pathname
    .split('/')
    .filter((segment, i, all) => segment !== '' || i === all.length - 1);
  return Object.assign(result, { host, hostname: host, slashes: true, pathname: `/${rest.join('/')}` });
}

function resolveParts(base, relative) {
  const result = Object.assign(new Url(), base, { hash: relative.hash });
  if (relative.href === '') return finish(result);
  if (relative.protocol && relative.protocol !== base.protocol) return finish(otherScheme(result, relative));
  if (relative.slashes || relative.host) {
    takeFrom(result, relative, ['auth', 'host', 'hostname', 'port', 'pathname', 'search', 'query']);
    result.slashes = base.slashes || relative.slashes;
    if (SLASHED.has(result.protocol) && result.hostname && !result.pathname) result.pathname = '/';
    else if (result.pathname)
      result.pathname = mergedSegments(result.pathname.split('/'), true, false).join('/');
    return finish(result);
  }
  if (relative.pathname) {
    result.pathname = mergedPath(base, relative, result) || null;
    takeFrom(result, relative, ['search', 'query']);
  } else if (relative.search !== null) {
    takeFrom(result, relative, ['search', 'query']);
  }
  return finish(result);
}

function resolve(from, to) {
  return parse(from, false, true).resolve(to);
}

function resolveObject(from, to) {
  return from ? parse(from, false, true).resolveObject(to) : to;
}

module.exports = { Url, format, parse, resolve, resolveObject };
