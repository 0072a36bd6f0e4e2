// Digests, base64, canonical JSON and the four ways in which a check ends. docs/formats/bundle.md, "Words".
import { createHash } from "node:crypto";

export class Tampered extends Error {}
export class CannotVerify extends Error {}
export class Erased extends Error {}

export const DECIMAL = /^(?:0|[1-9][0-9]{0,15})$/;
export const MOMENT = /^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z$/;
const LONE_SURROGATE = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/;
const DEEPEST = 100;

// The same bytes (the same object: nobody changes them) are worked on once; what went wrong with them goes wrong again.
export function once(work) {
  const known = new WeakMap();
  return (bytes, ...rest) => {
    if (!known.has(bytes)) known.set(bytes, attempt(() => work(bytes, ...rest)));
    const { value, damage } = known.get(bytes);
    if (damage) throw damage;
    return value;
  };
}

function attempt(work) {
  try {
    return { value: work() };
  } catch (damage) {
    return { damage };
  }
}

export const hash = (bytes, algorithm = "sha256") => createHash(algorithm).update(bytes).digest();
export const hex = once((bytes) => hash(bytes).toString("hex"));
export const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);
export const own = (value, key) => (isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined);
export const isText = (value) => typeof value === "string";
export const isWhole = (value) => Number.isSafeInteger(value) && value >= 0;

export function require(condition, sentence) {
  if (!condition) throw new Tampered(sentence);
}

export function utf8(bytes) {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new Tampered("Bytes are not UTF-8.");
  }
}

export function decimal(text) {
  require(isText(text) && DECIMAL.test(text) && isWhole(Number(text)), `${text} is not a decimal.`);
  return Number(text);
}

export function base64(text) {
  require(isText(text), "Base64 is text.");
  const bytes = Buffer.from(text, "base64");
  require(bytes.toString("base64") === text, "Not the one Base64 spelling of its bytes.");
  return bytes;
}

export function digits(digest) {
  const found = isText(digest) ? /^sha256:([0-9a-f]{64})$/.exec(digest) : null;
  require(found, "Not a digest.");
  return found[1];
}

// RFC 8785. JSON.stringify of strings and numbers is what that standard asks for; keys sort by UTF-16 code units.
export function spell(value, level = 0) {
  if (value === null || typeof value === "boolean") return String(value);
  if (isText(value)) {
    require(!LONE_SURROGATE.test(value), "A surrogate stands alone.");
    return JSON.stringify(value);
  }
  if (typeof value === "number") {
    require(Number.isFinite(value), "A number is beyond binary64.");
    return JSON.stringify(value);
  }
  require(level < DEEPEST, "Lists and objects stand too deep in each other.");
  if (Array.isArray(value)) return `[${value.map((part) => spell(part, level + 1)).join(",")}]`;
  const keys = Object.keys(value).sort();
  return `{${keys.map((key) => `${spell(key)}:${spell(value[key], level + 1)}`).join(",")}}`;
}

const parsed = once((bytes) => {
  const text = utf8(bytes);
  let value;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Tampered("Not JSON.");
  }
  require(spell(value) === text, "Not the canonical form of its value.");
  return { value };
});

export function strict(bytes, { numbers = true } = {}) {
  const { value } = parsed(bytes);
  require(numbers || !hasNumber(value), "A number stands where none may be.");
  return value;
}

function hasNumber(value) {
  if (typeof value === "number") return true;
  return value !== null && typeof value === "object" && Object.values(value).some(hasNumber);
}
