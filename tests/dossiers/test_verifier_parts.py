"""The verifier's parts one by one: verdicts, canonical JSON, the tree, trust files, signed heads. Each refusal for its own reason."""

import base64
import hashlib
import json
import struct
from typing import Any

import pytest

from apps.audit import merkle, note
from apps.dossiers.verifier import openssl, signed, strict, tree, trust, verdict
from apps.dossiers.verifier.verdict import CannotVerify, Check, Report, Tampered
from tests.dossiers.bundles import ORIGIN, Log, Witness

ROOT = base64.b64encode(b"\x01" * 32).decode()
LOG = Log()
KEY = str(LOG.signer.verifier)


# --- verdict ----------------------------------------------------------------------------------------------------------


def test_the_exit_code_is_0_only_when_nothing_failed_and_no_required_check_was_skipped() -> None:
    assert (verdict.VALID, verdict.TAMPERED, verdict.CANNOT_VERIFY, verdict.USAGE) == (0, 1, 2, 3)
    assert Report("f").exit_code == 2
    for states, code in (
        (["PASS"], 0), (["PASS", "ERASED"], 0), (["PASS", "SKIP"], 2), (["SKIP", "FAIL"], 1), (["FAIL"], 1), (["SKIP"], 2),
    ):  # fmt: skip
        assert Report("f", [Check("n", "t", True, state) for state in states]).exit_code == code, states
    assert Report("f", [Check("n", "t", False, "SKIP"), Check("m", "t", True, "PASS")]).exit_code == 0
    assert Report("f", [Check("n", "t", False, "FAIL")]).exit_code == 1
    assert (Check("n", "t").state, Check("n", "t").is_required, Check("n", "t").sentence) == (
        "SKIP",
        True,
        "Not reached.",
    )


def test_both_outputs_say_everything() -> None:
    details = [f"detail {number}" for number in range(1, 22)]
    checks = [
        Check("first", "One", True, "PASS", "Good.", details[:20]),
        Check("second", "Two", False, "SKIP", "Not asked é.", details),
        Check("third", "Three", True, "SKIP", "Missing."),
        Check("fourth", "Four", False, "PASS", "Fine."),
    ]
    report = Report("bag.zip", checks, {"Log": "a", "Root": "b"})
    lines = ["Result: CANNOT VERIFY   bag.zip", "", "PASS   first        One: Good."]
    lines += [f"        {detail}" for detail in details[:20]]
    lines += ["SKIP (not required) second       Two: Not asked é."]
    lines += [f"        {detail}" for detail in details[:20]]
    lines += [
        "        and 1 more",
        "SKIP   third        Three: Missing.",
        "PASS   fourth       Four: Fine.",
        "",
        "Log: a",
        "Root: b",
    ]
    assert report.as_text() == "\n".join(lines)
    told = report.as_json()
    assert json.loads(told) == {
        "file": "bag.zip", "result": "cannot verify", "exit_code": 2, "facts": {"Log": "a", "Root": "b"},
        "checks": [
            {"name": "first", "title": "One", "state": "PASS", "required": True, "sentence": "Good.", "details": details[:20]},
            {"name": "second", "title": "Two", "state": "SKIP", "required": False, "sentence": "Not asked é.", "details": details[:20]},
            {"name": "third", "title": "Three", "state": "SKIP", "required": True, "sentence": "Missing.", "details": []},
            {"name": "fourth", "title": "Four", "state": "PASS", "required": False, "sentence": "Fine.", "details": []},
        ],
    }  # fmt: skip
    assert told.startswith('{\n  "file"') and "é" in told
    assert json.loads(Report("f", [Check("n", "t", True, "FAIL")]).as_json())["result"] == "tampered"
    assert json.loads(Report("f", [Check("n", "t", True, "PASS")]).as_json())["result"] == "valid"


# --- strict -----------------------------------------------------------------------------------------------------------


def deep(levels: int) -> Any:
    found: Any = "x"
    for _ in range(levels):
        found = [found]
    return found


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\xff", "not JSON"),
        (b"{", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b'{"a":1,"a":1}', "a key is repeated"),
        (b'{"a":{"b":"","b":""}}', "a key is repeated"),
        (b"NaN", "NaN is not allowed"),
        (b"[-Infinity]", "-Infinity is not allowed"),
        (b"1e999", "beyond what binary64 holds"),
        (b"1" * 400, "beyond what binary64 holds"),
        (b'"\\ud800"', "not the canonical form"),
        (b'{"b":1,"a":1}', "not the canonical form"),
        (b"9007199254740993", "not the canonical form"),
        (b"-0", "not the canonical form"),
        (strict.spell(deep(100)).replace("x", '"x"').encode()[1:], "not JSON"),
        (b"[" * 101 + b"]" * 101, "more than 100 deep"),
    ],
)
def test_what_is_not_canonical_is_refused_for_its_own_reason(content: bytes, words: str) -> None:
    with pytest.raises(strict.NotStrict, match=words):
        strict.read_strict(content)


