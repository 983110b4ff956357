// The host of a URL: a domain (with other scripts as punycode), an IPv4 or an IPv6 address, or opaque text.
// Each function gives null where the host is not valid.
'use strict';

const punycode = require('punycode');

// --- domains ---------------------------------------------------------------------------------------------

const FORBIDDEN_DOMAIN = /[\0-\x20#%/:<>?@[\\\]^|\x7f]/;
const FORBIDDEN_HOST = /[\0\t\n\r #/:<>?@[\\\]^|]/;

// What UTS 46 drops: soft hyphen, zero width space, variation selectors and the byte order mark.
const IGNORED = /[\u00ad\u034f\u180b-\u180f\u200b\u2060\u2064\ufe00-\ufe0f\ufeff\u{e0100}-\u{e01ef}]/gu;
const DOTS = /[\u3002\uff0e\uff61]/g;
const NOT_IN_DOMAINS = /[\p{Cn}\p{Co}\p{Cs}\p{Cc}\p{Zs}\p{Zl}\p{Zp}\u200c\u200d\ufffd\u2ff0-\u2ffb]/u;

// The mapping of UTS 46 as far as Unicode's own normal forms give it.
function mapped(domain) {
  return domain
    .replace(IGNORED, '')
    .replace(/\u1e9e/g, 'ss')
    .normalize('NFKC')
    .toLowerCase()
    .normalize('NFKC')
    .replace(IGNORED, '')
    .replace(DOTS, '.');
}

// An encoded label must be what encoding its text would give.
function decodedLabel(label) {
  if (label.length === 4) return null;
  try {
    const text = punycode.decode(label.slice(4));
    const faithful =
      /[^\0-\x7f]/.test(text) && mapped(text) === text && `xn--${punycode.encode(text)}` === label;
    return faithful && !NOT_IN_DOMAINS.test(text) && !/^\p{M}/u.test(text) ? text : null;
  } catch {
    return null;
  }
}

function asciiLabel(label) {
  if (label.startsWith('xn--')) return decodedLabel(label) === null ? null : label;
  if (!/[^\0-\x7f]/.test(label)) return label;
  if (NOT_IN_DOMAINS.test(label) || /^\p{M}/u.test(label)) return null;
  try {
    return `xn--${punycode.encode(label)}`;
  } catch {
    return null;
  }
}

function toASCII(domain) {
  const plain = /^[\0-\x7f]*$/.test(domain);
  const text = plain ? domain.toLowerCase() : mapped(domain);
  if (plain && !text.includes('xn--')) return text;
  const labels = text.split('.').map(asciiLabel);
  return labels.includes(null) ? null : labels.join('.');
}

function toUnicode(domain) {
  return domain
    .split('.')
    .map((label) => (label.startsWith('xn--') ? (decodedLabel(label) ?? label) : label))
    .join('.');
}

// --- IPv4 ------------------------------------------------------------------------------------------------

function ipv4Number(part) {
  if (part === '') return NaN;
  if (/^0x[0-9a-f]*$/i.test(part)) return part.length === 2 ? 0 : Number.parseInt(part.slice(2), 16);
  if (/^0[0-7]+$/.test(part)) return Number.parseInt(part, 8);
  return /^(0|[1-9]\d*)$/.test(part) ? Number(part) : NaN;
}

function endsInNumber(host) {
  const parts = host.split('.');
  if (parts[parts.length - 1] === '') parts.pop();
  const last = parts[parts.length - 1];
  return last !== undefined && (/^\d+$/.test(last) || /^0x[0-9a-f]*$/i.test(last));
}

// Between one and four numbers; the last one fills the bytes that are left.
function parseIPv4(host) {
  const parts = host.split('.');
  if (parts[parts.length - 1] === '' && parts.length > 1) parts.pop();
  if (parts.length > 4) return null;
  const numbers = parts.map(ipv4Number);
  if (numbers.some(Number.isNaN)) return null;
  const last = numbers.pop();
  if (numbers.some((number) => number > 255) || last >= 256 ** (4 - numbers.length)) return null;
  const address = numbers.reduce((sum, number, i) => sum + number * 256 ** (3 - i), last);
  return [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join('.');
}

// --- IPv6 ------------------------------------------------------------------------------------------------

function embeddedIPv4(text) {
  const parts = text.split('.');
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) < 256))
    return null;
  const [a, b, c, d] = parts.map(Number);
  return [a * 256 + b, c * 256 + d];
}

function ipv6Pieces(text) {
  if (text === '') return [];
  const pieces = [];
  const parts = text.split(':');
  for (const [i, part] of parts.entries()) {
    if (part.includes('.')) {
      const pair = i === parts.length - 1 ? embeddedIPv4(part) : null;
      if (!pair) return null;
      pieces.push(...pair);
    } else {
      if (!/^[0-9a-f]{1,4}$/i.test(part)) return null;
      pieces.push(Number.parseInt(part, 16));
    }
  }
  return pieces;
}

function serializeIPv6(pieces) {
  let best = { start: -1, length: 1 };
  for (let i = 0; i < 8; i++) {
    let length = 0;
    while (i + length < 8 && pieces[i + length] === 0) length++;
    if (length > best.length) best = { start: i, length };
  }
  const hex = pieces.map((piece) => piece.toString(16));
  if (best.start < 0) return hex.join(':');
  return `${hex.slice(0, best.start).join(':')}::${hex.slice(best.start + best.length).join(':')}`;
}

function parseIPv6(text) {
  const halves = text.split('::');
  if (halves.length > 2) return null;
  const [head, tail] = halves.map(ipv6Pieces);
  if (!head || tail === null || (tail !== undefined && halves[0].includes('.'))) return null;
  if (tail === undefined) return head.length === 8 ? `[${serializeIPv6(head)}]` : null;
  const missing = 8 - head.length - tail.length;
  return missing < 1 ? null : `[${serializeIPv6([...head, ...Array(missing).fill(0), ...tail])}]`;
}

// --- hosts -----------------------------------------------------------------------------------------------

function percentDecoded(text) {
  if (!text.includes('%')) return text;
  try {
    return decodeURIComponent(text.replace(/%(?![0-9a-fA-F]{2})/g, '%25'));
  } catch {
    return null;
  }
}

function parseHost(text, special, encodeC0) {
  if (text.startsWith('[')) return text.endsWith(']') ? parseIPv6(text.slice(1, -1)) : null;
  if (!special) return FORBIDDEN_HOST.test(text) ? null : encodeC0(text);
  const domain = percentDecoded(text);
  const ascii = domain === null ? null : toASCII(domain);
  if (ascii === null || ascii === '' || FORBIDDEN_DOMAIN.test(ascii)) return null;
  return endsInNumber(ascii) ? parseIPv4(ascii) : ascii;
}

module.exports = { parseHost, toASCII, toUnicode };
