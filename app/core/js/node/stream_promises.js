'use strict';

const { finished, pipeline } = require('stream_end');

module.exports = {
  finished(stream, options) {
    return new Promise((resolve, reject) => {
      finished(stream, { cleanup: true, ...options }, (error) => (error ? reject(error) : resolve()));
    });
  },
  pipeline(...stages) {
    return new Promise((resolve, reject) => {
      pipeline(...stages, (error, value) => (error ? reject(error) : resolve(value)));
    });
  },
};
