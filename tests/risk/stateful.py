"""A stateful test of the desk against a venue that loses, doubles and delays everything it says.

The machine drives one desk and one simulated venue that keeps the truth. Posts may vanish or be accepted without an answer, reports
come late, twice, out of order or never, the desk is restarted from its record and journal at any moment, modes change. After every
step: the books audit themselves (I-01), no order fills beyond its size or backwards (I-03), the *venue's* worst case keeps every
limit in base coins (I-06), reservations are conserved (I-10), and whatever was approved in reduce-only can only shrink (I-11).
At the end everything is delivered and the books must equal the venue (I-02).

    python -m tests.risk.stateful --steps 200000 [--seed N]
"""

from __future__ import annotations

import argparse
import sys
import time

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

try:
    from desk_machine import COUNTS, DeskMachine
except ModuleNotFoundError:  # started by `python -m`, where this folder is not on the path
    from tests.risk.desk_machine import COUNTS, DeskMachine

SOMETIMES = (
    "granted",
    "cut to a cap",
    "refused at the recheck",
    "approved in reduce-only",
    "sent",
    "no answer",
    "vanished",
    "not sent",
    "fill before the answer",
    "unknown found",
    "absence proven",
    "absence not yet proven",
    "cancelled by us",
    "reading books fills",
    "restart",
    "restart with an order on the wire",
)
"""What a campaign must have reached to prove anything."""


def run(steps: int, number: int, length: int = 50) -> None:
    """Run at least `steps` steps from seed `number`, in machines of `length` steps."""
    chosen = settings(
        max_examples=max(steps // length, 1),
        stateful_step_count=length,
        deadline=None,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )

    machine = type("SeededDeskMachine", (DeskMachine,), {})
    seed(number)(machine)
    run_state_machine_as_test(machine, settings=chosen)


def main(argv: list[str] | None = None) -> int:
    """The command of the module docstring: seeds follow each other until the steps are done."""
    parser = argparse.ArgumentParser(prog="python -m tests.risk.stateful", description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=200_000)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args(argv)
    started, number = time.perf_counter(), args.seed
    while COUNTS["steps"] < args.steps:
        run(min(args.steps - COUNTS["steps"], 10_000), number)
        print(
            f"seed {number}: {COUNTS['steps']} steps, {time.perf_counter() - started:.0f} s, no invariant broken",
            flush=True,
        )
        number += 1
    for happened in sorted(COUNTS):
        print(f"  {COUNTS[happened]:>8}  {happened}")
    missed = [happened for happened in SOMETIMES if not COUNTS[happened]]
    print(f"never reached: {', '.join(missed)}" if missed else "every case of the list was reached")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