def test_numbers_are_refused_where_none_may_be() -> None:
    for content in (b"1", b'{"a":[1.5]}', b'{"a":-1}'):
        assert strict.read_strict(content) == json.loads(content)
        with pytest.raises(strict.NotStrict, match="is not allowed here"):
            strict.read_strict(content, has_numbers=False)
    assert strict.read_strict(b'{"a":"1"}', has_numbers=False) == {"a": "1"}


def test_whole_numbers_keep_their_digits_as_far_as_binary64_does() -> None:
    assert strict.LARGEST == 9_007_199_254_740_991
    for value, text in {
        2**53 - 1: "9007199254740991", -(2**53) + 1: "-9007199254740991", 2**53: "9007199254740992", -(2**53): "-9007199254740992",
        2**53 + 1: "9007199254740992", 2**60 + 1: "1152921504606847000", 10**21: "1e+21", 10**20: "100000000000000000000", 0: "0",
    }.items():  # fmt: skip
        assert strict.spell(value) == text
    assert (strict.spell(True), strict.spell(False), strict.spell(None)) == ("true", "false", "null")
    with pytest.raises(strict.NotStrict, match="beyond"):
        strict.spell(10**400)
    with pytest.raises(strict.NotStrict, match="beyond"):
        strict.spell(float("nan"))


def test_lists_and_objects_stand_at_most_100_deep() -> None:
    assert strict.spell(deep(100)) == "[" * 100 + '"x"' + "]" * 100
    assert strict.spell({"a": deep(99)}) == '{"a":' + "[" * 99 + '"x"' + "]" * 99 + "}"
    for value in (deep(101), {"a": deep(100)}, [{"a": deep(99)}]):
        with pytest.raises(strict.NotStrict, match="more than 100 deep"):
            strict.spell(value)
    assert strict.read_strict(b'"x"') == "x"


def test_a_digest_has_64_digits() -> None:
    assert strict.sha256(b"") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


# --- tree -------------------------------------------------------------------------------------------------------------


def test_roots_of_beginnings_are_those_of_the_log_for_the_sizes_asked_for() -> None:
    leaves = [merkle.leaf_hash(bytes([number])) for number in range(9)]
    for sizes in ({3}, {0, 1, 8, 9}, set(range(10)), set()):
        found = tree.roots_of_beginnings(leaves, sizes)
        assert set(found) == sizes | {0}
        assert all(root == merkle.root_of(leaves[:size]) for size, root in found.items())


def test_every_proof_up_to_17_leaves_holds_and_no_other_does() -> None:
    for size in range(1, 18):
        leaves = [merkle.leaf_hash(bytes([number])) for number in range(size)]
        root, node = merkle.root_of(leaves), merkle.node_from_leaves(leaves)
        for place in range(size):
            proof = merkle.inclusion_proof(place, size, node)
            assert tree.is_included(place, size, leaves[place], proof, root) is True
            assert tree.is_included(place, size, leaves[place], [*proof, root], root) is False
            assert tree.is_included(place + size, size, leaves[place], proof, root) is False
            before, first = merkle.root_of(leaves[: place + 1]), place + 1
            proof = merkle.consistency_proof(first, size, node)
            assert tree.is_continued(first, size, proof, before, root) is True
            assert tree.is_continued(first, size, [*proof, root], before, root) is False
            assert tree.is_continued(first, size, proof, before, merkle.EMPTY_ROOT) is False
            assert tree.is_continued(first, size, proof, merkle.EMPTY_ROOT, root) is False
            assert tree.is_continued(first, size, proof[:-1], before, root) is (first == size)
            assert tree.is_continued(first, 4 * size + 1, proof, before, root) is False


# --- trust ------------------------------------------------------------------------------------------------------------


def vkey(name: str = "log.test/a", key: bytes = b"\x01" + b"\x02" * 32) -> str:
    key_id = hashlib.sha256(name.encode() + b"\n" + key).hexdigest()[:8]
    return f"{name}+{key_id}+{base64.b64encode(key).decode()}"


