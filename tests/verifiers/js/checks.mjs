// The checks of a bundle, in the order of docs/formats/bundle.md.
import { checkBag } from "./container.mjs";
import { certificates, checkStamp } from "./cms.mjs";
import { checkHead, readHead, readProof } from "./notes.mjs";
import { attachments, checkSeal } from "./pdf.mjs";
import { checkCommitments, checkSignatures, snapshots } from "./people.mjs";
import {
  CannotVerify, DECIMAL, Erased, MOMENT, base64, decimal, digits, hex, isObject, isText, isWhole, once, own, require, strict, utf8,
} from "./text.mjs";
import { isContinued, isIncluded, leafOf, rootsOf } from "./tree.mjs";

const HEAD = "proof/checkpoint.txt";
const [LEAVES, PROOFS] = ["proof/leaves.bin", "proof/consistency.json"];
const [STAMP, CHAIN] = ["proof/checkpoint.tsr", "proof/tsa-chain.pem"];
const [PDF, CONTENT] = ["data/dossier.pdf", "data/dossier.json"];
const TEXTS = ["id", "at", "actor", "verb", "subject", "reason", "request"];
const LARGEST_ENTRY = 65535;

class Run {
  constructor(bag, trust, prior) {
    Object.assign(this, { bag, trust, prior, head: null, issued: null, events: [], anchored: 0, checks: [], facts: {} });
  }

  knownHead() {
    return this.head ?? readHead(this.bag.read(HEAD));
  }

  check(name, work, required = true) {
    const found = { name, state: "PASS", required, sentence: "", details: [] };
    this.checks.push(found);
    try {
      found.sentence = work(this, (detail) => found.details.push(detail));
    } catch (damage) {
      found.state = damage instanceof CannotVerify ? "SKIP" : damage instanceof Erased ? "ERASED" : "FAIL";
      found.sentence = damage.message;
    }
  }
}

export function exitCode(checks) {
  if (checks.some((check) => check.state === "FAIL")) return 1;
  return checks.some((check) => check.state === "SKIP" && check.required) ? 2 : 0;
}

export function examine(bag, trust, prior) {
  const run = new Run(bag, trust, prior);
  if (bag.has("entry.tlog-proof")) {
    run.check("entry", checkEntry);
    return run;
  }
  run.check("bag", () => checkBag(bag));
  if (!bag.has("bagit.txt")) return run;
  run.check("checkpoint", checkCheckpoint);
  run.check("issued", checkIssued);
  run.check("events", checkEvents);
  run.check("completeness", checkCompleteness);
  run.check("signatures", checkSignatures);
  run.check("rows", checkRows);
  run.check("pdf", checkPdf);
  run.check("time_stamp", checkTime, Boolean(trust?.needsStamp));
  run.check("consistency", checkConsistency);
  run.check("prior", checkPrior, prior !== null);
  run.check("commitments", checkCommitments);
  const size = run.head ? run.head.size : null;
  run.facts["Unanchored tail"] = size === null ? "not known" : `${Math.max(0, size - run.anchored)} of ${size} entries`;
  return run;
}

export function examinePdf(pdf, trust) {
  const run = new Run(null, trust, null);
  run.check("pdf", () => checkSeal(pdf, trust?.pdfRoots ?? []));
  return run;
}

function checkEntry(run) {
  const event = readEvent(run.bag.read("entry.json"), run.bag.read("leaf.json"));
  const { note } = readProof(run.bag.read("entry.tlog-proof"));
  if (run.trust === null) throw new CannotVerify("No trust file was given.");
  run.head = checkHead(Buffer.from(note), run.trust).head;
  requireIncluded(run, event, "entry.tlog-proof");
  return `Entry ${event.seq} is in the log of ${run.head.size} entries.`;
}

function checkCheckpoint(run, say) {
  if (run.trust === null) throw new CannotVerify("No trust file was given.");
  const { head, signed } = checkHead(run.bag.read(HEAD), run.trust);
  run.head = head;
  Object.assign(run.facts, { Log: head.origin, Root: head.root.toString("hex"), "Signed by": signed.keys.join(", ") });
  signed.late.forEach((label) => say(`${label} signed too, but does not count for this size`));
  signed.witnesses.forEach((label) => say(`witness ${label}`));
  if (signed.witnesses.size >= Math.max(1, run.trust.witnessK)) run.anchored = head.size;
  return `${head.size} entries, signed by ${signed.keys.join(", ")}.`;
}

