"""docs/reference.md: every reason code and every metric as tables, made from the code that uses them. A test compares the file.

`python -m trader.report.reference > docs/reference.md` writes it anew.
"""

import sys

from trader.report.metrics import METRICS
from trader.report.reasons import catalogue

_HEAD = """# Reference

Made from the code by `python -m trader.report.reference`; a test compares this file with it.

## Reason codes

Each evaluation of a symbol ends in exactly one of these. They stand on the status screen, in `run.py why`, in the events, in the
report, and as the label `reason` of `bot_decisions_total`. Which limit acted, with its line in `config.toml`: `run.py why SYMBOL`.
"""
_METRICS = """
## Metrics

With `METRICS_PORT` set, `http://127.0.0.1:PORT/metrics` serves the second column for Prometheus (scrape it as in
`deploy/prometheus.yml`, import `deploy/grafana-dashboard.json`, load `deploy/alerts.yml`); beside it are `/health` (the content of
health.json), `/live` (the main loop turns) and `/ready` (it is reconciled). `metrics.json` has the first column, each second. What is
unknown is null there and absent here, never 0.
"""


def reference() -> str:
    """The whole file."""
    rows = ["| in metrics.json | for Prometheus | kind | meaning |", "|---|---|---|---|"]
    rows += [f"| `{one.name}` | `{one.prometheus_name}` | {one.kind} | {one.meaning} |" for one in METRICS]
    return f"{_HEAD}\n{catalogue()}\n{_METRICS}\n" + "\n".join(rows) + "\n"


if __name__ == "__main__":
    sys.stdout.write(reference())
