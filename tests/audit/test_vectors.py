"""Published vectors, in the log's own modules, in the offline verifier's, and in the second verifier: the same answers."""

import base64
import json
import struct
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from apps.audit import canonical, merkle, note
from apps.dossiers.verifier import signed, strict, tree, trust
from apps.dossiers.verifier.verdict import Tampered
from tests.audit import vectors
from tests.dossiers import second

needs_node = pytest.mark.skipif(second.is_missing(), reason="Node 18 or later is not installed")
Case = tuple[str, tuple[Any, ...], bool]
INCLUDED, CONTINUED = "isIncluded", "isContinued"
CHECKS = {
    INCLUDED: (merkle.verify_inclusion, tree.is_included),
    CONTINUED: (merkle.verify_consistency, tree.is_continued),
}
NODE_CASES = """
import * as tree from "%(folder)s/tree.mjs";
import { spell } from "%(folder)s/text.mjs";
import { readFileSync } from "node:fs";
const asked = JSON.parse(readFileSync(0));
const bytes = (value) => Array.isArray(value) ? value.map(bytes) : typeof value === "string" ? Buffer.from(value, "base64") : value;
const answers = asked.proofs.map(([check, given]) => tree[check](...given.map(bytes)));
const spelled = asked.numbers.map((bits) => { try { return spell(Buffer.from(bits, "hex").readDoubleBE()); } catch { return null; } });
console.log(JSON.stringify({ answers, spelled, texts: asked.texts.map((text) => spell(JSON.parse(text))) }));
"""


def of(text: str) -> bytes:
    return bytes.fromhex(text)


