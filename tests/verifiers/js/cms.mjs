// CMS signatures (RFC 5652) and time stamps (RFC 3161) by certificates that are trusted. Own DER reader, keys by node:crypto.
import { X509Certificate, constants, verify } from "node:crypto";
import { Tampered, hash, once, require } from "./text.mjs";

const SIGNED_DATA = "1.2.840.113549.1.7.2";
const STAMP = "1.2.840.113549.1.9.16.1.4";
const [CONTENT_TYPE, MESSAGE_DIGEST] = ["1.2.840.113549.1.9.3", "1.2.840.113549.1.9.4"];
const [CERTIFICATE_V1, CERTIFICATE_V2] = ["1.2.840.113549.1.9.16.2.12", "1.2.840.113549.1.9.16.2.47"];
const TIME_STAMPING = "1.3.6.1.5.5.7.3.8";
const DIGESTS = {
  "1.3.14.3.2.26": "sha1",
  "2.16.840.1.101.3.4.2.1": "sha256",
  "2.16.840.1.101.3.4.2.2": "sha384",
  "2.16.840.1.101.3.4.2.3": "sha512",
};
const PLAIN_KEYS = ["1.2.840.113549.1.1.1", "1.2.840.10045.2.1"];
const SIGNATURES = {
  "1.2.840.113549.1.1.11": "sha256",
  "1.2.840.113549.1.1.12": "sha384",
  "1.2.840.113549.1.1.13": "sha512",
  "1.2.840.10045.4.3.2": "sha256",
  "1.2.840.10045.4.3.3": "sha384",
  "1.2.840.10045.4.3.4": "sha512",
};
const PSS = "1.2.840.113549.1.1.10";
const DEEPEST_CHAIN = 8;

// One DER object: its tag, its content, all its bytes.
export function der(bytes, start = 0) {
  require(bytes.length >= start + 2 && (bytes[start] & 31) !== 31, "Not a DER object.");
  let [size, at] = [bytes[start + 1], start + 2];
  if (size >= 128) {
    const count = size & 127;
    require(count >= 1 && count <= 4 && bytes.length >= at + count, "Not a DER object.");
    size = bytes.readUIntBE(at, count);
    at += count;
  }
  require(bytes.length >= at + size, "A DER object is cut off.");
  return { tag: bytes[start], content: bytes.subarray(at, at + size), bytes: bytes.subarray(start, at + size), end: at + size };
}

function parts(object) {
  const found = [];
  for (let at = 0; at < object.content.length; ) {
    const part = der(object.content, at);
    found.push(part);
    at = part.end;
  }
  return found;
}

function oid(object) {
  require(object.tag === 6, "Not an object identifier.");
  const found = [];
  let value = 0;
  for (const byte of object.content) {
    value = value * 128 + (byte & 127);
    if (byte < 128) {
      found.push(value);
      value = 0;
    }
  }
  const first = Math.min(2, Math.floor(found[0] / 40));
  return [first, found[0] - first * 40, ...found.slice(1)].join(".");
}

const signedData = once((bytes) => {
  const [kind, wrapped] = parts(der(bytes));
  require(oid(kind) === SIGNED_DATA && wrapped.tag === 0xa0, "Not a CMS SignedData.");
  const inside = parts(parts(wrapped)[0]);
  const [, , encapsulated] = inside;
  const rest = inside.slice(3);
  const certificates = rest.filter((part) => part.tag === 0xa0).flatMap(parts).filter((part) => part.tag === 0x30);
  const signers = parts(rest.find((part) => part.tag === 0x31));
  require(signers.length === 1, "Not exactly one signer.");
  const [type, content] = parts(encapsulated);
  return {
    type: oid(type),
    content: content ? parts(content)[0].content : null,
    certificates: certificates.map((part) => new X509Certificate(part.bytes)),
    signer: signerInfo(signers[0]),
  };
});

function signerInfo(object) {
  const [, , digest, ...rest] = parts(object);
  require(rest[0]?.tag === 0xa0, "There are no signed attributes.");
  const attributes = new Map(parts(rest[0]).map((part) => [oid(parts(part)[0]), parts(parts(part)[1])]));
  const [algorithm, value] = rest.slice(1);
  return {
    digest: DIGESTS[oid(parts(digest)[0])],
    attributes,
    message: Buffer.concat([Buffer.of(0x31), rest[0].bytes.subarray(1)]),
    algorithm: oid(parts(algorithm)[0]),
    signature: value.content,
  };
}

