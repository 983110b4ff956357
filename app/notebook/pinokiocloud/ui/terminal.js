// A terminal (xterm.js) that shows what the kernel sends, and tells it how much of that it has taken.
//
// The kernel counts bytes: a message holds those from `at` on of an `epoch` (what is shown is another thing in each).
// A view that has missed some says hello and is given the end of them anew.

const MODULES = null; // replaced by xterm.py: name -> the module's text or its address

const SCROLLBACK = 5000;
const FULL = 1024 * 1024; // bytes that wait for the terminal; more are not taken
const ACK_MS = 200;
const SIZE_MS = 250;
const SETTLE_MS = 250;
const DARK = {
  black: "#24292f", red: "#ff8a80", green: "#6fcf87", yellow: "#e3b341", blue: "#8ab4f8", magenta: "#d8a0e6", cyan: "#6fcfd9",
  white: "#d0d7de", brightBlack: "#8b949e", brightRed: "#ffa198", brightGreen: "#8be09f", brightYellow: "#f2cc60",
  brightBlue: "#a5c8ff", brightMagenta: "#e5b8f0", brightCyan: "#8fe3ea", brightWhite: "#ffffff",
};
const LIGHT = {
  black: "#24292f", red: "#b3261e", green: "#1a6b2d", yellow: "#7a5200", blue: "#1f5fbf", magenta: "#8a3b9e", cyan: "#0b6670",
  white: "#6e7781", brightBlack: "#57606a", brightRed: "#c62f21", brightGreen: "#217a37", brightYellow: "#855c00",
  brightBlue: "#2563c4", brightMagenta: "#9b45b0", brightCyan: "#0e7480", brightWhite: "#8c959f",
};
const FOUND = {
  matchBackground: "#f2cc60", matchOverviewRuler: "#bf8700",
  activeMatchBackground: "#ff9632", activeMatchColorOverviewRuler: "#bc4c00",
};

let loading = null;

async function loadOne(module) {
  if (/^https:/.test(module)) return import(module);
  const url = URL.createObjectURL(new Blob([module], { type: "text/javascript" }));
  try {
    return await import(url);
  } finally {
    URL.revokeObjectURL(url);
  }
}

function load() {
  loading = loading || Promise.all([loadOne(MODULES.xterm), loadOne(MODULES.fit), loadOne(MODULES.search)]);
  return loading;
}

async function initialize({ model }) {
  try {
    await load();
    model.send({ kind: "ready" });
  } catch (error) {
    model.send({ kind: "failed", why: String(error) });
  }
}

// Looks

function isDark(colour) {
  const [red, green, blue] = (colour.match(/[\d.]+/g) || [255, 255, 255]).map(Number);
  return 0.299 * red + 0.587 * green + 0.114 * blue < 128;
}

function themeOf(host) {
  const style = getComputedStyle(host);
  const dark = isDark(style.backgroundColor);
  return {
    ...(dark ? DARK : LIGHT),
    background: style.backgroundColor,
    foreground: style.color,
    cursor: style.color,
    cursorAccent: style.backgroundColor,
    selectionBackground: dark ? "#3b5b8c" : "#b6d3fb",
    selectionForeground: style.color,
  };
}

function watchTheme(changed) {
  const observer = new MutationObserver(changed);
  const attributes = ["data-jp-theme-light", "data-jp-theme-name", "theme", "class", "style"];
  for (const node of [document.body, document.documentElement])
    observer.observe(node, { attributes: true, attributeFilter: attributes });
  const system = window.matchMedia("(prefers-color-scheme: dark)");
  system.addEventListener("change", changed);
  return () => {
    observer.disconnect();
    system.removeEventListener("change", changed);
  };
}

