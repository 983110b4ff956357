'use strict'

// Goes through the steps of an install script as the interpreter would, without doing any: which would run, which not,
// and which depend on what only the run can tell. Scripts that it starts are gone through too.

const fs = require('fs')
const path = require('path')
const native = binding('script')
const world = require('pino:world')
const { stepsOf, indexOf } = require('pino:step')
const { render, renderStep } = require('pino:render')
const required = require('pino:required')
const { describe, short, WITHOUT_RESULT } = require('pino:plan_methods')

const MAX_DEPTH = 8
const MAX_STEPS = 2000

// What decides for a step of several commands.
const WEIGHT = ['clone', 'pip', 'conda', 'npm', 'hf', 'download', 'apt', 'brew', 'system', 'docker', 'input', 'run', 'venv', 'code', 'shell']

const isObject = (value) => value !== null && typeof value === 'object' && !Array.isArray(value)

function heaviest(told) {
  const kinds = told.map((one) => one.kind)
  return WEIGHT.find((kind) => kinds.includes(kind)) || kinds[0] || 'flow'
}

// --- what templates see --------------------------------------------------------------------------------------

// An app's _ENVIRONMENT becomes its ENVIRONMENT when its first script runs.
function defaults(folder) {
  const file = path.join(folder, '_ENVIRONMENT')
  if (!fs.existsSync(file) || fs.existsSync(path.join(folder, 'ENVIRONMENT'))) return {}
  const out = {}
  for (const line of fs.readFileSync(file, 'utf8').split('\n')) {
    const found = /^\s*([A-Za-z_]\w*)=(.*?)\s*$/.exec(line)
    if (found && found[2] !== '') out[found[1]] = found[2].replace(/^(["'])(.*)\1$/, '$2')
  }
  return out
}

class Memory {
  constructor(walk, entry, unknownArguments) {
    this.walk = walk
    this.entry = entry
    this.values = {}
    this.unknown = new Set() // names in `local` that a run would set to what is not known
    this.touched = false
    this.input = { known: unknownArguments.size === 0, value: entry.args }
    const touch = () => (this.touched = true)
    this.local = new Proxy(this.values, {
      get: (values, name) => {
        if (this.unknown.has(name) || this.unknown.has('*')) touch()
        return values[name]
      }
    })
    this.arguments = new Proxy(entry.args, {
      get: (values, name) => {
        if (unknownArguments.has(name)) touch()
        return values[name]
      }
    })
  }

  exists(parts) {
    const at = path.resolve(this.entry.cwd, ...parts.map(String))
    for (const made of this.walk.made) {
      if (made === at || made.startsWith(at + '/')) return true
      if (at.startsWith(made + '/')) this.touched = true
    }
    return fs.existsSync(at)
  }

  names(index, total) {
    const names = world.namesFor(this.entry, index, total, undefined)
    const define = (name, get) => Object.defineProperty(names, name, { get, configurable: true, enumerable: true })
    define('input', () => {
      if (!this.input.known) this.touched = true
      return index === 0 || this.input.value === this.entry.args ? this.arguments : this.input.value
    })
    define('args', () => this.arguments)
    define('local', () => this.local)
    define('port', () => 0)
    define('env', () => this.environment())
    define('envs', () => this.environment())
    Object.defineProperty(names, 'exists', { value: (...parts) => this.exists(parts), configurable: true, writable: true })
    return names
  }

  environment() {
    if (!this.kept) this.kept = { ...native.environment(this.entry.cwd), ...defaults(this.walk.folder) }
    return this.kept
  }

  // -> [value, whether it depends on what is not known]
  tracked(make) {
    this.touched = false
    const value = make()
    return [value, this.touched]
  }

  // A step's result goes to where its `returns` says.
  keep(step, method) {
    const returns = step.returns
    if (returns === undefined || returns === null) return
    const targets = typeof returns === 'string' ? [returns] : isObject(returns) ? Object.keys(returns) : []
    for (const target of targets) if (target.startsWith('local.')) this.unknown.add(target.slice(6).split(/[.[]/)[0])
  }

  set(params, unknown) {
    for (const [name, value] of Object.entries(isObject(params) ? params : {})) {
      const top = name.split(/[.[]/)[0]
      if (unknown || top !== name) this.unknown.add(top)
      else this.values[name] = value
    }
  }
}

function throws(text, names) {
  if (typeof text !== 'string' || !/^\{\{[^]*\}\}$/.test(text)) return false
  try {
    new Function('$memory', 'with ($memory) { return (' + text.slice(2, -2) + '\n) }')(names)
    return false
  } catch (error) {
    return !(error instanceof SyntaxError)
  }
}

function decide(memory, raw, names) {
  if (!Object.hasOwn(raw, 'when')) return 'yes'
  const [value, touched] = memory.tracked(() => {
    const { when } = renderStep({ when: raw.when }, names)
    return when ? Boolean(render(when, names, true)) : false
  })
  if (touched || (!value && throws(raw.when, names))) return 'unknown'
  return value ? 'yes' : 'no'
}

// --- the steps of one script ---------------------------------------------------------------------------------

// How surely each step is come to: 1 surely, 0 never. Ways that part carry a half each, and join again.
class Flow {
  constructor(steps) {
    this.steps = steps
    this.reach = new Array(steps.length).fill(0)
    if (steps.length > 0) this.reach[0] = 1
  }

  give(index, weight) {
    if (Number.isInteger(index) && index >= 0 && index < this.reach.length) this.reach[index] += weight
  }

  sureness(index) {
    if (this.reach[index] === 0) return 'no'
    return this.reach[index] > 1 - 1e-9 ? 'yes' : 'unknown'
  }

  // targets: where the step leads when it runs; back: it leads to an earlier step, a loop that is left in the end
  pass(index, when, targets) {
    const weight = this.reach[index]
    const ahead = targets.filter((target) => target > index)
    if (targets.some((target) => Number.isInteger(target) && target <= index)) ahead.push(index + 1)
    const runs = when === 'unknown' && !(ahead.length === 1 && ahead[0] === index + 1) ? weight / 2 : when === 'no' ? 0 : weight
    for (const target of ahead) this.give(target, runs / ahead.length)
    this.give(index + 1, weight - runs)
  }
}

function nextOf(step, steps, index) {
  if (!Object.hasOwn(step, 'next')) return index + 1
  if (typeof step.next === 'string') return indexOf(steps, step.next)
  return step.next === undefined || step.next === null ? null : Number(step.next)
}

function targetsOf(step, steps, index, unknown) {
  if (step.method !== 'jump' && step.method !== 'goto') return [nextOf(step, steps, index)].filter((target) => target !== null)
  const params = isObject(step.params) ? step.params : {}
  if (unknown) {
    const later = steps.map((_, at) => at).filter((at) => at > index && isObject(steps[at]) && steps[at].id !== undefined)
    return later.length > 0 ? later : [index + 1]
  }
  if (params.index !== undefined) return params.index === null ? [] : [Number(params.index)]
  const found = params.id === undefined ? -1 : indexOf(steps, params.id)
  return [found >= 0 ? found : nextOf(step, steps, index)].filter((target) => target !== null)
}

const both = (one, other) => (one === 'no' || other === 'no' ? 'no' : one === 'yes' && other === 'yes' ? 'yes' : 'unknown')

class Walk {
  // folder: the app's
  constructor(folder) {
    this.folder = folder
    this.made = new Set()
    this.sessions = new Map()
    this.steps = []
    this.problems = []
    this.requires = []
    this.open = [] // the scripts that lead to the present one
  }

  // skipped: the step leaves no trace
  context(entry, skipped) {
    const folder = entry.cwd
    return {
      folder, made: skipped ? new Set() : this.made,
      show: (name) => {
        const app = /^(?:https?:\/\/[^/]+|git@[^:]+)[/:](.*?)\.git\/?(.*)$/.exec(String(name))
        const at = native.resolve(String(name), folder)
        if (app && !at && !skipped) this.problem('it counts on the app ' + app[1] + ', which is not installed')
        if (app) return path.basename(app[1]) + "'s " + (app[2] || 'folder')
        const inside = at ? path.relative(this.folder, at) : ''
        if (inside && !inside.startsWith('..')) return inside
        return at && at.startsWith(native.home + '/api/') ? at.slice(native.home.length + 5) : String(name)
      },
      session: (params) => this.sessions.get(String(params.id || entry.path)),
      openSession: (params, at) => skipped || this.sessions.set(String(params.id || entry.path), at)
    }
  }

  problem(text) {
    if (!this.problems.includes(text)) this.problems.push(text)
  }

  label(index) {
    return [...this.open.slice(0, -1).map((level) => level.index + 1), index + 1].join('.')
  }

  push(entry, index, method, when, told) {
    this.steps.push({
      index, label: this.label(index), depth: this.open.length - 1, script: path.relative(this.folder, entry.path) || path.basename(entry.path),
      method, when, kind: heaviest(told), text: told.map((one) => one.text).join('; '), sudo: told.some((one) => one.sudo === true),
      runs: told.some((one) => one.kind === 'run' || one.kind === 'code' || one.unknown === true),
      needs: [...new Set(told.map((one) => one.needs).filter(Boolean))], items: told.flatMap((one) => one.items || [])
    })
  }

  requirements(body) {
    const list = Array.isArray(body.requires) ? body.requires : []
    const fits = (wanted, here) => wanted === undefined || [].concat(wanted).includes(here)
    for (const item of list) {
      if (!isObject(item) || typeof item.name !== 'string') continue
      if (!fits(item.platform, native.platform) || !fits(item.arch, native.arch) || !fits(item.gpu, world.machine().gpu)) continue
      this.requires.push({ name: item.name, type: typeof item.type === 'string' ? item.type : '' })
    }
  }

  settings(entry, when) {
    const form = required.missing({ body: entry.body, folder: this.folder })
    if (!form) return
    const told = [{ kind: 'input', text: 'Ask for ' + form.form.map((field) => field.key).join(', '), items: [] }]
    this.push(entry, -1, 'env', when, told)
  }

  async script(file, args, unknownArguments, when) {
    const body = await world.bodyOf(native.loadValue(file), file)
    if (!isObject(body)) throw new Error(file + ' gives no object: a script exports {run: [...]}')
    const dirname = path.dirname(file)
    const entry = { path: file, uri: file, cwd: dirname, dirname, name: path.basename(dirname), body, args }
    this.open.push({ file, index: 0 })
    this.requirements(body)
    this.settings(entry, when)
    const steps = await stepsOf(entry, 'run')
    if (!Array.isArray(steps) || steps.length === 0) throw new Error(file + ': missing or invalid attribute: run')
    await this.through(entry, steps, new Memory(this, entry, unknownArguments), when)
    this.open.pop()
  }

  async through(entry, steps, memory, outer) {
    const flow = new Flow(steps)
    for (let index = 0; index < steps.length; index++) {
      if (this.steps.length >= MAX_STEPS) {
        this.problem('it has more than ' + MAX_STEPS + ' steps: only these were looked at')
        return
      }
      this.open[this.open.length - 1].index = index
      const raw = isObject(steps[index]) ? steps[index] : {}
      const names = memory.names(index, steps.length)
      const reached = flow.sureness(index)
      const decided = reached === 'no' ? 'no' : decide(memory, raw, names)
      const when = both(both(outer, reached), decided)
      const [step, unknown] = memory.tracked(() => renderStep({ ...raw, when: undefined, returns: undefined }, names))
      await this.one(entry, index, raw, step, { when, unknown, memory, names })
      flow.pass(index, decided, targetsOf(step, steps, index, unknown))
      this.remember(memory, raw, step, { decided, unknown })
    }
  }

  remember(memory, raw, step, { decided, unknown }) {
    if (decided === 'no') {
      memory.input = { known: true, value: null }
      return
    }
    const method = step.method
    memory.keep(raw, method)
    if (method === 'local.set') memory.set(step.params, unknown || decided === 'unknown')
    else if (method === 'set' && isObject(step.params)) memory.set(step.params.local, unknown || decided === 'unknown')
    else if (typeof method !== 'string' || method.startsWith('local.') || raw.uri) memory.unknown.add('*')
    const params = isObject(step.params) ? step.params : {}
    if (method === 'jump' || method === 'goto') memory.input = { known: !unknown, value: params.params || params.input }
    else memory.input = { known: decided === 'yes' && WITHOUT_RESULT.has(method), value: undefined }
  }

  async one(entry, index, raw, step, about) {
    const { when } = about
    const method = typeof raw.method === 'function' ? '<function>' : String(step.method)
    if (typeof raw.method === 'function' || raw.uri) {
      const what = raw.uri ? ' (' + method + ' of ' + String(step.uri) + ')' : ''
      this.push(entry, index, method, when, [{ kind: 'code', text: "Run the app's own code" + what, items: [] }])
    } else if (!step.method) {
      this.push(entry, index, '', when, [{ kind: 'other', text: 'A step without a method: the script fails here', items: [] }])
    } else if (method === 'script.start' || method === 'script.run') {
      await this.start(entry, index, method, raw, step, about)
    } else {
      const told = describe(method, step.params, this.context(entry, when === 'no'))
      this.push(entry, index, method, when, when === 'no' ? told.map((one) => ({ ...one, items: [] })) : told)
    }
  }

  // script.start: its own steps follow it
  async start(entry, index, method, raw, step, { when, memory, names }) {
    const params = isObject(step.params) ? step.params : {}
    const [uri, query] = String(params.uri || '').split('?')
    const file = uri && !uri.includes('{{') ? native.resolve(uri, entry.cwd) : false
    const clone = !file && /\.git(\/|$)/.test(uri) ? [{ kind: 'clone', what: uri, bytes: null, estimate: false, clone: uri.replace(/(\.git)\/.*$/, '$1') }] : []
    const shown = file ? path.relative(this.folder, file).replace(/^\.\.\/.*\/api\//, '') : uri
    const text = (clone.length > 0 ? 'Clone and run ' : 'Run ') + (shown || 'a script')
    const readable = file && fs.existsSync(file)
    this.push(entry, index, method, when, [{ kind: clone.length > 0 ? 'clone' : 'script', text: readable || clone.length > 0 ? text : text + ' (not here yet)', items: when === 'no' ? [] : clone }])
    if (when === 'no' || !readable || this.open.some((level) => level.file === file) || this.open.length >= MAX_DEPTH) return
    const args = { ...Object.fromEntries(new URLSearchParams(query || '')), ...(isObject(params.params) ? params.params : {}) }
    const open = [...this.open]
    try {
      await this.script(file, args, this.unknownIn(raw, memory, names), when)
    } catch (error) {
      this.problem(path.relative(this.folder, file) + ' cannot be read: ' + short(error.message))
    }
    this.open = open
  }

  // The names of its params whose values depend on what is not known.
  unknownIn(raw, memory, names) {
    const given = isObject(raw.params) && isObject(raw.params.params) ? raw.params.params : {}
    const out = new Set()
    for (const name of Object.keys(given)) {
      const [value, touched] = memory.tracked(() => renderStep({ value: given[name] }, names).value)
      if (touched || (typeof value === 'string' && value.includes('{{'))) out.add(name)
    }
    return out
  }
}

// -> {steps, problems, requires}
async function walk(folder, script, args) {
  const made = new Walk(folder)
  await made.script(script, args, new Set(), 'yes')
  return { steps: made.steps, problems: made.problems, requires: made.requires }
}

module.exports = { walk }
