// path: POSIX paths, and Windows paths for scripts that name path.win32. Both are made from the same parts
// by a flavour: which characters separate, and where the root of a path ends.
'use strict';

const { argType, needString } = require('errors');

function currentDirectory() {
  const { process } = globalThis;
  return process && typeof process.cwd === 'function' ? process.cwd() : '/';
}

// Removes '.' and '' and applies '..'; above the start '..' stays only in a relative path.
function tidy(segments, keepAbove) {
  const out = [];
  for (const segment of segments) {
    if (segment === '' || segment === '.') continue;
    if (segment !== '..') {
      out.push(segment);
    } else if (out.length > 0 && out[out.length - 1] !== '..') {
      out.pop();
    } else if (keepAbove) {
      out.push('..');
    }
  }
  return out;
}

function endOfName(flavour, path, start) {
  let end = path.length;
  while (end > start && flavour.isSeparator(path[end - 1])) end--;
  return end;
}

function startOfName(flavour, path, start, end) {
  let at = end;
  while (at > start && !flavour.isSeparator(path[at - 1])) at--;
  return at;
}

function lastName(flavour, path) {
  const start = flavour.nameStart(path);
  const end = endOfName(flavour, path, start);
  return path.slice(startOfName(flavour, path, start, end), end);
}

function extension(name) {
  const dot = name.lastIndexOf('.');
  return dot <= 0 || name === '..' ? '' : name.slice(dot);
}

function formatter(separator) {
  return function format(parts) {
    if (parts === null || typeof parts !== 'object') throw argType('pathObject', 'of type object', parts);
    const directory = parts.dir || parts.root;
    const ext = parts.ext ? `${parts.ext[0] === '.' ? '' : '.'}${parts.ext}` : '';
    const base = parts.base || `${parts.name || ''}${ext}`;
    if (!directory) return base;
    return directory === parts.root ? `${directory}${base}` : `${directory}${separator}${base}`;
  };
}

function makeBasename(flavour) {
  return function basename(path, suffix) {
    needString(path, 'path');
    if (suffix !== undefined) needString(suffix, 'suffix');
    if (suffix && suffix === path) return '';
    const name = lastName(flavour, path);
    if (suffix && name !== suffix && name.endsWith(suffix)) return name.slice(0, -suffix.length);
    return name;
  };
}

function makeExtname(flavour) {
  return function extname(path) {
    needString(path, 'path');
    return extension(lastName(flavour, path));
  };
}

function makeParse(flavour) {
  return function parse(path) {
    needString(path, 'path');
    const root = path.slice(0, flavour.parseRoot(path));
    const end = endOfName(flavour, path, root.length);
    const start = startOfName(flavour, path, root.length, end);
    const base = path.slice(start, end);
    const ext = extension(base);
    const dir = start > root.length ? path.slice(0, start - 1) : root;
    return { root, dir, base, ext, name: base.slice(0, base.length - ext.length) };
  };
}

function makeJoin(separator, normalize) {
  return function join(...parts) {
    for (const part of parts) needString(part, 'path');
    const joined = parts.filter((part) => part !== '').join(separator);
    return joined === '' ? '.' : normalize(joined);
  };
}

// --- POSIX -----------------------------------------------------------------------------------------------

const posixFlavour = {
  isSeparator: (char) => char === '/',
  nameStart: () => 0,
  parseRoot: (path) => (path[0] === '/' ? 1 : 0),
};

function posixNormalize(path) {
  needString(path, 'path');
  if (path === '') return '.';
  const absolute = path[0] === '/';
  const body = tidy(path.split('/'), !absolute).join('/');
  const tail = path.endsWith('/') && body !== '' ? '/' : '';
  if (absolute) return `/${body}${tail}`;
  if (body === '') return path.endsWith('/') ? './' : '.';
  return body + tail;
}

function posixResolve(...parts) {
  let path = '';
  for (let i = parts.length - 1; i >= 0 && path[0] !== '/'; i--) {
    needString(parts[i], `paths[${i}]`);
    if (parts[i] !== '') path = `${parts[i]}/${path}`;
  }
  if (path[0] !== '/') path = `${currentDirectory()}/${path}`;
  return `/${tidy(path.split('/'), false).join('/')}`;
}

function posixRelative(from, to) {
  needString(from, 'from');
  needString(to, 'to');
  if (from === to) return '';
  const source = posixResolve(from).split('/').filter(Boolean);
  const target = posixResolve(to).split('/').filter(Boolean);
  let shared = 0;
  while (shared < source.length && shared < target.length && source[shared] === target[shared]) shared++;
  return [...source.slice(shared).fill('..'), ...target.slice(shared)].join('/');
}

function posixDirname(path) {
  needString(path, 'path');
  if (path === '') return '.';
  const end = endOfName(posixFlavour, path, 1);
  const slash = path.lastIndexOf('/', end - 1);
  if (slash < 0 || end <= slash) return path[0] === '/' ? '/' : '.';
  if (slash === 0) return '/';
  return slash === 1 && path[0] === '/' ? '//' : path.slice(0, slash);
}

const posix = {
  sep: '/',
  delimiter: ':',
  normalize: posixNormalize,
  join: makeJoin('/', posixNormalize),
  resolve: posixResolve,
  relative: posixRelative,
  dirname: posixDirname,
  basename: makeBasename(posixFlavour),
  extname: makeExtname(posixFlavour),
  parse: makeParse(posixFlavour),
  format: formatter('/'),
  isAbsolute(path) {
    needString(path, 'path');
    return path[0] === '/';
  },
  toNamespacedPath: (path) => path,
};

