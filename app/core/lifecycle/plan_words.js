'use strict'

// A shell's command line taken apart: its simple commands, each as words. Nothing is expanded; what only a shell could
// work out ($(...), variables) stays as it is written.

const OPERATORS = ['&&', '||', ';;', ';', '|', '&', '\n', '(', ')']

class Scanner {
  constructor(line) {
    this.line = line
    this.at = 0
    this.word = null
    this.words = []
    this.output = null // where `>` writes
    this.wantsOutput = false
    this.commands = []
  }

  endWord() {
    if (this.word === null) return
    if (this.wantsOutput) this.output = this.word
    else this.words.push(this.word)
    this.wantsOutput = false
    this.word = null
  }

  endCommand(operator) {
    this.endWord()
    if (this.words.length > 0) this.commands.push({ words: this.words, output: this.output, operator })
    this.words = []
    this.output = null
  }

  add(text) {
    this.word = (this.word === null ? '' : this.word) + text
  }

  quoted(mark) {
    const end = this.line.indexOf(mark, this.at + 1)
    const stop = end < 0 ? this.line.length : end
    const text = this.line.slice(this.at + 1, stop)
    this.add(mark === '"' ? text.replace(/\\(["\\$`])/g, '$1') : text)
    this.at = stop + 1
  }

  // $(...) and ${...} are one piece
  substitution() {
    const [open, close] = this.line[this.at + 1] === '{' ? ['{', '}'] : ['(', ')']
    let depth = 0
    let end = this.at + 1
    for (; end < this.line.length; end++) {
      if (this.line[end] === open) depth++
      if (this.line[end] === close && --depth === 0) break
    }
    this.add(this.line.slice(this.at, end + 1))
    this.at = end + 1
  }

  redirection() {
    const [all] = /^[<>]+[&|]?/.exec(this.line.slice(this.at))
    if (/^\d$/.test(this.word || '')) this.word = null
    this.endWord()
    this.wantsOutput = true
    this.at += all.length
    if (all.endsWith('&')) this.at += /^[\d-]*/.exec(this.line.slice(this.at))[0].length
    if (all.endsWith('&')) this.wantsOutput = false
  }

  step() {
    const char = this.line[this.at]
    const operator = OPERATORS.find((candidate) => this.line.startsWith(candidate, this.at))
    if (char === '\\') {
      if (this.line[this.at + 1] !== '\n') this.add(this.line[this.at + 1] || '')
      this.at += 2
    } else if (char === "'" || char === '"') this.quoted(char)
    else if (char === '$' && /[({]/.test(this.line[this.at + 1] || '')) this.substitution()
    else if (char === '#' && this.word === null) {
      const end = this.line.indexOf('\n', this.at)
      this.at = end < 0 ? this.line.length : end
    } else if (char === '<' || char === '>') this.redirection()
    else if (operator) {
      this.endCommand(operator)
      this.at += operator.length
    } else if (/\s/.test(char)) {
      this.endWord()
      this.at++
    } else {
      this.add(char)
      this.at++
    }
  }

  all() {
    while (this.at < this.line.length) this.step()
    this.endCommand('')
    return this.commands
  }
}

// -> [{words, output, operator: what comes after it}]
function commandsOf(line) {
  return new Scanner(line).all()
}

const WITHOUT_VALUE = new Set()

// Words without the program: {flags: Map name -> [values], rest}. valued: names of the options that take a value.
function optionsOf(words, valued = WITHOUT_VALUE) {
  const flags = new Map()
  const rest = []
  const put = (name, value) => flags.set(name, [...(flags.get(name) || []), value])
  for (let i = 0; i < words.length; i++) {
    const word = words[i]
    const equal = word.startsWith('--') ? word.indexOf('=') : -1
    if (!/^-[-\w]/.test(word)) rest.push(word)
    else if (equal > 0) put(word.slice(0, equal), word.slice(equal + 1))
    else if (valued.has(word)) put(word, words[++i] || '')
    else if (/^-\w./.test(word) && valued.has(word.slice(0, 2))) put(word.slice(0, 2), word.slice(2))
    else put(word, true)
  }
  return { flags, rest }
}

module.exports = { commandsOf, optionsOf }
