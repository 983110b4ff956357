'use strict'

// What the scripts of one run share: their memories by path, what runs and what is ready, and the names that a
// step's templates see. C (script/run.c) tells it of every script that starts and ends, and what other runs do.

const fs = require('fs')
const path = require('path')
const native = binding('script')
const { render } = require('pino:render')

const memory = { local: Object.create(null), global: Object.create(null), input: {}, args: {}, rpc: {} }
const running = new Map() // path -> {ready}
const done = new Set() // paths of scripts that came to their end
const failed = new Set() // paths of scripts whose last run failed
const modules = new Map() // path -> {made, object, instance}: the classes that steps name by `uri`

function started(file) {
  running.set(file, { ready: false })
  done.delete(file)
  failed.delete(file)
  memory.local[file] = {}
  if (!memory.global[file]) memory.global[file] = elsewhere(file, 'global') || {}
}

// What another run knows of a script; undefined when none does.
function elsewhere(file, field) {
  const found = native.other(file)
  return found === null ? undefined : found[field]
}

// A script that an earlier process of this run started.
function restore(file, local, global) {
  memory.local[file] = local || {}
  memory.global[file] = global || {}
  ready(file)
}

function ready(file) {
  const entry = running.get(file)
  if (entry) entry.ready = true
}

// finished: it came to its end, was not stopped and did not fail
function ended(file, finished, broken) {
  running.delete(file)
  memory.local[file] = {}
  if (finished) done.add(file)
  if (broken) failed.add(file)
}

function isRunning(file) {
  return running.has(file) || elsewhere(file, 'running') === true ? true : undefined
}

function isReady(file) {
  const entry = running.get(file)
  if (entry !== undefined) return entry.ready
  return done.has(file) || elsewhere(file, 'ready') === true
}

function localOf(file) {
  return (running.has(file) ? undefined : elsewhere(file, 'local')) || memory.local[file] || {}
}

function globalOf(file) {
  return (running.has(file) ? undefined : elsewhere(file, 'global')) || memory.global[file] || {}
}

// Memory by path, as apps look things up in kernel.memory: what does not run here is asked of the other runs.
function sharedMemory(field) {
  const isElsewhere = (file) => typeof file === 'string' && file.startsWith('/') && !running.has(file)
  return new Proxy(memory[field], {
    get: (own, file) => (isElsewhere(file) ? elsewhere(file, field) : undefined) || own[file]
  })
}

function allRunning() {
  return [...new Set([...running.keys(), ...native.others()])]
}

// stopped by somebody: neither running nor ready
function forget(file) {
  done.delete(file)
}

function status(file) {
  if (running.has(file)) return running.get(file).ready ? 'ready' : 'running'
  const other = native.other(file)
  if (other !== null && other.running) return other.status
  if (failed.has(file)) return 'error'
  return other !== null && !done.has(file) ? other.status : 'stopped'
}

// For the engine: what came to its end, what failed, and how many objects of steps' modules are kept.
const finishedPaths = () => [...done]
const failedPaths = () => [...failed]
const objectsKept = () => [...modules.values()].filter((entry) => entry.instance).length

function resolveScript(...parts) {
  const base = native.resolve(String(parts[0]), '')
  return base ? path.resolve(base, ...parts.slice(1)) : false
}

const script = {
  resolve: resolveScript,
  exists: (...parts) => {
    const file = resolveScript(...parts)
    return file ? fs.existsSync(file) : false
  },
  running: (...parts) => {
    const file = resolveScript(...parts)
    return file ? isRunning(file) === true : false
  },
  ready: (...parts) => {
    const file = resolveScript(...parts)
    return file ? isReady(file) : false
  },
  local: (...parts) => {
    const file = resolveScript(...parts)
    return file ? localOf(file) : null
  },
  global: (...parts) => {
    const file = resolveScript(...parts)
    return file ? globalOf(file) : null
  }
}

// --- the machine -------------------------------------------------------------------------------------------

let machineFacts = null
function machine() {
  if (!machineFacts) {
    machineFacts = native.machine()
    // {{gpu.memory}} in a text or a comparison is all there is of it.
    const total = { value: () => machineFacts.gpu_memory.total }
    Object.defineProperties(machineFacts.gpu_memory, { valueOf: total, toString: total })
  }
  return machineFacts
}

// The command line that installs torch here. Indexes: pytorch.org, "Get started" and "Previous versions".
function torchCommand() {
  const base = 'pip3 install torch torchvision torchaudio'
  const index = { nvidia: 'cu118', amd: 'rocm5.6' }[machine().gpu] || 'cpu'
  return base + ' --index-url https://download.pytorch.org/whl/' + index
}

const pip = { install: { get torch() { return torchCommand() } } }

// --- a step's memory ---------------------------------------------------------------------------------------

