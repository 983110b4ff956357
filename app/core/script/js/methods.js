'use strict'

// The methods that are about values, not about the system. Each is called as a script's own function would be:
// (request, ondata, kernel) -> result or a promise of it.

const fs = require('fs')
const path = require('path')
const native = binding('script')
const keypath = require('pino:keypath')
const world = require('pino:world')
const { indexOf } = require('pino:step')

function wantObject(params, method) {
  if (params === null || typeof params !== 'object' || Array.isArray(params)) {
    throw new Error(method + ' wants an object of what to set as its params')
  }
  return params
}

// --- log, jump, results ------------------------------------------------------------------------------------

function lines(text) {
  return text.replace(/\r?\n/g, '\r\n')
}

const LOG_FORMS = {
  raw: (value) => String(value),
  text: (value) => String(value),
  json: (value) => String(JSON.stringify(value)),
  json2: (value) => String(JSON.stringify(value, null, 2))
}

function log(request, ondata) {
  const { params } = request
  if (params === undefined || params === null) return
  for (const form of Object.keys(LOG_FORMS)) {
    if (params[form] !== undefined) {
      ondata({ raw: lines(LOG_FORMS[form](params[form])) })
      break
    }
  }
  ondata({ raw: '\r\n' })
}

function jump(request, ondata) {
  const params = request.params || {}
  if (params.index !== undefined) {
    request.next = params.index === null ? null : Number(params.index) // null: the end
  } else if (params.id !== undefined) {
    const found = indexOf(request.steps, params.id)
    if (found >= 0) request.next = found
    else ondata({ raw: "jump: no step has the id '" + params.id + "', going on\r\n" })
  }
  return params.params || params.input
}

// --- memory ------------------------------------------------------------------------------------------------

function setMemory(kind, request, values) {
  const file = request.parent.path
  world.memory[kind][file] = keypath.assign(world.memory[kind][file], values)
}

function removeMemory(kind, request, paths) {
  keypath.removeAll(world.memory[kind][request.parent.path] || {}, paths)
}

function fileAt(request, uri) {
  const file = native.resolve(String(uri), request.cwd)
  if (!file) throw new Error(request.method + ': no app here was cloned from ' + uri + ': download it first')
  return file
}

function imported(request) {
  const out = {}
  for (const [name, uri] of Object.entries(wantObject(request.params, request.method))) {
    out[name] = native.loadValue(fileAt(request, uri))
  }
  return out
}

function readJson(file) {
  if (!fs.existsSync(file)) return null
  return native.loadValue(file)
}

function eachFile(request, files, change) {
  for (const [name, what] of Object.entries(wantObject(files, request.method))) {
    const file = fileAt(request, name)
    const value = change(readJson(file), what)
    native.writeText(file, JSON.stringify(value, null, 2))
  }
}

const setFiles = (request, files) => eachFile(request, files, (value, what) => keypath.assign(value === null ? {} : value, what))
const removeFiles = (request, files) => eachFile(request, files, (value, what) => keypath.removeAll(value === null ? {} : value, what))
const mergeFiles = (request, files) => eachFile(request, files, (value, what) => keypath.merge(value === null ? {} : value, what))

// A name without .json is completed, as `self` reads it
function getFiles(request) {
  const out = {}
  for (const [name, uri] of Object.entries(wantObject(request.params, request.method))) {
    out[name] = readJson(fileAt(request, uri))
  }
  setMemory('local', request, out)
}

function setKeys(keys) {
  for (const [host, values] of Object.entries(keys)) {
    for (const [key, value] of Object.entries(values)) native.setKey(host, key, JSON.stringify(value))
  }
}

function removeKeys(keys) {
  for (const [host, names] of Object.entries(keys)) {
    for (const name of [].concat(names)) native.setKey(host, String(name), null)
  }
}

function setAll(request) {
  const { local, global, self, json, key } = wantObject(request.params, request.method)
  if (local) setMemory('local', request, local)
  if (global) setMemory('global', request, global)
  if (self) setFiles(request, self)
  if (json) setFiles(request, json)
  if (key) setKeys(key)
}

function removeAll(request) {
  const { local, global, self, json, key } = wantObject(request.params, request.method)
  if (local) removeMemory('local', request, local)
  if (global) removeMemory('global', request, global)
  if (self) removeFiles(request, self)
  if (json) removeFiles(request, json)
  if (key) removeKeys(key)
}

function getKey(request) {
  const params = request.params || {}
  const host = params.host || params.key
  const values = native.keys()
  return host === undefined ? values : values[host]
}

