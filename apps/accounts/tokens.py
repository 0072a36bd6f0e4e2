"""The text of a token: `imp_<key>_<secret>`. Pure. The key finds the row, the secret is only ever compared as a hash."""

import hashlib
import hmac
import re
import secrets
import string
from dataclasses import dataclass

ALPHABET = string.ascii_letters + string.digits
SECRET_LENGTH = 40
SHAPE = re.compile(r"imp_([A-Za-z0-9]{8})_([A-Za-z0-9]{40})")


@dataclass(frozen=True)
class TokenText:
    """A token as its holder has it."""

    key: str
    secret: str

    def __str__(self) -> str:
        return f"imp_{self.key}_{self.secret}"

    @property
    def secret_digest(self) -> str:
        """What is stored of it. 238 random bits need no slow hash."""
        return hashlib.sha256(self.secret.encode()).hexdigest()

    def opens(self, secret_digest: str) -> bool:
        """Whether this is the secret with that digest, compared in constant time."""
        return hmac.compare_digest(self.secret_digest, secret_digest)


def new_token_text() -> TokenText:
    """A fresh random token."""
    key = "".join(secrets.choice(ALPHABET) for _ in range(8))
    return TokenText(key, "".join(secrets.choice(ALPHABET) for _ in range(SECRET_LENGTH)))


def read_token_text(text: str) -> TokenText | None:
    """The parts of a token, or None when it is not shaped like one of ours."""
    match = SHAPE.fullmatch(text)
    return TokenText(match[1], match[2]) if match else None
