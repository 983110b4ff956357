'use strict';

const native = binding('process');

function notOffered(name) {
  return function refused() {
    throw new Error(`tty.${name} is not offered by PinokioCloud`);
  };
}

module.exports = {
  isatty: (fd) => Number.isInteger(fd) && fd >= 0 && native.isatty(fd),
  ReadStream: notOffered('ReadStream'),
  WriteStream: notOffered('WriteStream'),
};
