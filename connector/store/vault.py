"""Encryption at rest, and the keyed hashes that stand for numbers, addresses and markers.

Encryption keys belong to the service and can be rotated. Hash keys belong to an installation; every hash names the
key and the normaliser it was made with, so that either can be renewed.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets

import orjson
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from pydantic import SecretStr

from connector.errors import Misconfigured
from connector.phone import NORMALISER_VERSION


class Vault:
    """Seals what must not be read from a stolen database; the first key seals, every key opens."""

    def __init__(self, keys: tuple[SecretStr, ...]) -> None:
        """Take the service's Fernet keys; raises Misconfigured when there is none or one is malformed."""
        if not keys:
            raise Misconfigured(
                "CONNECTOR_SECRET_KEYS is not set. Set it to a new key, for example "
                f"{Fernet.generate_key().decode()} and keep it safe: without it nothing stored can be read."
            )
        try:
            self._fernet = MultiFernet([Fernet(key.get_secret_value()) for key in keys])
        except ValueError as error:
            raise Misconfigured("CONNECTOR_SECRET_KEYS holds something that is not a Fernet key.") from error
        # The oldest key seeds markers, so that a database lost for good still finds its own activities.
        self._seed = keys[-1].get_secret_value().encode()

    def seal(self, plain: bytes) -> bytes:
        """Encrypt."""
        return self._fernet.encrypt(plain)

    def open(self, sealed: bytes) -> bytes:
        """Decrypt; raises Misconfigured when no key fits."""
        try:
            return self._fernet.decrypt(sealed)
        except InvalidToken as error:
            raise Misconfigured(
                "Stored data was sealed with a key that CONNECTOR_SECRET_KEYS no longer holds: add the old key."
            ) from error

    def rotate(self, sealed: bytes) -> bytes:
        """Seal anew with the first key."""
        try:
            return self._fernet.rotate(sealed)
        except InvalidToken as error:
            raise Misconfigured("Stored data was sealed with a key that is gone: add the old key.") from error

    def new_marker_key(self, installation_id: str) -> bytes:
        """The marker key of an installation; it is stored and never changes."""
        return hmac.digest(self._seed, b"marker:" + installation_id.encode(), "sha256")


class SubjectKeys:
    """Turns numbers and addresses into keyed hashes, and events into markers, for one installation."""

    def __init__(self, marker_key: bytes, hash_keys: dict[str, bytes]) -> None:
        """`hash_keys` by id, the newest last: it makes the hashes."""
        self._marker = hmac.new(marker_key, digestmod=hashlib.sha256)
        key_id, key = next(reversed(hash_keys.items()))
        self._hashing = hmac.new(key, digestmod=hashlib.sha256)
        self._prefix = f"{key_id}.{NORMALISER_VERSION}:"

    @staticmethod
    def new_hash_keys() -> dict[str, bytes]:
        """A first hash key."""
        return {"1": secrets.token_bytes(32)}

    def key(self, value: str) -> str:
        """The hash of one normalised number or address; it names its key and the version of the normaliser."""
        mac = self._hashing.copy()
        mac.update(value.encode())
        return self._prefix + base64.b64encode(mac.digest()[:15]).decode()

    def marker(self, connection: str, kind: str, external_id: str) -> str:
        """Twenty base32 characters that only this installation can make for this event."""
        mac = self._marker.copy()
        mac.update(f"{connection}\0{kind}\0{external_id}".encode())
        return base64.b32encode(mac.digest()[:13]).decode()[:20]


def derived_password(password: str, label: str) -> str:
    """Another password that `password` makes for the use named by `label`, and that does not give it away."""
    mac = hmac.digest(password.encode(), label.encode(), "sha256")
    return base64.urlsafe_b64encode(mac).decode().rstrip("=")


def dump_hash_keys(keys: dict[str, bytes]) -> bytes:
    """Hash keys as bytes to be sealed."""
    return orjson.dumps({key_id: base64.b64encode(key).decode() for key_id, key in keys.items()})


def load_hash_keys(plain: bytes) -> dict[str, bytes]:
    """Hash keys as they were dumped."""
    return {key_id: base64.b64decode(key) for key_id, key in orjson.loads(plain).items()}
