'use strict'

// What each method of a step would do, from its rendered params: as plan_command.js tells it of commands.

const fs = require('fs')
const path = require('path')
const native = binding('script')
const { describeLine, joinInstalls, hubDownload, shortAddress, fileOfAddress, downloadNames, downloadItem, listed } = require('pino:plan_command')

const isObject = (value) => value !== null && typeof value === 'object' && !Array.isArray(value)
const texts = (value) => [].concat(value).filter((item) => typeof item === 'string')

function plain(html) {
  return String(html).replace(/<[^>]*>/g, ' ').replace(/&nbsp;/g, ' ').replace(/\s+/g, ' ').trim()
}

const LONG = 160

function short(text) {
  const line = plain(text)
  return line.length > LONG ? line.slice(0, LONG - 3) + '...' : line
}

function pathIn(context, name) {
  return native.resolve(String(name), context.folder) || path.resolve(context.folder, String(name))
}

// --- shells ------------------------------------------------------------------------------------------------

// A structured message: `_` holds the words, other keys are flags.
function structured(message) {
  const words = texts(message._)
  for (const [name, value] of Object.entries(message)) {
    if (name === '_' || value === false || value === null) continue
    words.push(name.length === 1 ? '-' + name : '--' + name)
    if (value !== true) words.push(String(value))
  }
  return words.map((word) => "'" + word + "'").join(' ')
}

function linesOf(message) {
  return [].concat(message).map((item) => (isObject(item) ? structured(item) : item))
    .filter((item) => typeof item === 'string' && item.trim() !== '')
}

function environments(params, context) {
  const venv = isObject(params.venv) ? params.venv.path : params.venv
  if (typeof venv === 'string' && venv !== '') context.made.add(path.resolve(context.folder, venv))
  const conda = isObject(params.conda) ? params.conda.path : params.conda
  if (typeof conda === 'string' && conda !== '') context.made.add(path.resolve(context.folder, conda))
  return Boolean(conda)
}

function ended(params) {
  return Array.isArray(params.on) && params.on.some((handler) => isObject(handler) && (handler.kill || handler.done))
}

function unresolved(line) {
  return { kind: 'shell', text: 'Run a command that is known only then: ' + short(line), items: [], unknown: true }
}

function shell(params, context) {
  const folder = typeof params.path === 'string' ? pathIn(context, params.path) : context.session(params) || context.folder
  const here = { ...context, folder, show: (name) => context.show(path.resolve(folder, String(name))) }
  if (!fs.existsSync(folder)) context.made.add(folder)
  const usesConda = environments(params, here)
  const all = []
  for (const line of linesOf(params.message)) {
    if (line.includes('{{')) all.push(unresolved(line))
    else all.push(...describeLine(line, here, isObject(params.env) ? params.env : {}))
  }
  const out = joinInstalls(all)
  if (ended(params)) for (const told of out) if (told.kind === 'run') told.text += ', until it is up'
  if (params.sudo) for (const told of out) told.sudo = true
  if (usesConda && out.length > 0 && !out[0].needs) out[0].needs = 'conda'
  return out
}

function shellStart(params, context) {
  context.openSession(params, typeof params.path === 'string' ? pathIn(context, params.path) : context.folder)
  return shell(params, context)
}

// --- downloads ---------------------------------------------------------------------------------------------

function targetOf({ dir, path: name }, addresses, context) {
  const target = dir || name
  if (typeof target !== 'string' || target.includes('{{')) return ''
  const shown = context.show(target)
  if (!dir && path.basename(target) === fileOfAddress(addresses[0])) return ' to ' + path.dirname(shown)
  return dir || addresses.length > 1 ? ' to ' + shown : ' as ' + shown
}

function download(params, context) {
  const addresses = texts(params.uri === undefined ? params.url : params.uri)
  const known = addresses.filter((address) => !address.includes('{{'))
  if (known.length === 0) return { kind: 'download', text: 'Download what an earlier step decides', items: [], unknown: true }
  return { kind: 'download', text: 'Download ' + downloadNames(known) + targetOf(params, known, context), items: known.map(downloadItem) }
}

function hfDownload(params) {
  const [repository, ...files] = texts(params._)
  const pick = (name) => texts(params[name] === undefined ? [] : params[name])
  return hubDownload({ repository, files, include: pick('include'), exclude: pick('exclude'), type: pick('repo-type')[0], revision: pick('revision')[0] })
}

function clones(params) {
  const addresses = texts(params.uri)
  return { kind: 'clone', text: 'Clone the app ' + listed(addresses.map(shortAddress)), items: addresses.map((what) => ({ kind: 'clone', what, bytes: null, estimate: false, clone: what.replace(/(\.git)\/.*$/, '$1') })) }
}

// --- files, links, the person ------------------------------------------------------------------------------

