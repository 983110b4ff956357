'use strict'

// Who says how large something is: the questions that plan.c asks of servers, and what their answers mean.

const native = binding('script')

const CODE_HOSTS = [
  // Sizes in KiB. Sources: "Get a repository" of GitHub's REST API; "repoGet" of Forgejo's API.
  { host: 'github.com', base: 'https://api.github.com', path: (owner, name) => '/repos/' + owner + '/' + name, bytes: (body) => body.size * 1024 },
  { host: 'codeberg.org', base: 'https://codeberg.org', path: (owner, name) => '/api/v1/repos/' + owner + '/' + name, bytes: (body) => body.size * 1024 }
]

// Source: "Hub API Endpoints" of Hugging Face: `blobs=true` gives each file's size.
const HUB = 'https://huggingface.co'
const HUB_KINDS = { model: 'models', models: 'models', dataset: 'datasets', datasets: 'datasets', space: 'spaces', spaces: 'spaces' }

const ASKED_AT_MOST = 60

// For models that want a login: the token that the downloads would use too.
function tokenFor(address) {
  return address === HUB || address.startsWith(HUB + '/') ? native.environment(native.home).HF_TOKEN : undefined
}

function hubQuestion(repository, kind, revision, base) {
  const at = revision ? '/revision/' + encodeURIComponent(revision) : ''
  return { method: 'GET', url: base + '/api/' + (HUB_KINDS[kind] || 'models') + '/' + repository + at + '?blobs=true', reads: 'hub', token: tokenFor(base) }
}

function cloneQuestion(address, base) {
  const found = /^(?:https?:\/\/(?:[^@/]*@)?|git@|ssh:\/\/git@)([^/:]+)[/:](.+?)(?:\.git)?\/*$/.exec(address)
  if (!found) return null
  const [, host, where] = found
  const parts = where.split('/')
  if (host === 'huggingface.co') {
    const kind = parts.length === 3 ? parts[0] : 'models'
    return parts.length < 2 ? null : hubQuestion(parts.slice(-2).join('/'), kind, null, base || HUB)
  }
  const row = CODE_HOSTS.find((candidate) => candidate.host === host)
  return row && parts.length === 2 ? { method: 'GET', url: (base || row.base) + row.path(...parts), reads: 'code' } : null
}

function questionOf(item, base) {
  if (item.hub) return hubQuestion(item.hub.repository, item.hub.type, item.hub.revision, base || HUB)
  if (item.clone) return cloneQuestion(item.clone, base)
  if (item.url && /^https?:\/\//.test(item.url)) return { method: 'HEAD', url: item.url, reads: 'length', token: tokenFor(item.url) }
  return null
}

// Gives each item that a server can be asked about the number of its question.
function questions(steps, base) {
  const asked = []
  for (const step of steps) {
    if (step.when === 'no') continue
    for (const item of step.items) {
      const question = questionOf(item, base)
      if (!question) continue
      let at = asked.findIndex((other) => other.url === question.url)
      if (at < 0 && asked.length < ASKED_AT_MOST) at = asked.push(question) - 1
      if (at >= 0) item.ask = at
    }
  }
  return asked
}

// As the shells' patterns that `hf download --include` takes: * also crosses folders.
function matches(name, pattern) {
  const text = pattern.replace(/[.+^${}()|[\]\\]/g, '\\$&').replace(/\*/g, '[^]*').replace(/\?/g, '[^]')
  return new RegExp('^' + text + '$').test(name)
}

function hubBytes(body, hub) {
  if (!Array.isArray(body.siblings)) return null
  const wanted = (name) => {
    if (!hub) return true
    if (hub.files.length > 0) return hub.files.some((file) => matches(name, file))
    return (hub.include.length === 0 || hub.include.some((pattern) => matches(name, pattern))) && !hub.exclude.some((pattern) => matches(name, pattern))
  }
  const chosen = body.siblings.filter((file) => file && wanted(String(file.rfilename)))
  if (chosen.length === 0 || chosen.some((file) => typeof file.size !== 'number')) return null
  return chosen.reduce((sum, file) => sum + file.size, 0)
}

function bytesOf(question, answer, item) {
  if (question.reads === 'length') return typeof answer.length === 'number' ? answer.length : null
  let body = null
  try {
    body = JSON.parse(answer.body)
  } catch {
    return null
  }
  if (body === null || typeof body !== 'object') return null
  if (question.reads === 'hub') return hubBytes(body, item.hub)
  return typeof body.size === 'number' ? body.size * 1024 : null
}

const REFUSALS = {
  401: 'wants a login or a token', 403: 'refuses: it wants a token, or its terms to be accepted', 404: 'is not there', 410: 'is gone'
}

// Puts the answers ({status, length, body} each, or null) into the items; -> what was refused, a line each.
function fill(steps, asked, answers) {
  const refused = new Set()
  for (const step of steps) {
    for (const item of step.items) {
      const question = item.ask === undefined ? null : asked[item.ask]
      const answer = question ? answers[item.ask] : null
      delete item.ask
      if (!answer) continue
      const bytes = answer.status >= 200 && answer.status < 300 ? bytesOf(question, answer, item) : null
      if (bytes !== null) item.bytes = Math.round(bytes)
      else if (REFUSALS[answer.status] && step.when === 'yes' && (question.reads !== 'code' || answer.status === 404)) {
        refused.add(item.what.replace(/[?#].*$/, '') + ' ' + REFUSALS[answer.status])
      }
    }
  }
  return [...refused]
}

module.exports = { questions, fill }
