'use strict'

// What an app needs of a machine, who says so, and whether this machine has it.

const native = binding('script')
const { variantLabel } = require('pino:plan_pip')

const GB = 1e9
const GIB = 1024 ** 3
const FETCHING = new Set(['clone', 'pip', 'conda', 'npm', 'hf', 'download', 'docker'])
const WORK = new Set([...FETCHING, 'apt', 'brew', 'system', 'run', 'code', 'venv', 'link'])

const HERE = 'linux'

const itemsOf = (steps) => steps.filter((step) => step.when !== 'no').flatMap((step) => step.items)

// Which accelerators the packages of a walk are built for: "cu128", "cpu", "cuda", ...
function variantsOf(steps) {
  return [...new Set(itemsOf(steps).map((item) => item.variant).filter(Boolean))]
}

const isCuda = (variant) => variant.startsWith('cu')
const vendorOf = (variant) => (isCuda(variant) ? 'nvidia' : variant.startsWith('rocm') ? 'amd' : variant === 'cpu' ? 'none' : 'other')

// The work of a walk, to compare with another's.
function workOf(steps) {
  return steps.filter((step) => step.when !== 'no' && WORK.has(step.kind)).map((step) => step.script + ' ' + step.index + ' ' + step.text)
}

// What a walk tells of the machine that it was made for
function traceOf(steps) {
  return { variants: variantsOf(steps), work: workOf(steps) }
}

// The walks for a machine with an NVIDIA GPU, for one without any and for this one tell whether the scripts have a way
// for each.
function fromScripts(needs, walks) {
  const cuda = walks.nvidia.variants.some(isCuda)
  const alone = walks.none.variants.some(isCuda)
  needs.elsewhere = !walks.here.variants.some(isCuda) && walks.here.work.some((one) => !walks.nvidia.work.includes(one))
  if (VENDORS[needs.gpu]) return
  if (cuda) Object.assign(needs, { gpu: alone ? 'nvidia' : 'any' }, { sources: { ...needs.sources, gpu: 'scripts' } })
  else needs.gpu = needs.gpu || 'none'
}

// What is fetched once counts once: a package named again, and what torch for CUDA brings along.
function settle(steps) {
  const seen = new Set()
  for (const item of itemsOf(steps)) {
    const key = item.what + ' ' + (item.variant || '')
    const brought = /^(nvidia-|triton$)/.test(item.package || '') && seen.has('torch for CUDA')
    if (item.bytes !== null && (seen.has(key) || brought)) Object.assign(item, { bytes: 0, unpacked: 0, again: true })
    seen.add(key)
    if (item.package === 'torch' && isCuda(item.variant || '') && !item.alone) seen.add('torch for CUDA')
  }
}

function downloadsOf(steps) {
  const out = { bytes: 0, estimated: 0, unknown: 0, unpacked: 0 }
  out.programs = steps.filter((step) => step.when !== 'no' && step.runs).length
  for (const item of itemsOf(steps)) {
    if (item.bytes === null) out.unknown += FETCHING.has(item.kind) && !item.local && !item.from ? 1 : 0
    else out[item.estimate ? 'estimated' : 'bytes'] += item.bytes
    out.unpacked += item.unpacked || 0
  }
  return out
}

// declared: what is written about the app (catalog/needs.h)
function needsOf({ declared, steps, walks, downloads, requires }) {
  const needs = { ...declared }
  fromScripts(needs, walks)
  const doing = steps.filter((step) => step.when !== 'no')
  needs.sudo = doing.some((step) => step.sudo)
  needs.apt = [...new Set(itemsOf(doing).filter((item) => item.kind === 'apt').map((item) => item.what))]
  needs.tools = [...new Set([...doing.flatMap((step) => step.needs), ...requires.map((item) => item.name)])]
  needs.disk_bytes = downloads.bytes + downloads.unpacked
  return needs
}

// --- the verdict ---------------------------------------------------------------------------------------------

function amount(bytes) {
  const [value, unit] = bytes >= GB ? [bytes / GB, 'GB'] : [bytes / 1e6, 'MB']
  return (value >= 10 ? value.toFixed(0) : value.toFixed(1)) + ' ' + unit
}

const SAYS = { catalog: 'the catalog says', title: 'its title says', description: 'its description says', scripts: 'its scripts show' }
const VENDORS = { nvidia: 'an NVIDIA GPU', amd: 'an AMD GPU' }

function platformReasons(needs) {
  if (needs.platform.length === 0 || needs.platform.includes(HERE)) return []
  const names = needs.platform.join(' and ')
  const says = SAYS[needs.sources.platform]
  if (needs.strictPlatform) return [{ severity: 'no', text: 'it is for ' + names + ' only (' + says + '), and this machine runs Linux' }]
  return [{ severity: 'warn', text: 'it is made for ' + names + ' (' + says + '), and this machine runs Linux' }]
}

