// The seal of a PDF and the files attached to it. docs/formats/bundle.md, "PDF".
import { inflateSync } from "node:zlib";
import { certificates, checkDetached } from "./cms.mjs";
import { CannotVerify, Tampered, once, require } from "./text.mjs";

const S = "[ \\t\\n\\r\\f\\v]";
const RANGE = new RegExp(`/ByteRange${S}*\\[${S}*([0-9]+)${S}+([0-9]+)${S}+([0-9]+)${S}+([0-9]+)${S}*\\]`, "g");
const EMBEDDED = new RegExp(`/Type${S}*/EmbeddedFile(?![0-9A-Za-z_])`, "g");
const LENGTH = new RegExp(`/Length${S}+([0-9]+)(?!${S}+[0-9]+${S}+R)(?![0-9A-Za-z_])`);
const FLATE = new RegExp(`/Filter${S}*/FlateDecode(?![0-9A-Za-z_])`);

const sealed = once((pdf) => {
  const text = pdf.toString("latin1");
  require(text.startsWith("%PDF-"), "The file is not a PDF.");
  const ranges = [...text.matchAll(RANGE)];
  require(ranges.length === 1, `The PDF carries ${ranges.length} seals.`);
  const [first, length, second, rest] = ranges[0].slice(1).map(Number);
  require(first === 0 && second > length && second + rest === pdf.length, "The seal does not cover the whole file.");
  const signature = signatureIn(text.slice(length, second));
  const isFinal = new RegExp(`/TransformMethod${S}*/DocMDP`).test(text) && new RegExp(`/P${S}+1(?![0-9A-Za-z_])`).test(text);
  require(isFinal, "The seal does not forbid later changes.");
  return { signature, content: Buffer.concat([pdf.subarray(0, length), pdf.subarray(second)]) };
});

export function checkSeal(pdf, roots) {
  const seal = sealed(pdf);
  if (roots.length === 0) throw new CannotVerify("The trust file names no certificate for the seal.");
  checkFor(roots)(seal);
}

const checkFor = once((roots) => once(({ signature, content }) => checkDetached(signature, content, certificates(roots))));

function signatureIn(gap) {
  require(/^<(?:[0-9a-f]+|[0-9A-F]+)>$/.test(gap) && gap.length % 2 === 0, "The place of the seal is not one hexadecimal string.");
  const content = Buffer.from(gap.slice(1, -1), "hex");
  require(content.length >= 6 && content[0] === 0x30, "The seal is not a CMS object.");
  const count = content[1] & 127;
  require(content[1] < 128 || (count >= 1 && count <= 4), "The seal is not a CMS object.");
  const size = content[1] < 128 ? 2 + content[1] : 2 + count + content.readUIntBE(2, count);
  require(size <= content.length && content.subarray(size).every((byte) => byte === 0), "There is something behind the seal.");
  return content.subarray(0, size);
}

export const attachments = once((pdf) => {
  const text = pdf.toString("latin1");
  return [...text.matchAll(EMBEDDED)].map((match) => {
    const stream = /stream\r?\n/g;
    stream.lastIndex = match.index + match[0].length;
    const start = stream.exec(text);
    const from = text.slice(0, match.index).lastIndexOf(" obj");
    const head = start ? text.slice(from, start.index) : "";
    const length = LENGTH.exec(head);
    require(start && length && head.length <= 2000, "An attachment cannot be read.");
    const content = pdf.subarray(stream.lastIndex, stream.lastIndex + Number(length[1]));
    try {
      return FLATE.test(head) ? inflateSync(content) : content;
    } catch {
      throw new Tampered("An attachment cannot be read.");
    }
  });
});
