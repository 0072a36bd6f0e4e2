"""Signed notes as C2SP writes them down."""

import base64
import hashlib
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from apps.audit import note

VKEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
SIGNATURE = "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM="
TEXT = "This is an example message.\n"
PUBLISHED = f"{TEXT}\n\u2014 example.com/foo {SIGNATURE}\n"


def signer(name: str = "log.test/a", seed: int = 1) -> note.Signer:
    return note.Signer(name, Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32))


def test_the_published_note_is_accepted_and_a_changed_one_is_not() -> None:
    key = note.VerifierKey.parse(VKEY)
    assert str(key) == VKEY
    assert note.open_note(PUBLISHED, [key]) == (TEXT, [key])
    for changed in (PUBLISHED.replace("example message", "example massage"), PUBLISHED.replace("Uw2QOkn8", "Uw2QOkn9")):
        with pytest.raises(note.BadNote, match="does not match"):
            note.open_note(changed, [key])


def test_a_note_of_an_unknown_key_is_refused_and_unknown_signatures_beside_a_known_one_are_ignored() -> None:
    ours, other = signer(), signer("log.test/b", 2)
    signed = ours.sign(TEXT)
    with pytest.raises(note.BadNote, match="no known key"):
        note.open_note(signed, [other.verifier])
    both = signed + other.sign(TEXT).rpartition("\n\n")[2]
    assert note.open_note(both, [ours.verifier]) == (TEXT, [ours.verifier])
    assert note.open_note(both, [other.verifier, ours.verifier])[1] == [ours.verifier, other.verifier]


def test_one_failing_known_signature_refuses_the_whole_note() -> None:
    ours, other = signer(), signer("log.test/b", 2)
    line = other.sign("Something else.\n").rpartition("\n\n")[2]
    with pytest.raises(note.BadNote, match="does not match"):
        note.open_note(ours.sign(TEXT) + line, [ours.verifier, other.verifier])


@pytest.mark.parametrize(
    "text",
    [
        "log.test/a\n1\n",
        "log.test/a\n01\n" + "A" * 43 + "=\n",
        "log.test/a\n-1\n" + "A" * 43 + "=\n",
        "log.test/a\n1\n" + "A" * 43 + "=\nextension\n",
        "log.test/a\n1\nAAAA\n",
        "log.test/a\n1\n" + "A" * 42 + "B=\n",
        "\n1\n" + "A" * 43 + "=\n",
    ],
)
def test_a_checkpoint_has_exactly_origin_size_and_root(text: str) -> None:
    with pytest.raises(note.BadNote):
        note.Checkpoint.parse(text)


def test_a_checkpoint_survives_signing_and_another_logs_checkpoint_is_refused() -> None:
    ours = signer()
    head = note.Checkpoint("log.test/a", 7, b"\x01" * 32)
    signed = ours.sign(head.text)
    assert note.open_checkpoint(signed, [ours.verifier], "log.test/a") == head
    with pytest.raises(note.BadNote, match="belongs to"):
        note.open_checkpoint(signed, [ours.verifier], "log.test/b")


def test_a_proof_file_is_read_as_it_was_written_and_its_extra_line_is_kept_apart() -> None:
    proof = note.Proof(5, (b"\x01" * 32, b"\x02" * 32), signer().sign("log.test/a\n7\n" + "A" * 43 + "=\n"))
    assert note.Proof.parse(str(proof)) == proof
    with_extra = str(proof).replace("index 5", "extra AAAA\nindex 5")
    assert note.Proof.parse(with_extra) == replace(proof, extra=b"\0\0\0")
    for damaged in (
        str(proof).replace("@v1", "@v2"),
        str(proof).replace("index 5", "index 05"),
        "c2sp.org/tlog-proof@v1",
    ):
        with pytest.raises(note.BadNote):
            note.Proof.parse(damaged)


@pytest.mark.parametrize(
    "vkey",
    ["", "a+b", VKEY.replace("530d903a", "530d903b"), VKEY.replace("+Ae", "+Be"), "a b+530d903a+AekyeRrm", VKEY[:-4]],
)
def test_a_key_with_a_wrong_id_algorithm_or_length_is_refused(vkey: str) -> None:
    with pytest.raises(note.BadNote):
        note.VerifierKey.parse(vkey)


def raw(text: str, lines: str = "") -> str:
    """A note whose text nobody looked at before it was signed."""
    ours = signer()
    signature = ours.verifier.key_id + ours.private.sign(text.encode())
    return f"{text}\n\u2014 {ours.name} {base64.b64encode(signature).decode()}\n{lines}"


def vkey_of(name: str, public: bytes, kind: bytes = note.ED25519) -> str:
    """A key in its spelling with the id that belongs to it, whatever it is."""
    key_id = hashlib.sha256(name.encode() + b"\n" + kind + public).hexdigest()[:8]
    return f"{name}+{key_id}+{base64.b64encode(kind + public).decode()}"


@pytest.mark.parametrize(
    ("vkey", "words"),
    [
        (vkey_of("log.test/a", b"\x01" * 31), "32 bytes"),
        (vkey_of("log.test/a", b"\x01" * 33), "32 bytes"),
        (vkey_of("log test", b"\x01" * 32), "32 bytes"),
        (vkey_of("", b"\x01" * 32), "32 bytes"),
        (vkey_of("log.test/a", b"\x01" * 32, b"\x02"), "32 bytes"),
        ("log.test/a+00000000+!!!!", "the key is not base64"),
        ("log.test/a+00000000+AB==", "the key is not the one base64 spelling"),
    ],
)
def test_what_is_wrong_with_a_key_is_said(vkey: str, words: str) -> None:
    with pytest.raises(note.BadNote, match=words):
        note.VerifierKey.parse(vkey)


