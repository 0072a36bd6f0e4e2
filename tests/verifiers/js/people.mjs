// Signatures of people, passkeys, commitments. docs/formats/signature.md; bundle.md, "Signatures" and "Commitments".
import { createHmac, verify } from "node:crypto";
import { isEd25519, publicKey } from "./notes.mjs";
import {
  CannotVerify, Erased, MOMENT, Tampered, base64, digits, hash, hex, isObject, isText, own, require, spell, strict, utf8,
} from "./text.mjs";

const SIGNED = ["workflow.signed_off", "workflow.signature_withdrawn"];
const PAYLOAD = [
  "v", "type", "log", "id", "review", "reference", "round", "version", "artifact", "step", "content", "meaning", "meaning_text",
  "reason", "report", "conditions", "withdraws", "replaces", "signer", "signed_at", "authentication", "rules",
].sort().join();
const PARTS = [
  "passkey", "credential_id", "algorithm", "public_key", "rp_id", "origin", "authenticator_data", "client_data", "signature",
].sort().join();
const REPEATED = {
  meaning: "meaning", meaning_text: "meaning_text", reason: "reason", round: "round", review_id: "review",
  seen_digest: "content", withdraws_id: "withdraws",
};
const COMMITMENT = /^hmac-sha256:[0-9a-f]{64}$/;
const P256 = Buffer.from("3059301306072a8648ce3d020106082a8648ce3d03010703420004", "hex");
const ED25519 = Buffer.from("302a300506032b6570032100", "hex");
const OPENINGS = "data/openings.json";

const asText = (value) => (isText(value) ? value : spell(value ?? null));
const keysOf = (value) => Object.keys(value).sort().join();
const signedEvents = (run) => run.events.filter((event) => SIGNED.includes(event.entry.verb));

export function checkSignatures(run, say) {
  const opened = openings(run.bag);
  for (const event of signedEvents(run)) {
    const { row, payload } = signatureOf(run.bag, event);
    require(own(event.entry.data, "seen") === payload.content, `Entry ${event.seq} says that something else was seen.`);
    const isOwn = event.entry.actor === `user:${payload.signer.id}` && event.entry.subject === `review:${payload.review}`;
    require(isOwn, `The signature in entry ${event.seq} belongs to another person or review.`);
    strict(run.bag.read(`data/rows/${digits(payload.content)}.json`));
    const how = checkIdentity(run, event, row, payload);
    const name = own(own(opened, row.printed_name), "value") ?? row.printed_name;
    say(`${name} (${payload.signer.role}): ${payload.meaning}, ${payload.signed_at}, entry ${event.seq}, ${how}`);
  }
  return `${signedEvents(run).length} signatures, each over the snapshot that was shown.`;
}

export const snapshots = (run) =>
  signedEvents(run).map((event) => `data/rows/${digits(signatureOf(run.bag, event).payload.content)}.json`);

function signatureOf(bag, event) {
  const digest = own(event.entry.row, "digest");
  const content = bag.read(`data/rows/${digits(digest)}.json`);
  require(`sha256:${hex(content)}` === digest, `The record of entry ${event.seq} is another one.`);
  const row = strict(content);
  const payload = own(row, "payload");
  const signer = own(payload, "signer");
  require(isObject(signer) && own(payload, "type") === "signoff", `The record of entry ${event.seq} is not a signature.`);
  if (![1, 2].includes(own(payload, "v"))) throw new CannotVerify("A signature has a version that is not known.");
  const texts = [own(row, "printed_name"), own(signer, "id"), own(signer, "role")];
  for (const key of ["content", "meaning", "meaning_text", "reason", "review", "signed_at"]) texts.push(own(payload, key));
  require(texts.every((text) => isText(text) && text !== ""), `The signature in entry ${event.seq} does not say enough.`);
  const pairs = Object.entries(REPEATED).map(([outer, inner]) => [outer, own(payload, inner)]);
  for (const [outer, signed] of [...pairs, ["signer_id", signer.id], ["role", signer.role]]) {
    const isSame = !Object.hasOwn(row, outer) || asText(row[outer]) === asText(signed);
    require(isSame, `The record of entry ${event.seq} repeats ${outer} otherwise.`);
  }
  return { row, payload };
}

function checkIdentity(run, event, row, payload) {
  const method = own(own(payload, "authentication"), "method");
  const isKnown = ["password", "password+totp", "passkey"].includes(method) && own(row, "authentication") === method;
  require(isKnown, `The signature in entry ${event.seq} does not say how the person was known.`);
  const assertion = own(row, "assertion") ?? null;
  require((assertion !== null) === (method === "passkey"), `The assertion in entry ${event.seq} does not fit ${method}.`);
  if (payload.v === 2) requireBound(run, event, row, payload);
  else require(method !== "passkey", "A signature of version 1 knows no passkey.");
  return method === "passkey" ? checkAssertion(run, event, payload, assertion) : `by ${method}, vouched for by the server`;
}

function requireBound(run, event, row, payload) {
  require(keysOf(payload) === PAYLOAD, "A payload does not have exactly its parts.");
  require(payload.id === own(row, "id") && payload.log === run.knownHead().origin, "A signature was made for another record or log.");
  const isNamed = COMMITMENT.test(row.printed_name) && own(payload.signer, "name_c") === row.printed_name;
  require(isNamed, "A signature commits to another name than the record.");
  const isDated = MOMENT.test(payload.signed_at) && (!Object.hasOwn(row, "signed_at") || row.signed_at === payload.signed_at);
  require(isDated, "A signature does not say when it was made.");
  const waited = micros(event.entry.at) - micros(payload.signed_at);
  require(waited >= 0n && waited <= 180_000_000n, "A signature was made at another time than it was logged.");
}