def inclusion_cases() -> Iterator[Case]:
    """The true proofs, and what transparency-dev/merkle makes of each."""
    garbage, other, empty = b"", of(vectors.SOME_HASH), of(vectors.EMPTY_ROOT)
    for index, size, path in vectors.INCLUSION:
        leaf, root = merkle.leaf_hash(of(vectors.LEAVES[index])), of(vectors.ROOTS[size - 1])
        proof = [of(part) for part in path]
        yield INCLUDED, (index, size, leaf, proof, root), True
        for wrong in (index - 1, index + 1, index ^ 2):
            yield INCLUDED, (wrong, size, leaf, proof, root), False
        for height in (size * 2, size // 2):
            yield INCLUDED, (index, height, leaf, proof, root), False
        for broken in (b"WrongLeaf", b"", other):
            yield INCLUDED, (index, size, broken, proof, root), False
        for top in (empty, other, b""):
            yield INCLUDED, (index, size, leaf, proof, top), False
        for changed in false_paths(proof, (garbage, root), other, 8):
            yield INCLUDED, (index, size, leaf, changed, root), False
    for index, size in ((0, 0), (0, 1), (1, 0), (2, 1)):
        for broken, top in ((other, b""), (b"", empty), (other, empty), (b"", b"")):
            yield INCLUDED, (index, size, broken, [], top), False


def consistency_cases() -> Iterator[Case]:
    """The same of consistency proofs; sizes of 0 are refused here, where RFC 9162 asks for 0 < first."""
    for first, size, path in vectors.CONSISTENCY:
        before, after = of(vectors.ROOTS[first - 1]), of(vectors.ROOTS[size - 1])
        proof = [of(part) for part in path]
        yield CONTINUED, (first, size, proof, before, after), True
        if not proof:
            continue
        for wrong in (first - 1, first + 1, first ^ 2):
            yield CONTINUED, (wrong, size, proof, before, after), False
        for height in (size * 2, size // 2):
            yield CONTINUED, (first, height, proof, before, after), False
        for roots in ((b"WrongRoot", after), (before, b"WrongRoot"), (after, before)):
            yield CONTINUED, (first, size, proof, *roots), False
        for changed in [[], *false_paths(proof, (b"", before, after, proof[0]), of(vectors.SOME_HASH), 16)]:
            yield CONTINUED, (first, size, changed, before, after), False
    for first, size, before, after, proof in degenerate():
        yield CONTINUED, (first, size, proof, before, after), False


def degenerate() -> Iterator[tuple[int, int, bytes, bytes, list[bytes]]]:
    one, two, empty = b"don't care 1", b"don't care 2", of(vectors.EMPTY_ROOT)
    for first, size in ((0, 0), (0, 1), (1, 1), (1, 0), (2, 1), (1, 2)):
        for before, after in ((one, two), (one, one), (empty, two), (empty, empty)):
            yield from ((first, size, before, after, proof) for proof in ([], [empty]) if proof or len(before) != 32)


def false_paths(proof: list[bytes], extra: tuple[bytes, ...], other: bytes, bit: int) -> Iterator[list[bytes]]:
    """Something before or behind it, one bit in each part, one part too few, one too many."""
    for part in extra:
        yield from ([*proof, part], [part, *proof])
    for place, part in enumerate(proof):
        yield [*proof[:place], bytes([part[0] ^ bit]) + part[1:], *proof[place + 1 :]]
    if proof:
        yield proof[:-1]
    if len(proof) > 1:
        yield [proof[0], other, *proof[1:]]


PROOFS = [*inclusion_cases(), *consistency_cases()]


def test_the_published_roots_and_proofs_are_made() -> None:
    leaves = [merkle.leaf_hash(of(body)) for body in vectors.LEAVES]
    assert [tree.leaf_of(of(body)) for body in vectors.LEAVES] == leaves
    for size, root in enumerate(vectors.ROOTS, 1):
        assert merkle.root_of(leaves[:size]) == tree.root_of_leaves(leaves[:size]) == of(root)
    assert merkle.root_of([]) == tree.root_of_leaves([]) == merkle.EMPTY_ROOT == of(vectors.EMPTY_ROOT)
    for index, size, path in vectors.INCLUSION:
        found = merkle.inclusion_proof(index, size, merkle.node_from_leaves(leaves[:size]))
        assert [part.hex() for part in found] == list(path)
    for first, size, path in vectors.CONSISTENCY:
        found = merkle.consistency_proof(first, size, merkle.node_from_leaves(leaves[:size]))
        assert [part.hex() for part in found] == list(path)


def test_true_proofs_hold_and_false_ones_do_not_in_both_python_programs() -> None:
    assert len(PROOFS) >= 190 and sum(is_true for *_, is_true in PROOFS) == 10
    for check, given, is_true in PROOFS:
        assert [work(*given) for work in CHECKS[check]] == [is_true, is_true], (check, given)


def test_the_published_note_is_signed_and_opened_as_elsewhere() -> None:
    peter, enoch = note.VerifierKey.parse(vectors.PETER), note.VerifierKey.parse(vectors.ENOCH)
    private = Ed25519PrivateKey.from_private_bytes(base64.b64decode(vectors.PETER_SEED))
    assert note.Signer("PeterNeumann", private).verifier == peter
    both = f"{vectors.NOTE_TEXT}\n{vectors.PETER_LINE}{vectors.ENOCH_LINE}"
    assert note.Signer("PeterNeumann", private).sign(vectors.NOTE_TEXT) + vectors.ENOCH_LINE == both
    assert note.open_note(both, [peter]) == (vectors.NOTE_TEXT, [peter])
    assert note.open_note(both, [peter, enoch]) == (vectors.NOTE_TEXT, [peter, enoch])
    twice = f"{vectors.NOTE_TEXT}\n{vectors.PETER_LINE * 2}{vectors.ENOCH_LINE * 2}"
    assert note.open_note(twice, [peter]) == (vectors.NOTE_TEXT, [peter])
    assert note.open_note(f"{vectors.NOTE_TEXT}\n{vectors.PETER_LINE * 100}", [peter])


def bad_notes() -> Iterator[str]:
    """What golang.org/x/mod refuses."""
    text, line = vectors.NOTE_TEXT, vectors.PETER_LINE
    yield from (text, text + "\n", f"{text}\n{line[:-1]}", f"\x01{text}\n{line}", f"{text}\n{line}Unexpected line.\n")
    yield from (f"{text}\n{line.replace('PeterNeumann', 'Bad Name')}", f"{text}\n{line * 101}", f"{text[:-1]}\n{line}")
    yield f"{text}\n{line[:60]}ABCD{line[60:]}"
    yield f"{text}\n{line.replace('PeterNeumann', 'CarmenSandiego')}"
    yield f"{text}\n{line.replace('x08g', 'xxxx')}"
    yield f"{text}\n{vectors.ENOCH_LINE}"


@pytest.mark.parametrize("published", list(bad_notes()))
def test_notes_that_others_refuse_are_refused(published: str) -> None:
    with pytest.raises(note.BadNote):
        note.open_note(published, [note.VerifierKey.parse(vectors.PETER)])


def test_no_part_of_a_key_and_no_changed_key_is_a_key() -> None:
    vkey = vectors.PETER
    parts = {vkey[i:j] for i in range(len(vkey)) for j in range(i + 1, len(vkey) + 1)} - {vkey}
    changed = {vkey[:i] + chr(ord(vkey[i]) + 1) + vkey[i + 1 :] for i in range(len(vkey))}
    for text in [*parts, *changed, vectors.WRONG_LENGTH, vectors.UNKNOWN_KIND]:
        with pytest.raises(note.BadNote):
            note.VerifierKey.parse(text)
        with pytest.raises(ValueError, match="verifier key|does not belong"):
            trust.read_vkey(text, trust.LOG_KEY)
    assert trust.read_vkey(vkey, trust.LOG_KEY).public == note.VerifierKey.parse(vkey).public


def test_the_published_head_with_a_cosignature_is_read_and_unknown_keys_make_it_no_ones() -> None:
    head = signed.read_head(vectors.SOFA.encode())
    assert (head.origin, head.size) == ("example.com/behind-the-sofa", 20852163)
    lines = vectors.SOFA.rpartition("\n\n")[2].splitlines()
    at = int.from_bytes(base64.b64decode(lines[1].split(" ")[2])[4:12], "big")
    assert at == 1679315147
    text = vectors.SOFA.rpartition("\n\n")[0] + "\n"
    assert note.Checkpoint.parse(text) == note.Checkpoint(head.origin, head.size, head.root)
    assert note.Checkpoint.parse(text).text == text
    with pytest.raises(note.BadNote, match="no known key"):
        note.open_note(vectors.SOFA, [note.VerifierKey.parse(vectors.PETER)])


@pytest.mark.parametrize(
    "damaged",
    [
        "wrong-header\nindex 0\n\ncheckpoint\n",
        "c2sp.org/tlog-proof@v1\nextra !!notbase64!!\n\nindex 0\n\ncheckpoint\n",
        "c2sp.org/tlog-proof@v1\n\n\ncheckpoint\n",
        "c2sp.org/tlog-proof@v1\nindex notanumber\n\ncheckpoint\n",
        "c2sp.org/tlog-proof@v1\nindex -5\n\ncheckpoint\n",
        "c2sp.org/tlog-proof@v1\nindex 0\n!!notbase64!!\n\ncheckpoint\n",
    ],
)
def test_proof_files_that_others_refuse_are_refused(damaged: str) -> None:
    with pytest.raises(note.BadNote):
        note.Proof.parse(damaged)
    with pytest.raises(Tampered):
        signed.read_proof(damaged.encode())


@pytest.mark.parametrize("name", list(vectors.SPELLINGS))
def test_published_spellings(name: str) -> None:
    given, expected = vectors.SPELLINGS[name]
    value = json.loads(given)
    assert canonical.encode(value).decode() == strict.spell(value) == expected
    assert canonical.parse(expected.encode()) == strict.read_strict(expected.encode()) == value
    with pytest.raises(strict.NotStrict):
        strict.read_strict(given.encode())


def test_published_numbers() -> None:
    for bits, expected in vectors.NUMBERS.items():
        (value,) = struct.unpack(">d", of(bits))
        assert canonical.encode(value).decode() == strict.spell(value) == expected, bits
        assert float(strict.read_strict(expected.encode())) == value
    for bits in vectors.NOT_NUMBERS:
        (value,) = struct.unpack(">d", of(bits))
        with pytest.raises(canonical.NotCanonical):
            canonical.encode(value)
        with pytest.raises(strict.NotStrict):
            strict.spell(value)


@needs_node
def test_the_second_verifier_gives_the_same_answers() -> None:
    def spelled(value: Any) -> Any:
        if isinstance(value, bytes):
            return base64.b64encode(value).decode()
        return [spelled(part) for part in value] if isinstance(value, (list, tuple)) else value

    asked = {
        "proofs": [(check, spelled(given)) for check, given, _ in PROOFS],
        "numbers": [*vectors.NUMBERS, *vectors.NOT_NUMBERS],
        "texts": [given for given, _ in vectors.SPELLINGS.values()],
    }
    program = NODE_CASES % {"folder": second.PROGRAM.parent.as_posix()}
    run = [str(second.NODE), "--input-type=module", "-e", program]
    done = subprocess.run(run, input=json.dumps(asked), capture_output=True, text=True, check=True)
    said = json.loads(done.stdout)
    assert said["answers"] == [is_true for *_, is_true in PROOFS]
    assert said["spelled"] == [*vectors.NUMBERS.values(), *(None for _ in vectors.NOT_NUMBERS)]
    assert said["texts"] == [expected for _, expected in vectors.SPELLINGS.values()]
