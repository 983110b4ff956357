'use strict'

// One step made ready: memory laid out, templates rendered, `next` and `when` decided. C does the rest.

const world = require('pino:world')
const keypath = require('pino:keypath')
const { render, renderStep } = require('pino:render')

function indexOf(steps, id) {
  return steps.findIndex((step) => step !== null && typeof step === 'object' && step.id === id)
}

function nextOf(step, steps, index) {
  const following = index < steps.length - 1 ? index + 1 : null
  if (!Object.hasOwn(step, 'next')) return following
  if (typeof step.next !== 'string') return step.next === undefined ? null : step.next
  const found = indexOf(steps, step.next)
  if (found < 0) throw new Error("no step has the id '" + step.next + "' that `next` names")
  return found
}

function wanted(step, names) {
  if (!Object.hasOwn(step, 'when')) return true
  return step.when ? Boolean(render(step.when, names, true)) : false
}

// -> {step, next, skip, method}
function prepare(entry, steps, index, input) {
  const raw = steps[index]
  const names = world.namesFor(entry, index, steps.length, input)
  const step = raw !== null && typeof raw === 'object' ? renderStep(raw, names) : {}
  if (!step.method) throw new Error('missing RPC attribute: method')
  const following = index < steps.length - 1 ? index + 1 : null
  if (!wanted(step, names)) return { step, next: following, skip: true, method: '' }
  const method = typeof step.method === 'function' ? '<function>' : String(step.method)
  return { step, next: nextOf(step, steps, index), skip: false, method }
}

// What a method that is JavaScript gets as its request.
function request(entry, prepared, index, total, input) {
  const { step } = prepared
  step.next = prepared.next
  step.parent = {
    uri: entry.uri, path: entry.path, cwd: entry.cwd, args: entry.args, body: entry.body, action: entry.action
  }
  return Object.assign(step, {
    cwd: entry.cwd, dirname: entry.dirname, root: entry.uri, current: index, total, input, args: entry.args
  })
}

function keepOne(entry, target, value) {
  const dot = target.indexOf('.')
  const kind = dot < 0 ? '' : target.slice(0, dot)
  if (kind !== 'local' && kind !== 'global') throw new Error("`returns` names '" + target + "': it can be local.NAME or global.NAME")
  keypath.set(world.memory[kind][entry.path], target.slice(dot + 1), value)
}

// `returns` of a step, once its result is there
function keepResult(entry, returns, result) {
  if (result === undefined || result === null || returns === undefined || returns === null) return
  if (typeof returns === 'string') {
    keepOne(entry, returns, result)
    return
  }
  const names = Object.create(null)
  if (typeof result === 'object') Object.assign(names, result)
  names.result = result
  const values = render(returns, names, true)
  for (const target of Object.keys(values)) keepOne(entry, target, values[target])
}

// The steps of an action; `run` may be a function that gives them.
function stepsOf(entry, action) {
  if (entry.body === null || typeof entry.body !== 'object') return undefined
  const value = action === 'on.stop' ? entry.body.on && entry.body.on.stop : entry.body[action]
  if (typeof value !== 'function') return value
  const { kernel, infoFor } = require('pino:kernel')
  return value.call(entry.body, kernel, infoFor(entry.dirname), { input: entry.args, args: entry.args, cwd: entry.cwd })
}

// What a notification of a step (`notify: true` or an object) is.
function notification(step, index, raw) {
  if (step.notify === true) {
    const uri = raw.uri ? '<b>uri</b> ' + raw.uri + '<br>' : ''
    return { html: '<b>Step ' + index + ' Finished</b><br>' + uri + '<b>method</b> ' + raw.method }
  }
  const { html, href, target, features, type } = step.notify
  return { html, href, target, features, type }
}

// Text that is another one when the steps, their functions, or what the script is started with are others.
function describe(steps, args) {
  return JSON.stringify([steps, args], (key, value) => (typeof value === 'function' ? 'function ' + value : value))
}

module.exports = { prepare, request, keepResult, stepsOf, notification, indexOf, describe }