// A script's field, else NAME.json or NAME.js beside it (older apps keep their session there).
function selfOf(entry) {
  const body = entry.body
  if (body === null || typeof body !== 'object') return body
  const sibling = (name) => {
    if (typeof name !== 'string' || !/^[\w-]+$/.test(name)) return undefined
    const base = path.join(entry.dirname, name)
    if (fs.existsSync(base + '.json')) return native.loadValue(base + '.json')
    if (fs.existsSync(base + '.js')) return native.loadValue(base + '.js')
    return undefined
  }
  return new Proxy(body, { get: (target, name) => (name in target ? target[name] : sibling(name)) })
}

// The names that are worked out only when a template asks for them.
const Names = Object.create(null, Object.getOwnPropertyDescriptors({
  get port() {
    return own(this, 'port', native.port())
  },
  get env() {
    return own(this, 'env', native.environment(this.cwd))
  },
  get envs() {
    return this.env
  },
  get key() {
    return own(this, 'key', native.keys())
  },
  get gpu() {
    return machine().gpu
  },
  get gpus() {
    return machine().gpus
  },
  get gpu_model() {
    return machine().gpu_model
  },
  get gpu_driver() {
    return machine().gpu_driver
  },
  get gpu_target() {
    return machine().gpu_target
  },
  get gpu_memory() {
    return machine().gpu_memory
  },
  get vram() {
    return machine().vram
  },
  get ram() {
    return machine().ram
  },
  get system() {
    return require('pino:kernel').kernel.system
  },
  get kernel() {
    return require('pino:kernel').kernel
  },
  get graphics() {
    return own(this, 'graphics', this.kernel.sysinfo.graphics)
  },
  get osInfo() {
    return own(this, 'osInfo', this.kernel.sysinfo.osInfo)
  },
  get cpu() {
    return own(this, 'cpu', this.kernel.sysinfo.cpu)
  },
  get mem() {
    return own(this, 'mem', this.kernel.sysinfo.mem)
  },
  get cloud() {
    return own(this, 'cloud', native.cloud())
  },
  get random() {
    return require('crypto').randomInt(0, 281474976710655)
  },
  get timestamp() {
    return Date.now()
  },
  get _() {
    return require('lodash')
  },
  get os() {
    return require('os')
  },
  get fetch() {
    return globalThis.fetch
  }
}))
Names.path = path
Names.script = script
Names.pip = pip
Names.platform = native.platform
Names.arch = native.arch
Names.which = (name) => native.which(String(name)) || null

function own(object, name, value) {
  Object.defineProperty(object, name, { value, writable: true, configurable: true, enumerable: true })
  return value
}

// entry: {path, uri, cwd, dirname, name, body, args}
function namesFor(entry, index, total, input) {
  const names = Object.create(Names)
  const place = (parts) => path.resolve(entry.cwd, ...parts.map(String))
  own(names, 'input', input)
  own(names, 'args', entry.args)
  own(names, 'local', memory.local[entry.path] || {})
  own(names, 'global', memory.global[entry.path] || {})
  own(names, 'self', selfOf(entry))
  own(names, 'current', index)
  own(names, 'next', index < total - 1 ? index + 1 : null)
  own(names, 'uri', entry.uri)
  own(names, 'cwd', entry.cwd)
  own(names, 'dirname', entry.dirname)
  own(names, 'name', entry.name)
  own(names, 'exists', (...parts) => fs.existsSync(place(parts)))
  own(names, 'running', (...parts) => isRunning(place(parts)))
  own(names, 'ready', (...parts) => isReady(place(parts)))
  return names
}

// --- modules that steps name by `uri` ------------------------------------------------------------------------

function moduleObject(file) {
  const made = fs.statSync(file).mtimeMs
  const known = modules.get(file)
  if (known && known.made === made) return known.object
  const object = native.loadValue(file)
  modules.set(file, { made, object })
  return object
}

function moduleMethod(file, name) {
  let object = moduleObject(file)
  if (typeof object === 'function' && typeof object[name] !== 'function') {
    object = new object()
    Object.assign(modules.get(file), { object, instance: true })
  }
  if (object === null || object === undefined || typeof object[name] !== 'function') {
    throw new Error(file + " has no method '" + name + "'")
  }
  return object[name].bind(object)
}

// --- what a file gives -----------------------------------------------------------------------------------------

function isClass(value) {
  return typeof value === 'function' && /^class\b/.test(Function.prototype.toString.call(value))
}

// An ES module's default export; a class becomes an instance of it.
function unwrap(exports) {
  let value = exports
  if (value !== null && typeof value === 'object' && value.__esModule === true && 'default' in value) value = value.default
  return isClass(value) ? new value() : value
}

// The script that a file's value is: a function of kernel gives it (older ones are constructors that fill `this`).
function bodyOf(value, file) {
  if (typeof value !== 'function') return value
  const { kernel, infoFor } = require('pino:kernel')
  return value(kernel, infoFor(path.dirname(file)))
}

module.exports = {
  unwrap, bodyOf, forget, status, memory, running, started, restore, ready, ended, isRunning, isReady, localOf, globalOf, allRunning, sharedMemory,
  finishedPaths, failedPaths, objectsKept, script, machine, namesFor, moduleMethod, render, resolveScript
}
