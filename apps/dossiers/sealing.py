"""The seal of the organisation over a PDF: one signature, one revision, the whole file, later changes forbidden.

It proves that this file left this system; approvals of people are in the content and in the log, not in the seal.
"""

import fcntl
import io
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from cryptography.x509.oid import NameOID
from django.conf import settings

from apps.core.errors import Unavailable
from apps.core.files import write_whole
from apps.dossiers import rendering

FIELD = "imprimatur-seal"
REASON = "Seal over the whole file"
KEY_BITS = 3072
YEARS = 5
Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class SealKey:
    """The private key of the seal, its certificate, and the certificates up to the root."""

    key_pem: bytes
    chain: list[x509.Certificate]

    @property
    def certificate(self) -> x509.Certificate:
        """The certificate of the seal itself."""
        return self.chain[0]

    @property
    def root(self) -> x509.Certificate:
        """What a verifier has to trust."""
        return self.chain[-1]

    @property
    def name(self) -> str:
        """Whose seal it is."""
        return str(self.certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)


def seal_key() -> SealKey:
    """The seal's key and certificates; made on first use outside production, where somebody else must have put them."""
    key, chain = Path(settings.SEAL_KEY_FILE), Path(settings.SEAL_CERT_FILE)
    if not (key.exists() and chain.exists()):
        if settings.PRODUCTION:
            raise Unavailable(
                f"There is no seal at {key} and {chain}. Put an RSA key of {KEY_BITS} bits and its certificates there, the"
                " seal's own first, and have an administrator restart the heavy worker."
            )
        _make_once(key, chain)
    found = x509.load_pem_x509_certificates(chain.read_bytes())
    private = load_pem_private_key(key.read_bytes(), password=None)
    if not isinstance(private, rsa.RSAPrivateKey) or private.key_size < KEY_BITS:
        raise Unavailable(f"The seal's key at {key} is not an RSA key of {KEY_BITS} bits or more.")
    if found[0].public_key() != private.public_key():
        raise Unavailable(f"The first certificate in {chain} does not belong to the key {key}.")
    return SealKey(key.read_bytes(), found)


def root_certificates() -> list[str]:
    """The certificates that a verifier has to trust, as PEM; reads no private key."""
    chain = Path(settings.SEAL_CERT_FILE)
    if not chain.exists():
        seal_key()
    return [x509.load_pem_x509_certificates(chain.read_bytes())[-1].public_bytes(Encoding.PEM).decode()]


def seal(base: bytes, *, box: Box, name: str, now: datetime | None = None) -> bytes:
    """The sealed file; it begins with exactly the bytes of `base`. `name` is the number of the dossier."""
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
    from pyhanko.sign import fields, signers
    from pyhanko.sign.signers.pdf_signer import PdfSigner

    made = seal_key()
    writer = IncrementalPdfFileWriter(io.BytesIO(base))
    wanted = signers.PdfSignatureMetadata(
        field_name=FIELD, md_algorithm="sha256", subfilter=fields.SigSeedSubFilter.PADES, certify=True,
        docmdp_permissions=fields.MDPPerm.NO_CHANGES, reason=f"{REASON}, dossier {name}", name=made.name,
    )  # fmt: skip
    place = (round(box[0]), round(box[1]), round(box[2]), round(box[3]))
    field = fields.SigFieldSpec(FIELD, on_page=0, box=place)
    with _stamp(made, name, place, now or datetime.now(UTC)) as look:
        signer = PdfSigner(wanted, signer=_signer(made), stamp_style=look, new_field_spec=field)
        sealed: bytes = signer.sign_pdf(writer).getvalue()
    if not sealed.startswith(base):
        raise Unavailable("The seal changed the document instead of being added to it.")
    return sealed


def _signer(made: SealKey) -> Any:
    from asn1crypto import pem
    from asn1crypto import x509 as asn1_x509
    from pyhanko.keys import load_private_key_from_pemder_data
    from pyhanko.sign.signers import SimpleSigner
    from pyhanko_certvalidator.registry import SimpleCertificateStore

    loaded = [asn1_x509.Certificate.load(pem.unarmor(row.public_bytes(Encoding.PEM))[2]) for row in made.chain]
    store = SimpleCertificateStore()
    store.register_multiple(loaded)
    return SimpleSigner(
        signing_cert=loaded[0], signing_key=load_private_key_from_pemder_data(made.key_pem, None), cert_registry=store
    )


@contextmanager
def _stamp(made: SealKey, name: str, box: tuple[int, int, int, int], now: datetime) -> Iterator[Any]:
    """What the seal shows in its box: a small page of its own, set in the typeface of the document."""
    from pyhanko.pdf_utils.layout import AxisAlignment, Margins, SimpleBoxLayoutRule
    from pyhanko.stamp import StaticStampStyle

    serial = f"{made.certificate.serial_number:x}"[:16]
    issuer = str(made.certificate.issuer.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)
    lines = [
        f"Dossier {name}", f"{now:%Y-%m-%d %H:%M:%S} UTC, clock of the server", f"Certificate {serial}", f"issued by {issuer}",
        "A time stamp over the log's head is in the bundle." if settings.TSA_URL else "No time stamp of a third party.",
    ]  # fmt: skip
    filled = SimpleBoxLayoutRule(AxisAlignment.ALIGN_MID, AxisAlignment.ALIGN_MID, margins=Margins.uniform(0))
    with NamedTemporaryFile(suffix=".pdf") as page:
        page.write(rendering.stamp_page(made.name, lines, width=box[2] - box[0], height=box[3] - box[1]))
        page.flush()
        yield StaticStampStyle.from_pdf_file(
            page.name, border_width=0, background_opacity=1.0, background_layout=filled
        )


def _make_once(key: Path, chain: Path) -> None:
    """Make key and certificates unless another process has just done so."""
    key.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    chain.parent.mkdir(parents=True, exist_ok=True)
    with open(key.parent / ".seal.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (key.exists() and chain.exists()):
            _make(key, chain)


def _make(key: Path, chain: Path) -> None:
    """A small authority of our own and a seal under it, for development and the demo; the authority's key is not kept."""
    root_key = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
    own_key = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
    label = secrets.token_hex(3)
    root_name, own_name = f"Imprimatur local root {label}", f"Imprimatur seal {label}"
    root = _certificate(root_name, root_key, root_name, root_key, is_root=True)
    own = _certificate(own_name, own_key, root_name, root_key, is_root=False)
    pem = own_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    certificates = own.public_bytes(Encoding.PEM) + root.public_bytes(Encoding.PEM)
    write_whole(chain, certificates, mode=0o600)
    write_whole(key, pem, mode=0o600)


def _certificate(subject: str, key: Any, issuer: str, issuer_key: Any, *, is_root: bool) -> x509.Certificate:
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=365 * YEARS))
        .add_extension(x509.BasicConstraints(ca=is_root, path_length=0 if is_root else None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
        .add_extension(_usage(is_root), critical=True)
    )
    return builder.sign(issuer_key, hashes.SHA256())


def _usage(is_root: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not is_root, content_commitment=not is_root, key_cert_sign=is_root, crl_sign=is_root,
        key_encipherment=False, data_encipherment=False, key_agreement=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip
