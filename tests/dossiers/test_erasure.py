"""A signer is erased by two people at the screen: what was issued proves itself as before, and so does what is issued afterwards."""

import json
import zipfile
from pathlib import Path

import pytest

from apps.accounts import services as accounts
from apps.accounts.queries import openings
from apps.audit import services as audit
from apps.dossiers import building, services
from apps.dossiers.models import Dossier
from apps.dossiers.verifier import command
from apps.workflow.models import Signature
from tests.dossiers.conftest import Shown, claimed, settle

pytestmark = pytest.mark.django_db


def test_every_proof_holds_after_a_signer_is_erased(
    shown: Shown, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    world = shown.world
    signature = Signature.objects.filter(signer=world.validator).first()
    assert signature is not None
    commitment, name = signature.name_commitment, signature.printed_name
    before = audit.verify_database().findings  # rows that the tests wrote without an entry
    asked = accounts.request_erasure(
        world.validator, basis="court_order", reason="Order 4 C 17/26", actor=world.privacy_officer
    )
    accounts.confirm_erasure(asked, username=world.validator.username, actor=world.compliance)
    assert openings([commitment]) == {}

    _, bundle, trust = shown.write(tmp_path)
    assert command.main([bundle, "--trust", trust]) == 0

    audit.sequence_all()
    audit.sign_checkpoint()
    assert audit.verify_database().findings == before

    dossier = services.request_dossier(world.version, actor=world.auditor)
    building.build(Dossier.objects.get(pk=dossier.pk), claimed(dossier), settle=settle)
    dossier.refresh_from_db()
    later = tmp_path / "later.zip"
    later.write_bytes(services.download(dossier, kind="bundle", actor=world.auditor))
    capsys.readouterr()
    assert command.main([str(later), "--trust", trust]) == 0
    assert "ERASED" in capsys.readouterr().out
    with zipfile.ZipFile(later) as bag:
        assert commitment not in json.loads(bag.read("data/openings.json"))
        assert not [
            member for member in bag.namelist() if member.endswith("json") and name.encode() in bag.read(member)
        ]