WITNESS = vkey("witness.test/w", b"\x04" + b"\x03" * 32)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"origin": 1}, 'holds "origin" and a list "vkeys"'),
        ({"vkeys": []}, 'holds "origin" and a list "vkeys"'),
        ({"vkeys": "x"}, 'holds "origin" and a list "vkeys"'),
        ({"policy": []}, '"policy" is not an object'),
        ({"policy": {"witness_k": -1}}, '"witness_k" is not a whole number'),
        ({"policy": {"witness_k": True}}, '"witness_k" is not a whole number'),
        ({"policy": {"witness_k": 1.0}}, '"witness_k" is not a whole number'),
        ({"policy": {"witness_k": 2**53}}, '"witness_k" is not a whole number'),
        ({"policy": {"witness_k": "01"}}, '"witness_k" is not a whole number'),
        ({"policy": {"time_stamp": 1}}, '"time_stamp" is neither true nor false'),
        ({"pdf_roots": "x"}, '"pdf_roots" is not a list of texts'),
        ({"pdf_roots": [1]}, '"pdf_roots" is not a list of texts'),
        ({"tsa_roots": [None]}, '"tsa_roots" is not a list of texts'),
        ({"witnesses": {}}, '"witnesses" is not a list of texts'),
        ({"witnesses": [vkey()]}, "of the kind 04"),
        ({"vkeys": [WITNESS]}, "of the kind 01"),
        ({"vkeys": [1]}, "neither a verifier key nor an object"),
        ({"vkeys": [{"vkey": 1}]}, "neither a verifier key nor an object"),
        ({"vkeys": [{}]}, "neither a verifier key nor an object"),
        ({"vkeys": [{"vkey": vkey(), "since": 1, "before": 2}]}, "holds 'before', which"),
        ({"vkeys": [{"vkey": vkey(), "valid_from_size": "x"}]}, '"valid_from_size" is not a whole number'),
        ({"vkeys": [{"vkey": vkey(), "revoked_after_size": -1}]}, '"revoked_after_size" is not a whole number'),
        ({"vkeys": [vkey().replace("+", "", 1)]}, "is not"),
        ({"vkeys": ["log.test/a+00000000+!!!!"]}, "'log.test/a.00000000.!!!!' is not a verifier key"),
        ({"vkeys": [vkey(key=b"\x01" + b"\x02" * 31)]}, "is not an Ed25519 verifier key"),
        ({"vkeys": [vkey(key=b"\x01" + b"\x02" * 33)]}, "is not an Ed25519 verifier key"),
        ({"vkeys": [vkey()[:-2] + "J="]}, "is not"),
        ({"vkeys": ["x" + vkey()]}, "the id in 'xlog.test/a.[0-9a-f]{8}.AQ.* does not belong"),
    ],
)
def test_what_is_wrong_with_a_trust_file_is_said(change: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        trust.Trust.read(json.dumps({"origin": "log.test/a", "vkeys": [vkey()], **change}).encode())
    for content in (b"[]", b"1", b'{"origin":"a"}', b"{"):
        with pytest.raises(ValueError, match="."):
            trust.Trust.read(content)


def test_a_trust_file_is_read_with_its_limits_and_its_policy() -> None:
    plain = trust.Trust.read(json.dumps({"origin": "log.test/a", "vkeys": [vkey()]}).encode())
    assert (plain.origin, plain.witness_k, plain.needs_time_stamp) == ("log.test/a", 0, False)
    assert (plain.pdf_roots, plain.tsa_roots, plain.witnesses) == ([], [], [])
    key = plain.keys[0]
    assert (key.name, key.public, key.valid_from_size, key.revoked_after_size) == ("log.test/a", b"\x02" * 32, 0, None)
    assert key.label == "+".join(vkey().split("+")[:2]) and len(key.key_id) == 4
    whole = trust.Trust.read(
        json.dumps(
            {
                "origin": "o", "vkeys": [{"vkey": vkey(), "valid_from_size": "3", "revoked_after_size": 7}, vkey()],
                "pdf_roots": ["p"], "tsa_roots": ["t"], "witnesses": [WITNESS], "policy": {"witness_k": "1", "time_stamp": True},
            }
        ).encode()
    )  # fmt: skip
    assert (whole.pdf_roots, whole.tsa_roots, whole.witness_k, whole.needs_time_stamp) == (["p"], ["t"], 1, True)
    assert [found.name for found in whole.witnesses] == ["witness.test/w"]
    limited = whole.keys[0]
    assert (limited.valid_from_size, limited.revoked_after_size) == (3, 7)
    assert [size for size in range(10) if limited.may_sign(size)] == [3, 4, 5, 6, 7]
    assert all(whole.keys[1].may_sign(size) for size in (0, 1, 10**9))
    assert trust.Trust("o").witness_k == 0 and trust.Trust("o").needs_time_stamp is False
    assert trust.whole_number(0, "n") == 0 and trust.whole_number(2**53 - 1, "n") == 2**53 - 1
    assert trust.Key("n", b"1234", b"k").may_sign(0)


# --- signed -----------------------------------------------------------------------------------------------------------


def head(text: str = f"{ORIGIN}\n3\n{ROOT}", lines: str = "\u2014 a AAAA\n") -> bytes:
    return f"{text}\n\n{lines}".encode()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\xff\n1\n" + ROOT.encode() + b"\n\n", "three lines and signatures"),
        (head(f"{ORIGIN}\n3"), "three lines and signatures"),
        (head(f"{ORIGIN}\n3\n{ROOT}\nextension"), "three lines and signatures"),
        (head(f"{ORIGIN}\n3\n!!!"), "three lines and signatures"),
        (head(f"{ORIGIN}\n3\n{ROOT[:-2]}B="), "three lines and signatures"),
        (f"{ORIGIN}\n3\n{ROOT}".encode(), "three lines and signatures"),
        (head(f"\n3\n{ROOT}"), "not origin, size and root"),
        (head(f"a\x01\n3\n{ROOT}"), "not origin, size and root"),
        (head(f"a\x1f\n3\n{ROOT}"), "not origin, size and root"),
        (head(f"a\t\n3\n{ROOT}"), "not origin, size and root"),
        (head(f"{ORIGIN}\n03\n{ROOT}"), "not origin, size and root"),
        (head(f"{ORIGIN}\n-3\n{ROOT}"), "not origin, size and root"),
        (head(f"{ORIGIN}\n3\n{base64.b64encode(b'x' * 31).decode()}"), "not origin, size and root"),
        (head(f"{ORIGIN}\n{2**53}\n{ROOT}"), "more entries than a log can have"),
    ],
)
def test_what_is_wrong_with_a_head_is_said(content: bytes, words: str) -> None:
    with pytest.raises(Tampered, match=words):
        signed.read_head(content)


