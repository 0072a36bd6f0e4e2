"""RFC 9162 proofs, checked. The two algorithms are those of sections 2.1.3.2 and 2.1.4.2."""

import hashlib


def leaf_of(content: bytes) -> bytes:
    """Hash of a leaf."""
    return hashlib.sha256(b"\x00" + content).digest()


def parent_of(left: bytes, right: bytes) -> bytes:
    """Hash of an inner node."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def root_of_leaves(leaves: list[bytes]) -> bytes:
    """The root over leaf hashes."""
    return roots_of_beginnings(leaves, {len(leaves)})[len(leaves)]


def roots_of_beginnings(leaves: list[bytes], sizes: set[int]) -> dict[int, bytes]:
    """The roots over the first leaf hashes, for each of these sizes, in one pass."""
    stack: list[tuple[int, bytes]] = []
    found = {0: hashlib.sha256(b"").digest()}
    for number, leaf in enumerate(leaves, 1):
        height, current = 0, leaf
        while stack and stack[-1][0] == height:
            height, current = height + 1, parent_of(stack.pop()[1], current)
        stack.append((height, current))
        if number in sizes:
            root = current
            for _, left in reversed(stack[:-1]):
                root = parent_of(left, root)
            found[number] = root
    return found


def is_included(index: int, size: int, leaf: bytes, proof: list[bytes], root: bytes) -> bool:
    """Whether `leaf` is number `index` of the tree with this size and root."""
    if not 0 <= index < size or any(len(part) != 32 for part in (leaf, root, *proof)):
        return False
    fn, sn, r = index, size - 1, leaf
    for part in proof:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            r = parent_of(part, r)
            if not fn & 1:
                while fn and not fn & 1:
                    fn, sn = fn >> 1, sn >> 1
        else:
            r = parent_of(r, part)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and r == root


def is_continued(first: int, second: int, proof: list[bytes], root1: bytes, root2: bytes) -> bool:
    """Whether the tree of `second` leaves begins with the tree of `first` leaves."""
    if not 0 < first <= second or any(len(part) != 32 for part in (root1, root2, *proof)):
        return False
    if first == second:
        return not proof and root1 == root2
    if not proof:
        return False
    path = [root1, *proof] if first & (first - 1) == 0 else list(proof)
    fn, sn = first - 1, second - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    fr = sr = path[0]
    for part in path[1:]:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            fr, sr = parent_of(part, fr), parent_of(part, sr)
            if not fn & 1:
                while fn and not fn & 1:
                    fn, sn = fn >> 1, sn >> 1
        else:
            sr = parent_of(sr, part)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and fr == root1 and sr == root2
