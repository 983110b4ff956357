'use strict';

// Modules and globals of a script's world. Built-in modules load when they are first asked for, so that a world
// that needs none of them starts at once. Evaluates to a function of the natives of module.c and timer.c.
(function (native) {
  const builtin = new Map() // name -> exports
  const users = new Map() // real path -> module
  const WRAPPER = 'exports, require, module, __filename, __dirname'

  function dirname(file) {
    const slash = file.lastIndexOf('/')
    return slash > 0 ? file.slice(0, slash) : '/'
  }

  function join(folder, relative) {
    const parts = (relative.startsWith('/') ? relative : folder + '/' + relative).split('/')
    const out = []
    for (const part of parts) {
      if (part === '..') out.pop()
      else if (part !== '' && part !== '.') out.push(part)
    }
    return '/' + out.join('/')
  }

  function builtinSource(name) {
    if (name.startsWith('pino:')) return native.resource(name)
    return native.resource('node/' + name.replace(/\//g, '_') + '.js')
  }

  // fs/promises and fs_promises are one file, and so one module.
  function requireBuiltin(asked) {
    const name = asked.replace(/\//g, '_')
    if (builtin.has(name)) return builtin.get(name)
    const source = name === 'lodash' ? native.resource('lodash.js') : builtinSource(name)
    if (source === undefined) return undefined
    const module = { exports: {} }
    builtin.set(name, module.exports)
    const file = 'pinokiocloud:' + name + '.js'
    try {
      fill(name, module, source, file)
    } catch (error) {
      builtin.delete(name)
      throw error
    }
    builtin.set(name, module.exports)
    return module.exports
  }

  function fill(name, module, source, file) {
    if (name === 'lodash') {
      native.compile('module, exports', source, file).call(globalThis, module, module.exports)
    } else {
      native.compile('module, exports, require, binding', source, file)
        (module, module.exports, requireInternal, native.binding)
    }
  }

  // What scripts may require; the other files under node/ are parts of these, and may not hide a package's name.
  const PUBLIC = new Set([
    'assert', 'assert/strict', 'buffer', 'child_process', 'console', 'crypto', 'events', 'fs', 'fs/promises', 'http',
    'https', 'lodash', 'net', 'os', 'path', 'path/posix', 'path/win32', 'process', 'punycode', 'querystring', 'stream',
    'stream/consumers', 'stream/promises', 'string_decoder', 'timers', 'timers/promises', 'tty', 'url', 'util',
    'util/types', 'zlib'
  ])

  function requirePublic(name) {
    return PUBLIC.has(name) ? requireBuiltin(name) : undefined
  }

  function requireInternal(name) {
    const plain = name.startsWith('node:') ? name.slice(5) : name
    const exports = requireBuiltin(plain)
    if (exports === undefined) throw new Error("no built-in module is called '" + name + "'")
    return exports
  }

  function withExtension(path) {
    if (native.kind(path) === 'file') return path
    for (const extension of ['.js', '.json', '.cjs']) {
      if (native.kind(path + extension) === 'file') return path + extension
    }
    return null
  }

  // The "exports" field, as far as CommonJS needs it: text, conditions, or subpaths with one star.
  function fromExports(exports, subpath) {
    if (typeof exports === 'string') return subpath === '.' ? exports : null
    if (Array.isArray(exports)) {
      for (const item of exports) {
        const found = fromExports(item, subpath)
        if (found) return found
      }
      return null
    }
    if (exports === null || typeof exports !== 'object') return null
    const keys = Object.keys(exports)
    if (!keys.some((key) => key.startsWith('.'))) {
      for (const key of keys) {
        if (key !== 'require' && key !== 'node' && key !== 'default') continue
        const found = fromExports(exports[key], subpath)
        if (found) return found
      }
      return null
    }
    if (subpath in exports) return fromExports(exports[subpath], '.')
    for (const key of keys) {
      const star = key.indexOf('*')
      if (star < 0 || !subpath.startsWith(key.slice(0, star)) || !subpath.endsWith(key.slice(star + 1))) continue
      const found = fromExports(exports[key], '.')
      const middle = subpath.slice(star, subpath.length - (key.length - star - 1))
      if (found) return found.replace('*', middle)
    }
    return null
  }

  function readPackage(folder) {
    const file = folder + '/package.json'
    return native.kind(file) === 'file' ? JSON.parse(native.readText(file)) : null
  }

  function fromFolder(folder, subpath) {
    const about = readPackage(folder)
    if (about && about.exports) {
      const target = fromExports(about.exports, subpath === '' ? '.' : './' + subpath)
      if (target) return withExtension(join(folder, target))
    }
    if (subpath !== '') return findPath(join(folder, subpath))
    if (about && about.main) {
      const main = findPath(join(folder, about.main))
      if (main) return main
    }
    return withExtension(folder + '/index')
  }

  function findPath(path) {
    const file = withExtension(path)
    if (file) return file
    return native.kind(path) === 'folder' ? fromFolder(path, '') : null
  }

  function findPackage(name, folder) {
    const parts = name.split('/')
    const length = name.startsWith('@') ? 2 : 1
    const base = parts.slice(0, length).join('/')
    const subpath = parts.slice(length).join('/')
    for (let at = folder; ; at = dirname(at)) {
      const candidate = join(at, 'node_modules/' + base)
      if (native.kind(candidate) === 'folder') {
        const found = fromFolder(candidate, subpath)
        if (found) return found
      }
      if (at === '/') return null
    }
  }

  function notFound(name, from) {
    const by = from ? ', required by ' + from : ''
    const error = new Error("cannot find module '" + name + "'" + by)
    error.code = 'MODULE_NOT_FOUND'
    return error
  }

  function find(name, from) {
    const folder = from ? dirname(from) : '/'
    const isPath = name.startsWith('/') || name === '.' || name === '..' || name.startsWith('./') || name.startsWith('../')
    const found = isPath ? findPath(join(folder, name)) : findPackage(name, folder)
    if (!found) throw notFound(name, from)
    return native.realPath(found)
  }

  function run(module, file) {
    const source = native.readText(file)
    if (file.endsWith('.json')) {
      try {
        module.exports = JSON.parse(source)
      } catch (error) {
        throw new SyntaxError(file + ': ' + error.message)
      }
      return
    }
    const body = source.startsWith('#!') ? '//' + source : source
    const wrapper = native.compile(WRAPPER, body, file)
    wrapper.call(module.exports, module.exports, module.require, module, file, dirname(file))
  }

  function load(file) {
    const known = users.get(file)
    if (known) return known.exports
    const module = { id: file, filename: file, path: dirname(file), exports: {}, loaded: false, children: [] }
    module.require = makeRequire(file)
    users.set(file, module)
    try {
      run(module, file)
      module.loaded = true
    } finally {
      if (!module.loaded) users.delete(file)
    }
    return module.exports
  }

  function makeRequire(from) {
    const require = function (name) {
      if (typeof name !== 'string' || name === '') throw new TypeError('require wants the name of a module')
      const plain = name.startsWith('node:') ? name.slice(5) : name
      if (!/^[./]/.test(plain)) {
        const exports = requirePublic(plain)
        if (exports !== undefined) return exports
        if (plain !== name) throw notFound(name, from)
      }
      return load(find(name, from))
    }
    require.resolve = (name) => (PUBLIC.has(name.replace(/^node:/, '')) ? name : find(name, from))
    require.cache = new Proxy({}, {
      get: (_, file) => users.get(file),
      has: (_, file) => users.has(file),
      deleteProperty: (_, file) => (users.delete(file), true),
      ownKeys: () => [...users.keys()],
      getOwnPropertyDescriptor: (_, file) =>
        users.has(file) ? { value: users.get(file), enumerable: true, configurable: true } : undefined
    })
    return require
  }

  function lazy(name, make) {
    Object.defineProperty(globalThis, name, {
      configurable: true,
      enumerable: false,
      get() {
        const value = make()
        Object.defineProperty(globalThis, name, { configurable: true, enumerable: false, writable: true, value })
        return value
      },
      set(value) {
        Object.defineProperty(globalThis, name, { configurable: true, enumerable: false, writable: true, value })
      }
    })
  }

  function define(name, value) {
    Object.defineProperty(globalThis, name, { configurable: true, enumerable: false, writable: true, value })
  }

  class Timeout {
    constructor(call, ms, repeat) {
      this.id = native.timerStart(call, ms, repeat)
      this.counts = true
    }
    ref() {
      this.counts = true
      native.timerCount(this.id, true)
      return this
    }
    unref() {
      this.counts = false
      native.timerCount(this.id, false)
      return this
    }
    hasRef() {
      return this.counts
    }
    close() {
      native.timerStop(this.id)
      return this
    }
    [Symbol.toPrimitive]() {
      return this.id
    }
  }

  function timer(repeat) {
    return function (call, ms, ...args) {
      if (typeof call !== 'function') throw new TypeError('a timer wants a function')
      return new Timeout(args.length > 0 ? () => call(...args) : () => call(), ms, repeat)
    }
  }

  function stop(timeout) {
    if (timeout !== undefined && timeout !== null) native.timerStop(Number(timeout))
  }

  define('global', globalThis)
  define('setTimeout', timer(false))
  define('setInterval', timer(true))
  define('setImmediate', (call, ...args) => globalThis.setTimeout(call, 0, ...args))
  define('clearTimeout', stop)
  define('clearInterval', stop)
  define('clearImmediate', stop)
  define('queueMicrotask', (call) => {
    if (typeof call !== 'function') throw new TypeError('queueMicrotask wants a function')
    Promise.resolve().then(call).catch((error) => requireInternal('process_tick').report(error))
  })
  for (const name of ['setTimeout', 'setImmediate']) {
    Object.defineProperty(globalThis[name], Symbol.for('nodejs.util.promisify.custom'), {
      get: () => requireInternal('timers/promises')[name]
    })
  }
  const LAZY = {
    buffer: ['Buffer', 'Blob', 'File'],
    encoding: ['TextEncoder', 'TextDecoder', 'atob', 'btoa'],
    url: ['URL', 'URLSearchParams'],
    events: ['EventTarget', 'Event', 'CustomEvent', 'AbortController', 'AbortSignal'],
    errors: ['DOMException'],
    util: ['structuredClone'],
    fetch: ['fetch', 'Headers', 'Request', 'Response', 'FormData']
  }
  for (const [module, names] of Object.entries(LAZY)) {
    for (const name of names) lazy(name, () => requireInternal(module)[name])
  }
  lazy('console', () => requireInternal('console'))
  lazy('process', () => requireInternal('process'))
  lazy('crypto', () => requireInternal('crypto').webcrypto || requireInternal('crypto'))

  return { require: makeRequire(null), internal: requireInternal, forget: () => users.clear() }
})