function checkIssued(run) {
  const event = readEvent(run.bag.read("proof/issued.entry.json"), run.bag.read("proof/issued.leaf.json"));
  require(event.entry.verb === "dossiers.issued", "The entry of issue has another verb.");
  requireIncluded(run, event, "proof/issued.tlog-proof");
  const said = event.entry.data;
  require(own(said, "payload_manifest_sha256") === hex(run.bag.read("manifest-sha256.txt")), "Another payload was issued.");
  const before = readHead(run.bag.read("data/checkpoint.txt"));
  const isSame = own(said, "size") === String(before.size) && own(said, "root") === before.root.toString("hex");
  require(isSame, "The dossier was made from another state of the log.");
  require(event.seq >= before.size, "The dossier was issued before the state it was made from.");
  run.issued = event;
  return `Entry ${event.seq} names this payload.`;
}

function checkEvents(run) {
  const [entries, leaves] = ["data/events.jsonl", "data/leaves.jsonl"].map((name) => lines(run.bag.read(name)));
  require(entries.length === leaves.length, "There are not as many leaves as entries.");
  const { size } = readHead(run.bag.read("data/checkpoint.txt"));
  const events = [];
  entries.forEach((entry, index) => {
    const event = readEvent(entry, leaves[index]);
    require(event.seq > (events.at(-1)?.seq ?? -1) && event.seq < size, `Entry ${event.seq} is out of order.`);
    requireIncluded(run, event, `proof/events/${event.seq}.tlog-proof`);
    events.push(event);
  });
  const known = new Set(events.map((event) => `proof/events/${event.seq}.tlog-proof`));
  require(run.bag.under("proof/events").every((name) => known.has(name)), "There is a proof without an entry.");
  run.events = events;
  return `${events.length} entries are in the log.`;
}

function checkCompleteness(run) {
  const rows = utf8(run.bag.read("data/objects.csv")).split("\n");
  require(rows.shift() === "subject,count" && rows.pop() === "", "objects.csv is not a list of subjects and counts.");
  const counts = new Map();
  for (const row of rows) {
    const found = /^(?:"((?:[^"\r\n]|"")*)"|([^",\r\n]*)),(0|[1-9][0-9]{0,15})$/.exec(row);
    const subject = found && (found[1] === undefined ? found[2] : found[1].replaceAll('""', '"'));
    require(subject && !counts.has(subject), "objects.csv has a wrong line.");
    counts.set(subject, { count: Number(found[3]), seen: 0 });
  }
  for (const event of run.events) {
    const object = counts.get(event.entry.subject);
    require(object, `Entry ${event.seq} is about something that is not in scope.`);
    require(event.leaf.n === object.seen, `An entry about ${event.entry.subject} is missing.`);
    object.seen += 1;
  }
  for (const [subject, { count, seen }] of counts) require(count === seen, `${subject} should have ${count} entries.`);
  return `${counts.size} objects, all their entries are here.`;
}

function checkRows(run, say) {
  const bound = run.events.filter((event) => (event.entry.row ?? null) !== null);
  const names = bound.map((event) => `data/rows/${digits(own(event.entry.row, "digest"))}.json`);
  const known = new Set([...names, ...snapshots(run)]);
  for (const name of run.bag.under("data/rows")) {
    const content = run.bag.read(name);
    require(name === `data/rows/${hex(content)}.json` && known.has(name), `${name} is not a record that an entry names.`);
    strict(content);
  }
  for (const name of run.bag.under("data/blobs")) {
    require(name === `data/blobs/${hex(run.bag.read(name))}`, `${name} is not the file of that digest.`);
  }
  const withheld = new Set(names.filter((name) => !run.bag.has(name))).size;
  if (withheld > 0) say(`${withheld} records that entries bind are not in the bundle.`);
  return `${run.bag.under("data/rows").length} records have their digests.`;
}

function checkPdf(run) {
  const pdf = run.bag.read(PDF);
  if (run.issued === null) throw new CannotVerify("The entry of issue could not be read.");
  const said = run.issued.entry.data;
  require(own(said, "sealed_sha256") === hex(pdf), "Another PDF was issued.");
  const base = pdf.subarray(0, decimal(own(said, "base_size")));
  require(own(said, "base_sha256") === hex(base), "The PDF does not begin with the document that was sealed.");
  const attached = new Set(attachments(pdf).map(hex));
  const lying = new Set(attached.size > 0 ? run.bag.under("data").map((name) => hex(run.bag.read(name))) : []);
  require([...attached].every((digest) => lying.has(digest)), "An attachment is not a file of the payload.");
  require(!run.bag.has(CONTENT) || attached.has(hex(run.bag.read(CONTENT))), `${CONTENT} is not attached.`);
  checkSeal(pdf, run.trust?.pdfRoots ?? []);
  return "It is the file that the log names, and its seal holds.";
}