function isSignedBy(signer, certificate) {
  const plain = PLAIN_KEYS.includes(signer.algorithm) ? signer.digest : SIGNATURES[signer.algorithm];
  try {
    if (signer.algorithm === PSS) {
      const padding = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_AUTO };
      return verify(signer.digest, signer.message, { key: certificate.publicKey, ...padding }, signer.signature);
    }
    return plain !== undefined && verify(plain, signer.message, certificate.publicKey, signer.signature);
  } catch {
    return false;
  }
}

// Whether the certificate leads to one of the roots; `at` is the time at which all of them have to be valid, or null.
function isTrusted(certificate, pool, roots, at, depth = 0) {
  const isInTime = (one) => at === null || (Date.parse(one.validFrom) <= at && at <= Date.parse(one.validTo));
  if (!isInTime(certificate) || depth > DEEPEST_CHAIN) return false;
  if (roots.some((root) => root.raw.equals(certificate.raw))) return true;
  return [...roots, ...pool].some(
    (issuer) =>
      issuer.ca &&
      !issuer.raw.equals(certificate.raw) &&
      certificate.checkIssued(issuer) &&
      certificate.verify(issuer.publicKey) &&
      isTrusted(issuer, pool, roots, at, depth + 1),
  );
}

function signerOf(data, content, roots, at) {
  const { signer } = data;
  const [type] = signer.attributes.get(CONTENT_TYPE) ?? [];
  const [digest] = signer.attributes.get(MESSAGE_DIGEST) ?? [];
  require(signer.digest && type && oid(type) === data.type, "The signed attributes do not name the content.");
  require(digest && digest.content.equals(hash(content, signer.digest)), "The signature is over another content.");
  const found = data.certificates.find((one) => isSignedBy(signer, one));
  require(found, "The signature does not match.");
  require(isTrusted(found, data.certificates, roots, at), "The certificate is not trusted.");
  return found;
}

export const certificates = once((texts) => texts.map((text) => new X509Certificate(text)));

export function checkDetached(bytes, content, roots) {
  const data = signedData(bytes);
  require(data.content === null, "The signature carries a content of its own.");
  signerOf(data, content, roots, null);
}

// The time in an RFC 3161 response over this content.
export function checkStamp(bytes, content, roots, chain) {
  const [status, token] = parts(der(bytes));
  require(token && [0, 1].includes(parts(status)[0].content[0]), "The authority did not grant the time stamp.");
  const data = signedData(token.bytes);
  require(data.type === STAMP && data.content !== null, "The response holds no time stamp.");
  const said = parts(der(data.content));
  const [algorithm, imprint] = parts(said[2]);
  const name = DIGESTS[oid(parts(algorithm)[0])];
  require(name && name !== "sha1" && imprint.content.equals(hash(content, name)), "The time stamp is over something else.");
  const text = said[4].content.toString("latin1");
  const found = /^([0-9]{4})([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})(?:\.[0-9]+)?Z$/.exec(text);
  require(said[4].tag === 0x18 && found, "The time stamp names no time.");
  const at = Date.UTC(found[1], found[2] - 1, found[3], found[4], found[5], found[6]);
  const more = { ...data, certificates: [...data.certificates, ...chain] };
  const certificate = signerOf(more, data.content, roots, at);
  require(certificate.keyUsage?.length === 1 && certificate.keyUsage[0] === TIME_STAMPING, "The certificate is not for time stamps.");
  require(isNamed(data.signer.attributes, certificate), "The time stamp names another certificate.");
  return new Date(at).toISOString().replace(".000", "");
}

// RFC 5035: the signed attributes hold the digest of the signer's certificate.
function isNamed(attributes, certificate) {
  const second = attributes.get(CERTIFICATE_V2);
  const value = second ?? attributes.get(CERTIFICATE_V1);
  if (!value) return false;
  const named = parts(parts(parts(value[0])[0])[0]);
  const algorithm = second && named[0].tag === 0x30 ? DIGESTS[oid(parts(named[0])[0])] : second ? "sha256" : "sha1";
  const digest = named.find((part) => part.tag === 4);
  if (!algorithm || !digest) throw new Tampered("The time stamp names its certificate in an unknown way.");
  return digest.content.equals(hash(certificate.raw, algorithm));
}
