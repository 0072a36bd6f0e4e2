"""The verifier's last parts one by one: openssl, entries, counts, openings, the command, and the one file that travels."""

import ast
import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import rfc8785
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from apps.dossiers.verifier import checks, command, examination, openssl, people, single, strict, webauthn
from apps.dossiers.verifier.bag import Bag
from apps.dossiers.verifier.examination import Event, Examination
from apps.dossiers.verifier.trust import Trust
from apps.dossiers.verifier.verdict import CannotVerify, Check, Erased, Report, Tampered
from tests.dossiers.authorities import Seal
from tests.dossiers.bundles import MOMENT, Bundle, Log, digest, document, named
from tests.dossiers.flips import MemoryBag


@pytest.fixture(scope="module")
def seal() -> Seal:
    return Seal()


@pytest.fixture(scope="module")
def bundle(seal: Seal) -> Bundle:
    return Bundle(seal)


def of(files: dict[str, bytes], trust: Trust | None = None) -> Examination:
    return Examination(MemoryBag(files), trust, None, Report("memory"))


def test_halves_of_surrogate_pairs_are_refused_in_keys_too_and_two_digits_keep_their_point() -> None:
    for content in (b'{"\\ud800":1}', b'"\\udc00"', b'{"\\ud800":1,"\\udc00":2}'):
        with pytest.raises(strict.NotStrict, match="not the canonical form"):
            strict.read_strict(content)
    assert (strict.spell(1.5e300), strict.spell(-1.5e-7), strict.spell(1e22)) == ("1.5e+300", "-1.5e-7", "1e+22")


# --- openssl ----------------------------------------------------------------------------------------------------------


def program(folder: Path, script: str) -> str:
    """A folder with a program that is called openssl."""
    path = folder / "openssl"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return f"{folder}{os.pathsep}/usr/bin{os.pathsep}/bin"


def test_a_program_that_is_missing_slow_or_old_cannot_verify(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CannotVerify, match="is not installed"):
        openssl.run_openssl(["version"], {"missing": b""})
    monkeypatch.setenv("PATH", program(tmp_path, "sleep 5"))
    monkeypatch.setattr(openssl, "SECONDS", 0.05)
    with pytest.raises(CannotVerify, match="did not answer within 0.05 seconds"):
        openssl.run_openssl(["version"], {"slow": b""})
    monkeypatch.setattr(openssl, "SECONDS", 60)
    program(tmp_path, "echo 'pkeyutl: Unknown option: -rawin' >&2; exit 1")
    with pytest.raises(CannotVerify, match="too old"):
        openssl.run_openssl(["version"], {"old": b""})
    program(tmp_path, "echo 'unknown option is a word here'; exit 0")
    assert openssl.run_openssl(["version"], {"fine": b""}) == (True, "unknown option is a word here")
    program(tmp_path, "printf '  said\\377 '; printf 'x' >&2; exit 3")
    assert openssl.run_openssl(["version"], {"other": b""}) == (False, "said\ufffd x")


def test_it_sees_the_files_and_nothing_on_its_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", program(tmp_path, 'echo "$@"; ls; cat a b; cat'))
    assert openssl.run_openssl(["one", "two"], {"b": b"2", "a": b"1"}) == (True, "one two\na\nb\n12")
    program(tmp_path, "echo changed")
    assert openssl.run_openssl(["one", "two"], {"b": b"2", "a": b"1"})[1].startswith("one two")  # asked once