// --- Windows ---------------------------------------------------------------------------------------------

const isWinSeparator = (char) => char === '/' || char === '\\';
const UNC = /^[\\/]{2}([^\\/]+)[\\/]+([^\\/]+)([\\/]*)/;

// The device ("C:" or "\\\\server\\share"), whether the path starts at its root, and where its names begin.
function splitDevice(path) {
  const unc = UNC.exec(path);
  if (unc) {
    return {
      device: `\\\\${unc[1]}\\${unc[2]}`,
      rooted: true,
      start: unc[0].length,
      unc: true,
      end: unc[3] !== '',
    };
  }
  if (/^[A-Za-z]:/.test(path)) {
    const rooted = isWinSeparator(path[2]);
    return { device: path.slice(0, 2), rooted, start: rooted ? 3 : 2, unc: false };
  }
  const rooted = isWinSeparator(path[0]);
  return { device: '', rooted, start: rooted ? 1 : 0, unc: false };
}

const winFlavour = {
  isSeparator: isWinSeparator,
  nameStart: (path) => (/^[A-Za-z]:/.test(path) ? 2 : 0),
  parseRoot(path) {
    const { start, unc } = splitDevice(path);
    if (!unc) return start;
    const bare = /^[\\/]{2}[^\\/]+[\\/]+[^\\/]+[\\/]?/.exec(path)[0];
    return bare.length;
  },
};

const winSegments = (text) => text.split(/[\\/]/);

function winNormalize(path) {
  needString(path, 'path');
  if (path === '') return '.';
  const { device, rooted, start, unc } = splitDevice(path);
  if (path.length === 1) return rooted ? '\\' : path;
  const rest = path.slice(start);
  if (unc && rest === '') return `${device}\\`;
  let body = tidy(winSegments(rest), !rooted).join('\\');
  if (body === '' && !rooted) body = '.';
  if (body !== '' && isWinSeparator(path[path.length - 1]) && rest !== '') body += '\\';
  // A name like "C:" inside a relative path must not become a drive when it moves to the front.
  const guard = !rooted && device === '' && (/:([\\/]|$)/.test(path) || /^[A-Za-z]:/.test(body)) ? '.\\' : '';
  return `${guard}${device}${rooted ? '\\' : ''}${body}`;
}

// Names joined to a path of two leading separators would make a network path by accident.
function winJoin(...parts) {
  for (const part of parts) needString(part, 'path');
  const given = parts.filter((part) => part !== '');
  if (given.length === 0) return '.';
  const joined = given.join('\\');
  const meantAsNetwork = /^[\\/]{2}[^\\/]/.test(given[0]) && (given.length > 1 ? true : UNC.test(given[0]));
  return winNormalize(meantAsNetwork ? joined : joined.replace(/^[\\/]{2,}/, '\\'));
}

function winResolve(...parts) {
  let device = '';
  let tail = '';
  let rooted = false;
  for (let i = parts.length - 1; i >= -1 && !(rooted && device !== ''); i--) {
    let path = i >= 0 ? parts[i] : currentDirectory();
    needString(path, `paths[${i}]`);
    if (path === '') continue;
    const found = splitDevice(path);
    if (found.device !== '') {
      if (device === '') device = found.device;
      else if (device.toLowerCase() !== found.device.toLowerCase()) continue;
    }
    if (!rooted) {
      tail = `${path.slice(found.start)}\\${tail}`;
      rooted = found.rooted;
    }
  }
  const body = tidy(winSegments(tail), !rooted).join('\\');
  return `${device}${rooted ? '\\' : ''}${body}` || '.';
}

function winRelative(from, to) {
  needString(from, 'from');
  needString(to, 'to');
  const source = winResolve(from);
  const target = winResolve(to);
  if (source.toLowerCase() === target.toLowerCase()) return '';
  const a = winSegments(source).filter(Boolean);
  const b = winSegments(target).filter(Boolean);
  let shared = 0;
  while (shared < a.length && shared < b.length && a[shared].toLowerCase() === b[shared].toLowerCase())
    shared++;
  if (shared === 0 && a.length > 0 && b.length > 0) return target;
  return [...a.slice(shared).fill('..'), ...b.slice(shared)].join('\\');
}

function winDirname(path) {
  needString(path, 'path');
  if (path === '') return '.';
  const { start, unc, end: closed } = splitDevice(path);
  if (unc && start === path.length) return closed ? path.slice(0, start) : path;
  const root = unc ? winFlavour.parseRoot(path) : start;
  const end = endOfName(winFlavour, path, root);
  const name = startOfName(winFlavour, path, root, end);
  if (name > root) return path.slice(0, name - 1);
  return root > 0 ? path.slice(0, root) : '.';
}

const win32 = {
  sep: '\\',
  delimiter: ';',
  normalize: winNormalize,
  join: winJoin,
  resolve: winResolve,
  relative: winRelative,
  dirname: winDirname,
  basename: makeBasename(winFlavour),
  extname: makeExtname(winFlavour),
  parse: makeParse(winFlavour),
  format: formatter('\\'),
  isAbsolute(path) {
    needString(path, 'path');
    return splitDevice(path).rooted;
  },
  toNamespacedPath: (path) => path,
};

posix.posix = win32.posix = posix;
posix.win32 = win32.win32 = win32;
posix._makeLong = posix.toNamespacedPath;

module.exports = posix;