def test_a_head_is_read_as_it_is_written() -> None:
    found = signed.read_head(head(f"a b\n{2**53 - 1}\n{ROOT}"))
    assert (found.origin, found.size, found.root) == ("a b", 2**53 - 1, b"\x01" * 32)
    assert found.note.encode() == head(f"a b\n{2**53 - 1}\n{ROOT}")
    assert signed.read_head(head(f"a\n0\n{ROOT}")).size == 0


def trusted(**changes: Any) -> trust.Trust:
    return trust.Trust.read(json.dumps({"origin": ORIGIN, "vkeys": [KEY], **changes}).encode())


def own(size: int = 3, times: int = 1, lines: str = "") -> bytes:
    """A head of our log with as many lines of its key, and others."""
    text = note.Checkpoint(ORIGIN, size, b"\x01" * 32).text
    signed_once = LOG.signer.sign(text)
    line = signed_once.removeprefix(text + "\n")
    return f"{text}\n{line * times}{lines}".encode()


def line_of(content: bytes, name: str = ORIGIN) -> str:
    return f"\u2014 {name} {base64.b64encode(content).decode()}\n"


KEY_ID = LOG.signer.verifier.key_id


@pytest.mark.parametrize(
    ("content", "changes", "words"),
    [
        (own(), {"origin": "log.test/b"}, "belongs to the log log.test/a, not to log.test/b"),
        (own()[:-1], {}, "signature lines of the checkpoint are cut off"),
        (own(times=101), {}, "more than 100 signatures"),
        (own(lines="x\n"), {}, "A line below the checkpoint is not a signature"),
        (own(lines="\u2014 a b AAAA\n"), {}, "A line below the checkpoint is not a signature"),
        (own(lines="\u2014 a AA!A\n"), {}, "A line below the checkpoint is not a signature"),
        (own(lines="\u2014 a AAA\n"), {}, "is not base64"),
        (own(lines="\u2014 a AAB=\n"), {}, "not the one base64 spelling"),
        (own(lines=line_of(b"1234", "a")), {}, "shorter than its key id"),
        (own(lines=line_of(KEY_ID + b"x" * 64)), {}, "signature of log.test/a.[0-9a-f]{8} does not match"),
        (own(lines=line_of(KEY_ID + b"x" * 63)), {}, "signature of log.test/a.[0-9a-f]{8} does not match"),
        (own(), {"vkeys": [{"vkey": KEY, "revoked_after_size": 2}]}, "is not trusted for a head of 3 entries"),
        (own(), {"vkeys": [{"vkey": KEY, "valid_from_size": 4}]}, "is not trusted for a head of 3 entries"),
    ],
)
def test_what_is_wrong_with_signatures_is_said(content: bytes, changes: dict[str, Any], words: str) -> None:
    with pytest.raises(Tampered, match=words):
        signed.check_head(content, trusted(**changes))


