"""The key file: the master keys of one store, owner-only, the newest last. Only trader/store/ imports this.

Rotation adds a key and keeps the old ones: records already written stay readable and are never rewritten. The file is
made before the store and says so ("creating") until the store exists, so that a crash between the two is not taken for
a deleted store.
"""

import hashlib
import os
import secrets
from typing import Literal

import msgspec

from trader.store.atomic import private_folder, write_atomically
from trader.store.layout import Layout, read_private
from trader.store.seal import KEY_BYTES, STORE_ID_BYTES, key_name
from trader.store.verdict import StoreRefused

_RESTORE = "Restore the key file from your copy; without it the store cannot be read."


class MasterKeys:
    """The keys of one store. Its repr shows names only; the bytes leave through `master` alone."""

    __slots__ = ("_keys", "current", "state", "store_id")

    def __init__(self, store_id: bytes, keys: dict[str, bytes], state: Literal["creating", "ready"]) -> None:
        assert keys, "a key file without keys"
        self.store_id = store_id
        self.state = state
        self._keys = keys
        self.current = next(reversed(keys))

    def __repr__(self) -> str:
        return f"MasterKeys(store={self.store_id.hex()}, keys={list(self._keys)})"

    def __reduce__(self) -> str:
        raise TypeError("keys are not pickled")

    def names(self) -> tuple[str, ...]:
        """The names of all keys, oldest first."""
        return tuple(self._keys)

    def master(self, name: str) -> bytes | None:
        """The key of that name, or None when this file does not hold it."""
        return self._keys.get(name)

    def rotated(self) -> "MasterKeys":
        """The same file with one fresh key that becomes the current one."""
        fresh = secrets.token_bytes(KEY_BYTES)
        return MasterKeys(self.store_id, {**self._keys, key_name(fresh): fresh}, self.state)

    def ready(self) -> "MasterKeys":
        """The same keys once the store they belong to exists."""
        return MasterKeys(self.store_id, self._keys, "ready")


class _KeyFile(msgspec.Struct, frozen=True):
    version: int
    store_id: str
    state: Literal["creating", "ready"]
    keys: list[tuple[str, str]]  # name, key in hex


def fresh_keys() -> MasterKeys:
    """Random keys for a new store; not yet on disk."""
    master = secrets.token_bytes(KEY_BYTES)
    return MasterKeys(secrets.token_bytes(STORE_ID_BYTES), {key_name(master): master}, "creating")


def save_keys(layout: Layout, keys: MasterKeys) -> None:
    """Replace the key file as a whole, mode 0600. Raises OSError and then leaves the old file."""
    private_folder(layout.key_file.parent)
    write_atomically(layout.key_file, _render(keys))


def load_keys(layout: Layout) -> MasterKeys:
    """Read the key file. Raises StoreRefused when it is missing, readable by others, or a single byte is different."""
    path = layout.key_file
    if not os.path.lexists(path):
        raise StoreRefused(path, "the key file is missing but its store exists", _RESTORE)
    content = read_private(path)
    try:
        parsed = msgspec.json.decode(content.split(b"\n", 1)[0], type=_KeyFile)
        named = {name: bytes.fromhex(key) for name, key in parsed.keys}
        keys = MasterKeys(bytes.fromhex(parsed.store_id), named, parsed.state)
    except (ValueError, AssertionError):
        raise StoreRefused(path, "the key file is damaged", _RESTORE) from None
    sound = all(len(key) == KEY_BYTES and key_name(key) == name for name, key in named.items())
    if not sound or len(keys.store_id) != STORE_ID_BYTES or _render(keys) != content:
        raise StoreRefused(path, "the key file is damaged", _RESTORE)
    return keys


def _render(keys: MasterKeys) -> bytes:
    """One canonical form, so that reading can compare byte by byte."""
    pairs = [(name, (keys.master(name) or b"").hex()) for name in keys.names()]
    line = msgspec.json.encode(_KeyFile(1, keys.store_id.hex(), keys.state, pairs))
    return line + b"\n" + hashlib.sha256(line).hexdigest().encode() + b"\n"