function micros(moment) {
  const whole = Date.parse(`${moment.slice(0, 19)}Z`);
  require(!Number.isNaN(whole), "A time is none.");
  return BigInt(whole) * 1000n + BigInt(moment.slice(20, 26));
}

function checkAssertion(run, event, payload, assertion) {
  const where = `The passkey's signature in entry ${event.seq}`;
  const isWhole = isObject(assertion) && keysOf(assertion) === PARTS && Object.values(assertion).every(isText);
  require(isWhole, `${where} does not have exactly its parts.`);
  const client = base64(assertion.client_data);
  const authenticator = base64(assertion.authenticator_data);
  requireClient(client, payload, assertion, where);
  const isOfSite = authenticator.length >= 37 && authenticator.subarray(0, 32).equals(hash(assertion.rp_id));
  require(isOfSite, `${where} was made for another site.`);
  require((authenticator[32] & 5) === 5, `${where} was made without verifying the person.`);
  require(isSigned(assertion, Buffer.concat([authenticator, hash(client)])), `${where} does not match.`);
  return enrolment(run, event, payload, assertion, where);
}

function requireClient(bytes, payload, assertion, where) {
  let said;
  try {
    said = JSON.parse(utf8(bytes));
  } catch {
    throw new Tampered(`${where}: what the browser said cannot be read.`);
  }
  const challenge = hash(spell(payload)).toString("base64url");
  require(own(said, "type") === "webauthn.get" && own(said, "challenge") === challenge, `${where} is over something else.`);
  const page = /^(https?):\/\/([a-z0-9.-]+)(?::[0-9]{1,5})?$/.exec(assertion.origin);
  const site = assertion.rp_id;
  const isHost = /^[a-z0-9.-]+$/.test(site) && /[a-z]/.test(site);
  const isOfSite = page && isHost && (page[2] === site || page[2].endsWith(`.${site}`));
  require(isOfSite && (page[1] === "https" || page[2] === "localhost"), `${where} names a page that is not of the site.`);
  const crossed = own(said, "crossOrigin");
  require(own(said, "origin") === assertion.origin && (crossed === undefined || crossed === false), `${where} was made elsewhere.`);
}

function isSigned(assertion, message) {
  const key = base64(assertion.public_key);
  const signature = base64(assertion.signature);
  if (assertion.algorithm === "EdDSA") {
    return key.length === 44 && key.subarray(0, 12).equals(ED25519) && isEd25519(key.subarray(12), signature, message);
  }
  if (assertion.algorithm !== "ES256" || key.length !== 91 || !key.subarray(0, P256.length).equals(P256)) return false;
  return verify("sha256", message, { key: publicKey(key), dsaEncoding: "der" }, signature);
}

function enrolment(run, event, payload, assertion, where) {
  const about = run.events.filter((one) => one.entry.subject === `passkey:${assertion.passkey}`);
  if (about.length === 0) return "by passkey; its enrolment is not in the bundle, so the key is the one that the record claims";
  const before = about.filter((one) => one.seq < event.seq);
  const enrolled = before.find((one) => one.entry.verb === "accounts.passkey_enrolled");
  require(enrolled && enrolled.entry.actor === `user:${payload.signer.id}`, `${where}: not enrolled by the signer before.`);
  const isSame = ["public_key", "algorithm", "credential_id", "rp_id"].every((key) => own(enrolled.entry.data, key) === assertion[key]);
  require(isSame, `${where} was made with another key than the one enrolled.`);
  require(!before.some((one) => one.entry.verb === "accounts.passkey_revoked"), `${where} was made with a revoked passkey.`);
  return `by passkey, enrolled in entry ${enrolled.seq}`;
}

function openings(bag) {
  const value = bag.has(OPENINGS) ? strict(bag.read(OPENINGS)) : {};
  require(isObject(value), "Openings are an object.");
  for (const [commitment, opening] of Object.entries(value)) {
    const isOne = isObject(opening) && keysOf(opening) === "salt,value" && isText(opening.salt) && /^[0-9a-f]{64}$/.test(opening.salt);
    require(isOne, "An opening is not a salt and a value.");
    const made = createHmac("sha256", Buffer.from(opening.salt, "hex")).update(spell(opening.value)).digest("hex");
    require(commitment === `hmac-sha256:${made}`, "A disclosed value is not the one that was committed to.");
  }
  return value;
}

export function checkCommitments(run, say) {
  const made = new Set();
  for (const event of run.events) collect(event.entry, made);
  for (const name of run.bag.under("data/rows")) collect(strict(run.bag.read(name)), made);
  const opened = openings(run.bag);
  for (const [commitment, opening] of Object.entries(opened)) {
    require(made.has(commitment), "Something is opened that nothing committed to.");
    say(`${commitment}: ${spell(opening.value)}`);
  }
  const closed = [...made].filter((commitment) => !Object.hasOwn(opened, commitment)).sort();
  closed.forEach((commitment) => say(`${commitment}: ERASED (commitment intact)`));
  if (closed.length > 0) throw new Erased(`${made.size - closed.length} of ${made.size} committed values are disclosed; the others are erased.`);
  return `${made.size} committed values, all disclosed and right.`;
}

function collect(value, into) {
  if (isText(value) && COMMITMENT.test(value)) into.add(value);
  else if (value !== null && typeof value === "object") Object.values(value).forEach((part) => collect(part, into));
}
