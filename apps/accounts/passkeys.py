"""Passkeys as WebAuthn defines them, by the fido2 library: what is asked of a browser, and what its answer has to be.

Only keys that anybody can check with openssl are enrolled (ES256, EdDSA); every use needs the authenticator to verify the person.
"""

import base64
import struct
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.conf import settings
from django.http import HttpRequest
from fido2.cose import CoseKey
from fido2.server import Fido2Server
from fido2.utils import websafe_encode
from fido2.webauthn import (
    AttestedCredentialData,
    AuthenticationResponse,
    AuthenticatorData,
    PublicKeyCredentialRpEntity,
    PublicKeyCredentialUserEntity,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from apps.accounts.models import Passkey, User

ALGORITHMS = {-7: Passkey.Algorithm.ES256, -8: Passkey.Algorithm.EDDSA}
P256 = 1  # COSE's number of the curve
REQUIRED = UserVerificationRequirement.REQUIRED
UNREADABLE = (ValueError, TypeError, KeyError, AttributeError, IndexError, OverflowError, RecursionError, struct.error)


class BadPasskey(ValueError):
    """A browser's answer that proves nothing; the message says why."""


@dataclass(frozen=True)
class RelyingParty:
    """Who asks a browser for a passkey: the host name it is bound to, and the exact origin of the page."""

    id: str
    origin: str

    @property
    def obstacle(self) -> str:
        """Why no browser offers passkeys on such a page, as a sentence; empty when they do."""
        if is_address(self.id):
            return (
                f"Passkeys are bound to a host name, and this page was opened by the address {self.id}. "
                "Open it by its name; on the same machine that is localhost."
            )
        if settings.PRODUCTION and self.origin != settings.BASE_URL:
            return f"Passkeys work on {settings.BASE_URL} only."
        if not self.origin.startswith("https://") and self.id != "localhost":
            return "Passkeys need https. Ask who runs this installation."
        return ""

    def server(self) -> Fido2Server:
        """The library's server, narrowed to our keys and to exactly this origin."""
        entity = PublicKeyCredentialRpEntity(id=self.id, name="Imprimatur")
        found = Fido2Server(entity, verify_origin=lambda origin: origin == self.origin)
        found.allowed_algorithms = [row for row in found.allowed_algorithms if row.alg in ALGORITHMS]
        return found


def relying_party_of(request: HttpRequest) -> RelyingParty:
    """The relying party of a page; the host was compared with ALLOWED_HOSTS before."""
    host = request.get_host()
    name = host.rsplit(":", 1)[0] if host.rsplit(":", 1)[-1].isdigit() else host
    return RelyingParty(name.strip("[]"), f"{request.scheme}://{host}")


def is_address(host: str) -> bool:
    """Whether a host is an address in digits."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def enrolment(user: User, party: RelyingParty) -> tuple[dict[str, Any], dict[str, Any]]:
    """What to ask the browser for a new passkey, and the state that goes with the answer."""
    entity = PublicKeyCredentialUserEntity(id=user.pk.bytes, name=user.username, display_name=user.printed_name)
    options, state = party.server().register_begin(
        entity,
        credentials_of(user, party),
        resident_key_requirement=ResidentKeyRequirement.DISCOURAGED,
        user_verification=REQUIRED,
    )
    return dict(options), dict(state)


def read_enrolment(answer: Any, state: dict[str, Any], party: RelyingParty) -> AuthenticatorData:
    """The authenticator's word on its new key. Raises BadPasskey."""
    try:
        found = party.server().register_complete(state, answer)
        require_our_kind(found)
    except UNREADABLE as wrong:
        raise BadPasskey(str(wrong)) from wrong
    return found


def require_our_kind(found: AuthenticatorData) -> None:
    """Raise BadPasskey for a key that not everybody could check."""
    if found.credential_data is None or found.credential_data.public_key.get(3) not in ALGORITHMS:
        raise BadPasskey("The authenticator made a key of another kind than ES256 or EdDSA.")
    spki(found.credential_data.public_key)  # ValueError for a point that is on no curve, or of another length


def credentials_of(user: User, party: RelyingParty) -> list[AttestedCredentialData]:
    """The credentials that this person may use on this host."""
    rows = Passkey.objects.usable().filter(user=user, rp_id=party.id)
    return [AttestedCredentialData(bytes(row.credential)) for row in rows]


def question(user: User, party: RelyingParty, challenge: bytes) -> dict[str, Any]:
    """What to ask the browser for a signature over this challenge."""
    options, _state = party.server().authenticate_begin(
        credentials_of(user, party), user_verification=REQUIRED, challenge=challenge
    )
    return dict(options)


def read_answer(answer: Any, user: User, party: RelyingParty, challenge: bytes) -> AuthenticationResponse:
    """A checked signature by one of the person's passkeys over this challenge. Raises BadPasskey."""
    state = {"challenge": websafe_encode(challenge), "user_verification": REQUIRED}
    try:
        found = AuthenticationResponse.from_dict(answer)
        if found.response.client_data.cross_origin:
            raise BadPasskey("The page was inside a page of somebody else.")
        party.server().authenticate_complete(state, credentials_of(user, party), found)
    except UNREADABLE as wrong:
        raise BadPasskey(str(wrong)) from wrong
    return found


def spki(key: CoseKey) -> bytes:
    """A COSE key as SubjectPublicKeyInfo, which openssl reads."""
    if key[3] == -7:
        if key.get(-1) != P256:
            raise BadPasskey("The key is on another curve than P-256.")
        point = b"\x04" + key[-2].rjust(32, b"\x00") + key[-3].rjust(32, b"\x00")
        made: Any = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
    else:
        made = ed25519.Ed25519PublicKey.from_public_bytes(key[-2])
    found: bytes = made.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return found


def base64_of(content: bytes) -> str:
    """Base64 with padding, as records hold bytes."""
    return base64.b64encode(content).decode()


def described(answer: AuthenticationResponse, passkey: Passkey, party: RelyingParty) -> dict[str, str]:
    """The assertion as the record of a signature holds it, so that anybody can check it again."""
    return {
        "passkey": str(passkey.pk),
        "credential_id": passkey.credential_id,
        "algorithm": passkey.algorithm,
        "public_key": passkey.public_key,
        "rp_id": party.id,
        "origin": party.origin,
        "authenticator_data": base64_of(answer.response.authenticator_data),
        "client_data": base64_of(answer.response.client_data),
        "signature": base64_of(answer.response.signature),
    }
