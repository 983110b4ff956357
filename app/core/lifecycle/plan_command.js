'use strict'

// What each command of a shell step would do: a line for a person, what kind of work it is, and what it fetches.

const path = require('path')
const { commandsOf, optionsOf } = require('pino:plan_words')
const { installed, variantLabel } = require('pino:plan_pip')

const NONE = { items: [] }

// "https://github.com/owner/name.git" -> "owner/name"; other addresses lose their protocol and query
function shortAddress(address) {
  const plain = address.replace(/^[a-z+]+:\/\/([^@/]*@)?/i, '').replace(/[?#].*$/, '').replace(/(\.git)?\/*$/, '')
  return plain.replace(/^(github\.com|huggingface\.co)\/(?=[^/]+\/[^/]+$)/, '')
}

function fileOfAddress(address) {
  const name = path.basename(address.replace(/[?#].*$/, ''))
  try {
    return decodeURIComponent(name)
  } catch {
    return name
  }
}

const SHOWN = 8

function listed(names) {
  const shown = names.slice(0, SHOWN).join(', ')
  return names.length > SHOWN ? shown + ' and ' + (names.length - SHOWN) + ' more' : shown
}

// --- git ---------------------------------------------------------------------------------------------------

const GIT_VALUED = new Set(['-b', '--branch', '--depth', '-o', '--origin', '-c', '--config', '-j', '--jobs', '--filter', '--reference',
  '-u', '--upload-pack', '--shallow-since', '--separate-git-dir', '-C', '--recurse-submodules-from', '--template'])

function gitClone(words, place) {
  const { flags, rest } = optionsOf(words, GIT_VALUED)
  const [address, folder] = rest
  if (!address) return { kind: 'shell', text: 'Run git clone', items: [] }
  const into = folder || path.basename(address.replace(/[?#].*$/, '').replace(/\/+$/, '')).replace(/\.git$/, '')
  place.made.add(path.resolve(place.folder, into))
  const inner = flags.has('--recursive') || flags.has('--recurse-submodules') ? ' and what it includes' : ''
  return {
    kind: 'clone', text: 'Clone ' + shortAddress(address) + inner + ' into ' + place.show(into),
    items: [{ kind: 'clone', what: address, bytes: null, estimate: false, clone: address }]
  }
}

function git(words, place) {
  const at = words.findIndex((word, index) => index > 0 && !word.startsWith('-') && !GIT_VALUED.has(words[index - 1]))
  const verb = words[at]
  if (verb === 'clone') return gitClone(words.slice(at + 1), place)
  if (verb === 'lfs') return { kind: 'git', text: 'Run git lfs ' + words.slice(at + 1).join(' '), needs: 'git-lfs', ...NONE }
  if (verb === 'submodule') return { kind: 'clone', text: 'Clone what the repository includes (submodules)', items: [{ kind: 'clone', what: 'submodules', bytes: null, estimate: false }] }
  return { kind: 'git', text: 'Run git ' + words.slice(1).join(' '), ...NONE }
}

// --- Python ------------------------------------------------------------------------------------------------

function pipNames(items) {
  return items.filter((item) => !item.from).map((item) => {
    if (item.clone || item.url) return shortAddress(item.clone || fileOfAddress(item.url))
    return item.unread ? 'what ' + item.what + ' lists' : item.what
  })
}

// `names`, `label` and `by` let neighbours be told in one sentence.
function pipTold(items, variant, by) {
  const found = variant || (items.find((item) => item.variant) || {}).variant
  const label = found && items.some((item) => item.package === 'torch') ? ' (' + variantLabel(found) + ')' : ''
  return sentence({ kind: 'pip', names: pipNames(items), label, by, items })
}

function sentence(told) {
  return { ...told, text: 'Install ' + (listed(told.names) || 'nothing') + told.label + ' with ' + told.by }
}

// Installs one after the other by the same program become one.
function joinInstalls(list) {
  const out = []
  for (const told of list) {
    const last = out[out.length - 1]
    if (last && last.names && told.names && last.by === told.by && (last.label === told.label || !last.label || !told.label)) {
      const label = last.label || told.label
      out[out.length - 1] = sentence({ ...last, label, names: [...last.names, ...told.names], items: [...last.items, ...told.items], sudo: last.sudo || told.sudo })
    } else {
      out.push(told)
    }
  }
  return out
}

function pip(words, place, env, by) {
  const at = words.findIndex((word) => !word.startsWith('-'))
  const verb = words[at]
  if (verb !== 'install' && verb !== 'sync') return { kind: 'shell', text: 'Run ' + by + ' ' + words.join(' '), ...NONE }
  const arguments_ = verb === 'sync' ? words.slice(at + 1).flatMap((word) => (word.startsWith('-') ? [word] : ['-r', word])) : words.slice(at + 1)
  const { items, variant } = installed(arguments_, place, env)
  return pipTold(items, variant, by)
}

function madeVenv(folder, place, by) {
  place.made.add(path.resolve(place.folder, folder))
  return { kind: 'venv', text: 'Make the Python environment ' + place.show(folder) + ' with ' + by, ...NONE }
}

function uv(words, place, env) {
  if (words[1] === 'pip') return pip(words.slice(2), place, env, 'uv')
  const { rest } = optionsOf(words.slice(2), new Set(['-p', '--python', '--prompt', '--extra', '--group', '--index']))
  if (words[1] === 'venv') return madeVenv(rest[0] || '.venv', place, 'uv')
  if (words[1] === 'sync') return { kind: 'pip', text: 'Install what pyproject.toml lists with uv', items: [{ kind: 'pip', what: 'pyproject.toml', bytes: null, estimate: false, unread: true }] }
  if (words[1] === 'add') return pipTold(installed(words.slice(2), place, env).items, null, 'uv')
  return program(words)
}

function python(words, place, env) {
  const module = words.indexOf('-m')
  if (module > 0 && words[module + 1] === 'pip') return pip(words.slice(module + 2), place, env, 'pip')
  if (module > 0 && /^(venv|virtualenv)$/.test(words[module + 1])) {
    const { rest } = optionsOf(words.slice(module + 2))
    return madeVenv(rest[0] || 'env', place, words[module + 1])
  }
  return program(words)
}

const CONDA_VALUED = new Set(['-n', '--name', '-p', '--prefix', '-c', '--channel', '-f', '--file', '--solver'])

function conda(words, place) {
  const tool = path.basename(words[0])
  const { flags, rest } = optionsOf(words.slice(1), CONDA_VALUED)
  const [verb] = rest
  const file = (flags.get('-f') || flags.get('--file') || [])[0]
  const names = rest.slice(rest[0] === 'env' ? 2 : 1)
  const into = (flags.get('-p') || flags.get('--prefix') || flags.get('-n') || flags.get('--name') || [])[0]
  if (into && (flags.has('-p') || flags.has('--prefix'))) place.made.add(path.resolve(place.folder, into))
  if (verb === 'env' || verb === 'create') {
    const with_ = file ? ' from ' + file : names.length > 0 ? ' with ' + listed(names) : ''
    return { kind: 'conda', needs: tool, text: 'Make the conda environment ' + (into || '') + with_, items: [{ kind: 'conda', what: file || names.join(' ') || String(into), bytes: null, estimate: false }] }
  }
  if (verb !== 'install' && verb !== 'update') return { kind: 'shell', needs: tool, text: 'Run ' + words.join(' '), ...NONE }
  return {
    kind: 'conda', needs: tool, text: 'Install ' + listed(names) + ' with ' + tool,
    items: names.map((what) => ({ kind: 'conda', what, bytes: null, estimate: false, variant: /cuda|cudnn/.test(what) ? 'cuda' : null }))
  }
}

// --- other package managers --------------------------------------------------------------------------------

function npm(words, place) {
  const tool = path.basename(words[0])
  const { flags, rest } = optionsOf(words.slice(1), new Set(['--prefix', '-C', '--registry', '--filter']))
  const verb = rest[0] || (tool === 'yarn' ? 'install' : '')
  if (!/^(i|install|ci|add|isntall)$/.test(verb)) return { kind: 'shell', needs: tool, text: 'Run ' + words.join(' '), ...NONE }
  const names = rest.slice(1)
  const where = flags.has('-g') || flags.has('--global') ? ' for all' : ''
  const what = names.length > 0 ? listed(names) : 'what package.json lists'
  const items = (names.length > 0 ? names : ['package.json']).map((name) => ({ kind: 'npm', what: name, bytes: null, estimate: false }))
  return { kind: 'npm', needs: tool, text: 'Install ' + what + where + ' with ' + tool, items }
}

function npx(words) {
  const { rest } = optionsOf(words.slice(1), new Set(['-p', '--package']))
  return { kind: 'npm', needs: path.basename(words[0]), text: 'Fetch and run ' + rest.join(' ') + ' with ' + words[0], items: rest.slice(0, 1).map((what) => ({ kind: 'npm', what, bytes: null, estimate: false })) }
}

function system(words) {
  const tool = path.basename(words[0])
  const { rest } = optionsOf(words.slice(1), new Set(['-o', '-t', '--option']))
  const [verb, ...names] = tool === 'pacman' || tool === 'apk' ? ['install', ...rest.filter((word) => word !== 'add')] : rest
  const kind = { apt: 'apt', 'apt-get': 'apt', aptitude: 'apt', brew: 'brew' }[tool] || 'system'
  const needs = kind === 'apt' ? undefined : tool
  const sudo = kind === 'apt' || kind === 'system'
  if (verb !== 'install') return { kind, needs, sudo, text: 'Run ' + words.join(' '), ...NONE }
  return { kind, needs, sudo, text: 'Install the system packages ' + listed(names) + ' with ' + tool, items: names.map((what) => ({ kind, what, bytes: null, estimate: false })) }
}

// --- downloads ---------------------------------------------------------------------------------------------

const FETCH_VALUED = {
  wget: new Set(['-O', '--output-document', '-P', '--directory-prefix', '-o', '--header', '-t', '--tries', '-T', '--timeout', '-U', '--user-agent']),
  curl: new Set(['-o', '--output', '-H', '--header', '-X', '--request', '-d', '--data', '-u', '--user', '-A', '-e', '--retry', '-b', '--max-time', '--connect-timeout', '--output-dir', '-m', '-w']),
  aria2c: new Set(['-d', '--dir', '-o', '--out', '-x', '-s', '-k', '-j', '--header'])
}

function fetched(words, place, env, by, command, next) {
  const tool = path.basename(words[0])
  const { flags, rest } = optionsOf(words.slice(1), FETCH_VALUED[tool])
  const addresses = rest.filter((word) => /^(https?|ftp):\/\//.test(word))
  if (command.operator === '|' && next && /^(ba|z|da)?sh$/.test(path.basename(next.words[0] || ''))) {
    return { kind: 'shell', text: 'Fetch ' + addresses.map(shortAddress).join(', ') + ' and run it', items: [] }
  }
  const saves = tool !== 'curl' || command.output || [...flags.keys()].some((name) => /^-\w*[oOJ]|^--(output|remote-name)/.test(name))
  if (!saves || addresses.length === 0) return { kind: 'shell', text: 'Run ' + words.join(' '), ...NONE }
  return { kind: 'download', needs: tool, text: 'Download ' + downloadNames(addresses), items: addresses.map(downloadItem) }
}

// "a.bin, b.bin from host", a part for each host
function downloadNames(addresses) {
  const hosts = new Map()
  for (const address of addresses) {
    const host = (/^[a-z]+:\/\/([^/:?#]+)/i.exec(address) || ['', ''])[1]
    hosts.set(host, [...(hosts.get(host) || []), fileOfAddress(address)])
  }
  return [...hosts].map(([host, names]) => listed(names) + (host ? ' from ' + host : '')).join(', ')
}

const downloadItem = (url) => ({ kind: 'download', what: url, bytes: null, estimate: false, url })

const HF_VALUED = new Set(['--local-dir', '--cache-dir', '--include', '--exclude', '--revision', '--repo-type', '--token', '--max-workers', '--local-dir-use-symlinks'])

function hub(words) {
  const at = words.indexOf('download')
  if (at < 0) return { kind: 'shell', text: 'Run ' + words.join(' '), ...NONE }
  const { flags, rest } = optionsOf(words.slice(at + 1), HF_VALUED)
  const [repository, ...files] = rest
  const pick = (name) => (flags.get(name) || []).filter((value) => typeof value === 'string')
  return hubDownload({ repository, files, include: pick('--include'), exclude: pick('--exclude'), type: pick('--repo-type')[0], revision: pick('--revision')[0] })
}

// {repository, files, include, exclude, type, revision}
function hubDownload(wanted) {
  if (!wanted.repository) return { kind: 'hf', text: 'Download from Hugging Face', items: [] }
  const part = wanted.files.length > 0 ? wanted.files : wanted.include
  const without = wanted.exclude.length > 0 ? ' without ' + wanted.exclude.join(', ') : ''
  const text = 'Download ' + (part.length > 0 ? listed(part) + ' of ' : '') + wanted.repository + ' from Hugging Face'
  const what = wanted.repository + (part.length > 0 ? ' (' + part.join(', ') + ')' : '') + without
  return { kind: 'hf', text, items: [{ kind: 'hf', what, bytes: null, estimate: false, hub: wanted }] }
}

function ollama(words) {
  if (words[1] !== 'pull') return program(words)
  return { kind: 'download', needs: 'ollama', text: 'Download the model ' + (words[2] || '') + ' with ollama', items: [{ kind: 'download', what: words[2] || 'model', bytes: null, estimate: false }] }
}

function docker(words) {
  return { kind: 'docker', needs: path.basename(words[0]), text: 'Run ' + words.join(' '), items: /^(pull|run|compose|build)$/.test(words[1] || '') ? [{ kind: 'docker', what: words.slice(1).join(' '), bytes: null, estimate: false }] : [] }
}

function playwright(words) {
  if (words[1] !== 'install') return program(words)
  return { kind: 'download', text: 'Download browsers with playwright', items: [{ kind: 'download', what: 'browsers', bytes: null, estimate: false }] }
}

// --- the rest ----------------------------------------------------------------------------------------------

function program(words) {
  if (words.length === 2 && /^--?v(ersion)?$/i.test(words[1])) return { kind: 'check', text: 'Look at the version of ' + words[0], ...NONE }
  return { kind: 'run', text: 'Run ' + words.join(' '), ...NONE }
}

const HOUSEWORK = new Set(['mkdir', 'cp', 'mv', 'rm', 'ln', 'touch', 'chmod', 'echo', 'ls', 'cat', 'export', 'set', 'source', '.', 'true', 'sed',
  'activate', 'deactivate', 'eval', 'test', '[', 'unset', 'which', 'pwd', 'tar', 'unzip', 'conda_hook', 'copy', 'sleep', 'printf', 'if', 'then', 'fi', 'else'])

function housework(words, place) {
  if (words[0] === 'mkdir') for (const name of optionsOf(words.slice(1)).rest) place.made.add(path.resolve(place.folder, name))
  return { kind: 'file', text: 'Run ' + words.join(' '), ...NONE }
}

const PROGRAMS = [
  { names: ['git'], describe: git },
  { names: ['pip', 'pip3'], describe: (words, place, env) => pip(words.slice(1), place, env, 'pip') },
  { names: ['uv'], describe: uv },
  { names: ['python', 'python3', 'py'], describe: python },
  { names: ['virtualenv'], describe: (words, place) => madeVenv(optionsOf(words.slice(1)).rest[0] || 'env', place, 'virtualenv') },
  { names: ['conda', 'mamba', 'micromamba'], describe: conda },
  { names: ['npm', 'pnpm', 'yarn', 'bun'], describe: npm },
  { names: ['npx', 'bunx', 'pnpx'], describe: npx },
  { names: ['apt', 'apt-get', 'aptitude', 'yum', 'dnf', 'pacman', 'apk', 'zypper', 'brew', 'winget', 'choco', 'snap'], describe: system },
  { names: ['wget', 'curl', 'aria2c'], describe: fetched },
  { names: ['hf', 'huggingface-cli'], describe: hub },
  { names: ['ollama'], describe: ollama },
  { names: ['docker', 'docker-compose', 'podman'], describe: docker },
  { names: ['playwright'], describe: playwright },
  { names: ['cmake', 'make', 'cargo', 'node', 'go', 'nvcc'], describe: (words) => ({ ...program(words), needs: words[0] }) }
]

const byName = new Map(PROGRAMS.flatMap((row) => row.names.map((name) => [name, row.describe])))

// "sudo -E NAME=x env cmd" -> {words, sudo, env}
function bare(words) {
  const out = { words: [...words], sudo: false, env: {} }
  for (;;) {
    const [first] = out.words
    const assigned = /^([A-Za-z_]\w*)=(.*)$/s.exec(first || '')
    if (assigned) out.env[assigned[1]] = assigned[2]
    else if (first === 'sudo') out.sudo = true
    else if (!['env', 'command', 'exec', 'time', 'nohup'].includes(first) && !(out.sudo && /^-/.test(first || ''))) return out
    out.words.shift()
  }
}

// Commands in which `cd` holds until the end of the line.
function describeLine(line, place, env) {
  const commands = commandsOf(line)
  const here = { ...place }
  const out = []
  commands.forEach((command, index) => {
    const { words, sudo, env: own } = bare(command.words)
    if (words.length === 0) return
    if (words[0] === 'cd') {
      here.folder = path.resolve(here.folder, words[1] || '.')
      return
    }
    const name = path.basename(words[0]).replace(/\.exe$/, '')
    if (name === 'sh' || name === 'bash' ? words[1] === undefined && index > 0 : false) return // what a pipe feeds
    const describe = byName.get(name) || (HOUSEWORK.has(name) ? housework : program)
    const told = describe([name, ...words.slice(1)], here, { ...env, ...own }, name, command, commands[index + 1])
    out.push({ ...told, sudo: sudo || Boolean(told.sudo) })
  })
  return out
}

module.exports = { describeLine, joinInstalls, hubDownload, shortAddress, fileOfAddress, downloadNames, downloadItem, listed }
