"""Damage a 200-record store in every way one byte or one cut can, and judge each verdict.

The tests try a sample; `python tests/store/store_tampering.py` tries every byte and every length (about half an hour).
A verdict is right when damage is refused, or called clean or repaired while all 200 records are provably intact.
"""

import collections
import random
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from store_builders import commit_all, intent, open_store

from trader.store.keys import load_keys
from trader.store.layout import Layout
from trader.store.verdict import StoreRefused
from trader.store.verify import examine, read_chain

RECORDS = 200
GROUP = 40


def build(root: Path, *, orderly: bool) -> Path:
    """A store of 200 records: closed in order, or copied while it was open, as kill -9 leaves it."""
    store = open_store(root / "live")
    for start in range(0, RECORDS - 1, GROUP):
        commit_all(store, [intent(number) for number in range(start, min(start + GROUP, RECORDS - 1))])
        if start == 2 * GROUP:
            store._log.checkpoint()  # the writer is idle; half of the records in the segment, half in the log
    if not orderly:
        shutil.copytree(root / "live", root / "image", ignore=shutil.ignore_patterns("*-shm"))
    store.close()
    if orderly:
        shutil.copytree(root / "live", root / "image")
    return root / "image"


def files_of(root: Path) -> list[Path]:
    """Every file of a store at rest, smallest first."""
    found = (path for path in root.rglob("*") if path.is_file() and not path.name.endswith("-shm"))
    return sorted(found, key=lambda path: path.stat().st_size)


def judge(root: Path, records: list[bytes]) -> str:
    """The verdict on a damaged store: refused, clean or repaired; or WRONG when a used store lost something."""
    layout = Layout.of(root)
    try:
        keys = load_keys(layout)
        finding = examine(layout, keys)
        intact = [record.body for record in read_chain(layout, keys, finding.anchor)] == records
    except StoreRefused:
        return "refused"
    finally:
        for leftover in root.rglob("*-shm"):
            leftover.unlink()
    return finding.verdict.value if intact else f"WRONG: {finding.verdict.value} with records lost"


def bodies(root: Path) -> list[bytes]:
    """The plain records of an undamaged store."""
    layout = Layout.of(root)
    keys = load_keys(layout)
    return [record.body for record in read_chain(layout, keys, examine(layout, keys).anchor)]


def mutations(path: Path, places: Iterable[int], seed: int) -> Iterator[int]:
    """Change one byte at a time, yield its place, and put it back."""
    noise = random.Random(seed)
    original = path.read_bytes()
    with path.open("r+b", buffering=0) as file:
        for place in places:
            file.seek(place)
            file.write(bytes([original[place] ^ noise.randrange(1, 256)]))
            yield place
            file.seek(place)
            file.write(original[place : place + 1])


def truncations(path: Path, lengths: Iterable[int]) -> Iterator[int]:
    """Cut the file to one length at a time, yield the length, and put the bytes back."""
    original = path.read_bytes()
    for length in lengths:
        path.write_bytes(original[:length])
        yield length
    path.write_bytes(original)


def main(states: tuple[bool, ...] = (True, False)) -> int:
    """Every byte and every length of both kinds of store; prints a table; 1 when any verdict was wrong."""
    wrong = 0
    for orderly in states:
        with tempfile.TemporaryDirectory() as folder:
            image = build(Path(folder), orderly=orderly)
            expected = bodies(image)
            for path in files_of(image):
                size = path.stat().st_size
                for kind, steps in (
                    ("bytes", mutations(path, range(size), seed=1)),
                    ("cuts", truncations(path, range(size))),
                ):
                    counts: collections.Counter[str] = collections.Counter()
                    for done, _ in enumerate(steps):
                        counts[judge(image, expected)] += 1
                        if done % 500 == 0:
                            print(f"\r{path.name} {kind} {done}/{size}", end="", file=sys.stderr, flush=True)
                    print("\r", end="", file=sys.stderr)
                    state = "closed" if orderly else "killed"
                    print(f"{state} {path.name:28} {kind:6} {size:7}  {dict(counts)}", flush=True)
                    wrong += sum(count for verdict, count in counts.items() if verdict.startswith("WRONG"))
    print(f"{wrong} wrong verdicts")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
