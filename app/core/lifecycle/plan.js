'use strict'

// The plan of an install (plan.h). look() goes through the scripts and says what to ask servers about sizes; finish()
// takes their answers and says what comes of it.

const path = require('path')
const world = require('pino:world')
const { read } = require('pino:launcher')
const { walk } = require('pino:plan_steps')
const { questions, fill } = require('pino:plan_sizes')
const { traceOf, settle, downloadsOf, needsOf, judge } = require('pino:plan_needs')

// As world.js: in a text or a comparison it is its total.
function memoryOf(gigabytes) {
  const total = { value: () => gigabytes }
  return Object.defineProperties({ free: gigabytes, total: gigabytes }, { valueOf: total, toString: total })
}

const ALIKE = {
  nvidia: { gpu: 'nvidia', gpus: [{ name: 'nvidia', model: 'nvidia geforce rtx 4090', driver: null }], gpu_model: 'nvidia geforce rtx 4090', gpu_target: 'sm_89', gpu_memory: memoryOf(24), vram: 24 },
  amd: { gpu: 'amd', gpus: [{ name: 'amd', model: 'radeon rx 7900 xtx', driver: null }], gpu_model: 'radeon rx 7900 xtx', gpu_target: 'gfx1100', gpu_memory: memoryOf(24), vram: 24 },
  none: { gpu: 'none', gpus: [], gpu_model: undefined, gpu_target: null, gpu_memory: memoryOf(0), vram: 0 }
}

// Does work while the machine's facts, which templates and scripts read, are those of another GPU.
async function with_(gpu, work) {
  const facts = world.machine()
  if (!ALIKE[gpu] || facts.gpu === gpu) return work()
  const kept = { ...facts }
  Object.assign(facts, ALIKE[gpu])
  try {
    return await work()
  } finally {
    Object.assign(facts, kept)
  }
}

async function otherWalk(gpu, spec, script, input) {
  try {
    return traceOf((await with_(gpu, () => walk(spec.folder, script, input))).steps)
  } catch {
    return traceOf([]) // what does not load for another machine says nothing about this one
  }
}

async function look(spec) {
  const found = await with_(spec.machine.gpu, () => read({ folder: spec.folder }))
  const script = spec.script || found.install
  if (!script) return { spec, found: found.shown, script: null, steps: [], problems: [], requires: [], walks: null, asked: [] }
  const input = spec.input || found.installInput || {}
  const gpu = spec.machine.gpu || world.machine().gpu
  const own = await with_(gpu, () => walk(spec.folder, script, input))
  const walks = { here: traceOf(own.steps) }
  for (const other of ['nvidia', 'none']) walks[other] = gpu === other ? walks.here : await otherWalk(other, spec, script, input)
  return { spec, found: found.shown, script, ...own, walks, asked: questions(own.steps, spec.api) }
}

function publicItem({ kind, what, bytes, estimate, variant, again }) {
  return { kind, what, bytes, estimate, ...(variant ? { variant } : {}), ...(again ? { again } : {}) }
}

function publicStep(step) {
  const { index, label, depth, script, method, when, kind, text, items } = step
  return { index, label, depth, script, method, when, kind, text, items: items.map(publicItem) }
}

function publicNeeds({ gpu, strictGpu, vram_gb, ram_gb, disk_bytes, platform, sudo, apt, tools, sources }) {
  return { gpu, gpu_required: strictGpu, vram_gb, ram_gb, disk_bytes, platform, sudo, apt, tools, sources }
}

// {look, answers, clone: {bytes, files}, declared: what is written about the app} -> the plan
function finish({ look: seen, answers, clone, declared }) {
  const { spec, found, steps, problems, requires } = seen
  const walks = seen.walks || { here: traceOf([]), nvidia: traceOf([]), none: traceOf([]) }
  const refused = fill(steps, seen.asked, answers)
  settle(steps)
  const downloads = downloadsOf(steps)
  const needs = needsOf({ declared, steps, walks, downloads, requires })
  const machine = spec.machine
  const { verdict, reasons } = seen.script === null ? { verdict: 'ok', reasons: [] } : judge({ needs, downloads, machine, steps, refused, problems })
  return {
    app: spec.name || path.basename(spec.folder), title: found.title, description: found.description, repository: spec.url || null,
    clone, platforms: needs.platform, script: seen.script === null ? null : path.relative(spec.folder, seen.script), steps: steps.map(publicStep),
    downloads: { bytes: downloads.bytes, estimated: downloads.estimated, unknown: downloads.unknown, programs: downloads.programs },
    needs: publicNeeds(needs), machine: { ...machine, disk_free: machine.disk_free < 0 ? null : machine.disk_free }, verdict, reasons
  }
}

module.exports = { look, finish }