function link(params, context) {
  if (params.venv) return { kind: 'link', text: 'Share the packages of ' + context.show(params.venv) + ' with other apps', items: [] }
  const names = isObject(params.drive) ? Object.keys(params.drive) : []
  return { kind: 'link', text: 'Share ' + (listed(names) || 'folders') + ' with other apps (drive)', items: [] }
}

function file(verb, field) {
  return (params, context) => {
    const name = params[field] || params.path || params.dest
    return { kind: 'file', text: verb + ' ' + (typeof name === 'string' ? context.show(name) : 'files'), items: [] }
  }
}

function asks(params) {
  const form = Array.isArray(params.form) ? params.form : []
  const what = short(params.title || params.description || form.map((field) => field && (field.title || field.key)).join(', '))
  if (form.length === 0 && !params.type) return { kind: 'say', text: 'Say: ' + short([params.title, params.description].filter(Boolean).join(': ')), items: [] }
  return { kind: 'input', text: 'Ask: ' + what, items: [] }
}

function says(params) {
  const text = isObject(params) ? params.html || params.raw || params.text || params.title || '' : params
  return { kind: 'say', text: 'Say: ' + short(text || ''), items: [] }
}

const flow = (text) => () => ({ kind: 'flow', text, items: [] })
const pageOf = (params) => short((isObject(params) ? params.uri || params.url || params.path : params) || '')
const page = (verb) => (params) => ({ kind: 'open', text: verb + ' ' + pageOf(params), items: [] })
const exposes = (params) => ({ kind: 'open', text: 'Show ' + pageOf(params) + " as the app's page", items: [] })
const shares = (params) => ({ kind: 'net', text: 'Open ' + pageOf(params) + ' to everybody' + (params.passcode ? ' who knows its passcode' : ''), items: [] })
const unshares = (params) => ({ kind: 'net', text: 'Close ' + pageOf(params) + ' to everybody', items: [] })
const requests = (params) => ({ kind: 'net', text: 'Ask ' + shortAddress(String(params.url || params.uri || params)), items: [] })
const listOf = (text) => (params) => ({ kind: 'flow', text: text + ' ' + listed(Object.keys(isObject(params) ? params : {})), items: [] })

const METHODS = new Map(Object.entries({
  'shell.run': shell, exec: (params, context) => shell({ ...params, path: params.path || params.cwd }, context),
  'shell.start': shellStart, 'shell.enter': shell, 'shell.write': shell, 'shell.stop': flow('End the shell'),
  'fs.download': download, 'hf.download': hfDownload, 'script.download': clones,
  'hf.login': (params) => ({ kind: 'input', text: 'Log in to Hugging Face', items: [] }),
  'fs.link': link, 'fs.share': link,
  'fs.write': file('Write', 'path'), 'fs.append': file('Write', 'path'), 'fs.rm': file('Remove', 'path'), 'fs.remove': file('Remove', 'path'),
  'fs.copy': file('Write', 'dest'), 'fs.move': file('Write', 'dest'), 'fs.make': file('Make the folder', 'path'),
  'fs.read': file('Read', 'path'), 'fs.exists': file('Look for', 'path'),
  input: asks, 'filepicker.open': asks, modal: says, 'htmlmodal.open': says, notify: says, push: says, log: says,
  jump: flow('Go on elsewhere'), goto: flow('Go on elsewhere'),
  'local.set': listOf('Set'), 'global.set': listOf('Set'), 'self.set': listOf('Write'), 'json.set': listOf('Write'), 'json.merge': listOf('Write'),
  'env.set': listOf('Set'), set: listOf('Set'), 'local.rm': flow('Forget'), rm: flow('Forget'), 'script.return': flow('Give a result'),
  'process.wait': () => ({ kind: 'wait', text: 'Wait', items: [] }),
  'script.stop': (params) => ({ kind: 'script', text: 'Stop ' + listed(texts(params.uri)), items: [] }),
  'web.open': page('Open'), 'browser.open': page('Open'), 'tab.open': page('Open'), 'uri.open': page('Open'), 'fs.open': page('Open'),
  'web.close': page('Close'), 'browser.close': page('Close'), 'web.expose': exposes,
  'cloudflare.tunnel': shares, 'cloudflare.stop': unshares, net: requests
}))

// Their result is undefined, so that what comes after them knows its `input`.
const WITHOUT_RESULT = new Set(['log', 'local.set', 'global.set', 'self.set', 'json.set', 'json.merge', 'env.set', 'fs.write', 'fs.append', 'fs.make', 'notify',
  'web.open', 'browser.open', 'tab.open', 'web.close', 'browser.close', 'web.expose', 'cloudflare.stop'])

// -> a list of {kind, text, items, needs, sudo, unknown}
function describe(method, params, context) {
  const row = METHODS.get(method)
  if (!row) return [{ kind: 'other', text: 'Do ' + method, items: [] }]
  return [].concat(row(params === null || params === undefined ? {} : params, context))
}

module.exports = { describe, short, WITHOUT_RESULT }