def test_who_signed_is_noted_and_others_are_passed_over() -> None:
    label = "+".join(KEY.split("+")[:2])
    found, signers = signed.check_head(own(lines=line_of(b"12345", "a") + line_of(b"wxyz" + b"1" * 64)), trusted())
    assert (found.size, signers.keys, signers.late, signers.witnesses) == (3, [label], [], {})
    assert signed.check_head(own(times=100), trusted())[1].keys == [label] * 100
    late = {"vkeys": [{"vkey": KEY, "revoked_after_size": 2}, KEY]}
    assert signed.check_head(own(), trusted(**late))[1].late == [label]
    with pytest.raises(CannotVerify, match="No key of the trust file"):
        signed.check_head(own().replace(KEY_ID, b""), trusted(vkeys=[vkey()]))


def test_witnesses_sign_the_time_and_the_text() -> None:
    witness = Witness()
    asked = {"witnesses": [witness.vkey], "policy": {"witness_k": 1}}
    at = 1_795_600_800
    head_with = witness.sign(own().decode(), at).encode()
    label = "+".join(witness.vkey.split("+")[:2])
    assert signed.check_head(head_with, trusted(**asked))[1].witnesses == {label: at}
    assert signed.check_head(head_with, trusted())[1].witnesses == {}
    with pytest.raises(CannotVerify, match="asks for 1 witnesses; 0 signed"):
        signed.check_head(own(), trusted(**asked))
    with pytest.raises(CannotVerify, match="asks for 2 witnesses; 1 signed"):
        signed.check_head(head_with, trusted(**{**asked, "policy": {"witness_k": 2}}))
    for content in (b"x" * 71, b"x" * 73):
        with pytest.raises(Tampered, match="is not a time and a signature"):
            signed.check_head(own(lines=line_of(witness.key_id + content, witness.name)), trusted(**asked))
    later = own(lines=line_of(witness.key_id + struct.pack(">Q", at + 1) + b"x" * 64, witness.name))
    with pytest.raises(Tampered, match=f"signature of {witness.name}.* does not match"):
        signed.check_head(later, trusted(**asked))


def test_a_proof_file_is_read_and_its_extra_line_is_not() -> None:
    first, second = (base64.b64encode(bytes([number]) * 32).decode() for number in (1, 2))
    plain = f"c2sp.org/tlog-proof@v1\nindex 5\n{first}\n{second}\n\nhead\n\nlines\n".encode()
    assert signed.read_proof(plain) == (5, [b"\x01" * 32, b"\x02" * 32], "head\n\nlines\n")
    assert signed.read_proof(plain.replace(b"index", b"extra !!\nindex")) == signed.read_proof(plain)
    assert signed.read_proof(b"c2sp.org/tlog-proof@v1\nindex 0\n\n")[:2] == (0, [])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"c2sp.org/tlog-proof@v1\nindex 5", "does not begin with"),
        (b"c2sp.org/tlog-proof@v2\nindex 5\n\nhead", "does not begin with"),
        (b"c2sp.org/tlog-proof@v1\n\nhead", "names no index"),
        (b"c2sp.org/tlog-proof@v1\nextra a\n\nhead", "names no index"),
        (b"c2sp.org/tlog-proof@v1\nindex 05\n\nhead", "names no index"),
        (b"c2sp.org/tlog-proof@v1\nindax 5\n\nhead", "names no index"),
        (b"c2sp.org/tlog-proof@v1\nextra a\nextra b\nindex 5\n\nhead", "names no index"),
        (b"c2sp.org/tlog-proof@v1\nindex 5\n!!\n\nhead", "is not base64"),
    ],
)
def test_what_is_wrong_with_a_proof_file_is_said(content: bytes, words: str) -> None:
    with pytest.raises(Tampered, match=words):
        signed.read_proof(content)


def test_base64_has_one_spelling_and_says_the_error_that_is_asked_for() -> None:
    assert signed.from_base64("AAEC") == b"\x00\x01\x02"
    with pytest.raises(ValueError, match="'AB==' is not the one base64"):
        signed.from_base64("AB==")
    with pytest.raises(Tampered, match="'A{40}' is not base64"):
        signed.from_base64("A" * 41, Tampered)
    with pytest.raises(ValueError, match="is not base64"):
        signed.from_base64("A\u00e9==")
    assert openssl.ED25519_PREFIX.hex() == "302a300506032b6570032100"
