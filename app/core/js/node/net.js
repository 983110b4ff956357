'use strict';

const OCTET = '(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)';
const V4 = new RegExp(`^${OCTET}(?:\\.${OCTET}){3}$`);

function isIPv4(text) {
  return V4.test(`${text}`);
}

// Eight groups, fewer with one "::"; the last two may be written as an IPv4 address.
function isIPv6(text) {
  let address = `${text}`.replace(/%[0-9a-zA-Z-.:]+$/, '');
  const tail = /:([\d.]+)$/.exec(address);
  if (tail && tail[1].includes('.')) {
    if (!isIPv4(tail[1])) return false;
    address = `${address.slice(0, tail.index)}:0:0`;
  }
  const halves = address.split('::');
  if (halves.length > 2) return false;
  const groups = halves.map((half) => (half === '' ? [] : half.split(':')));
  if (!groups.flat().every((group) => /^[0-9a-fA-F]{1,4}$/.test(group))) return false;
  const count = groups.flat().length;
  return halves.length === 2 ? count < 8 : count === 8;
}

function isIP(text) {
  if (isIPv4(text)) return 4;
  return isIPv6(text) ? 6 : 0;
}

function notOffered(name) {
  return function refused() {
    throw new Error(`net.${name} is not offered by PinokioCloud: scripts have fetch, http and https`);
  };
}

module.exports = { isIP, isIPv4, isIPv6 };
for (const name of ['BlockList', 'Server', 'Socket', 'SocketAddress', 'connect', 'createConnection', 'createServer']) {
  module.exports[name] = notOffered(name);
}
