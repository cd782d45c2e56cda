"""The recorder of actor inputs: everything handled, in order, bounded, and never in the way."""

import resource
import time
from decimal import Decimal
from pathlib import Path

import msgspec
from store_builders import DEADLINE_S

from trader.orders.order import Fill, Side
from trader.store.recorder import GAP, InputRecorder, read_inputs


class Quote(msgspec.Struct, frozen=True, gc=False):
    """A message as actors get them."""

    symbol: str
    bid: Decimal


class Unwritable(msgspec.Struct, frozen=True):
    """A message that carries what has no bytes."""

    reply: object


def test_messages_come_back_equal_with_actor_and_time(tmp_path: Path) -> None:
    """Types are found by name; Decimals and enums survive."""
    fill = Fill("t", "cb", "", "BTC-USD", Side.BUY, Decimal("0.1"), Decimal("91204.10"), Decimal("0.05"), 1.5)
    recorder = InputRecorder(tmp_path)
    recorder.record("BTC-USD", 10.25, Quote("BTC-USD", Decimal("91204.10")))
    recorder.record("risk", 10.5, fill)
    recorder.close()
    first, second = read_inputs(tmp_path)
    kinds = {"Quote": Quote, "Fill": Fill}
    assert (first.actor, first.machine_time) == ("BTC-USD", 10.25)
    assert first.message(kinds) == Quote("BTC-USD", Decimal("91204.10"))
    assert second.message(kinds) == fill
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in tmp_path.iterdir())


def test_files_rotate_and_only_the_newest_are_kept(tmp_path: Path) -> None:
    """Disk use is bounded; the newest inputs are there in order, also over a restart."""
    for run in range(3):
        recorder = InputRecorder(tmp_path, file_bytes_max=20_000, files_kept=3)
        for number in range(5000):
            recorder.record("a", float(run * 5000 + number), Quote("BTC-USD", Decimal(number)))
        recorder.close()
        assert recorder.failed == ""
    files = list(tmp_path.iterdir())
    assert len(files) <= 3
    times = [entry.machine_time for entry in read_inputs(tmp_path)]
    assert times[-1] == 14_999.0
    assert times == [float(number) for number in range(15_000 - len(times), 15_000)]


def test_a_torn_file_gives_every_whole_frame(tmp_path: Path) -> None:
    """After kill -9 the last frame may be cut; what is before it is read, at every possible cut."""
    recorder = InputRecorder(tmp_path)
    for number in range(3):
        recorder.record("a", float(number), Quote("X", Decimal(number)))
    recorder.close()
    (path,) = tmp_path.iterdir()
    content = path.read_bytes()
    frame = len(content) // 3
    for cut in range(len(content)):
        path.write_bytes(content[:cut])
        assert len(list(read_inputs(tmp_path))) == cut // frame


def test_a_message_without_bytes_is_kept_as_text(tmp_path: Path) -> None:
    """One odd message neither stops the recording nor disappears."""
    recorder = InputRecorder(tmp_path)
    recorder.record("a", 1.0, Unwritable(lambda: None))
    recorder.record("a", 2.0, Quote("X", Decimal(1)))
    recorder.close()
    odd, _ = read_inputs(tmp_path)
    assert "Unwritable(reply=<function" in msgspec.msgpack.decode(odd.body)


def test_a_disk_that_refuses_ends_the_recording_and_nothing_else(tmp_path: Path) -> None:
    """The failure is told, later messages are counted lost, and recording calls still return."""
    recorder = InputRecorder(tmp_path)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    try:
        deadline = time.monotonic() + DEADLINE_S
        while not recorder.failed:
            assert time.monotonic() < deadline
            recorder.record("a", 1.0, Quote("BTC-USD", Decimal(1)))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    before = recorder.dropped
    recorder.record("a", 2.0, Quote("BTC-USD", Decimal(1)))
    assert recorder.dropped == before + 1
    assert "File too large" in recorder.failed
    recorder.close()


def test_lost_messages_leave_a_gap_that_counts_them(tmp_path: Path) -> None:
    """A replay must know that it is incomplete, and where."""
    recorder = InputRecorder(tmp_path)
    recorder.record("a", 1.0, Quote("X", Decimal(1)))
    recorder.dropped += 7  # as if the queue had been full
    recorder.record("a", 2.0, Quote("X", Decimal(2)))
    recorder.close()
    gaps = [entry for entry in read_inputs(tmp_path) if entry.kind == GAP]
    assert [gap.body for gap in gaps] == [b"7"]
