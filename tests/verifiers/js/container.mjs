// The files of a bundle, from a folder or a .zip, and the manifests. docs/formats/bundle.md, "Files".
import { lstatSync, readFileSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { inflateRawSync } from "node:zlib";
import { CannotVerify, hex, once, require, utf8 } from "./text.mjs";

const DECLARATION = "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n";
const LINE = /^([0-9a-f]{64}) {2}([A-Za-z0-9._/-]+)$/;
const TAG_FILES = ["bagit.txt", "bag-info.txt", "manifest-sha256.txt"];
const [END, END64, ENTRY, LOCAL] = [0x06054b50, 0x07064b50, 0x02014b50, 0x04034b50];

// name -> content; a content that cannot be read is a function that throws when it is asked for.
export class Bag {
  constructor(files) {
    this.files = files;
  }

  static open(path) {
    return new Bag(statSync(path).isFile() ? fromZip(readFileSync(path)) : new Map(fromFolder(path, "")));
  }

  has(name) {
    return this.files.has(name);
  }

  read(name) {
    require(this.files.has(name), `The file ${name} is missing.`);
    const found = this.files.get(name);
    return typeof found === "function" ? found() : found;
  }

  under(folder) {
    return [...this.files.keys()].filter((name) => name.startsWith(`${folder}/`)).sort();
  }

  with(name, content) {
    return new Bag(new Map(this.files).set(name, content));
  }
}

function safe(name) {
  const parts = name.split("/");
  const isSafe = !parts.some((part) => ["", ".", ".."].includes(part)) && !/[\\\0]/.test(name);
  require(isSafe, `${JSON.stringify(name)} is not a name that a bundle may hold.`);
  return name;
}

function* fromFolder(folder, prefix) {
  for (const found of readdirSync(folder)) {
    const whole = join(folder, found);
    const kind = lstatSync(whole);
    require(kind.isFile() || kind.isDirectory(), `${prefix}${found} is a link or no file.`);
    if (kind.isDirectory()) yield* fromFolder(whole, `${prefix}${found}/`);
    else yield [safe(prefix + found), readFileSync(whole)];
  }
}

function fromZip(bytes) {
  const entries = directory(bytes);
  const files = new Map();
  for (const entry of entries) {
    safe(entry.name.endsWith("/") ? entry.name.slice(0, -1) : entry.name);
    require((entry.attributes >>> 28) !== 0xa && entry.size <= 2 ** 31, `${entry.name} is a link or too large.`);
    require((entry.flags & 1) === 0 && [0, 8].includes(entry.method), `${entry.name} is stored in another way.`);
    if (entry.name.endsWith("/")) continue;
    require(!files.has(entry.name), "A name stands twice in the archive.");
    files.set(entry.name, () => content(bytes, entry));
  }
  const tops = new Set([...files.keys()].map((name) => name.split("/", 1)[0]));
  if (files.has("bagit.txt") || tops.size !== 1) return files;
  const prefix = `${[...tops][0]}/`;
  return new Map([...files].map(([name, read]) => [safe(name.slice(prefix.length)), read]));
}

function directory(bytes) {
  let end = bytes.length - 22;
  const lowest = Math.max(0, end - 65535);
  while (end >= lowest && bytes.readUInt32LE(end) !== END) end -= 1;
  require(end >= lowest && end >= 0, "The archive has no end.");
  let [count, size, start, stop] = [bytes.readUInt16LE(end + 10), bytes.readUInt32LE(end + 12), bytes.readUInt32LE(end + 16), end];
  if (end >= 20 && bytes.readUInt32LE(end - 20) === END64) {
    stop = end - 76;
    [count, size, start] = [24, 40, 48].map((at) => Number(bytes.readBigUInt64LE(end - 76 + at + (at === 24 ? 8 : 0))));
  }
  const before = stop - size - start;
  require(before >= 0, "The directory of the archive is not where it should be.");
  const entries = [];
  let at = start + before;
  while (at < start + before + size) {
    require(bytes.readUInt32LE(at) === ENTRY, "The directory of the archive is damaged.");
    const [nameSize, extra, comment] = [28, 30, 32].map((offset) => bytes.readUInt16LE(at + offset));
    entries.push({
      flags: bytes.readUInt16LE(at + 8),
      method: bytes.readUInt16LE(at + 10),
      crc: bytes.readUInt32LE(at + 16),
      packed: bytes.readUInt32LE(at + 20),
      size: bytes.readUInt32LE(at + 24),
      attributes: bytes.readUInt32LE(at + 38),
      offset: bytes.readUInt32LE(at + 42) + before,
      name: utf8(bytes.subarray(at + 46, at + 46 + nameSize)),
    });
    at += 46 + nameSize + extra + comment;
  }
  require(entries.length === count, "The directory of the archive is cut off.");
  return entries;
}

function content(bytes, entry) {
  require(bytes.readUInt32LE(entry.offset) === LOCAL, `${entry.name} is not where the archive says.`);
  const [nameSize, extra] = [26, 28].map((offset) => bytes.readUInt16LE(entry.offset + offset));
  const start = entry.offset + 30 + nameSize + extra;
  require(utf8(bytes.subarray(entry.offset + 30, entry.offset + 30 + nameSize)) === entry.name, `${entry.name} has two names.`);
  const packed = bytes.subarray(start, start + entry.packed);
  require(packed.length === entry.packed, `${entry.name} is cut off.`);
  const found = entry.method === 0 ? packed : inflateRawSync(packed, { maxOutputLength: Math.max(1, entry.size) });
  require(found.length === entry.size && crc32(found) === entry.crc, `${entry.name} is damaged.`);
  return found;
}

const TABLE = Uint32Array.from({ length: 256 }, (_, start) => {
  let value = start;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

function crc32(bytes) {
  let value = 0xffffffff;
  for (const byte of bytes) value = TABLE[(value ^ byte) & 255] ^ (value >>> 8);
  return (value ^ 0xffffffff) >>> 0;
}

const manifest = once((bytes) => {
  const text = bytes.toString("utf8");
  require(text.endsWith("\n"), "A manifest does not end with a line end.");
  const found = new Map();
  for (const line of text.slice(0, -1).split("\n")) {
    const match = LINE.exec(line);
    require(match && !found.has(match[2]), "A manifest has a wrong line.");
    found.set(match[2], match[1]);
  }
  return found;
});

export function checkBag(bag) {
  if (!bag.has("bagit.txt")) throw new CannotVerify("This is not a bundle: there is no bagit.txt.");
  require(bag.read("bagit.txt").toString("latin1") === DECLARATION, "bagit.txt is not the declaration of BagIt 1.0.");
  const payload = manifest(bag.read("manifest-sha256.txt"));
  const tags = manifest(bag.read("tagmanifest-sha256.txt"));
  require([...payload.keys()].every((name) => name.startsWith("data/")), "The manifest lists more than the payload.");
  require(![...tags.keys()].some((name) => name.startsWith("data/")), "The tag manifest lists a part of the payload.");
  const listed = new Map([...payload, ...tags]);
  require(TAG_FILES.every((name) => tags.has(name)), "The tag manifest is not complete.");
  for (const name of bag.files.keys()) require(listed.has(name) || name === "tagmanifest-sha256.txt", `Not listed: ${name}.`);
  for (const [name, digest] of listed) require(hex(bag.read(name)) === digest, `${name} is not the file that is listed.`);
  return `${payload.size} payload files and ${tags.size} others, none missing, none extra.`;
}
