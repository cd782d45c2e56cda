"""The cryptography of one record: AES-256-GCM under a per-boot key, and the HMAC chain over the ciphertexts.

Only trader/store/ imports this. Nothing here touches a file or a clock. A data key is HKDF-SHA256 of the master key and
a fresh random salt, made anew at every boot and for every segment, so that a cloned or restored store never encrypts
two records under one (key, nonce). Formulas: RFC 5869 (HKDF), NIST SP 800-38D (GCM), FIPS 198-1 (HMAC).
"""

import hashlib
import hmac
import struct
from typing import Final, NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

SCHEMA: Final = 1  # of record, head anchor and segment tables together
KEY_BYTES: Final = 32
MAC_BYTES: Final = 32
SALT_BYTES: Final = 32
STORE_ID_BYTES: Final = 16
GENESIS_MAC: Final = bytes(MAC_BYTES)  # the "previous" mac of record 1

_NONCE: Final = struct.Struct(">IQ")  # segment, sequence
_ASSOCIATED: Final = struct.Struct(
    f">{STORE_ID_BYTES}sIQ{MAC_BYTES}sH"
)  # store, segment, sequence, previous mac, schema
_LINK: Final = struct.Struct(f">{MAC_BYTES}sQ")


class BadRecord(Exception):
    """A record's bytes are not what was written at this place of this store."""


class Head(NamedTuple):
    """The end of a chain: the last sequence number and its mac."""

    sequence: int
    mac: bytes

    def __str__(self) -> str:
        return f"{self.sequence}:{self.mac.hex()[:16]}"


def key_name(master: bytes) -> str:
    """A public name of a master key, safe to write anywhere; it tells nothing about the key."""
    return hmac.digest(master, b"key name", "sha256").hex()[:16]


def derive(master: bytes, salt: bytes, purpose: str) -> bytes:
    """A key for one purpose; two purposes or two salts never share one."""
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=salt, info=purpose.encode()).derive(master)


class RecordSeal:
    """Seals and opens the records of one epoch: one boot, one segment, one master key. Not tied to a thread."""

    __slots__ = ("_chain_key", "_cipher", "_segment", "_store_id")

    def __init__(self, *, master: bytes, store_id: bytes, segment: int, salt: bytes) -> None:
        assert len(master) == KEY_BYTES
        assert len(store_id) == STORE_ID_BYTES
        self._cipher = AESGCM(derive(master, salt, "events"))
        self._chain_key = derive(master, store_id, "chain")
        self._store_id = store_id
        self._segment = segment

    def seal(self, previous: Head, body: bytes) -> tuple[Head, bytes]:
        """The new head and the ciphertext of `body` written directly after `previous`."""
        sequence = previous.sequence + 1
        sealed = self._cipher.encrypt(_NONCE.pack(self._segment, sequence), body, self._associated(previous))
        return Head(sequence, self._mac(previous, sealed)), sealed

    def unseal(self, previous: Head, sealed: bytes, mac: bytes) -> bytes:
        """The body that follows `previous`. Raises BadRecord when a single bit of it, or its place, is different."""
        if not hmac.compare_digest(self._mac(previous, sealed), mac):
            raise BadRecord("its mac does not continue the chain")
        try:
            nonce = _NONCE.pack(self._segment, previous.sequence + 1)
            return self._cipher.decrypt(nonce, sealed, self._associated(previous))
        except InvalidTag:
            raise BadRecord("its ciphertext is not authentic") from None

    def _associated(self, previous: Head) -> bytes:
        return _ASSOCIATED.pack(self._store_id, self._segment, previous.sequence + 1, previous.mac, SCHEMA)

    def _mac(self, previous: Head, sealed: bytes) -> bytes:
        return hmac.digest(self._chain_key, _LINK.pack(previous.mac, previous.sequence + 1) + sealed, "sha256")


def fingerprint(master: bytes, store_id: bytes, account: str) -> str:
    """A name of an account that cannot be turned back into it, and differs between stores."""
    return hmac.digest(derive(master, store_id, "account"), account.encode(), hashlib.sha256).hex()