function checkTime(run) {
  if (!run.bag.has(STAMP)) throw new CannotVerify("No time stamp is in the bundle.");
  if (!run.trust || run.trust.tsaRoots.length === 0) throw new CannotVerify("The trust file names no time-stamping authority.");
  const text = run.bag.has(CHAIN) ? utf8(run.bag.read(CHAIN)) : "";
  const chain = text.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  const at = checkStamp(run.bag.read(STAMP), run.bag.read(HEAD), certificates(run.trust.tsaRoots), certificates(chain));
  if (run.head !== null) run.anchored = run.head.size;
  run.facts["Existed before"] = at;
  return `The signed head existed before ${at}.`;
}

function checkConsistency(run) {
  const before = readHead(run.bag.read("data/checkpoint.txt"));
  requireContinued(run, before);
  return `The first ${before.size} entries are the same.`;
}

function checkPrior(run) {
  if (run.prior === null) throw new CannotVerify("None was given.");
  if (run.trust === null) throw new CannotVerify("Without a trust file an earlier head means nothing.");
  const { head } = checkHead(run.prior, run.trust);
  if (head.size > run.knownHead().size) throw new CannotVerify("This bundle is older than your head.");
  requireContinued(run, head);
  run.anchored = Math.max(run.anchored, head.size);
  return `The ${head.size} entries that you knew are unchanged.`;
}

function readEvent(bytes, leafBytes) {
  const [entry, leaf] = [strict(bytes, { numbers: false }), strict(leafBytes)];
  require(isObject(entry) && isObject(leaf) && bytes.length <= LARGEST_ENTRY, "An entry and its leaf are objects.");
  if (own(entry, "v") !== "1" || own(leaf, "v") !== 1) throw new CannotVerify("An entry has a version that is not known.");
  const isPlace = Object.keys(leaf).sort().join() === "entry,log,n,seq,v" && isWhole(leaf.seq) && isWhole(leaf.n);
  require(isPlace, "A leaf does not name log, place and entry.");
  require(leaf.entry === `sha256:${hex(bytes)}`, `The leaf ${leaf.seq} names another entry.`);
  require(TEXTS.every((key) => isText(own(entry, key))) && MOMENT.test(entry.at), `Entry ${leaf.seq} does not say enough.`);
  require(isObject(own(entry, "data")) && (isObject(own(entry, "row")) || (own(entry, "row") ?? null) === null), "An entry notes nothing.");
  return { entry, leaf, leafBytes, seq: leaf.seq };
}

function requireIncluded(run, event, name) {
  const head = run.knownHead();
  const { index, path, note } = readProof(run.bag.read(name));
  require(note === head.note, `${name} leads to another head.`);
  require(event.leaf.log === head.origin && index === event.seq, `${name} proves another place or log.`);
  require(isIncluded(index, head.size, leafOf(event.leafBytes), path, head.root), `Entry ${event.seq} is not in the log.`);
}

function requireContinued(run, before) {
  const head = run.knownHead();
  require(before.origin === head.origin, "The earlier head belongs to another log.");
  const proofs = proofsIn(run.bag);
  if (run.bag.has(LEAVES)) {
    const bytes = run.bag.read(LEAVES);
    const isWholeList = bytes.length === head.size * 32 && [before.size, ...proofs.keys()].every((size) => size <= head.size);
    require(isWholeList, "The list of leaf hashes is not that of the signed head.");
    const leaves = Array.from({ length: head.size }, (_, index) => bytes.subarray(index * 32, index * 32 + 32));
    const roots = rootsOf(leaves, new Set([before.size, head.size, ...proofs.keys()]));
    require(roots.get(head.size).equals(head.root), "The list of leaf hashes is not that of the signed head.");
    for (const [size, path] of proofs) require(isContinued(size, head.size, path, roots.get(size), head.root), "A proof does not hold.");
    require(roots.get(before.size).equals(before.root), "The entries are not those of the earlier head.");
    return;
  }
  if (before.size !== head.size && !proofs.has(before.size)) throw new CannotVerify(`No proof from ${before.size} entries.`);
  const isSame = isContinued(before.size, head.size, proofs.get(before.size) ?? [], before.root, head.root);
  require(isSame, "The entries are not those of the earlier head.");
}

function proofsIn(bag) {
  if (!bag.has(PROOFS) && bag.has(LEAVES)) return new Map();
  const value = strict(bag.read(PROOFS), { numbers: false });
  require(isObject(value) && Object.keys(value).every((key) => DECIMAL.test(key)), "Not a list of proofs by size.");
  return new Map(
    Object.entries(value).map(([size, path]) => {
      require(Array.isArray(path), "A proof is a list.");
      return [decimal(size), path.map(base64)];
    }),
  );
}

const lines = once((bytes) => {
  const found = [];
  let start = 0;
  for (let end = bytes.indexOf(10); end !== -1; end = bytes.indexOf(10, start)) {
    found.push(bytes.subarray(start, end));
    start = end + 1;
  }
  require(start === bytes.length, "A file is cut off.");
  return found;
});
