"""What others stand for: witnesses, time-stamping authorities, revoked keys, passkeys, committed names."""

import json
from pathlib import Path
from typing import Any

import pytest

from apps.dossiers.verifier import command
from apps.dossiers.verifier.trust import Trust
from apps.dossiers.verifier.verdict import CANNOT_VERIFY, ERASED, FAIL, PASS, SKIP, TAMPERED, VALID, Report
from tests.dossiers.bundles import Authority, Bundle, Passkey, Seal, Witness


@pytest.fixture(scope="module")
def seal() -> Seal:
    return Seal()


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


def result(bundle: Bundle, folder: Path, prior: bytes | None = None, **trust: Any) -> Report:
    path = bundle.write(folder / "bag")
    return command.verify(str(path), Trust.read(json.dumps(bundle.trust(**trust)).encode()), prior)


def check(report: Report, name: str) -> Any:
    return next(check for check in report.checks if check.name == name)


def test_every_check_is_named_in_both_outputs(seal: Seal, authority: Authority, tmp_path: Path) -> None:
    report = result(Bundle(seal, (Passkey(),), authority), tmp_path)
    names = [found["name"] for found in json.loads(report.as_json())["checks"]]
    assert names == [
        "bag", "checkpoint", "issued", "events", "completeness", "signatures", "rows", "pdf", "time_stamp",
        "consistency", "prior", "commitments",
    ]  # fmt: skip
    for name in names:
        assert f" {name} " in report.as_text()
    assert report.exit_code == VALID, report.as_text()


def test_a_time_stamp_ends_the_unanchored_tail(seal: Seal, authority: Authority, tmp_path: Path) -> None:
    stamped = Bundle(seal, authority=authority)
    report = result(stamped, tmp_path, policy={"time_stamp": True})
    assert report.exit_code == VALID, report.as_text()
    assert report.facts["Existed before"].endswith("Z (time-stamping authority)")
    assert report.facts["Unanchored tail"].startswith("none")
    assert check(result(stamped, tmp_path, tsa_roots=[Authority().root_pem]), "time_stamp").state == FAIL
    plain = result(Bundle(seal), tmp_path / "plain")
    assert plain.facts["Unanchored tail"].startswith("8 of 8 entries")
    bundle = Bundle(seal)
    assert result(bundle, tmp_path / "held", bundle.log.head(3).encode()).facts["Unanchored tail"].startswith("5 of 8")


def test_witnesses_are_counted_and_asked_for(seal: Seal, tmp_path: Path) -> None:
    bundle, witness = Bundle(seal), Witness()
    wanted = {"witnesses": [witness.vkey], "policy": {"witness_k": 1}}
    assert result(bundle, tmp_path, **wanted).exit_code == CANNOT_VERIFY
    bundle.witness = witness
    bundle.prove()
    report = result(bundle, tmp_path, **wanted)
    assert report.exit_code == VALID, report.as_text()
    assert report.facts["Unanchored tail"].startswith("none")
    bundle.witness = Witness(seed=b"\x0a" * 32)
    bundle.prove()
    assert result(bundle, tmp_path, **wanted).exit_code == CANNOT_VERIFY


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        ({}, VALID),
        ({"valid_from_size": 0, "revoked_after_size": "8"}, VALID),
        ({"revoked_after_size": "7"}, TAMPERED),
        ({"valid_from_size": 9}, TAMPERED),
    ],
)
def test_a_key_counts_only_for_its_sizes(seal: Seal, tmp_path: Path, limits: dict[str, Any], code: int) -> None:
    bundle = Bundle(seal)
    key = {"vkey": str(bundle.log.signer.verifier), **limits}
    assert result(bundle, tmp_path, vkeys=[key]).exit_code == code


@pytest.mark.parametrize("algorithm", ["ES256", "EdDSA"])
def test_a_passkey_is_named_beside_its_signature(seal: Seal, tmp_path: Path, algorithm: str) -> None:
    bundle = Bundle(seal, (Passkey(algorithm),))
    report = result(bundle, tmp_path)
    assert report.exit_code == VALID, report.as_text()
    assert "by passkey, enrolled in entry" in report.as_text()
    assert "by password, vouched for by the server" in report.as_text()
    bundle.enter("model_version:12", "review:r1")
    bundle.issue()
    assert "the key is the one that the record claims" in result(bundle, tmp_path / "less").as_text()


def test_a_name_that_is_not_disclosed_is_erased_and_nothing_fails(seal: Seal, tmp_path: Path) -> None:
    bundle = Bundle(seal)
    assert check(result(bundle, tmp_path), "commitments").state == PASS
    del bundle.files["data/openings.json"]
    bundle.issue()
    report = result(bundle, tmp_path / "closed")
    assert report.exit_code == VALID, report.as_text()
    assert check(report, "commitments").state == ERASED
    assert "ERASED (commitment intact)" in report.as_text()


def test_a_required_check_that_is_skipped_is_never_valid(seal: Seal, tmp_path: Path) -> None:
    report = result(Bundle(seal), tmp_path, pdf_roots=[])
    assert check(report, "pdf").state == SKIP
    assert report.exit_code == CANNOT_VERIFY


@pytest.mark.parametrize(
    "change",
    [
        {"vkeys": []}, {"vkeys": [{"vkey": 1}]}, {"vkeys": ["a+b+c"]}, {"witnesses": ["x"]}, {"policy": {"witness_k": -1}},
        {"policy": {"time_stamp": "no"}}, {"pdf_roots": "x"}, {"origin": 1}, {"policy": []},
    ],
)  # fmt: skip
def test_a_trust_file_that_is_not_one_is_refused(seal: Seal, change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="."):
        Trust.read(json.dumps({**Bundle(seal).trust(), **change}).encode())