// --- net, exec ---------------------------------------------------------------------------------------------

function withQuery(url, params) {
  if (params === null || typeof params !== 'object') return url
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(params)) {
    if (value === null || value === undefined) continue
    for (const item of Array.isArray(value) ? value : [value]) {
      query.append(Array.isArray(value) ? name + '[]' : name, typeof item === 'object' ? JSON.stringify(item) : String(item))
    }
  }
  const text = query.toString()
  return text === '' ? url : url + (url.includes('?') ? '&' : '?') + text
}

function isBody(data) {
  return typeof data === 'string' || data instanceof ArrayBuffer || ArrayBuffer.isView(data) ||
    data instanceof URLSearchParams || data instanceof FormData
}

// What axios sends: objects as JSON, or as a form where the content type says so.
function bodyOf(data, headers) {
  if (data === undefined || data === null) return undefined
  if (isBody(data)) return data
  const type = headers.get('content-type') || ''
  if (type.includes('application/x-www-form-urlencoded')) return new URLSearchParams(data).toString()
  if (type === '') headers.set('content-type', 'application/json')
  return JSON.stringify(data)
}

async function readBody(response, type) {
  if (type === 'arraybuffer') return Buffer.from(await response.arrayBuffer())
  const text = await response.text()
  if (type === 'text') return text
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

async function net(request) {
  const params = typeof request.params === 'string' ? { url: request.params } : wantObject(request.params, 'net')
  if (!params.url && !params.baseURL) throw new Error('net wants a url')
  const headers = new Headers(params.headers || {})
  if (params.auth) {
    const { username = '', password = '' } = params.auth
    headers.set('authorization', 'Basic ' + Buffer.from(username + ':' + password).toString('base64'))
  }
  const url = params.baseURL ? new URL(params.url || '', params.baseURL).href : params.url
  const response = await fetch(withQuery(url, params.params), {
    method: String(params.method || 'get').toUpperCase(),
    headers,
    body: bodyOf(params.data, headers),
    signal: params.timeout ? AbortSignal.timeout(Number(params.timeout)) : undefined
  }).catch((error) => {
    const reason = error.cause && error.cause.message ? error.cause.message : error.message
    throw new Error('net: ' + (reason.includes(url) ? '' : url + ': ') + reason)
  })
  if (response.status >= 400) {
    const text = (await response.text()).slice(0, 500)
    throw new Error('net: ' + url + ' answered ' + response.status + ' ' + response.statusText + (text ? ': ' + text : ''))
  }
  return readBody(response, params.responseType)
}

function exec(request, ondata) {
  const params = wantObject(request.params, 'exec')
  if (!params.message) throw new Error('exec wants a message')
  const folder = params.cwd || params.path
  const options = {
    ...params,
    cwd: folder ? native.resolve(String(folder), request.cwd) : request.cwd,
    env: { ...native.environment(request.cwd), ...params.env },
    maxBuffer: params.maxBuffer || 64 * 1024 * 1024
  }
  ondata({ raw: '> ' + params.message + '\r\n' })
  return new Promise((resolve) => {
    require('child_process').exec(String(params.message), options, (error, stdout, stderr) => {
      ondata({ raw: lines(String(stdout)) + lines(String(stderr)) })
      resolve({ stdout, stderr, error: error === null || error === undefined ? null : error })
    })
  })
}

module.exports = {
  log,
  jump,
  goto: jump,
  'script.return': (request) => request.params,
  'local.set': (request) => setMemory('local', request, request.params),
  'global.set': (request) => setMemory('global', request, request.params),
  'local.rm': (request) => removeMemory('local', request, request.params),
  'global.rm': (request) => removeMemory('global', request, request.params),
  'local.import': (request) => {
    const values = imported(request)
    setMemory('local', request, values)
    return values
  },
  'global.import': (request) => {
    const values = imported(request)
    setMemory('global', request, values)
    return values
  },
  import: imported,
  load: imported,
  set: setAll,
  rm: removeAll,
  'self.set': (request) => setFiles(request, request.params),
  'self.rm': (request) => removeFiles(request, request.params),
  'json.set': (request) => setFiles(request, request.params),
  'json.rm': (request) => removeFiles(request, request.params),
  'json.merge': (request) => mergeFiles(request, request.params),
  'json.get': getFiles,
  'key.set': (request) => setKeys(wantObject(request.params, 'key.set')),
  'key.get': getKey,
  net,
  exec
}
