"""No typed decoder is made while threads run: msgspec's first look at a type, in two threads at once, ends in a segmentation fault.

Seen once in some seventy starts of the real trader (msgspec 0.22, CPython 3.11): the supervisor and the main thread both read
the holds. A decoder made at import looks at its type while there is one thread.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from trader_process import ROOT, clean_environment

ONE_THREAD_ONLY = {
    "actors/exchange_process.py",  # the exchange's ready line, before the trader's first thread
    "actors/trade_command.py",  # the same line from a file
    "trader/report/files.py",  # read by commands, never by the trader itself
    "trader/store/keys.py",  # the key file, read when the store is opened, before its writer starts
    "trader/store/recorder.py",  # recorded inputs, read by replay in a process of its own
}


def modules_of_the_trading_process() -> list[Path]:
    """Return the product's files that importing the trading system loads."""
    code = "import sys, actors.system; print('\\n'.join(m.__file__ for m in sys.modules.values() if getattr(m, '__file__', None)))"
    said = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=clean_environment(), capture_output=True, text=True, check=True
    ).stdout
    files = [Path(line) for line in said.splitlines() if line.startswith(f"{ROOT}/")]
    return [file for file in files if file.relative_to(ROOT).parts[0] in {"actors", "trader"}]


def looks_at_types_late(tree: ast.Module) -> Iterator[int]:
    """Lines inside functions that decode into a type on the spot or make a decoder."""
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef):
            continue
        for call in ast.walk(function):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute):
                typed = any(word.arg == "type" for word in call.keywords)
                if (call.func.attr in {"decode", "convert"} and typed) or (
                    call.func.attr == "Decoder" and function.name != "__init__"
                ):
                    yield call.lineno


def test_every_decoder_of_the_trading_process_is_made_at_import() -> None:
    """Each exception stands in the table above with its reason."""
    files = modules_of_the_trading_process()
    assert len(files) > 80, "the import told too little"
    late = {
        str(file.relative_to(ROOT)): lines
        for file in files
        if (lines := list(looks_at_types_late(ast.parse(file.read_text()))))
    }
    assert set(late) <= ONE_THREAD_ONLY, late
