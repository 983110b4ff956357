// util.types: what a value really is, by asking the class's own accessor, which throws for any other
// object.
'use strict';

const TypedArray = Object.getPrototypeOf(Uint8Array);

function getter(prototype, name) {
  return Object.getOwnPropertyDescriptor(prototype, name).get;
}

// A check that does not run code of the value: the accessor looks only at the internal slot.
function brand(accessor, ...args) {
  return (value) => {
    if (value === null || typeof value !== 'object') return false;
    try {
      accessor.call(value, ...args);
      return true;
    } catch {
      return false;
    }
  };
}

function byTag(...tags) {
  const wanted = new Set(tags.map((tag) => `[object ${tag}]`));
  return (value) =>
    value !== null && typeof value === 'object' && wanted.has(Object.prototype.toString.call(value));
}

const typedTag = getter(TypedArray.prototype, Symbol.toStringTag);
const typedName = (value) => (ArrayBuffer.isView(value) ? typedTag.call(value) : undefined);

function functionOf(...samples) {
  const prototypes = samples.map((sample) => Object.getPrototypeOf(sample));
  return (value) => {
    if (typeof value !== 'function') return false;
    const tag = value[Symbol.toStringTag];
    return prototypes.some(
      (prototype) => prototype.isPrototypeOf(value) && prototype[Symbol.toStringTag] === tag,
    );
  };
}

const isMap = brand(getter(Map.prototype, 'size'));
const isSet = brand(getter(Set.prototype, 'size'));
const isArrayBuffer = brand(getter(ArrayBuffer.prototype, 'byteLength'));
const isSharedArrayBuffer =
  typeof SharedArrayBuffer === 'function'
    ? brand(getter(SharedArrayBuffer.prototype, 'byteLength'))
    : () => false;
const hasRegExpSource = brand(getter(RegExp.prototype, 'source'));
const isNumberObject = brand(Number.prototype.valueOf);
const isStringObject = brand(String.prototype.valueOf);
const isBooleanObject = brand(Boolean.prototype.valueOf);
const isBigIntObject = brand(BigInt.prototype.valueOf);
const isSymbolObject = brand(Symbol.prototype.valueOf);

function isNativeError(value) {
  if (value === null || typeof value !== 'object') return false;
  if (typeof Error.isError === 'function') return Error.isError(value);
  // A tag of its own hides the class; such an error can then only be told by its ancestry and the stack it
  // got.
  return (
    Object.prototype.toString.call(value) === '[object Error]' ||
    (value instanceof Error && Object.hasOwn(value, 'stack'))
  );
}

const types = {
  isMap,
  isSet,
  isArrayBuffer,
  isSharedArrayBuffer,
  isNumberObject,
  isStringObject,
  isBooleanObject,
  isBigIntObject,
  isSymbolObject,
  isNativeError,
  isWeakMap: brand(WeakMap.prototype.has, {}),
  isWeakSet: brand(WeakSet.prototype.has, {}),
  isDate: brand(Date.prototype.getTime),
  isRegExp: (value) => value !== RegExp.prototype && hasRegExpSource(value),
  isDataView: brand(getter(DataView.prototype, 'buffer')),
  isPromise: (value) => value instanceof Promise,
  isArgumentsObject: byTag('Arguments'),
  isGeneratorObject: byTag('Generator', 'AsyncGenerator'),
  isMapIterator: byTag('Map Iterator'),
  isSetIterator: byTag('Set Iterator'),
  isModuleNamespaceObject: byTag('Module'),
  isAsyncFunction: functionOf(
    async () => {},
    async function* sample() {},
  ),
  isGeneratorFunction: functionOf(
    function* sample() {},
    async function* sample() {},
  ),
  isAnyArrayBuffer: (value) => isArrayBuffer(value) || isSharedArrayBuffer(value),
  isArrayBufferView: (value) => ArrayBuffer.isView(value),
  isTypedArray: (value) => typedName(value) !== undefined,
  isBoxedPrimitive: (value) =>
    isNumberObject(value) ||
    isStringObject(value) ||
    isBooleanObject(value) ||
    isBigIntObject(value) ||
    isSymbolObject(value),
  // Neither can be told from JavaScript, and JavaScriptCore's C API does not tell either.
  isProxy: () => false,
  isExternal: () => false,
  isCryptoKey: () => false,
  isKeyObject: () => false,
};

for (const name of [
  'Int8',
  'Int16',
  'Int32',
  'Uint8',
  'Uint16',
  'Uint32',
  'Float32',
  'Float64',
  'BigInt64',
  'BigUint64',
  'Uint8Clamped',
]) {
  types[`is${name}Array`] = (value) => typedName(value) === `${name}Array`;
}

module.exports = types;
