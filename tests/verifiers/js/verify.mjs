#!/usr/bin/env node
// A second verifier, written from docs/formats/ alone: Node without any package.
//
//     node verify.mjs [--trust trust.json] [--prior checkpoint.txt] [--json] BUNDLE_OR_PDF
//     node verify.mjs --batch        one JSON object a line on standard input, one answer a line
//
// Exit 0 valid, 1 tampered, 2 cannot verify, 3 usage.
import { existsSync, readFileSync, statSync } from "node:fs";
import { createInterface } from "node:readline";
import { examine, examinePdf, exitCode } from "./checks.mjs";
import { Bag } from "./container.mjs";
import { BadTrust, readTrust } from "./notes.mjs";
import { hex } from "./text.mjs";

const RESULTS = ["valid", "tampered", "cannot verify", "usage"];
const WITH_VALUE = ["--trust", "--prior"];

class Usage extends Error {}

function verify(path, trust, prior) {
  if (!existsSync(path)) throw new Usage(`There is no file ${path}.`);
  const bytes = statSync(path).isFile() ? readFileSync(path) : Buffer.alloc(0);
  if (bytes.subarray(0, 5).toString("latin1") === "%PDF-" || (bytes.length > 0 && path.toLowerCase().endsWith(".pdf"))) {
    return examinePdf(bytes, trust);
  }
  try {
    return examine(Bag.open(path), trust, prior);
  } catch (damage) {
    return { checks: [{ name: "bag", state: "FAIL", required: true, sentence: damage.message, details: [] }], facts: {} };
  }
}

function trustOf(path) {
  if (!path) return null;
  try {
    return readTrust(readFileSync(path));
  } catch (damage) {
    throw new Usage(`The trust file cannot be used: ${damage.message}.`);
  }
}

function priorOf(path) {
  if (!path) return null;
  try {
    return readFileSync(path);
  } catch (damage) {
    throw new Usage(damage.message);
  }
}

function parse(given) {
  const options = {};
  for (let at = 0; at < given.length; at += 1) {
    if (WITH_VALUE.includes(given[at]) && at + 1 < given.length) options[given[at].slice(2)] = given[(at += 1)];
    else if (given[at] === "--json") options.json = true;
    else if (given[at].startsWith("-") || options.path) throw new Usage(`What is ${given[at]}?`);
    else options.path = given[at];
  }
  if (!options.path) throw new Usage("Name a bundle or a PDF.");
  return options;
}

function print(path, run, code, asJson) {
  if (asJson) {
    console.log(JSON.stringify({ file: path, result: RESULTS[code], exit_code: code, facts: run.facts, checks: run.checks }, null, 2));
    return;
  }
  console.log(`Result: ${RESULTS[code].toUpperCase()}   ${path}\n`);
  for (const check of run.checks) {
    console.log(`${check.state.padEnd(6)} ${check.name.padEnd(12)} ${check.sentence}`);
    check.details.forEach((detail) => console.log(`        ${detail}`));
  }
  Object.entries(run.facts).forEach(([name, value]) => console.log(`${name}: ${value}`));
}

function main(given) {
  try {
    const options = parse(given);
    const run = verify(options.path, trustOf(options.trust), priorOf(options.prior));
    const code = exitCode(run.checks);
    print(options.path, run, code, options.json);
    return code;
  } catch (wrong) {
    if (!(wrong instanceof Usage || wrong instanceof BadTrust)) throw wrong;
    console.error(wrong.message);
    return 3;
  }
}

// {bundle, trust, prior} answers {exit_code, checks: {name: state}}. With "flips": [[member, offset, xor], ...] every flip is a
// case of its own over the same bundle in memory, and the answer is {exit_codes}; "mended": true lists the damage in the manifests.
function answer(asked) {
  const [trust, prior] = [trustOf(asked.trust), priorOf(asked.prior)];
  if (!asked.flips) {
    const run = verify(asked.bundle, trust, prior);
    const checks = Object.fromEntries(run.checks.map((check) => [check.name, check.state]));
    return { exit_code: exitCode(run.checks), checks };
  }
  const bag = Bag.open(asked.bundle);
  for (const name of bag.files.keys()) bag.files.set(name, bag.read(name));
  return { exit_codes: asked.flips.map(([name, offset, xor]) => exitCode(examine(flipped(bag, name, offset, xor, asked.mended), trust, prior).checks)) };
}

function flipped(bag, name, offset, xor, mended) {
  const damaged = Buffer.from(bag.read(name));
  damaged[offset] ^= xor;
  const changed = bag.with(name, damaged);
  return mended ? mend(mend(changed, "manifest-sha256.txt", name), "tagmanifest-sha256.txt", "manifest-sha256.txt", name) : changed;
}

function mend(bag, manifest, ...names) {
  const lines = bag.read(manifest).toString("latin1").split("\n");
  const mended = lines.map((line) => (names.includes(line.slice(66)) ? `${hex(bag.read(line.slice(66)))}  ${line.slice(66)}` : line));
  return bag.with(manifest, Buffer.from(mended.join("\n"), "latin1"));
}

if (process.argv[2] === "--batch") {
  for await (const line of createInterface({ input: process.stdin })) console.log(JSON.stringify(answer(JSON.parse(line))));
} else {
  process.exitCode = main(process.argv.slice(2));
}
