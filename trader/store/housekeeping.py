"""Work on a stopped store: pruning old segments and rotating the key. Only trader/store/commands.py imports this.

Both take the store's lock, so neither runs beside a trading process, and both verify the store before they touch it.
"""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec

from trader.store import birth
from trader.store.active import SECONDS_PER_DAY, ActiveLog, remove_segment
from trader.store.anchor import SealedSegment
from trader.store.events import EventName, Payload, encode, make_event
from trader.store.keys import MasterKeys, load_keys, save_keys
from trader.store.layout import Layout, lock_store
from trader.store.projections import Positions
from trader.store.reader import EventReader
from trader.store.segment import RealDisk
from trader.store.verify import Finding, examine

KEEP_DAYS_MIN: Final = 2


class Pruned(msgspec.Struct, frozen=True):
    """What a pruning removed, or would remove, and why not more."""

    segments: int
    records: int
    bytes: int
    kept_because: str  # "" when everything older than the limit went


def prune(
    root: Path,
    *,
    keep_days: int,
    key_file: Path | None = None,
    dry_run: bool = False,
    utc_clock: Callable[[], float] = time.time,
) -> Pruned:
    """Remove sealed segments older than `keep_days` UTC days, as far as no recovery needs them.

    A segment may go when a later `ledger.checkpoint` holds everything, or when the bot was flat at its end: positions
    are the sum of fills, so fills of an open position stay. Raises StoreRefused, StoreBusy, OSError, ValueError.
    """
    if keep_days < KEEP_DAYS_MIN:
        raise ValueError(f"keep at least {KEEP_DAYS_MIN} days: the running day's baseline is among them")
    layout = Layout.of(root, key_file)
    with _stopped(layout) as (keys, finding):
        oldest_kept = int(utc_clock() // SECONDS_PER_DAY) - keep_days
        old = [sealed for sealed in finding.anchor.sealed if sealed.utc_day < oldest_kept]
        removable = _removable(EventReader(layout, keys, finding.anchor), old)
        records = sum(sealed.last - sealed.first + 1 for sealed in removable)
        why = "" if len(removable) == len(old) else "fills of an open position follow and no checkpoint holds them"
        result = Pruned(len(removable), records, sum(sealed.bytes for sealed in removable), why)
        if removable and not dry_run:
            _forget(layout, keys, finding, removable, utc_clock)
        return result


def rotate_key(root: Path, *, key_file: Path | None = None, utc_clock: Callable[[], float] = time.time) -> str:
    """Add a master key for all records from now on; returns its public name. Old records stay readable.

    The key file is replaced as a whole before anything uses the new key, so an interruption leaves a working store.
    Raises StoreRefused, StoreBusy, OSError.
    """
    layout = Layout.of(root, key_file)
    with _stopped(layout) as (keys, finding):
        rotated = keys.rotated()
        save_keys(layout, rotated)
        log = ActiveLog(layout, rotated, finding.anchor, finding.head, RealDisk(), utc_clock)
        _write_note(log, EventName.KEY_ROTATED, {"key": rotated.current, "was": keys.current}, utc_clock())
        log.close()
        return rotated.current


@contextmanager
def _stopped(layout: Layout) -> Iterator[tuple[MasterKeys, Finding]]:
    """The verified store under its lock."""
    birth.check_not_lost(layout)
    keys = load_keys(layout)
    lock = lock_store(layout)
    try:
        yield keys, examine(layout, keys)
    finally:
        os.close(lock)


def _removable(reader: EventReader, old: list[SealedSegment]) -> list[SealedSegment]:
    """The longest run of old segments that no recovery needs."""
    if not old:
        return []
    checkpoint = reader.newest(EventName.LEDGER_CHECKPOINT)
    covered = sum(1 for sealed in old if sealed.last < checkpoint)
    positions, ends = Positions(), {sealed.last: count for count, sealed in enumerate(old, 1)}
    for event in reader.replay():
        positions.apply(event)
        if event.sequence in ends and positions.flat:
            covered = max(covered, ends[event.sequence])
        if event.sequence >= old[-1].last:
            break
    return old[:covered]


def _forget(
    layout: Layout, keys: MasterKeys, finding: Finding, gone: list[SealedSegment], utc_clock: Callable[[], float]
) -> None:
    """The anchor forgets the segments first; their files follow. A crash in between leaves files nobody misses."""
    last = gone[-1]
    anchor = msgspec.structs.replace(
        finding.anchor, sealed=finding.anchor.sealed[len(gone) :], base_sequence=last.last, base_mac=last.mac
    )
    log = ActiveLog(layout, keys, anchor, finding.head, RealDisk(), utc_clock)
    _write_note(log, EventName.STORE_PRUNED, {"up_to": last.last, "segments": len(gone)}, utc_clock())
    log.close()
    kept = {sealed.number for sealed in log.anchor.sealed} | {log.anchor.active}
    for number in layout.segments_present():
        if number < min(kept):
            remove_segment(layout, number)


def _write_note(log: ActiveLog, name: EventName, payload: Payload, utc_time: float) -> None:
    event = make_event(name, payload, utc_time=utc_time, market_time=utc_time, profile=log.anchor.profile)
    log.write([encode(event)], utc_time)