def test_a_key_that_is_none_signed_nothing() -> None:
    assert note.VerifierKey("log.test/a", b"short").is_signature_of(b"x" * 64, TEXT) is False
    assert signer().verifier.is_signature_of(b"x" * 63, TEXT) is False


@pytest.mark.parametrize(
    ("text", "is_good"),
    [
        ("a\n", True),
        ("a \u00e9\u2014\n\nb\n", True),
        ("a", False),
        ("", False),
        ("a\x1f\n", False),
        ("\x00\n", False),
        ("a\r\n", False),
    ],
)
def test_only_text_without_control_characters_that_ends_in_a_line_end_is_signed_and_opened(
    text: str, is_good: bool
) -> None:
    ours = signer()
    if is_good:
        assert note.open_note(ours.sign(text), [ours.verifier])[0] == text
        return
    with pytest.raises(note.BadNote, match="ends in a line end and holds no other control"):
        ours.sign(text)
    if text.endswith("\n"):
        with pytest.raises(note.BadNote, match="ends in a line end and holds no other control"):
            note.open_note(raw(text), [ours.verifier])


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        ("log.test/a", True),
        ("a", True),
        ("", False),
        ("a b", False),
        ("a\u00a0b", False),
        ("a+b", False),
        ("\t", False),
    ],
)
def test_names_of_keys_hold_no_white_space_and_no_plus(name: str, is_one: bool) -> None:
    assert note.is_key_name(name) is is_one


def test_a_second_key_signs_the_text_of_the_note_and_nothing_else() -> None:
    ours, other = signer(), signer("log.test/b", 2)
    text = "First.\n\nSecond, below an empty line.\n"
    signed = other.cosign(ours.sign(text))
    assert signed == ours.sign(text) + other.sign(text).removeprefix(text + "\n")
    assert note.open_note(signed, [ours.verifier, other.verifier]) == (text, [ours.verifier, other.verifier])


@pytest.mark.parametrize(
    ("first", "last", "counting"),
    [(0, None, {0, 4, 5, 6, 9, 10}), (5, None, {5, 6, 9, 10}), (0, 5, {0, 4, 5}), (5, 9, {5, 6, 9}), (6, 5, set())],
)
def test_a_key_counts_for_heads_from_its_first_to_its_last_size(
    first: int, last: int | None, counting: set[int]
) -> None:
    period = note.KeyPeriod(signer().verifier, first, last)
    assert [period.may_sign(size) is True for size in (0, 4, 5, 6, 9, 10)] == [
        n in counting for n in (0, 4, 5, 6, 9, 10)
    ]


ROOT = "A" * 43 + "="


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (f"log.test/a\n1\n{ROOT}\nx", "exactly three lines"),
        (f"log.test/a\n1\n{ROOT}", "exactly three lines"),
        (f"log.test/a\n{'1' * 20}\n{ROOT}\n", "decimal number"),
        ("log.test/a\n1\n!!!\n", "the root is not base64"),
        (f"log.test/a\n1\n{'A' * 44}\n", "the root of a checkpoint is 32 bytes"),
    ],
)
def test_what_is_wrong_with_a_checkpoint_is_said(text: str, words: str) -> None:
    with pytest.raises(note.BadNote, match=words):
        note.Checkpoint.parse(text)


@pytest.mark.parametrize(
    ("published", "words"),
    [
        (TEXT, "a note is text"),
        (raw(TEXT).replace("\n\n", "\n"), "a note is text"),
        (raw(TEXT)[:-1], "a note is text"),
        (raw(TEXT, "\u2014 log.test/a AAAA\n"), "shorter than its key id"),
        (raw(TEXT, "\u2014 log.test/a AAAAAA==\n"), "shorter than its key id"),
        (raw(TEXT, "\u2014 log.test/a A===\n"), "the signature is not"),
        (raw(TEXT, "\u2014 log.test/a\n"), "is not a signature"),
        (
            raw(TEXT, f"\u2014 log.test/a {base64.b64encode(signer().verifier.key_id + b'x').decode()}\n"),
            "does not match",
        ),
    ],
)
def test_what_is_wrong_with_a_note_is_said(published: str, words: str) -> None:
    with pytest.raises(note.BadNote, match=words):
        note.open_note(published, [signer().verifier])


@pytest.mark.parametrize(
    ("proof", "words"),
    [
        (f"{note.PROOF_HEADER}\nindex 5", "a proof begins with"),
        (f"{note.PROOF_HEADER}\nextra !!!\nindex 5\n\nhead", "the extra is not base64"),
        (f"{note.PROOF_HEADER}\nindex 5\n!!!\n\nhead", "the hash is not base64"),
        (f"{note.PROOF_HEADER}\nindex 5x\n\nhead", "names the index"),
    ],
)
def test_what_is_wrong_with_a_proof_is_said(proof: str, words: str) -> None:
    with pytest.raises(note.BadNote, match=words):
        note.Proof.parse(proof)
