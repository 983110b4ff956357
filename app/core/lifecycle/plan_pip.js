'use strict'

// What pip and uv would install: packages, the torch variant of their index, and estimates for the very large ones.

const fs = require('fs')
const path = require('path')
const { optionsOf } = require('pino:plan_words')

const MB = 1e6

// Options of `pip install` and `uv pip install` that take a value (their --help).
const VALUED = new Set([
  '-r', '--requirement', '--requirements', '-c', '--constraint', '--constraints', '-e', '--editable', '-t', '--target', '-i',
  '--index-url', '--extra-index-url', '--index', '--default-index', '-f', '--find-links', '--index-strategy',
  '--torch-backend', '-p', '--python', '--python-version', '--python-platform', '--platform', '--prefix', '--root',
  '--no-binary', '--only-binary', '--override', '--overrides', '--extra', '--group', '--cache-dir', '--config-settings', '-C',
  '--upgrade-package', '-P', '--reinstall-package', '--no-build-isolation-package', '--trusted-host', '--proxy', '--timeout',
  '--prerelease', '--resolution', '--link-mode', '--exclude-newer', '--progress-bar', '--src', '--abi', '--implementation'
])

// Bytes that are fetched, dependencies included, and without them (`alone`), for Linux on x86-64. Sources: the sizes
// in the lock file that `uv pip compile --format pylock.toml` makes of each (November 2026; torch 2.1 to 2.9: 2.7 to
// 4.1 GB, of which 0.5 to 0.9 the wheel itself).
const LARGE = {
  tensorflow: { all: 630 * MB, alone: 570 * MB },
  'tensorflow[and-cuda]': { all: 3440 * MB, alone: 570 * MB, cuda: true },
  'jax[cuda12]': { all: 3350 * MB, alone: 3 * MB, cuda: true },
  jax: { all: 140 * MB, alone: 3 * MB },
  vllm: { all: 3980 * MB, alone: 330 * MB, cuda: true },
  'onnxruntime-gpu': { all: 270 * MB, alone: 256 * MB, cuda: true },
  paddlepaddle: { all: 220 * MB, alone: 195 * MB },
  'paddlepaddle-gpu': { all: 780 * MB, alone: 760 * MB, cuda: true },
  triton: { all: 200 * MB, alone: 200 * MB },
  open3d: { all: 540 * MB, alone: 400 * MB },
  pyside6: { all: 265 * MB, alone: 1 * MB },
  'cupy-cuda12x': { all: 150 * MB, alone: 137 * MB, cuda: true },
  'nvidia-cudnn-cu12': { all: 1390 * MB, alone: 720 * MB, cuda: true },
  'nvidia-cublas-cu12': { all: 580 * MB, alone: 580 * MB, cuda: true }
}

// torch by the index that it comes from. Sources: as above; the CPU's wheel under 200 MB: pfnet/pytorch-pfn-extras pull
// request 608; CUDA 11.8 and 12.1 of torch 2.1 and 2.2 in one wheel of 2.4 GB: oobabooga/textgen issue 5893; ROCm 5.4 1.6
// GB: pytorch/pytorch issue 98257; those of ROCm 6 are about twice that.
const TORCH = [
  { variant: /^cpu$/, all: 200 * MB, alone: 180 * MB },
  { variant: /^cu11/, all: 2400 * MB, alone: 2200 * MB },
  { variant: /^(cu|cuda)/, all: 3000 * MB, alone: 900 * MB },
  { variant: /^rocm5/, all: 1650 * MB, alone: 1550 * MB },
  { variant: /^rocm/, all: 3500 * MB, alone: 3200 * MB },
  { variant: /^xpu/, all: 1500 * MB, alone: 1000 * MB }
]

// What installs only where CUDA's own compiler or libraries are. Source: their installation pages.
const CUDA_ONLY = /^(flash[-_]attn|tensorrt|nvdiffrast|apex|bitsandbytes-cuda|xformers|sageattention|causal[-_]conv1d|mamba[-_]ssm|spconv-cu\d+|nvidia-(?!ml)[\w-]+)$/

// What wheels of this size class take when unpacked, for each byte of theirs: torch 2.7.1 with cuDNN 9.5 and cuBLAS 12.6
// 3.09 GB from 1.79 GB.
const UNPACKED = 1.7

function variantLabel(variant) {
  const found = /^cu(\d+)(\d)$/.exec(variant)
  if (found) return 'CUDA ' + found[1] + '.' + found[2]
  if (variant.startsWith('rocm')) return 'ROCm ' + variant.slice(4)
  return { cpu: 'CPU', cuda: 'CUDA', xpu: 'Intel' }[variant] || variant
}

function variantOfIndex(address) {
  const found = /\/whl\/(?:nightly\/|test\/)?(cu\d+|rocm[\d.]+|cpu|xpu)(?:\/|$)/.exec(address)
  return found ? found[1] : null
}

// The indexes that a command names, by option or through its step's environment.
function indexesOf(flags, env) {
  const named = ['-i', '--index-url', '--extra-index-url', '--index', '--default-index', '-f', '--find-links']
    .flatMap((name) => flags.get(name) || [])
  const given = ['PIP_INDEX_URL', 'PIP_EXTRA_INDEX_URL', 'UV_INDEX_URL', 'UV_EXTRA_INDEX_URL', 'UV_INDEX', 'UV_DEFAULT_INDEX',
    'UV_FIND_LINKS'].map((name) => env[name]).filter((value) => typeof value === 'string')
  return [...named, ...given.flatMap((value) => value.split(/\s+/))].filter((value) => typeof value === 'string')
}

