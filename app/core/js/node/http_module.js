// Makes the module http or https.
'use strict';

const { ClientRequest, IncomingMessage } = require('http_client');
const { coded } = require('errors');

const METHODS = ['DELETE', 'GET', 'HEAD', 'OPTIONS', 'PATCH', 'POST', 'PUT'];
const STATUS_CODES = {
  100: 'Continue', 101: 'Switching Protocols', 103: 'Early Hints', 200: 'OK', 201: 'Created', 202: 'Accepted',
  204: 'No Content', 205: 'Reset Content', 206: 'Partial Content', 301: 'Moved Permanently', 302: 'Found', 303: 'See Other',
  304: 'Not Modified', 307: 'Temporary Redirect', 308: 'Permanent Redirect', 400: 'Bad Request', 401: 'Unauthorized',
  402: 'Payment Required', 403: 'Forbidden', 404: 'Not Found', 405: 'Method Not Allowed', 406: 'Not Acceptable',
  408: 'Request Timeout', 409: 'Conflict', 410: 'Gone', 411: 'Length Required', 412: 'Precondition Failed',
  413: 'Payload Too Large', 414: 'URI Too Long', 415: 'Unsupported Media Type', 416: 'Range Not Satisfiable',
  418: "I'm a Teapot", 422: 'Unprocessable Entity', 425: 'Too Early', 426: 'Upgrade Required', 428: 'Precondition Required',
  429: 'Too Many Requests', 431: 'Request Header Fields Too Large', 451: 'Unavailable For Legal Reasons',
  500: 'Internal Server Error', 501: 'Not Implemented', 502: 'Bad Gateway', 503: 'Service Unavailable', 504: 'Gateway Timeout',
  505: 'HTTP Version Not Supported', 507: 'Insufficient Storage', 508: 'Loop Detected', 511: 'Network Authentication Required',
};

// Connections are the engine's own matter; the options of an agent have no effect.
class Agent {
  constructor(options) {
    this.options = { ...options };
    this.maxSockets = Infinity;
  }

  destroy() {}
}

module.exports = (name) => {
  const request = (...args) => new ClientRequest(`${name}:`, args);
  const notOffered = (what) => function refused() {
    throw coded(Error, 'ERR_FEATURE_UNAVAILABLE_ON_PLATFORM', `${name}.${what} is not offered by PinokioCloud`);
  };
  return {
    Agent, ClientRequest, IncomingMessage, METHODS, STATUS_CODES,
    globalAgent: new Agent(),
    request,
    get(...args) {
      const made = request(...args);
      made.end();
      return made;
    },
    Server: notOffered('Server'),
    createServer: notOffered('createServer'),
  };
};
