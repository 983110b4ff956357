// punycode: the ASCII form of labels with other characters (RFC 3492).
'use strict';

// The parameters that RFC 3492, section 5, sets for domain names.
const BASE = 36;
const T_MIN = 1;
const T_MAX = 26;
const SKEW = 38;
const DAMP = 700;
const FIRST_BIAS = 72;
const FIRST_CODE = 128;
const MOST = 0x7fffffff;

const fail = (why) => {
  throw new RangeError(why);
};

function adapt(delta, count, first) {
  let left = Math.floor(first ? delta / DAMP : delta / 2);
  left += Math.floor(left / count);
  let steps = 0;
  while (left > ((BASE - T_MIN) * T_MAX) >> 1) {
    left = Math.floor(left / (BASE - T_MIN));
    steps += BASE;
  }
  return steps + Math.floor(((BASE - T_MIN + 1) * left) / (left + SKEW));
}

const threshold = (place, bias) => Math.min(Math.max(place - bias, T_MIN), T_MAX);
const digitChar = (digit) => String.fromCharCode(digit < 26 ? digit + 97 : digit + 22);

function digitValue(char) {
  if (/[0-9]/.test(char)) return char.charCodeAt(0) - 22;
  return /[a-z]/i.test(char) ? char.toLowerCase().charCodeAt(0) - 97 : BASE;
}

// A number in digits whose weights depend on the bias.
function encodeNumber(number, bias) {
  let text = '';
  let left = number;
  for (let place = BASE; ; place += BASE) {
    const limit = threshold(place, bias);
    if (left < limit) return text + digitChar(left);
    text += digitChar(limit + ((left - limit) % (BASE - limit)));
    left = Math.floor((left - limit) / (BASE - limit));
  }
}

function encode(text) {
  const points = Array.from(text, (char) => char.codePointAt(0));
  let output = points
    .filter((point) => point < FIRST_CODE)
    .map((point) => String.fromCharCode(point))
    .join('');
  const basic = output.length;
  let handled = basic;
  if (basic > 0) output += '-';
  let code = FIRST_CODE;
  let delta = 0;
  let bias = FIRST_BIAS;
  while (handled < points.length) {
    const next = Math.min(...points.filter((point) => point >= code));
    delta += (next - code) * (handled + 1);
    if (delta > MOST) fail('Overflow: input needs wider integers to process');
    code = next;
    for (const point of points) {
      if (point < code) delta++;
      if (point !== code) continue;
      output += encodeNumber(delta, bias);
      bias = adapt(delta, handled + 1, handled === basic);
      delta = 0;
      handled++;
    }
    delta++;
    code++;
  }
  return output;
}

function decode(text) {
  const dash = text.lastIndexOf('-');
  const output = Array.from(dash > 0 ? text.slice(0, dash) : '');
  if (output.some((char) => char.charCodeAt(0) >= FIRST_CODE))
    fail('Illegal input >= 0x80 (not a basic code point)');
  let code = FIRST_CODE;
  let bias = FIRST_BIAS;
  let index = 0;
  let at = dash > 0 ? dash + 1 : 0;
  while (at < text.length) {
    const before = index;
    let weight = 1;
    for (let place = BASE; ; place += BASE) {
      const digit = at < text.length ? digitValue(text[at++]) : BASE;
      if (digit >= BASE) fail('Invalid input');
      index += digit * weight;
      if (index > MOST) fail('Overflow: input needs wider integers to process');
      const limit = threshold(place, bias);
      if (digit < limit) break;
      weight *= BASE - limit;
    }
    bias = adapt(index - before, output.length + 1, before === 0);
    code += Math.floor(index / (output.length + 1));
    index %= output.length + 1;
    if (code > 0x10ffff) fail('Invalid input');
    output.splice(index++, 0, String.fromCodePoint(code));
  }
  return output.join('');
}

// Applies a change to each label, and leaves the local part of an address alone.
function eachLabel(text, change) {
  const at = text.lastIndexOf('@');
  const head = at >= 0 ? text.slice(0, at + 1) : '';
  return (
    head +
    text
      .slice(head.length)
      .replace(/[\u3002\uff0e\uff61]/g, '.')
      .split('.')
      .map(change)
      .join('.')
  );
}

function toASCII(text) {
  return eachLabel(text, (label) => (/[^\0-\x7f]/.test(label) ? `xn--${encode(label)}` : label));
}

function toUnicode(text) {
  return eachLabel(text, (label) => (/^xn--/.test(label) ? decode(label.slice(4).toLowerCase()) : label));
}

module.exports = {
  decode,
  encode,
  toASCII,
  toUnicode,
  ucs2: {
    decode: (text) => Array.from(text, (char) => char.codePointAt(0)),
    encode: (points) => String.fromCodePoint(...points),
  },
};