function variantOf(flags, env) {
  const backend = (flags.get('--torch-backend') || [env.UV_TORCH_BACKEND]).find((value) => typeof value === 'string')
  if (backend && backend !== 'auto') return backend
  return indexesOf(flags, env).map(variantOfIndex).find((variant) => variant !== null) || null
}

// "Foo_Bar[x] == 1.0 ; marker" -> {name, extras, version, marker}
function parseRequirement(text) {
  const found = /^([A-Za-z0-9][\w.-]*)\s*(\[[^\]]*\])?\s*([^;]*)(?:;(.*))?$/.exec(text.trim())
  if (!found) return null
  const name = found[1].toLowerCase().replace(/[_.]+/g, '-')
  return { name, extras: (found[2] || '').replace(/\s/g, ''), version: found[3].trim(), marker: (found[4] || '').trim() }
}

function estimateOf(requirement, variant, alone) {
  const part = (row) => (alone ? row.alone : row.all)
  if (requirement.name === 'torch') {
    const own = /\+(cu\d+|rocm[\d.]+|cpu)/.exec(requirement.version)
    const which = (own && own[1]) || variant || 'cuda'
    const row = TORCH.find((candidate) => candidate.variant.test(which))
    return { bytes: row ? part(row) : null, variant: which }
  }
  const row = LARGE[requirement.name + requirement.extras] || LARGE[requirement.name]
  return { bytes: row ? part(row) : null, variant: (row && row.cuda) || CUDA_ONLY.test(requirement.name) ? 'cuda' : null }
}

function shortVersion(version) {
  return version.startsWith('==') ? ' ' + version.slice(2).trim() : version ? ' ' + version : ''
}

function itemOf(requirement, variant, alone) {
  const { bytes, variant: own } = estimateOf(requirement, variant, alone)
  return {
    kind: 'pip', what: requirement.name + requirement.extras + shortVersion(requirement.version), package: requirement.name,
    variant: own, alone, bytes, estimate: bytes !== null, unpacked: bytes === null ? null : Math.round(bytes * UNPACKED)
  }
}

// Environment markers that leave Linux out; others count.
function isElsewhere(marker) {
  if (/linux|!=/i.test(marker)) return /(sys_platform|platform_system)\s*!=\s*['"](linux)/i.test(marker)
  return /(sys_platform|platform_system|platform_machine)\s*==\s*['"](win32|windows|darwin|arm64|aarch64)/i.test(marker)
}

// The packages that a requirements file lists; null when it is not there yet.
function readRequirements(file, seen = new Set()) {
  if (seen.has(file) || !fs.existsSync(file)) return null
  seen.add(file)
  const out = { requirements: [], flags: new Map() }
  const text = fs.readFileSync(file, 'utf8').replace(/\\\r?\n/g, ' ')
  for (const raw of text.split('\n')) {
    const line = raw.replace(/(^|\s)#.*/, '').trim()
    if (line === '') continue
    if (!line.startsWith('-')) {
      out.requirements.push(line)
      continue
    }
    const { flags } = optionsOf(line.split(/\s+/), VALUED)
    for (const [name, values] of flags) out.flags.set(name, values)
    for (const inner of [...(flags.get('-r') || []), ...(flags.get('--requirement') || [])]) {
      const more = readRequirements(path.resolve(path.dirname(file), inner), seen)
      if (more) out.requirements.push(...more.requirements)
    }
  }
  return out
}

const isAddress = (text) => /^(git\+)?(https?|ssh):\/\//.test(text)

// A package by its address: {clone} for git, {url} for a file.
function addressed(text) {
  const address = text.replace(/^[\w.-]+\s*@\s*/, '')
  if (!isAddress(address)) return null
  return address.startsWith('git+') ? { clone: address.slice(4).replace(/(\.git)?(@[^@/]+)?(#.*)?$/, '') } : { url: address.replace(/#.*$/, '') }
}

function fileItems(file, place, env, commandVariant, alone) {
  const listed = readRequirements(path.resolve(place.folder, file))
  const name = place.show(file)
  if (listed === null) return [{ kind: 'pip', what: name, bytes: null, estimate: false, unread: true }]
  const variant = commandVariant || variantOf(listed.flags, env)
  const wanted = listed.requirements.filter((text) => !isAddress(text)).map(parseRequirement)
    .filter((requirement) => requirement !== null && !isElsewhere(requirement.marker))
  const items = wanted.map((requirement) => itemOf(requirement, variant, alone))
  const large = items.filter((item) => item.bytes !== null || item.variant !== null)
  const rest = { kind: 'pip', what: name + ' (' + listed.requirements.length + ' packages)', bytes: null, estimate: false }
  return [rest, ...large.map((item) => ({ ...item, from: name }))]
}

// The arguments after `install` -> {items, variant}
function installed(words, place, env) {
  const { flags, rest } = optionsOf(words, VALUED)
  const variant = variantOf(flags, env)
  const alone = flags.has('--no-deps')
  const items = []
  for (const file of ['-r', '--requirement', '--requirements'].flatMap((name) => flags.get(name) || [])) {
    items.push(...fileItems(file, place, env, variant, alone))
  }
  for (const text of [...(flags.get('-e') || []), ...(flags.get('--editable') || []), ...rest]) {
    const address = addressed(text)
    const requirement = parseRequirement(text)
    if (address && address.clone) items.push({ kind: 'pip', what: address.clone, bytes: null, estimate: false, clone: address.clone })
    else if (address) items.push({ kind: 'pip', what: address.url, bytes: null, estimate: false, url: address.url })
    else if (/^\.{0,2}\/|^\.(\[|$)|\.whl$/.test(text)) items.push({ kind: 'pip', what: text, bytes: null, estimate: false, local: true })
    else if (requirement) items.push(itemOf(requirement, variant, alone))
  }
  return { items, variant }
}

module.exports = { installed, variantLabel }
