"""Every benchmark by its name: `python -m tests.benchmarks` lists them, `python -m tests.benchmarks backtest --bars 100000` runs one.

Performance under load, throughput, memory and the stability of connections are also watched by tests of the ordinary run; what stands
here takes figures and is no part of it.
"""

from __future__ import annotations

import ast
import runpy
import sys
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).parent
PARTS = ("__main__", "backtest_costs", "backtest_peers", "test_benchmarks")
"""Files that are no benchmark by themselves: this one, two that `backtest` runs, and the test."""
USAGE = 64


def benchmarks() -> dict[str, str]:
    """Name and first sentence of every benchmark."""
    files = (path for path in sorted(HERE.glob("*.py")) if path.stem not in PARTS)
    docs = {path.stem: ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "" for path in files}
    return {name: text.splitlines()[0].split(": `", maxsplit=1)[0].rstrip(".:") for name, text in docs.items()}


def main(arguments: Sequence[str]) -> int:
    """List the benchmarks, or run one as if it were called alone; its exit code is ours."""
    known = benchmarks()
    listed = "\n".join(f"  {name:<10} {told}" for name, told in known.items())
    if not arguments or arguments[0] in {"-h", "--help"}:
        sys.stdout.write(f"python -m tests.benchmarks NAME [its own flags, or --help]\n{listed}\n")
        return 0
    name = arguments[0]
    if name not in known:
        sys.stderr.write(f"there is no benchmark {name!r}; one of\n{listed}\n")
        return USAGE
    sys.argv[1:] = arguments[1:]
    runpy.run_module(f"tests.benchmarks.{name}", run_name="__main__", alter_sys=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
