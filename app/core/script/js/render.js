'use strict'

// Templates: {{expression}} in the texts of a step. The scanner that finds them is C (script/template.c).

const { scan } = binding('script')

const KEPT = 4000 // compiled expressions and scanned texts kept
const expressions = new Map() // text -> function, or null when it does not parse
const texts = new Map() // text -> [literal, expression, literal, ...]

function keep(map, key, value) {
  if (map.size >= KEPT) map.delete(map.keys().next().value)
  map.set(key, value)
  return value
}

// The mission's {{gpu.memory}} beside the reference's plain string `gpu`.
function withAliases(expression) {
  return expression.includes('gpu.memory') ? expression.replace(/\bgpu\.memory\b/g, 'gpu_memory') : expression
}

function compile(expression) {
  const known = expressions.get(expression)
  if (known !== undefined) return known
  let made = null
  try {
    made = new Function('$memory', 'with ($memory) { return (' + withAliases(expression) + '\n) }')
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
  }
  return keep(expressions, expression, made)
}

function parses(expression) {
  return compile(expression) !== null
}

// undefined for what is undefined and what throws
function evaluate(run, memory) {
  try {
    return run.call(undefined, memory)
  } catch {
    return undefined
  }
}

function pieces(text) {
  return texts.get(text) || keep(texts, text, scan(text, parses))
}

function renderPieces(text, memory) {
  const parts = pieces(text)
  let out = parts[0]
  for (let i = 1; i < parts.length; i += 2) {
    const run = compile(parts[i])
    const value = run ? evaluate(run, memory) : undefined
    out += (value === undefined ? '{{' + parts[i] + '}}' : String(value)) + parts[i + 1]
  }
  return out
}

function isWhole(text) {
  return text.startsWith('{{') && text.endsWith('}}') && text.length >= 4
}

function renderText(text, memory, undefinedAllowed) {
  if (!text.includes('{{')) return text
  if (text.startsWith('{{{') && text.endsWith('}}}')) return text
  if (isWhole(text)) {
    const run = compile(text.slice(2, -2))
    if (run) {
      const value = evaluate(run, memory)
      return value === undefined && !undefinedAllowed ? text : value
    }
  }
  return renderPieces(text, memory)
}

function isPlain(value) {
  const prototype = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

function render(value, memory, undefinedAllowed) {
  if (typeof value === 'string') return renderText(value, memory, undefinedAllowed)
  if (value === null || typeof value !== 'object') return value
  if (Array.isArray(value)) return value.map((item) => render(item, memory, undefinedAllowed))
  if (!isPlain(value)) return value
  const out = {}
  for (const key of Object.keys(value)) {
    const name = key.includes('{{') ? renderText(key, memory, false) : key
    if (name === null || name === false) continue
    Object.defineProperty(out, name, {
      value: render(value[key], memory, undefinedAllowed), enumerable: true, configurable: true, writable: true
    })
  }
  return out
}

function isTemplateText(text) {
  return text.includes('{{') && !(text.startsWith('{{{') && text.endsWith('}}}'))
}

function holdsTemplate(value) {
  if (typeof value === 'string') return isTemplateText(value)
  if (value === null || typeof value !== 'object') return false
  if (Array.isArray(value)) return value.some(holdsTemplate)
  if (!isPlain(value)) return false
  for (const key of Object.keys(value)) {
    if (isTemplateText(key) || holdsTemplate(value[key])) return true
  }
  return false
}

// {{{x}}} has waited for a later rendering: it becomes {{x}}.
function flatten(value) {
  if (typeof value === 'string') return value.includes('{{{') ? value.replace(/\{\{\{([^]*?)\}\}\}/g, '{{$1}}') : value
  if (value === null || typeof value !== 'object') return value
  if (Array.isArray(value)) return value.map(flatten)
  if (!isPlain(value)) return value
  const out = {}
  for (const key of Object.keys(value)) out[flatten(key)] = flatten(value[key])
  return out
}

const PASSES = 4

function renderStep(step, memory) {
  let out = step
  for (let pass = 0; pass < PASSES; pass++) {
    out = render(out, memory, false)
    if (!holdsTemplate(out)) break
  }
  return flatten(out)
}

module.exports = { render, renderStep, flatten, holdsTemplate }
