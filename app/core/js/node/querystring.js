// querystring: parse and stringify of "a=1&b=2".
'use strict';

const { coded } = require('errors');

function unescapeBuffer(text) {
  const { Buffer } = require('buffer');
  const bytes = [];
  for (let i = 0; i < text.length; i++) {
    const pair = text[i] === '%' ? /^[0-9a-fA-F]{2}/.exec(text.slice(i + 1, i + 3)) : null;
    bytes.push(pair ? Number.parseInt(pair[0], 16) : text.charCodeAt(i) & 255);
    if (pair) i += 2;
  }
  return Buffer.from(bytes);
}

function unescapeText(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return unescapeBuffer(text).toString();
  }
}

function escapeText(value) {
  const text = typeof value === 'string' ? value : typeof value === 'object' ? String(value) : `${value}`;
  try {
    return encodeURIComponent(text).replace(/%(?:21|27|28|29|2A)/g, (code) => decodeURIComponent(code));
  } catch {
    throw coded(URIError, 'ERR_INVALID_URI', 'URI malformed');
  }
}

function primitive(value) {
  switch (typeof value) {
    case 'string':
      return value;
    case 'number':
      return Number.isFinite(value) ? `${value}` : '';
    case 'bigint':
    case 'boolean':
      return `${value}`;
    default:
      return '';
  }
}

function stringify(object, separator, equals, options) {
  const { encodeURIComponent: custom } = options || {};
  const encode = typeof custom === 'function' ? custom : querystring.escape;
  const eq = equals || '=';
  if (object === null || typeof object !== 'object') return '';
  const pairs = [];
  for (const key of Object.keys(object)) {
    const name = `${encode(primitive(key))}${eq}`;
    const values = Array.isArray(object[key]) ? object[key] : [object[key]];
    for (const value of values) pairs.push(name + encode(primitive(value)));
  }
  return pairs.join(separator || '&');
}

function parse(text, separator, equals, options) {
  const result = Object.create(null);
  if (typeof text !== 'string' || text.length === 0) return result;
  const sep = separator ? `${separator}` : '&';
  const eq = equals ? `${equals}` : '=';
  const { maxKeys, decodeURIComponent: custom } = options || {};
  const decode = typeof custom === 'function' ? custom : querystring.unescape;
  const decoded = (part) => {
    const plain = part.replaceAll('+', ' ');
    if (!plain.includes('%') && decode === querystring.unescape) return plain;
    try {
      return decode(plain);
    } catch {
      return unescapeText(plain);
    }
  };
  const most = typeof maxKeys === 'number' ? maxKeys : 1000;
  let count = 0;
  for (const part of text.split(sep)) {
    if (part === '') continue;
    if (most > 0 && count >= most) break;
    count++;
    const at = part.indexOf(eq);
    const key = decoded(at < 0 ? part : part.slice(0, at));
    const value = at < 0 ? '' : decoded(part.slice(at + eq.length));
    if (result[key] === undefined) result[key] = value;
    else if (Array.isArray(result[key])) result[key].push(value);
    else result[key] = [result[key], value];
  }
  return result;
}

const querystring = {
  decode: parse,
  encode: stringify,
  escape: escapeText,
  parse,
  stringify,
  unescape: unescapeText,
  unescapeBuffer,
};

module.exports = querystring;
