'use strict'

// Key paths such as a.b.0.c, ["a key"].b and $.list[2]: reading, setting and taking out of values.

const BRACKET = /^\[\s*(?:(\d+)|"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)')\s*\]/

function parse(path) {
  let rest = String(path)
  const keys = []
  if (rest.startsWith('$.') || rest.startsWith('$[')) rest = rest.slice(1)
  while (rest !== '') {
    const bracket = BRACKET.exec(rest)
    if (bracket) {
      keys.push(bracket[1] !== undefined ? bracket[1] : (bracket[2] ?? bracket[3]).replace(/\\(.)/g, '$1'))
      rest = rest.slice(bracket[0].length)
      continue
    }
    if (rest.startsWith('.')) rest = rest.slice(1)
    const end = rest.search(/[.[]/)
    if (end === 0 && rest[0] === '[') return String(path).split('.') // no bracket of ours: an ordinary character
    const key = end < 0 ? rest : rest.slice(0, end)
    keys.push(key)
    rest = end < 0 ? '' : rest.slice(end)
    if (rest === '.') keys.push('')
    if (rest === '.') rest = ''
  }
  return keys
}

function check(keys, path) {
  if (keys.includes('__proto__')) throw new Error("'" + path + "' is no key path: __proto__ cannot be set")
  return keys
}

function isContainer(value) {
  return value !== null && (typeof value === 'object' || typeof value === 'function')
}

function get(target, path) {
  let at = target
  for (const key of parse(path)) {
    if (!isContainer(at)) return undefined
    at = at[key]
  }
  return at
}

function set(target, path, value) {
  const keys = check(parse(path), path)
  let at = target
  for (let i = 0; i < keys.length - 1; i++) {
    if (!isContainer(at[keys[i]])) at[keys[i]] = {}
    at = at[keys[i]]
  }
  at[keys[keys.length - 1]] = value
}

function remove(target, path) {
  const keys = parse(path)
  let at = target
  for (let i = 0; i < keys.length - 1; i++) {
    if (!isContainer(at)) return
    at = at[keys[i]]
  }
  const last = keys[keys.length - 1]
  if (!isContainer(at)) return
  if (Array.isArray(at) && /^\d+$/.test(last)) at.splice(Number(last), 1)
  else delete at[last]
}

// An array or object in place of what is there is taken whole, {path: value} is set path by path.
function assign(target, values) {
  if (Array.isArray(values)) return values
  const out = isContainer(target) ? target : {}
  for (const path of Object.keys(values)) set(out, path, values[path])
  return out
}

function removeAll(target, paths) {
  for (const path of Array.isArray(paths) ? paths : [paths]) remove(target, String(path))
  return target
}

function merge(target, values) {
  if (!isContainer(target) || !isContainer(values) || Array.isArray(target) || Array.isArray(values)) return values
  for (const key of Object.keys(values)) {
    if (key !== '__proto__') target[key] = merge(target[key], values[key])
  }
  return target
}

module.exports = { get, set, remove, assign, removeAll, merge, parse }
