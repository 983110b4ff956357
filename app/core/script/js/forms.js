'use strict'

// The answers of a form made what the script expects: every field by its key, in its type.

const fs = require('fs')

const TYPES = {
  checkbox: (value) => value === true || value === 'true' || value === 'on' || value === 1,
  file: (value) => {
    if (typeof value !== 'string') return value && value.type === 'Buffer' ? Buffer.from(value) : value
    return fs.readFileSync(value)
  }
}

function finish(params, answers) {
  if (!Array.isArray(params.form)) return answers
  const out = {}
  for (const field of params.form) {
    const given = answers[field.key] === undefined || answers[field.key] === '' ? field.default : answers[field.key]
    if (field.required && (given === undefined || given === null || given === '')) {
      throw new Error("the form's field '" + field.key + "' is required and was left empty")
    }
    const type = TYPES[field.type]
    out[field.key] = type && given !== undefined && given !== null ? type(given) : given
  }
  return out
}

module.exports = { finish }
