// The names that util.inspect puts before a value: its class, its tag, and that it has no prototype.
'use strict';

function isMadeBy(value, constructor) {
  try {
    return value instanceof constructor;
  } catch {
    return false;
  }
}

// The name of the nearest class; null where the chain ends without one.
function constructorName(value, ctx, inspect) {
  const start = Object.getPrototypeOf(value);
  let object = value;
  while (object !== null && object !== undefined) {
    const descriptor = Object.getOwnPropertyDescriptor(object, 'constructor');
    const made = descriptor && descriptor.value;
    if (typeof made === 'function' && made.name !== '' && isMadeBy(value, made)) return String(made.name);
    object = Object.getPrototypeOf(object);
  }
  if (start === null) return null;
  const shown = inspect(start, { ...ctx.options, customInspect: false, depth: -1 });
  return `${Object.prototype.toString.call(value).slice(8, -1)} <${shown}>`;
}

// "Name [tag] ", "Name(3) ", "[Object: null prototype] ": what stands before a bracket, with its space.
function prefixOf(name, tag, fallback, size = '') {
  const head = name === null ? `[${fallback}${size}: null prototype]` : `${name}${size}`;
  const known = name === null ? fallback : name;
  return tag !== '' && tag !== known ? `${head} [${tag}] ` : `${head} `;
}

module.exports = { constructorName, prefixOf };
