'use strict';

// The part of the watch that needs JavaScript's own regular expressions: gives a table of functions. The originals
// are kept, since a script may change the prototypes of its world.
(function () {
  const run = Function.prototype.call.bind(RegExp.prototype.exec)
  const kind = Function.prototype.call.bind(Object.prototype.toString)

  // An event, "/expression/flags" or a RegExp, as a global expression of our own; or text that says what is wrong.
  function compile (event) {
    const parts = kind(event) === '[object RegExp]'
      ? [null, event.source, event.flags]
      : typeof event === 'string' ? run(/^\/([^]+)\/([a-z]*)$/, event) : null
    if (parts === null) return 'it must be text like "/expression/flags"'
    try {
      return new RegExp(parts[1], parts[2].includes('g') ? parts[2] : parts[2] + 'g')
    } catch (error) {
      return error.message
    }
  }

  // The first match from `from` on that ends after `after`, or null.
  function find (expression, text, from, after) {
    expression.lastIndex = from
    for (;;) {
      const match = run(expression, text)
      if (match === null || match.index + match[0].length > after) return match
      if (match[0] === '') expression.lastIndex++
    }
  }

  // The last match from `from` on that ends after `after` and before `limit`, or null.
  function findLast (expression, text, from, after, limit) {
    let last = null
    for (;;) {
      const match = find(expression, text, from, after)
      if (match === null) return last
      after = match.index + match[0].length
      if (after >= limit) return last
      last = match
      from = match[0] === '' ? after + 1 : after
    }
  }

  function all (expression, text) {
    const matches = []
    let after = -1
    for (let from = 0; ; from = after) {
      const match = find(expression, text, from, after)
      if (match === null) return matches
      after = match.index + match[0].length
      matches.push(match)
    }
  }

  function without (text, expression) {
    let rest = ''
    let from = 0
    for (const match of all(expression, text)) {
      rest += text.slice(from, match.index)
      from = match.index + match[0].length
    }
    return rest + text.slice(from)
  }

  // The different texts that the breaks match once what the excuses match is taken out.
  function collect (text, excuses, breaks, limit) {
    if (!breaks.some(expression => find(expression, text, 0, -1) !== null)) return []
    for (const excuse of excuses) text = without(text, excuse)
    const found = new Set()
    for (const expression of breaks) {
      for (const match of all(expression, text)) {
        if (match[0] !== '') found.add(match[0])
        if (found.size >= limit) break
      }
    }
    return [...found]
  }

  return { compile, find, findLast, all, collect }
})()