// What the terminal would answer to programs goes nowhere: a log that is looked at must not be typed into its shell.
function makeMute(term) {
  const mute = () => true;
  for (const id of [{ final: "n" }, { prefix: "?", final: "n" }, { final: "c" }, { prefix: ">", final: "c" },
    { prefix: "=", final: "c" }, { intermediates: "$", final: "p" }, { prefix: "?", intermediates: "$", final: "p" },
    { prefix: ">", final: "q" }, { final: "t" }])
    term.parser.registerCsiHandler(id, mute);
  for (const number of [4, 10, 11, 12, 52]) term.parser.registerOscHandler(number, mute);
  term.parser.registerDcsHandler({ intermediates: "$", final: "q" }, mute);
}

function openLink(event, address) {
  if (/^https?:\/\//i.test(address)) window.open(address, "_blank", "noopener,noreferrer");
}

// With a selection Ctrl-C copies it, and Ctrl-V pastes, as everywhere else on the page.
function keys(term) {
  return (event) => {
    if (event.type !== "keydown" || event.altKey || !(event.ctrlKey || event.metaKey)) return true;
    const key = event.key.toLowerCase();
    if (key === "c" && term.hasSelection()) return false;
    return key !== "v";
  };
}

// What comes from the kernel

class Stream {
  constructor(model, term, id) {
    Object.assign(this, { model, term, id, epoch: -1, next: 0, taken: 0, waiting: 0, missing: true, timer: 0, onTaken() {} });
  }

  hello() {
    this.missing = true;
    this.model.send({ kind: "hello", id: this.id });
  }

  data(message, bytes) {
    if (message.to === this.id) {
      this.term.reset();
      Object.assign(this, { epoch: message.epoch, next: message.at, missing: false });
    } else if (message.to || this.missing || message.epoch !== this.epoch) {
      return;
    } else if (message.at !== this.next || this.waiting > FULL) {
      this.missing = true; // until all that waits is taken
      if (!this.waiting) this.hello();
      return;
    }
    this.next += bytes.length;
    this.write(bytes, message.epoch, this.next);
  }

  reset(epoch) {
    this.term.reset();
    Object.assign(this, { epoch, next: 0, missing: false });
  }

  write(bytes, epoch, end) {
    this.waiting += bytes.length;
    this.term.write(bytes, () => {
      this.waiting -= bytes.length;
      if (epoch === this.epoch) this.taken = end;
      if (!this.waiting && this.missing) this.hello();
      this.timer = this.timer || setTimeout(() => this.acknowledge(), this.waiting ? ACK_MS : 0);
      this.onTaken();
    });
  }

  acknowledge() {
    this.timer = 0;
    this.model.send({ kind: "ack", id: this.id, epoch: this.epoch, at: this.taken });
  }
}

function makeTerminal(Terminal, host) {
  const mono = getComputedStyle(host).fontFamily;
  const term = new Terminal({
    scrollback: SCROLLBACK, disableStdin: true, minimumContrastRatio: 4.5, allowProposedApi: true,
    fontFamily: mono, fontSize: 12, theme: themeOf(host), linkHandler: { activate: openLink },
    screenReaderMode: false,
  });
  makeMute(term);
  term.attachCustomKeyEventHandler(keys(term));
  return term;
}

function keepSize(host, term, fit, told) {
  let timer = 0;
  const measure = () => {
    const size = host.clientWidth > 0 && host.clientHeight > 0 ? fit.proposeDimensions() : undefined;
    if (!size || !(size.cols > 1) || !(size.rows > 1)) return;
    if (size.cols !== term.cols || size.rows !== term.rows) term.resize(size.cols, size.rows);
    clearTimeout(timer);
    timer = setTimeout(() => told(term.cols, term.rows), SIZE_MS);
  };
  const observer = new ResizeObserver(() => requestAnimationFrame(measure));
  observer.observe(host);
  return () => {
    clearTimeout(timer);
    observer.disconnect();
  };
}

// Whether the person looks at the end or at what was before, and holding still there when asked to.
function watchPlace(model, host, term, stream) {
  const place = { away: false, held: -1 };
  const look = () => {
    const buffer = term.buffer.active;
    const away = buffer.viewportY < buffer.baseY;
    if (away !== place.away) model.send({ kind: "away", away });
    place.away = away;
  };
  stream.onTaken = () => {
    if (place.held >= 0 && term.buffer.active.viewportY !== place.held) term.scrollToLine(place.held);
  };
  const moved = () => {
    if (place.held >= 0) place.held = term.buffer.active.viewportY;
    look();
  };
  let timer = 0;
  const handled = () => { // by the terminal, which may take a moment to get there
    requestAnimationFrame(moved);
    clearTimeout(timer);
    timer = setTimeout(moved, SETTLE_MS);
  };
  for (const name of ["wheel", "pointerup", "keyup", "touchend"])
    host.addEventListener(name, handled, { passive: true, capture: true });
  place.follow = (following) => {
    place.held = following ? -1 : term.buffer.active.viewportY;
    if (following) {
      term.scrollToBottom();
      place.away = false;
    }
  };
  return place;
}

function handlers(model, term, search, stream, place) {
  return {
    data: (message, bytes) => stream.data(message, bytes),
    reset: (message) => stream.reset(message.epoch),
    follow: (message) => place.follow(message.following),
    find: (message) => {
      if (!message.text) return search.clearDecorations();
      const options = { decorations: FOUND, caseSensitive: false };
      if (message.step > 0) search.findNext(message.text, options);
      else search.findPrevious(message.text, options);
      if (place.held >= 0) place.held = term.buffer.active.viewportY; // what was found stays in view
    },
  };
}

async function render({ model, el }) {
  const [{ Terminal }, { FitAddon }, { SearchAddon }] = await load();
  const id = Math.random().toString(36).slice(2) + Date.now().toString(36);
  const host = document.createElement("div");
  host.className = "pino-xterm";
  host.dataset.lmSuppressShortcuts = "true"; // keys are the shell's, not the notebook's
  el.appendChild(host);
  await new Promise((done) => requestAnimationFrame(done)); // until it is on the page and has its colours
  const term = makeTerminal(Terminal, host);
  const fit = new FitAddon();
  const search = new SearchAddon();
  term.loadAddon(fit);
  term.loadAddon(search);
  term.open(host);
  const stream = new Stream(model, term, id);
  const place = watchPlace(model, host, term, stream);
  const known = handlers(model, term, search, stream, place);
  const heard = (message, buffers) => {
    if (!known[message.kind]) return;
    const view = (buffers || [])[0];
    known[message.kind](message, view ? new Uint8Array(view.buffer || view, view.byteOffset || 0, view.byteLength) : new Uint8Array());
  };
  const writable = () => {
    term.options.disableStdin = !model.get("writable");
    term.options.cursorBlink = model.get("writable");
  };
  const typed = (data) => model.get("writable") && model.send({ kind: "input", data });
  term.onData(typed);
  search.onDidChangeResults(({ resultIndex, resultCount }) => model.send({ kind: "found", index: resultIndex + 1, count: resultCount }));
  host.addEventListener("keydown", (event) => event.stopPropagation());
  const paint = () => { term.options.theme = themeOf(host); };
  let painting = 0;
  const unwatch = watchTheme(() => {
    paint();
    clearTimeout(painting);
    painting = setTimeout(paint, 400); // a theme's colours may come after its name
  });
  const unsize = keepSize(host, term, fit, (cols, rows) => model.send({ kind: "size", id, cols, rows }));
  model.on("msg:custom", heard);
  model.on("change:writable", writable);
  writable();
  stream.hello();
  return () => {
    unwatch();
    unsize();
    clearTimeout(painting);
    clearTimeout(stream.timer);
    model.off("msg:custom", heard);
    model.off("change:writable", writable);
    model.send({ kind: "bye", id });
    term.dispose();
  };
}

export default { initialize, render };
