"""One record's cryptography: opens what it sealed, at its place only, and is what the standards say."""

import hashlib
import hmac

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given, strategies as st

from trader.store.seal import GENESIS_MAC, BadRecord, Head, RecordSeal, derive, fingerprint, key_name

MASTER, STORE, SALT = bytes(range(32)), bytes(range(16)), bytes(range(32, 64))
SEAL = RecordSeal(master=MASTER, store_id=STORE, segment=3, salt=SALT)
PLACE = Head(41, hashlib.sha256(b"record 41").digest())


@given(body=st.binary(max_size=2000), sequence=st.integers(0, 2**63), mac=st.binary(min_size=32, max_size=32))
def test_a_sealed_record_opens_at_its_place(body: bytes, sequence: int, mac: bytes) -> None:
    """Seal and unseal are inverse for every body and place."""
    previous = Head(sequence, mac)
    head, sealed = SEAL.seal(previous, body)
    assert head.sequence == sequence + 1
    assert SEAL.unseal(previous, sealed, head.mac) == body


@given(body=st.binary(min_size=1, max_size=200), bit=st.integers(0, 10_000))
def test_any_flipped_bit_is_refused(body: bytes, bit: int) -> None:
    """In the ciphertext, its tag, or the mac."""
    head, sealed = SEAL.seal(PLACE, body)
    joined = bytearray(sealed + head.mac)
    place = bit % (len(joined) * 8)
    joined[place // 8] ^= 1 << place % 8
    with pytest.raises(BadRecord):
        SEAL.unseal(PLACE, bytes(joined[:-32]), bytes(joined[-32:]))


@pytest.mark.parametrize(
    "other",
    [
        RecordSeal(master=MASTER, store_id=STORE, segment=4, salt=SALT),
        RecordSeal(master=MASTER, store_id=bytes(16), segment=3, salt=SALT),
        RecordSeal(master=MASTER, store_id=STORE, segment=3, salt=bytes(32)),
        RecordSeal(master=bytes(32), store_id=STORE, segment=3, salt=SALT),
    ],
    ids=["segment", "store", "boot", "key"],
)
def test_a_record_of_another_segment_store_boot_or_key_is_refused(other: RecordSeal) -> None:
    """Records do not move between places."""
    head, sealed = other.seal(PLACE, b"buy")
    with pytest.raises(BadRecord):
        SEAL.unseal(PLACE, sealed, head.mac)


def test_a_record_behind_another_predecessor_is_refused() -> None:
    """Neither another number nor another history before it."""
    head, sealed = SEAL.seal(PLACE, b"buy")
    for place in (Head(42, PLACE.mac), Head(41, GENESIS_MAC)):
        with pytest.raises(BadRecord):
            SEAL.unseal(place, sealed, head.mac)


def test_key_nonce_associated_data_and_chain_are_as_specified() -> None:
    """Computed here by hand: HKDF-SHA256, AES-256-GCM with nonce segment ‖ sequence, HMAC over previous ‖ seq ‖ body."""
    head, sealed = SEAL.seal(PLACE, b"buy")

    def hkdf(salt: bytes, info: bytes) -> bytes:
        return hmac.digest(hmac.digest(salt, MASTER, "sha256"), info + b"\x01", "sha256")

    nonce = (3).to_bytes(4, "big") + (42).to_bytes(8, "big")
    associated = STORE + nonce + PLACE.mac + (1).to_bytes(2, "big")
    assert AESGCM(hkdf(SALT, b"events")).decrypt(nonce, sealed, associated) == b"buy"
    chained = hmac.digest(hkdf(STORE, b"chain"), PLACE.mac + (42).to_bytes(8, "big") + sealed, "sha256")
    assert head.mac == chained


def test_names_and_fingerprints_differ_and_tell_nothing() -> None:
    """A key's name and an account's fingerprint are digests under the key."""
    assert derive(MASTER, SALT, "events") != derive(MASTER, SALT, "chain")
    assert fingerprint(MASTER, STORE, "a") != fingerprint(MASTER, bytes(16), "a") != fingerprint(MASTER, STORE, "b")
    assert key_name(MASTER) not in MASTER.hex()
