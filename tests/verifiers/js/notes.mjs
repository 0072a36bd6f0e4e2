// Trust files, signed heads and proofs. docs/formats/bundle.md, "A head", "A proof", "Trust file".
import { createPublicKey, verify } from "node:crypto";
import { CannotVerify, DECIMAL, Tampered, base64, decimal, hash, isObject, isText, isWhole, own, require, utf8 } from "./text.mjs";

const SPKI = Buffer.from("302a300506032b6570032100", "hex");
const NAME = "[^\\u0000-\\u0020\\u007f-\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000+]+";
const LINE = new RegExp(`^\\u2014 (${NAME}) ([A-Za-z0-9+/]+=*)$`);

export class BadTrust extends Error {}

const KEYS = new Map();

// The public key in these bytes (SubjectPublicKeyInfo, DER); each is read once.
export function publicKey(der) {
  const name = der.toString("base64");
  if (!KEYS.has(name)) KEYS.set(name, createPublicKey({ key: der, format: "der", type: "spki" }));
  return KEYS.get(name);
}

export function isEd25519(key, signature, message) {
  return signature.length === 64 && verify(null, message, publicKey(Buffer.concat([SPKI, key])), signature);
}

export function readTrust(bytes) {
  try {
    const value = JSON.parse(utf8(bytes));
    const vkeys = own(value, "vkeys");
    const policy = own(value, "policy") ?? {};
    if (!isText(own(value, "origin")) || !Array.isArray(vkeys) || vkeys.length === 0) throw new BadTrust("origin, vkeys");
    if (!isObject(policy) || (Object.hasOwn(value, "policy") && value.policy === null)) throw new BadTrust("policy");
    const stamp = own(policy, "time_stamp") === undefined ? false : policy.time_stamp;
    if (typeof stamp !== "boolean") throw new BadTrust("time_stamp");
    return {
      origin: value.origin,
      keys: vkeys.map(logKey),
      witnesses: texts(value, "witnesses").map((text) => verifierKey(text, 4)),
      tsaRoots: texts(value, "tsa_roots"),
      pdfRoots: texts(value, "pdf_roots"),
      witnessK: number(own(policy, "witness_k") === undefined ? 0 : policy.witness_k),
      needsStamp: stamp,
    };
  } catch (damage) {
    throw new BadTrust(damage.message);
  }
}

function texts(value, name) {
  const found = own(value, name) === undefined ? [] : value[name];
  if (!Array.isArray(found) || !found.every(isText)) throw new BadTrust(name);
  return found;
}

function number(value) {
  if (isText(value) && DECIMAL.test(value)) return Number(value);
  if (!isWhole(value)) throw new BadTrust("a number");
  return value;
}

function logKey(entry) {
  if (isText(entry)) return { ...verifierKey(entry, 1), from: 0, upTo: Infinity };
  const known = ["vkey", "valid_from_size", "revoked_after_size"];
  if (!isObject(entry) || !isText(entry.vkey) || !Object.keys(entry).every((key) => known.includes(key))) throw new BadTrust("vkeys");
  const last = own(entry, "revoked_after_size") ?? null;
  const from = own(entry, "valid_from_size") === undefined ? 0 : number(entry.valid_from_size);
  return { ...verifierKey(entry.vkey, 1), from, upTo: last === null ? Infinity : number(last) };
}

function verifierKey(text, kind) {
  const [name, id, ...rest] = text.split("+");
  const key = base64(rest.join("+"));
  const expected = hash(Buffer.concat([Buffer.from(`${name}\n`), key])).toString("hex").slice(0, 8);
  if (key.length !== 33 || key[0] !== kind || id !== expected) throw new BadTrust(text);
  return { name, id, key: key.subarray(1), label: `${name}+${id}` };
}

export function readHead(bytes) {
  const note = utf8(bytes);
  const at = note.lastIndexOf("\n\n");
  require(at > 0, "A head is text, an empty line and signatures.");
  const lines = note.slice(0, at).split("\n");
  require(lines.length === 3 && lines[0] !== "" && !/[\u0000-\u0009\u000b-\u001f]/.test(note.slice(0, at)), "A head is not three lines.");
  const root = base64(lines[2]);
  require(root.length === 32, "The root of a head is not 32 bytes.");
  return { origin: lines[0], size: decimal(lines[1]), root, note, text: Buffer.from(note.slice(0, at + 1)), block: note.slice(at + 2) };
}

export function checkHead(bytes, trust) {
  const head = readHead(bytes);
  require(head.origin === trust.origin, `The head belongs to ${head.origin}.`);
  require(head.block.endsWith("\n"), "The signature lines are cut off.");
  const lines = head.block.slice(0, -1).split("\n");
  require(lines.length <= 100, "Too many signatures.");
  const signed = { keys: [], late: [], witnesses: new Set() };
  for (const line of lines) readLine(line, head, trust, signed);
  if (signed.keys.length === 0 && signed.late.length > 0) throw new Tampered(`${signed.late[0]} is not trusted for this size.`);
  if (signed.keys.length === 0) throw new CannotVerify("No key of the trust file signed this head.");
  if (signed.witnesses.size < trust.witnessK) throw new CannotVerify("Fewer witnesses signed than the trust file asks for.");
  return { head, signed };
}

function readLine(line, head, trust, signed) {
  const found = LINE.exec(line);
  require(found, "A line below the head is not a signature.");
  const content = base64(found[2]);
  require(content.length >= 5, "A signature is shorter than its key id.");
  const id = content.subarray(0, 4).toString("hex");
  for (const key of trust.keys.filter((one) => one.name === found[1] && one.id === id)) {
    require(isEd25519(key.key, content.subarray(4), head.text), `The signature of ${key.label} is wrong.`);
    (key.from <= head.size && head.size <= key.upTo ? signed.keys : signed.late).push(key.label);
  }
  for (const key of trust.witnesses.filter((one) => one.name === found[1] && one.id === id)) {
    require(content.length === 76, `The cosignature of ${key.label} is not a time and a signature.`);
    const message = Buffer.concat([Buffer.from(`cosignature/v1\ntime ${content.readBigUInt64BE(4)}\n`), head.text]);
    require(isEd25519(key.key, content.subarray(12), message), `The cosignature of ${key.label} is wrong.`);
    signed.witnesses.add(key.label);
  }
}

export function readProof(bytes) {
  const text = utf8(bytes);
  const at = text.indexOf("\n\n");
  require(at > 0, "A proof has no head.");
  const lines = text.slice(0, at).split("\n");
  require(lines.shift() === "c2sp.org/tlog-proof@v1", "A proof does not begin as one.");
  if (lines[0]?.startsWith("extra ")) lines.shift();
  const index = lines.shift() ?? "";
  require(index.startsWith("index "), "A proof names no index.");
  return { index: decimal(index.slice(6)), path: lines.map(base64), note: text.slice(at + 2) };
}
