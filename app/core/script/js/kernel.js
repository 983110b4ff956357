'use strict'

// `kernel` and `info` as scripts know them. What is asked for and not here is an error that names it.

const fs = require('fs')
const os = require('os')
const path = require('path')
const native = binding('script')
const world = require('pino:world')
const { render } = require('pino:render')

// Runs one of the engine's methods as a step of the script would; a promise of its result.
function invoke(method, params, ondata) {
  return native.invoke(method, params === undefined ? {} : params, ondata)
}

function strict(name, object) {
  const silent = new Set(['then', 'toJSON', 'constructor', 'inspect', 'nodeType', 'default', '__esModule'])
  return new Proxy(object, {
    get(target, key) {
      if (key in target || typeof key === 'symbol' || silent.has(key)) return target[key]
      throw new Error(name + '.' + String(key) + ' is not available in this engine')
    }
  })
}

function home(...parts) {
  return path.resolve(native.home, ...parts.map(String))
}

function filePath(uri, cwd) {
  return native.resolve(String(uri), cwd === undefined ? '' : String(cwd)) || undefined
}

const machine = world.machine

// Older apps look at controllers[0] without asking whether there is one.
function graphicsFacts() {
  const { controllers, displays } = machine().graphics
  return { controllers: controllers.length > 0 ? controllers : [{ vendor: '', model: '', vram: 0 }], displays }
}

function osFacts() {
  const release = fs.existsSync('/etc/os-release') ? fs.readFileSync('/etc/os-release', 'utf8') : ''
  const field = (name) => (new RegExp('^' + name + '="?([^"\\n]*)', 'm').exec(release) || [])[1] || ''
  return {
    platform: native.platform, distro: field('NAME'), release: field('VERSION_ID'), codename: field('VERSION_CODENAME'),
    kernel: os.release(), arch: native.arch, hostname: os.hostname()
  }
}

function memoryFacts() {
  return { total: os.totalmem(), free: os.freemem(), used: os.totalmem() - os.freemem() }
}

function cpuFacts() {
  const all = os.cpus()
  return { brand: all.length > 0 ? all[0].model : '', cores: all.length, physicalCores: all.length }
}

const system = strict('kernel.system', {
  graphics: async () => graphicsFacts(),
  osInfo: async () => osFacts(),
  mem: async () => memoryFacts(),
  cpu: async () => cpuFacts()
})

function sysinfo() {
  return { ...machine(), graphics: graphicsFacts(), osInfo: osFacts(), mem: memoryFacts(), cpu: cpuFacts() }
}

const loader = strict('kernel.loader', {
  async load(file) {
    if (!fs.existsSync(file)) return { resolved: null, dirname: path.dirname(file) }
    return { resolved: native.loadValue(file), extension: path.extname(file), dirname: path.dirname(file) }
  }
})

// parts of a path, as of path.resolve; null where there is no such file
async function loadAt(...parts) {
  return (await loader.load(path.resolve(native.home, ...parts.map(String)))).resolved
}

const shell = strict('kernel.shell', {
  run: (params, options, ondata) => invoke('shell.run', withFolder(params, options), ondata),
  start: (params, options, ondata) => invoke('shell.start', withFolder(params, options), ondata),
  enter: (params, ondata) => invoke('shell.enter', params, ondata),
  write: (params, ondata) => invoke('shell.write', params, ondata),
  stop: (params) => invoke('shell.stop', typeof params === 'string' ? { id: params } : params),
  resolve: (params) => (params && params.id ? params.id : null)
})

function withFolder(params, options) {
  return options && options.cwd && params.path === undefined ? { ...params, path: options.cwd } : params
}

const kernel = strict('kernel', {
  platform: native.platform,
  arch: native.arch,
  homedir: native.home,
  memory: { ...world.memory, local: world.sharedMemory('local'), global: world.sharedMemory('global') },
  script: strict('kernel.script', world.script),
  system,
  loader,
  shell,
  get envs() {
    return native.environment(native.home)
  },
  env: (name) => native.environment(native.home)[name],
  get gpu() { return machine().gpu },
  get gpus() { return machine().gpus },
  get gpu_model() { return machine().gpu_model },
  get gpu_driver() { return machine().gpu_driver },
  get gpu_target() { return machine().gpu_target },
  get vram() { return machine().vram },
  get ram() { return machine().ram },
  get i() { return sysinfo() },
  get sysinfo() { return sysinfo() },
  jsdom: undefined, // older menus ask whether it is there
  get info() { return infoFor(null) },
  path: home,
  exists: async (...parts) => fs.existsSync(home(...parts)),
  which: (name) => native.which(String(name)) || null,
  port: async () => native.port(),
  exec: (params, ondata) => invoke('shell.run', params, ondata),
  download: (params, ondata) => invoke('fs.download', params, ondata),
  require: loadAt,
  load: loadAt,
  fetch: (...args) => globalThis.fetch(...args),
  status: (uri, cwd) => world.isRunning(filePath(uri, cwd)) === true,
  running: (...parts) => world.script.running(...parts),
  api: strict('kernel.api', {
    get running() {
      return Object.fromEntries(world.allRunning().map((file) => [file, true]))
    },
    filePath,
    resolvePath: (cwd, uri) => filePath(uri, cwd)
  }),
  bin: strict('kernel.bin', {
    path: (...parts) => home('bin', ...parts),
    exists: (...parts) => fs.existsSync(home('bin', ...parts)),
    sh: (params, ondata) => invoke('shell.run', params, ondata)
  }),
  template: strict('kernel.template', { render: (value, names) => render(value, names || {}, false) })
})

// The script that calls: the first frame of the stack that is a file. JSC's frames read NAME@FILE:LINE:COLUMN.
function callerFolder() {
  for (const frame of new Error().stack.split('\n')) {
    const found = /(?:^|@)(\/.*):\d+:\d+$/.exec(frame)
    if (found) return path.dirname(found[1])
  }
  return native.home
}

// folder: what paths are relative to; null: the folder of the script that calls
function infoFor(folder) {
  const place = (parts) => path.resolve(folder || callerFolder(), ...parts.map(String))
  const either = (parts, test) => {
    if (test(place(parts))) return true
    const file = world.resolveScript(...parts)
    return file ? test(file) : false
  }
  return strict('info', {
    path: (...parts) => place(parts),
    exists: (...parts) => fs.existsSync(place(parts)),
    running: (...parts) => (parts.length === 0 ? world.allRunning().length > 0 : world.isRunning(place(parts)) === true),
    ready: (...parts) => either(parts, world.isReady),
    local: (...parts) => world.localOf(place(parts)),
    global: (...parts) => world.globalOf(place(parts)),
    cwd: () => folder || callerFolder(),
    caller: () => folder || callerFolder(),
    venv: async (at) => {
      const base = at ? String(at) : folder || callerFolder()
      const names = fs.existsSync(base) ? fs.readdirSync(base) : []
      const found = names.find((name) => fs.existsSync(path.join(base, name, 'pyvenv.cfg')))
      return found ? path.join(base, found) : null
    },
    scriptsByApi: () => {
      const apps = {}
      for (const file of world.allRunning()) {
        const name = path.relative(home('api'), file).split('/')[0]
        if (name && name !== '..') (apps[name] = apps[name] || []).push({ uri: file, local: world.localOf(file) })
      }
      return apps
    }
  })
}

module.exports = { kernel, infoFor }
