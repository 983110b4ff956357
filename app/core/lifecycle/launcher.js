'use strict'

// Reads an app's launcher and works its menu out.

const fs = require('fs')
const path = require('path')
const native = binding('script')
const { bodyOf, isRunning } = require('pino:world')
const { kernel, infoFor } = require('pino:kernel')

const LAUNCHERS = ['pinokio.js', 'pinokio.json', 'pinokio/pinokio.js', 'pinokio/pinokio.json']
const METADATA = ['title', 'description', 'icon', 'posts', 'links']

function launcherFile(folder) {
  const name = LAUNCHERS.find((candidate) => fs.existsSync(path.join(folder, candidate)))
  return name === undefined ? null : path.join(folder, name)
}

async function loadLauncher(file) {
  const value = await bodyOf(native.loadValue(file), file)
  return value === null || typeof value !== 'object' ? {} : value
}

// pinokio.js overlaid by pinokio_meta.json, overlaid by pinokio.json
function metadata(launcher, dir) {
  const out = {}
  for (const key of METADATA) if (launcher[key] !== undefined) out[key] = launcher[key]
  for (const name of ['pinokio_meta.json', 'pinokio.json']) {
    const file = path.join(dir, name)
    if (!fs.existsSync(file)) continue
    const about = native.loadValue(file)
    for (const key of METADATA) if (about && about[key] !== undefined) out[key] = about[key]
  }
  return out
}

async function called(value, dir) {
  if (typeof value === 'function') return called(await value(kernel, infoFor(dir)), dir)
  if (Array.isArray(value)) {
    const out = []
    for (const item of value) out.push(await called(item, dir))
    return out
  }
  if (value !== null && typeof value === 'object' && Object.getPrototypeOf(value) === Object.prototype) {
    const out = {}
    for (const key of Object.keys(value)) out[key] = await called(value[key], dir)
    return out
  }
  return value
}

const ENTITIES = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: ' ', '#39': "'" }

function plainText(html) {
  return html.replace(/<[^>]*>/g, ' ').replace(/&(#?\w+);/g, (all, name) => ENTITIES[name] ?? all)
    .replace(/\s+/g, ' ').trim()
}

// What an older app's item shows now: `on` while the script that `when` names runs, else `off`; undefined: nothing.
function markupOf(item, dir) {
  if (typeof item.when !== 'string') return item.html
  return isRunning(native.resolve(item.when.split('?')[0], dir)) ? item.on : item.off
}

function isShown(item, dir) {
  if (item === null || typeof item !== 'object' || Array.isArray(item)) return true
  if (typeof item.when === 'string') return Boolean(markupOf(item, dir))
  return !('filter' in item) || Boolean(item.filter)
}

function iconOf(item, markup) {
  if (typeof item.icon === 'string') return item.icon
  const found = typeof markup === 'string' ? /<i[^>]*class=["']([^"']*)["']/i.exec(markup) : null
  return found ? found[1] : undefined
}

function inputOf(item, query) {
  const input = Object.fromEntries(new URLSearchParams(query))
  return item.params !== null && typeof item.params === 'object' ? { ...input, ...item.params } : input
}

function isAddress(href) {
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(href) && !/\.git(\/|$)/.test(href)
}

function decorate(item, dir) {
  if (item === null || typeof item !== 'object' || Array.isArray(item)) return item
  const out = { ...item }
  const markup = markupOf(item, dir)
  if (typeof item.text === 'string') out._label = /<\/?[a-z][^>]*>/i.test(item.text) ? plainText(item.text) : item.text
  else if (typeof markup === 'string') out._label = plainText(markup)
  const icon = iconOf(item, markup)
  if (icon !== undefined) out._icon = icon
  if (typeof item.href === 'string' && item.href !== '') {
    if (isAddress(item.href)) {
      out._url = item.href
    } else {
      const [file, query = ''] = item.href.split('?')
      out._script = native.resolve(file, dir) || undefined
      out._input = inputOf(item, query)
    }
  }
  if (Array.isArray(item.menu)) out.menu = decorateAll(item.menu, dir)
  return out
}

function decorateAll(items, dir) {
  return items.filter((item) => isShown(item, dir)).map((item) => decorate(item, dir))
}

function isScript(item) {
  return item && typeof item._script === 'string' && /\.(js|json)$/i.test(item._script) && fs.existsSync(item._script)
}

function flat(items) {
  return items.flatMap((item) => (item && Array.isArray(item.menu) ? [item, ...flat(item.menu)] : [item]))
}

function isInstall(item) {
  return /^install/i.test(path.basename(item._script)) || /^install\b/i.test(item._label || '')
}

// A menu offers this once the app is there
function isReinstall(item) {
  return /^re-?install\b/i.test(item._label || '')
}

function isHouseWork(item) {
  return /^(install|update|reset|uninstall|reinstall|link|delete|remove)/i.test(path.basename(item._script))
}

// What the menu would do now: its default item, else the first script in it.
function present(items) {
  const scripts = flat(items).filter(isScript)
  return scripts.find((item) => item.default) || scripts[0] || null
}

function named(dir, name) {
  const found = [name + '.js', name + '.json'].map((file) => path.join(dir, file)).find((file) => fs.existsSync(file))
  return found ? { _script: found, _input: {} } : null
}

// A menu that is always the same, or offers to start beside installing, does not tell whether the app is installed.
function isUndecided(menu, now, all) {
  return !!now && isInstall(now) && !isReinstall(now) &&
    (typeof menu !== 'function' || all.some((item) => /^start/i.test(path.basename(item._script))))
}

function wishes(menu, items, dir, recorded) {
  const now = present(items)
  const all = flat(items).filter(isScript)
  const install = all.find(isInstall) || named(dir, 'install')
  const start = now && !isHouseWork(now) ? now
    : all.find((item) => /^start/i.test(path.basename(item._script))) || all.find((item) => !isHouseWork(item)) || named(dir, 'start')
  const undecided = isUndecided(menu, now, all)
  const installed = undecided ? recorded : now ? !isInstall(now) || isReinstall(now) : install === null
  return { installed, undecided, install, start }
}

// {folder, recorded: an install of it has come to its end} -> what launcher.h's PinoLauncher holds
async function read({ folder, recorded }) {
  const file = launcherFile(folder)
  if (!file) throw new Error(folder + ' holds no pinokio.js: is it the folder of a Pinokio app?')
  const dir = path.dirname(file)
  const launcher = await loadLauncher(file)
  const about = metadata(launcher, dir)
  const menu = await called(launcher.menu, dir)
  const items = Array.isArray(menu) ? decorateAll(menu, dir) : []
  const { installed, undecided, install, start } = wishes(launcher.menu, items, dir, recorded)
  const running = kernel.api.running
  const shown = {
    title: about.title || path.basename(folder),
    description: about.description || '',
    icon: about.icon || null,
    version: launcher.version === undefined ? null : launcher.version,
    installed,
    running: Object.keys(running).some((script) => script.startsWith(folder + '/')),
    items
  }
  return {
    title: shown.title, installed, undecided, shown,
    install: install ? install._script : null, installInput: install ? install._input : {},
    start: start ? start._script : null, startInput: start ? start._input : {}
  }
}

module.exports = { read }