@pytest.mark.parametrize(
    ("said", "at"),
    [
        ("Time stamp: Feb  3 04:05:06.789 2026 GMT", "2026-02-03T04:05:06Z"),
        ("x\nTime stamp: Dec 31 23:59:59 1999 GMT\ny", "1999-12-31T23:59:59Z"),
        ("Time stamp: Jan 10 00:00:00 2030 GMT", "2030-01-10T00:00:00Z"),
    ],
)
def test_the_time_of_a_stamp_is_read_and_asked_for(
    said: str, at: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = tmp_path / "asked"
    monkeypatch.setenv(
        "PATH",
        program(tmp_path, f'if [ "$2" = -reply ]; then echo "{said}"; else echo "$@" > {asked}; cat chain.pem; fi'),
    )
    response = said.encode()
    assert openssl.check_time_stamp(response, b"content", "roots", "") == (True, at)
    from datetime import datetime

    words = asked.read_text().split()
    assert words[-1] == str(int(datetime.fromisoformat(at).timestamp())) and words[-2] == "-attime"
    assert openssl.check_time_stamp(response, b"content", "roots", "chain") == (True, at)
    assert asked.read_text().split()[-2:] == ["-untrusted", "chain.pem"]
    program(tmp_path, f'if [ "$2" = -reply ]; then echo "{said}"; else exit 1; fi')
    assert openssl.check_time_stamp(response, b"other", "roots", "") == (False, at)
    assert openssl.check_time_stamp(b"", b"", "", "")[0] is False


def test_a_response_without_a_time_holds_no_token() -> None:
    assert openssl.check_time_stamp(b"nothing", b"content", "", "") == (False, "the response holds no token")


def test_signatures_of_both_kinds_are_checked_by_openssl() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    spki = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    made = key.sign(b"message", ec.ECDSA(hashes.SHA256()))
    assert spki.startswith(webauthn.P256_PREFIX) and len(spki) == webauthn.P256_BYTES == 91
    assert openssl.is_signature(spki, made, b"message") is True
    assert openssl.is_signature(spki, made, b"massage") is False
    signer = Log().signer
    public = signer.verifier.public
    assert openssl.is_ed25519_signature(public, signer.private.sign(b"message"), b"message") is True
    assert openssl.is_ed25519_signature(public, signer.private.sign(b"message"), b"massage") is False
    assert len(openssl.ED25519_PREFIX + public) == webauthn.ED25519_BYTES == 44


# --- entries ----------------------------------------------------------------------------------------------------------


def entry(**changes: Any) -> dict[str, Any]:
    found = {
        "v": "1", "id": "i", "at": MOMENT, "actor": "a", "verb": "b", "subject": "c", "reason": "", "data": {}, "changes": [],
        "request": "", "row": None, **changes,
    }  # fmt: skip
    return {key: value for key, value in found.items() if value is not ...}


def event(content: Any, /, **leaf: Any) -> Event:
    body = rfc8785.dumps(content)
    place = {"v": 1, "log": "log.test/a", "seq": 5, "n": 2, "entry": digest(body), **leaf}
    return examination.read_event(body, rfc8785.dumps({key: value for key, value in place.items() if value is not ...}))


def test_an_entry_is_read_with_its_place() -> None:
    found = event(entry(row={"digest": "x"}))
    assert (found.seq, found.leaf["n"], found.entry["row"], found.digest[:7]) == (5, 2, {"digest": "x"}, "sha256:")
    assert event(entry(), seq=0, n=0).seq == 0 and event(entry(), seq=2**53 - 1).seq == 2**53 - 1


@pytest.mark.parametrize(
    ("made", "error", "words"),
    [
        (lambda: event(["a"]), Tampered, "are JSON objects"),
        (lambda: examination.read_event(b"{}", b"[]"), Tampered, "are JSON objects"),
        (lambda: event(entry(reason="x" * 65_535)), Tampered, "at most 65535 bytes"),
        (lambda: event(entry(v="2")), CannotVerify, "has version '2'"),
        (lambda: event(entry(v=...)), CannotVerify, "has version None"),
        (lambda: event(entry(), v=2), CannotVerify, "has version"),
        (lambda: event(entry(), v="1"), CannotVerify, "has version"),
        (lambda: event(entry(), v=True), CannotVerify, "has version"),
        (lambda: event(entry(), log=...), Tampered, "does not name log, place and entry"),
        (lambda: event(entry(), other=1), Tampered, "does not name log, place and entry"),
        (lambda: event(entry(), seq="5"), Tampered, "does not name log, place and entry"),
        (lambda: event(entry(), seq=-1), Tampered, "does not name log, place and entry"),
        (lambda: event(entry(), n=True), Tampered, "does not name log, place and entry"),
        (lambda: event(entry(), n=-1), Tampered, "does not name log, place and entry"),
        (lambda: event(entry(), n=1.5), Tampered, "does not name log, place and entry"),
        (lambda: event(entry(), entry="sha256:" + "0" * 64), Tampered, "The leaf 5 names another entry"),
        (lambda: event(entry(data=[])), Tampered, "does not say what was noted"),
        (lambda: event(entry(data=...)), Tampered, "does not say what was noted"),
        (lambda: event(entry(row="x")), Tampered, "does not say what was noted"),
        (lambda: event(entry(at="2026-11-25T10:00:00Z")), Tampered, "does not say who did what"),
        (lambda: event(entry(at=MOMENT + "Z")), Tampered, "does not say who did what"),
        *((lambda name=name: event(entry(**{name: ...})), Tampered, "does not say who did what") for name in examination.ENTRY_TEXTS),
        (lambda: event(entry(reason=None)), Tampered, "does not say who did what"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_an_entry_is_said(made: Callable[[], Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        made()


def test_an_entry_as_long_as_is_allowed_is_read() -> None:
    room = 65_535 - len(rfc8785.dumps(entry()))
    assert event(entry(reason="x" * room)).seq == 5
    with pytest.raises(Tampered, match="at most 65535 bytes"):
        event(entry(reason="x" * (room + 1)))


def test_every_end_of_a_check_has_its_state() -> None:
    def ending(error: Exception | None) -> Callable[[Examination, Check], str]:
        def work(found: Examination, check: Check) -> str:
            if error is not None:
                raise error
            return "Fine."

        return work

    found = of({})
    errors: list[Exception | None] = [None, Tampered("t"), strict.NotStrict("n"), Erased("e"), CannotVerify("c")]
    unreadable: list[Exception] = [
        KeyError("k"),
        IndexError("i"),
        TypeError("y"),
        ValueError("v"),
        AttributeError("a"),
        OSError("o"),
    ]
    for number, error in enumerate([*errors, *unreadable, RecursionError("r")]):
        found.run(f"check{number}", "Title", ending(error), number % 2 == 0)
    told = [(check.name, check.title, check.is_required, check.state, check.sentence) for check in found.report.checks]
    assert told[:5] == [
        ("check0", "Title", True, "PASS", "Fine."), ("check1", "Title", False, "FAIL", "t"), ("check2", "Title", True, "FAIL", "n"),
        ("check3", "Title", False, "ERASED", "e"), ("check4", "Title", True, "SKIP", "c"),
    ]  # fmt: skip
    assert [state for *_, state, _ in told[5:]] == ["FAIL"] * 7
    assert told[5][4] == "A part of the bundle cannot be read: KeyError('k')."
    found.run("last", "Title", ending(None))
    assert found.report.checks[-1].is_required is True


def test_lines_and_digests_are_exact() -> None:
    assert examination.lines_of(MemoryBag({"f": b"a\nb\n"}), "f") == [b"a", b"b"]
    assert examination.lines_of(MemoryBag({"f": b""}), "f") == []
    with pytest.raises(Tampered, match="f is cut off"):
        examination.lines_of(MemoryBag({"f": b"a\nb"}), "f")
    assert examination.hex_of("sha256:" + "ab" * 32) == "ab" * 32
    for wrong in ("sha256:" + "AB" * 32, "ab" * 32, "sha256:" + "ab" * 31, "sha256:" + "ab" * 32 + "/", None, 1):
        with pytest.raises(Tampered, match="is not a digest"):
            examination.hex_of(wrong)


def test_records_are_those_that_entries_bind() -> None:
    row = {"a": 1}
    made = event(entry(row={"digest": digest(rfc8785.dumps(row))}))
    name = f"data/rows/{digest(rfc8785.dumps(row))[7:]}.json"
    assert examination.bound_row(MemoryBag({name: rfc8785.dumps(row)}), made) == row
    with pytest.raises(Tampered, match="record of entry 5 is not the one"):
        examination.bound_row(MemoryBag({name: b"{}"}), made)
    listed = event(entry(row={"digest": digest(b"[]")}))
    with pytest.raises(Tampered, match="record of entry 5 is not a JSON object"):
        examination.bound_row(MemoryBag({f"data/rows/{digest(b'[]')[7:]}.json": b"[]"}), listed)
    with pytest.raises(Tampered, match="'None' is not a digest"):
        examination.bound_row(MemoryBag({}), event(entry()))
    with pytest.raises(Tampered, match="'None' is not a digest"):
        examination.bound_row(MemoryBag({}), event(entry(row={})))


# --- counts, openings, times --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("subject,n\n", "is not a list of subjects and counts"),
        ("subject,count", "is not a list of subjects and counts"),
        ("subject,count\na,1", "is not a list of subjects and counts"),
        ("subject,count\na,01\n", "a line that is not a subject and a count"),
        ("subject,count\na,-1\n", "a line that is not a subject and a count"),
        ("subject,count\na\n", "a line that is not a subject and a count"),
        ("subject,count\n,1\n", "a line that is not a subject and a count"),
        ('subject,count\n"",1\n', "a line that is not a subject and a count"),
        ("subject,count\na,1\na,2\n", "names a subject twice"),
        ('subject,count\na,1\n"a",2\n', "names a subject twice"),
    ],
)
def test_counts_are_exactly_a_list_of_them(text: str, words: str) -> None:
    with pytest.raises(Tampered, match=words):
        checks.counts_in(text.encode())
    good = 'subject,count\na,0\n"b,""c""",12\n'
    assert checks.counts_in(good.encode()) == {"a": 0, 'b,"c"': 12} and checks.counts_in(b"subject,count\n") == {}


def test_times_are_written_as_people_read_them() -> None:
    assert (checks.clock(0), checks.clock(1_795_600_800)) == ("1970-01-01T00:00:00Z", "2026-11-25T10:00:00Z")
    for beyond in (10**14, 2**60, 2**63):  # a year that there is none of, and two errors of the platform
        assert checks.clock(beyond) == f"{beyond} seconds after 1970"


def test_openings_are_computed_again() -> None:
    commitment, opening = named("Somebody")
    good = rfc8785.dumps({commitment: opening})
    assert people.openings_in(MemoryBag({people.OPENINGS: good})) == {commitment: opening}
    assert people.openings_in(MemoryBag({})) == {}
    for changes, words in (
        ({"value": "Else"}, "is not the one that was committed to"), ({"salt": "00"}, "is not a salt and a value"),
        ({"salt": "AB" * 32}, "is not a salt and a value"), ({"more": ""}, "is not a salt and a value"),
    ):  # fmt: skip
        with pytest.raises(Tampered, match=words):
            people.openings_in(MemoryBag({people.OPENINGS: rfc8785.dumps({commitment: {**opening, **changes}})}))
    with pytest.raises(Tampered, match="is not a list of openings"):
        people.openings_in(MemoryBag({people.OPENINGS: b"[]"}))
    assert (
        people.is_commitment(commitment) and not people.is_commitment("x" + commitment) and not people.is_commitment("")
    )
    assert list(people.commitments_in({"a": [commitment, "x", {"b": commitment}], "c": 1})) == [commitment, commitment]
    assert (people.as_text("1"), people.as_text(1), people.as_text(None), people.as_text(["a"])) == (
        "1",
        "1",
        "null",
        '["a"]',
    )


# --- the command and the one file ---------------------------------------------------------------------------------------


def test_the_command_prints_lines_or_one_object(
    bundle: Bundle, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, trust, prior = bundle.write(tmp_path / "bag"), tmp_path / "trust.json", tmp_path / "prior"
    trust.write_text(json.dumps(bundle.trust()))
    prior.write_text(bundle.log.head(3))
    assert command.main([str(path), "--trust", str(trust), "--prior", str(prior)]) == 0
    told = capsys.readouterr().out
    assert told.startswith(f"Result: VALID   {path}\n") and "The 3 entries that you knew are unchanged." in told
    assert command.main([str(path), "--trust", str(trust), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["file"] == str(path)
    assert command.main([str(path)]) == 2 and "Result: CANNOT VERIFY" in capsys.readouterr().out
    assert command.main(["--help"]) == 0 and "--prior" in capsys.readouterr().out
    for words, arguments in {
        f"There is no file {tmp_path / 'no'}.": [str(tmp_path / "no")], "Name a bundle or a PDF.": [],
        f"The trust file {prior} cannot be used": [str(path), "--trust", str(prior)],
        f"{tmp_path} cannot be read: Is a directory.": [str(path), "--prior", str(tmp_path)],
    }.items():  # fmt: skip
        assert command.main(arguments) == 3 and words in capsys.readouterr().err
    trust.write_bytes(b" " * 9_999_999 + b"{}")
    assert command.read_small(str(trust)) == b" " * 9_999_999 + b"{"


def test_a_file_is_a_pdf_by_its_beginning_or_its_name(tmp_path: Path, seal: Seal) -> None:
    for name, content, is_one in (
        ("a", b"%PDF-1.7", True),
        ("a.PDF", b"PK", True),
        ("a.zip", b"PK", False),
        ("a.zip", b"%PDF", False),
    ):
        (tmp_path / name).write_bytes(content)
        assert command.is_pdf(str(tmp_path / name)) is is_one
    sealed = tmp_path / "d.pdf"
    sealed.write_bytes(seal.seal(document(b"x")))
    report = command.verify(str(sealed), Trust("o", pdf_roots=[seal.root_pem]))
    assert [(check.name, check.title, check.state, check.is_required) for check in report.checks] == [
        ("pdf", "Sealed PDF", "PASS", True), ("log", "Entries of the log", "SKIP", False),
    ]  # fmt: skip
    assert report.checks[0].sentence == "The seal holds over the whole file." and len(report.checks[0].details) == 2
    assert report.facts == {"SHA-256 of the file": strict.sha256(sealed.read_bytes())} and report.exit_code == 0
    assert "its data/dossier.pdf is this file" in report.checks[1].sentence
    assert (
        command.verify(str(sealed)).checks[0].sentence
        == "The trust file names no certificate for the seal (pdf_roots)."
    )
    broken = tmp_path / "b.zip"
    broken.write_bytes(b"PK")
    (bag,) = command.verify(str(broken)).checks
    assert (bag.name, bag.title, bag.state, bag.is_required) == ("bag", "Files", "FAIL", True)
    assert "The archive cannot be read" in bag.sentence


def test_the_one_file_finds_its_own_bundle_and_holds_every_module_once(
    bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert command.own_bundle() is None
    path = bundle.write(tmp_path / "bag")
    monkeypatch.setattr(command, "__file__", str(path / "proof" / "verify.py"))
    assert command.own_bundle() == str(path) and command.parser().parse_args([]).path == str(path)
    assert Bag(str(path)).names == set(bundle.files)
    text = single.source()
    tree = ast.parse(text)
    lines = text.splitlines()
    assert lines[0] == "#!/usr/bin/env python3" and text.endswith('if __name__ == "__main__":\n    sys.exit(main())\n')
    assert [line.split(": ")[0] for line in lines if line.startswith("# --- ")] == [
        f"# --- {name}" for name in single.ORDER
    ]
    imports = [ast.unparse(node) for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    assert (
        imports == sorted(imports, key=lambda line: (line.startswith("from "), line))
        and len(imports) == len(set(imports)) > 15
    )
    assert "apps." not in " ".join(imports) and "from apps" not in text
    names = [node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    assert len(names) == len(set(names)) and {"main", "examine", "Bag", "read_strict", "Trust"} <= set(names)
    assert (
        "# --- verdict: What a verification says: checks with a state and a sentence, one result, one exit code."
        in lines
    )
    assert not [node for node in tree.body[1:] if isinstance(node, ast.Expr)]