function gpuReasons(needs, machine, variants) {
  if (machine.gpu === null) return []
  const lacks = VENDORS[needs.gpu] && machine.gpu !== needs.gpu
  const has = machine.gpu === 'none' ? 'this machine has no GPU' : 'this machine has ' + (VENDORS[machine.gpu] || 'another GPU')
  if (lacks && needs.strictGpu) {
    const text = 'it needs ' + VENDORS[needs.gpu] + ' (' + SAYS[needs.sources.gpu] + '), and ' + has
    return needs.elsewhere ? [{ severity: 'warn', text: text + '; its scripts know a way without it' }] : [{ severity: 'no', text }]
  }
  const wrong = variants.find((variant) => vendorOf(variant) === 'nvidia' && machine.gpu !== 'nvidia')
  if (wrong) return [{ severity: 'warn', text: 'it installs packages for ' + variantLabel(wrong) + ' here, and ' + has + ': it may not start, or be slow' }]
  if (lacks) return [{ severity: 'warn', text: 'it is made for ' + VENDORS[needs.gpu] + ' (' + SAYS[needs.sources.gpu] + '), and ' + has }]
  if (needs.gpu === 'any' && machine.gpu === 'none') return [{ severity: 'warn', text: 'there is no GPU here: it will run on the CPU, slowly' }]
  return []
}

// A card of "8 GB" has a little less than 8 GiB free to use, a container of 16 GB too.
const SLACK = 0.9

function memoryReasons(needs, machine) {
  const out = []
  if (needs.vram_gb !== null && machine.vram_mb > 0 && machine.vram_mb * 1024 ** 2 < needs.vram_gb * GIB * SLACK) {
    out.push({ severity: 'warn', text: 'it wants ' + needs.vram_gb + ' GB of GPU memory (' + SAYS[needs.sources.vram_gb] + '), and the GPU here has ' + (machine.vram_mb / 1024).toFixed(0) + ' GB' })
  }
  if (needs.ram_gb !== null && machine.ram_bytes > 0 && machine.ram_bytes < needs.ram_gb * GIB * SLACK) {
    out.push({ severity: 'warn', text: 'it wants ' + needs.ram_gb + ' GB of RAM (' + SAYS[needs.sources.ram_gb] + '), and there are ' + (machine.ram_bytes / GIB).toFixed(0) + ' GB here' })
  }
  return out
}

function diskReasons(needs, downloads, machine) {
  if (machine.disk_free < 0) return []
  const free = amount(machine.disk_free) + ' are free'
  if (machine.disk_free < downloads.bytes) return [{ severity: 'no', text: 'it downloads ' + amount(downloads.bytes) + ', and only ' + free }]
  if (machine.disk_free < needs.disk_bytes) return [{ severity: 'warn', text: 'it takes about ' + amount(needs.disk_bytes) + ' of disk, and only ' + free }]
  return []
}

function toolReasons(needs) {
  const out = []
  const missing = needs.tools.filter((name) => !native.which(name))
  if (missing.length > 0) out.push({ severity: 'warn', text: 'it counts on ' + missing.join(', ') + ', which this machine does not have' })
  if (needs.sudo && process.getuid() !== 0 && !native.which('sudo')) {
    out.push({ severity: 'warn', text: 'it installs system packages, and you are neither root nor is there sudo' })
  }
  return out
}

// All of the script's work is for other machines: here it only says why, or ends at once. A script that has no work
// anywhere that we know of may still do something.
function scriptReasons(steps) {
  const works = (step) => WORK.has(step.kind) || ['shell', 'other'].includes(step.kind) || (step.kind === 'script' && step.when === 'no')
  const doing = steps.filter((step) => step.when !== 'no')
  if (doing.some(works) || !steps.some(works)) return []
  const last = doing.filter((step) => step.kind === 'say' || step.kind === 'input').pop()
  const why = last ? ': "' + last.text.replace(/^(Say|Ask): /, '') + '"' : ''
  return [{ severity: 'no', text: 'its install script does nothing on this machine' + why }]
}

function judge({ needs, downloads, machine, steps, refused, problems }) {
  const reasons = [
    ...platformReasons(needs), ...scriptReasons(steps), ...gpuReasons(needs, machine, variantsOf(steps)),
    ...diskReasons(needs, downloads, machine), ...memoryReasons(needs, machine), ...toolReasons(needs),
    ...[...refused, ...problems].map((text) => ({ severity: 'warn', text }))
  ]
  const verdict = reasons.some((reason) => reason.severity === 'no') ? 'no' : reasons.length > 0 ? 'warn' : 'ok'
  return { verdict, reasons: reasons.sort((a, b) => (a.severity === b.severity ? 0 : a.severity === 'no' ? -1 : 1)) }
}

module.exports = { traceOf, settle, downloadsOf, needsOf, judge }
