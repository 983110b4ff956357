'use strict'

// What a script's `env` (or `pre`) requires before it runs, and is not set.

const native = binding('script')

function required(body) {
  const out = []
  for (const list of [body.env, body.pre]) {
    for (const item of Array.isArray(list) ? list : []) {
      if (item && typeof item === 'object' && typeof (item.key || item.env) === 'string') out.push({ ...item, key: item.key || item.env })
    }
  }
  return out
}

function remembered(item) {
  if (!item.host) return undefined
  const kept = native.keys()[item.host]
  return kept && kept[item.key] !== undefined ? kept[item.key] : undefined
}

// {body, folder} -> the form to ask with, or null when nothing is missing
function missing({ body, folder }) {
  const wanted = body !== null && typeof body === 'object' ? required(body) : []
  if (wanted.length === 0) return null
  const environment = native.environment(folder)
  const form = wanted.filter((item) => !environment[item.key]).map((item) => ({
    key: item.key,
    title: item.title || item.key,
    description: item.description || '',
    type: /TOKEN|SECRET|PASSWORD|API_KEY/i.test(item.key) ? 'password' : 'text',
    default: remembered(item) ?? item.default,
    host: item.host,
    required: true
  }))
  return form.length > 0 ? { title: 'Settings that this app needs', type: 'env', form } : null
}

// Keeps the answers; a text of the keys that are still missing is given back.
function keep({ folder, form, answers }) {
  const still = []
  for (const item of form) {
    const value = answers[item.key]
    if (value === undefined || value === null || value === '') {
      still.push(item.key)
      continue
    }
    native.setEnvironment(folder, item.key, String(value))
    if (item.host) native.setKey(item.host, item.key, JSON.stringify(value))
  }
  return still.join(', ')
}

module.exports = { missing, keep }
