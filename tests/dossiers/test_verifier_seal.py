"""The verifier accepts a seal as pyHanko makes it over a WeasyPrint document, and nothing that is not it."""

import io
from pathlib import Path

import pytest

from apps.dossiers.verifier import command
from apps.dossiers.verifier.trust import Trust
from apps.dossiers.verifier.verdict import TAMPERED, VALID
from tests.dossiers.bundles import Seal

PLACES = 60


def sealed_by_pyhanko(seal: Seal, base: bytes) -> bytes:
    """One invisible certification signature in one revision."""
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
    from pyhanko.sign import fields, signers
    from pyhanko.sign.signers.pdf_signer import PdfSigner

    signer = signers.SimpleSigner.load_pkcs12_data(seal.pkcs12(), [], passphrase=None)
    wanted = signers.PdfSignatureMetadata(
        field_name="seal",
        md_algorithm="sha256",
        subfilter=fields.SigSeedSubFilter.PADES,
        certify=True,
        docmdp_permissions=fields.MDPPerm.NO_CHANGES,
    )
    made: bytes = PdfSigner(wanted, signer=signer).sign_pdf(IncrementalPdfFileWriter(io.BytesIO(base))).getvalue()
    return made


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_real_seal_is_valid_and_no_flipped_byte_is(tmp_path: Path) -> None:
    from weasyprint import HTML

    seal = Seal()
    base = HTML(string="<h1>Dossier</h1><p>One page.</p>").write_pdf(pdf_variant="pdf/a-3u")
    sealed = sealed_by_pyhanko(seal, base)
    assert sealed.startswith(base)
    trust = Trust("log.test/a", pdf_roots=[seal.root_pem])
    path = tmp_path / "dossier.pdf"
    path.write_bytes(sealed)
    report = command.verify(str(path), trust)
    assert report.exit_code == VALID, report.as_text()
    start = sealed.index(b"/Contents <") + len(b"/Contents <")
    end = sealed.index(b">", start)
    written = len(sealed[start:end].rstrip(b"0"))
    places = [number * len(sealed) // PLACES for number in range(PLACES)]
    places = [place for place in places if not start <= place < start + written]
    for place in [*places, start, start + written + 10, end]:
        damaged = bytearray(sealed)
        damaged[place] ^= 2
        path.write_bytes(bytes(damaged))
        assert command.verify(str(path), trust).exit_code == TAMPERED, place
