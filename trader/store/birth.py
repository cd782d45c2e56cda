"""Making a store, and telling a new one from one that was deleted. Only trader/store/ imports this."""

import os
from typing import Final

from trader.store.active import remove_segment
from trader.store.anchor import Anchor, HeadMark, Mark, write_anchor
from trader.store.atomic import sync_folder
from trader.store.keys import MasterKeys, fresh_keys, load_keys, save_keys
from trader.store.layout import Layout
from trader.store.seal import GENESIS_MAC, SCHEMA, Head, fingerprint
from trader.store.segment import create_segment
from trader.store.verdict import StoreRefused

_DELETED: Final = (
    "Restore the folder from a backup. To begin a new store on purpose, move the key file aside; positions then come "
    "from the venue."
)


def check_not_lost(layout: Layout) -> None:
    """Refuse a key without its store and a store without its key: neither is a reason to begin anew beside it."""
    if _is_new(layout):
        return
    keys = load_keys(layout)
    segments = layout.segments_present()
    if keys.state == "ready" and not (segments and layout.head_file.exists()):
        missing = layout.head_file if segments else layout.folder
        raise StoreRefused(missing, "the key file knows a store that is not here: it was deleted or moved", _DELETED)


def keys_for(layout: Layout) -> MasterKeys:
    """The store's keys; fresh ones, saved, when there is no trace of a store. Raises StoreRefused, OSError."""
    if not _is_new(layout):
        return load_keys(layout)
    keys = fresh_keys()
    save_keys(layout, keys)
    return keys


def _is_new(layout: Layout) -> bool:
    traces = (layout.key_file, layout.head_file, layout.mark_file)
    return not any(os.path.lexists(path) for path in traces) and not layout.segments_present()


def create(layout: Layout, keys: MasterKeys, profile: str, account: str, utc_time: float) -> None:
    """Make segment, mark and anchor; the anchor last, so a crash before it is started over. Raises OSError."""
    for number in layout.segments_present():
        remove_segment(layout, number)
    create_segment(layout.segment(1))
    sync_folder(layout.folder)
    first = keys.master(keys.current)
    assert first is not None
    mark = HeadMark(layout, keys, keys.current)
    mark.write_both(Mark(0, Head(0, GENESIS_MAC)))
    mark.close()
    anchor = Anchor(
        schema=SCHEMA,
        generation=1,
        store_id=keys.store_id.hex(),
        account=fingerprint(first, keys.store_id, account),
        profile=profile,
        created=utc_time,
        written=utc_time,
        key=keys.current,
        base_sequence=0,
        base_mac=GENESIS_MAC.hex(),
        sealed=(),
        active=1,
        active_utc_day=0,
        head_sequence=0,
        head_mac=GENESIS_MAC.hex(),
        closed_sha256="",
    )
    write_anchor(layout, keys, anchor)


def finish(layout: Layout, keys: MasterKeys) -> MasterKeys:
    """Once the anchor exists the key file says so: from now on a missing store is a loss. Raises OSError."""
    if keys.state == "ready":
        return keys
    ready = keys.ready()
    save_keys(layout, ready)
    return ready
