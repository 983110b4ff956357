'use strict';

module.exports = require('http_module')('https');
