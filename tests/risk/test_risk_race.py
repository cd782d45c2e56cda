"""A share of the race of ten symbols for one limit; `python -m tests.risk.race --seeds 2000` runs the rest."""

from race import LIMIT, run_seed


def test_ten_symbols_never_exceed_one_account_limit():
    """Sixty schedules with unknown orders and restarts; the limit is really reached for, so the test means something."""
    races = [run_seed(seed) for seed in range(60)]
    assert max(race.highest for race in races) > LIMIT * 9 / 10
    assert sum(race.unknown for race in races) > 30
    assert sum(race.restarts for race in races) > 20
