// The URL Standard's parser (url.spec.whatwg.org), over records {scheme, username, password, host, port,
// path, query, fragment}; path is a list of segments, or text where it is opaque; host, port, query and
// fragment may be null. A query and a fragment are cut off first: no state before theirs can hold their
// marks.
'use strict';

const { parseHost } = require('url_host');

const DEFAULT_PORTS = { 'http': 80, 'https': 443, 'ws': 80, 'wss': 443, 'ftp': 21, 'file': null };
const isSpecial = (scheme) => Object.hasOwn(DEFAULT_PORTS, scheme);

// --- percent-encoding ------------------------------------------------------------------------------------

// Characters that are encoded; all above 0x7e always are.
const SETS = {
  c0: /[\0-\x1f\x7f]|[^\0-\x7f]/u,
  fragment: /[\0-\x20"<>`\x7f]|[^\0-\x7f]/u,
  query: /[\0-\x20"#<>\x7f]|[^\0-\x7f]/u,
  specialQuery: /[\0-\x20"#'<>\x7f]|[^\0-\x7f]/u,
  path: /[\0-\x20"#<>?`{}\x7f]|[^\0-\x7f]/u,
  userinfo: /[\0-\x20"#/:;<=>?@[\\\]^`{|}\x7f]|[^\0-\x7f]/u,
};

function encodeChar(char) {
  const code = char.codePointAt(0);
  if (code < 0x80) return `%${code < 16 ? '0' : ''}${code.toString(16).toUpperCase()}`;
  return code >= 0xd800 && code <= 0xdfff ? '%EF%BF%BD' : encodeURIComponent(char);
}

const GLOBAL_SETS = Object.fromEntries(
  Object.entries(SETS).map(([name, set]) => [name, new RegExp(set.source, 'gu')]),
);

function percentEncode(text, set) {
  return SETS[set].test(text) ? text.replace(GLOBAL_SETS[set], encodeChar) : text;
}

const encodeC0 = (text) => percentEncode(text, 'c0');

// --- parts -----------------------------------------------------------------------------------------------

const isDriveLetter = (text) => /^[a-zA-Z][:|]$/.test(text);
const isNormalDriveLetter = (text) => /^[a-zA-Z]:$/.test(text);
const startsWithDriveLetter = (text) => /^[a-zA-Z][:|]([/\\?#]|$)/.test(text);
const isSingleDot = (text) => /^(\.|%2e)$/i.test(text);
const isDoubleDot = (text) => /^(\.|%2e){2}$/i.test(text);

function shorten(url) {
  const { path } = url;
  if (url.scheme === 'file' && path.length === 1 && isNormalDriveLetter(path[0])) return;
  path.pop();
}

// Adds the segments of text to the path that the record has.
function parsePath(url, text) {
  const special = isSpecial(url.scheme);
  const body = text.startsWith('/') || (special && text.startsWith('\\')) ? text.slice(1) : text;
  const segments = body.split(special ? /[/\\]/ : '/');
  segments.forEach((segment, i) => {
    const last = i === segments.length - 1;
    if (isDoubleDot(segment)) {
      shorten(url);
      if (last) url.path.push('');
    } else if (isSingleDot(segment)) {
      if (last) url.path.push('');
    } else if (url.scheme === 'file' && url.path.length === 0 && isDriveLetter(segment)) {
      url.path.push(`${segment[0]}:`);
    } else {
      url.path.push(percentEncode(segment, 'path'));
    }
  });
}

function parseQuery(url, text) {
  return percentEncode(text, isSpecial(url.scheme) ? 'specialQuery' : 'query');
}

// The port as a number, null for the scheme's own or none, undefined where it is not valid.
function parsePort(scheme, text) {
  if (text === '') return null;
  if (!/^\d+$/.test(text)) return undefined;
  const port = Number(text);
  if (port > 65535) return undefined;
  return port === DEFAULT_PORTS[scheme] ? null : port;
}

function splitPort(text) {
  const from = text.startsWith('[') ? Math.max(text.indexOf(']'), 0) : 0;
  const colon = text.indexOf(':', from);
  return colon < 0 ? [text, null] : [text.slice(0, colon), text.slice(colon + 1)];
}

// The text between the slashes and the path. False where it is not valid.
function parseAuthority(url, text) {
  const special = isSpecial(url.scheme);
  const at = text.lastIndexOf('@');
  if (at >= 0) {
    const colon = text.indexOf(':');
    const hasPassword = colon >= 0 && colon < at;
    url.username = percentEncode(text.slice(0, hasPassword ? colon : at), 'userinfo');
    url.password = hasPassword ? percentEncode(text.slice(colon + 1, at), 'userinfo') : '';
  }
  const [hostText, portText] = splitPort(text.slice(at + 1));
  if (hostText === '' && (special || portText !== null || at >= 0)) return false;
  const host = hostText === '' ? '' : parseHost(hostText, special, encodeC0);
  const port = portText === null ? null : parsePort(url.scheme, portText);
  if (host === null || port === undefined) return false;
  url.host = host;
  url.port = port;
  return true;
}

function authorityAndPath(url, text) {
  const end = text.search(isSpecial(url.scheme) ? /[/\\]/ : /\//);
  if (!parseAuthority(url, end < 0 ? text : text.slice(0, end))) return false;
  const rest = end < 0 ? '' : text.slice(end);
  if (rest !== '' || isSpecial(url.scheme)) parsePath(url, rest);
  return true;
}

// --- files -----------------------------------------------------------------------------------------------

const isSlash = (char) => char === '/' || char === '\\';

function fileHostAndPath(url, text) {
  const end = text.search(/[/\\]/);
  const hostText = end < 0 ? text : text.slice(0, end);
  if (isDriveLetter(hostText)) {
    parsePath(url, text);
    return true;
  }
  if (hostText !== '') {
    const host = parseHost(hostText, true, encodeC0);
    if (host === null) return false;
    url.host = host === 'localhost' ? '' : host;
  }
  parsePath(url, end < 0 ? '' : text.slice(end));
  return true;
}

function parseFile(url, text, base, hasQuery) {
  url.host = '';
  const fileBase = base && base.scheme === 'file' ? base : null;
  if (isSlash(text[0])) {
    if (isSlash(text[1])) return fileHostAndPath(url, text.slice(2));
    if (fileBase) {
      url.host = fileBase.host;
      if (!startsWithDriveLetter(text.slice(1)) && isNormalDriveLetter(fileBase.path[0] ?? ''))
        url.path.push(fileBase.path[0]);
    }
    parsePath(url, text);
    return true;
  }
  if (!fileBase) {
    parsePath(url, text);
    return true;
  }
  url.host = fileBase.host;
  if (!startsWithDriveLetter(text)) url.path = [...fileBase.path];
  if (text !== '') {
    if (!startsWithDriveLetter(text)) shorten(url);
    parsePath(url, text);
  } else if (!hasQuery) {
    url.query = fileBase.query;
  }
  return true;
}

// --- the whole -------------------------------------------------------------------------------------------

function copyAuthority(url, base) {
  for (const part of ['username', 'password', 'host', 'port']) url[part] = base[part];
}

function parseRelative(url, text, base, hasQuery) {
  const special = isSpecial(url.scheme);
  const slash = (char) => char === '/' || (special && char === '\\');
  if (slash(text[0]) && slash(text[1])) {
    return authorityAndPath(url, special ? text.replace(/^[/\\]+/, '') : text.slice(2));
  }
  copyAuthority(url, base);
  if (slash(text[0])) {
    parsePath(url, text);
    return true;
  }
  url.path = [...base.path];
  if (text !== '') {
    shorten(url);
    parsePath(url, text);
  } else if (!hasQuery) {
    url.query = base.query;
  }
  return true;
}

function parseWithScheme(url, text, base, hasQuery) {
  if (url.scheme === 'file') return parseFile(url, text, base, hasQuery);
  if (isSpecial(url.scheme)) {
    if (base && base.scheme === url.scheme && !text.startsWith('//'))
      return parseRelative(url, text, base, hasQuery);
    return authorityAndPath(url, text.replace(/^[/\\]+/, ''));
  }
  if (text.startsWith('//')) return authorityAndPath(url, text.slice(2));
  if (text.startsWith('/')) parsePath(url, text);
  else url.path = encodeC0(text);
  return true;
}

function parseWithoutScheme(url, text, base, hasQuery, hasFragment) {
  if (!base) return false;
  url.scheme = base.scheme;
  if (typeof base.path === 'string') {
    if (text !== '' || hasQuery || !hasFragment) return false;
    url.path = base.path;
    url.query = base.query;
    return true;
  }
  return base.scheme === 'file'
    ? parseFile(url, text, base, hasQuery)
    : parseRelative(url, text, base, hasQuery);
}

function cut(text, mark) {
  const at = text.indexOf(mark);
  return at < 0 ? [text, null] : [text.slice(0, at), text.slice(at + 1)];
}

// null where the text is not a URL. base is a record or undefined.
function parse(input, base) {
  const text = input.replace(/^[\0-\x20]+|[\0-\x20]+$/g, '').replace(/[\t\n\r]/g, '');
  const [beforeFragment, fragment] = cut(text, '#');
  const [main, query] = cut(beforeFragment, '?');
  const url = {
    scheme: '',
    username: '',
    password: '',
    host: null,
    port: null,
    path: [],
    query: null,
    fragment: null,
  };
  const scheme = /^([a-zA-Z][a-zA-Z0-9+.-]*):/.exec(main);
  if (scheme) url.scheme = scheme[1].toLowerCase();
  const good = scheme
    ? parseWithScheme(url, main.slice(scheme[0].length), base, query !== null)
    : parseWithoutScheme(url, main, base, query !== null, fragment !== null);
  if (!good) return null;
  if (query !== null) url.query = parseQuery(url, query);
  if (fragment !== null) url.fragment = percentEncode(fragment, 'fragment');
  return url;
}

function pathText(url) {
  return typeof url.path === 'string' ? url.path : url.path.map((segment) => `/${segment}`).join('');
}

function hostText(url) {
  if (url.host === null) return '';
  return url.port === null ? url.host : `${url.host}:${url.port}`;
}

function serialize(url, withFragment = true) {
  let text = `${url.scheme}:`;
  if (url.host !== null) {
    const password = url.password === '' ? '' : `:${url.password}`;
    const credentials = url.username !== '' || password !== '' ? `${url.username}${password}@` : '';
    text += `//${credentials}${hostText(url)}`;
  } else if (Array.isArray(url.path) && url.path.length > 1 && url.path[0] === '') {
    // Without this the path would read as a host.
    text += '/.';
  }
  text += pathText(url);
  if (url.query !== null) text += `?${url.query}`;
  return withFragment && url.fragment !== null ? `${text}#${url.fragment}` : text;
}

module.exports = {
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
};
