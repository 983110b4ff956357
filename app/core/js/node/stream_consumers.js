'use strict';

const { Buffer } = require('buffer');

async function buffer(stream) {
  const parts = [];
  for await (const chunk of stream) parts.push(typeof chunk === 'string' ? Buffer.from(chunk) : Buffer.from(chunk));
  return Buffer.concat(parts);
}

async function text(stream) {
  return (await buffer(stream)).toString('utf8');
}

module.exports = {
  buffer,
  text,
  json: async (stream) => JSON.parse(await text(stream)),
  async arrayBuffer(stream) {
    const all = await buffer(stream);
    return all.buffer.slice(all.byteOffset, all.byteOffset + all.byteLength);
  },
  async blob(stream) {
    const { Blob } = require('buffer');
    return new Blob([await buffer(stream)]);
  },
};
