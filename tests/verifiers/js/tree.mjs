// RFC 9162, 2.1.3.2 and 2.1.4.2, with SHA-256. docs/formats/bundle.md, "The tree".
import { hash } from "./text.mjs";

export const leafOf = (bytes) => hash(Buffer.concat([Buffer.of(0), bytes]));
const node = (left, right) => hash(Buffer.concat([Buffer.of(1), left, right]));
const isOdd = (number) => number % 2 === 1;
const half = (number) => Math.floor(number / 2);

// The root over the first leaves, for each of the sizes asked for.
export function rootsOf(leaves, sizes) {
  const roots = new Map([[0, hash(Buffer.alloc(0))]]);
  const peaks = [];
  leaves.forEach((leaf, index) => {
    let current = leaf;
    for (let rest = index; isOdd(rest); rest = half(rest)) current = node(peaks.pop(), current);
    peaks.push(current);
    if (sizes.has(index + 1)) roots.set(index + 1, peaks.reduceRight((right, left) => (right ? node(left, right) : left), null));
  });
  return roots;
}

export function isIncluded(index, size, leaf, path, root) {
  if (!(index >= 0 && index < size) || [leaf, root, ...path].some((part) => part.length !== 32)) return false;
  let [fn, sn, r] = [index, size - 1, leaf];
  for (const part of path) {
    if (sn === 0) return false;
    if (isOdd(fn) || fn === sn) {
      r = node(part, r);
      if (!isOdd(fn)) while (fn !== 0 && !isOdd(fn)) [fn, sn] = [half(fn), half(sn)];
    } else r = node(r, part);
    [fn, sn] = [half(fn), half(sn)];
  }
  return sn === 0 && r.equals(root);
}

export function isContinued(first, second, path, root1, root2) {
  if (!(first > 0 && first <= second) || [root1, root2, ...path].some((part) => part.length !== 32)) return false;
  if (first === second) return path.length === 0 && root1.equals(root2);
  if (path.length === 0) return false;
  let power = first;
  while (!isOdd(power)) power = half(power);
  const parts = power === 1 ? [root1, ...path] : path;
  let [fn, sn] = [first - 1, second - 1];
  while (isOdd(fn)) [fn, sn] = [half(fn), half(sn)];
  let [fr, sr] = [parts[0], parts[0]];
  for (const part of parts.slice(1)) {
    if (sn === 0) return false;
    if (isOdd(fn) || fn === sn) {
      [fr, sr] = [node(part, fr), node(part, sr)];
      if (!isOdd(fn)) while (fn !== 0 && !isOdd(fn)) [fn, sn] = [half(fn), half(sn)];
    } else sr = node(sr, part);
    [fn, sn] = [half(fn), half(sn)];
  }
  return sn === 0 && fr.equals(root1) && sr.equals(root2);
}
