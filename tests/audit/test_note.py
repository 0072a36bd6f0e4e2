"""Signed notes as C2SP writes them down."""

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
