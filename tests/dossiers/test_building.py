"""From request to sealed PDF and bundle, and what the offline verifier says of them."""

from pathlib import Path

import pytest

from apps.dossiers.verifier import command
from tests.dossiers.conftest import Shown

pytestmark = pytest.mark.django_db


def written(shown: Shown, folder: Path) -> tuple[str, str, str]:
    """The three files of the hand-over on disk."""
    names = (("d.pdf", shown.pdf), ("d.zip", shown.bundle), ("trust.json", shown.trust))
    for name, content in names:
        (folder / name).write_bytes(content)
    return tuple(str(folder / name) for name, _ in names)  # type: ignore[return-value]


def test_bundle_and_pdf_verify(shown: Shown, tmp_path: Path) -> None:
    pdf, bundle, trust = written(shown, tmp_path)
    assert command.main([bundle, "--trust", trust]) == 0
    assert command.main([pdf, "--trust", trust]) == 0
    (Path("/var/tmp") / "d.pdf").write_bytes(shown.pdf)
