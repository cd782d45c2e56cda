"""Requirements 1.5, 1.6, 1.7 and 1.10: the table row -> tests, checked to name tests that exist.

A row whose behaviour lives in another room names that room's test. The table is read by people; this file only keeps it true.
"""

import pytest

from tests.requirement_rows import names_of_tests, rows_of

ROWS: dict[str, tuple[str, ...]] = {
    "RISK-01": ("test_the_documents_first_six_checks_stand_in_their_order", "test_each_mode_permits_what_its_row_says"),
    "RISK-02": ("test_the_documents_reduce_only_example", "test_reducing_is_a_matter_of_quantity"),
    "RISK-03": ("test_leverage_is_capped_by_the_smallest_of_four",),
    "RISK-04": ("test_an_entry_keeps_its_distance_from_liquidation",),
    "RISK-05": ("test_an_entry_is_cut_to_the_largest_size_every_cap_allows",),
    "RISK-06": ("test_the_daily_loss_is_hit_by_percent_or_usd_whichever_is_first",),
    "RISK-07": ("test_the_tightest_cap_decides_and_is_named",),
    "RISK-08": ("test_margin_carries_the_worst_case_of_all_derivatives",),
    "RISK-09": ("test_impact_is_walked_through_the_real_book",),
    "RISK-10": ("test_leverage_is_capped_by_the_smallest_of_four",),
    "RISK-11": ("test_leverage_is_capped_by_the_smallest_of_four",),
    "RISK-12": ("test_the_liquidation_buffer_holds_its_symbol",),
    "RISK-13": ("test_the_daily_loss_is_hit_by_percent_or_usd_whichever_is_first",),
    "RISK-14": ("test_the_account_limit_counts_all_symbols", "test_ten_symbols_never_exceed_one_account_limit"),
    "RISK-15": ("test_an_entry_is_cut_to_the_largest_size_every_cap_allows",),
    "RISK-16": ("test_impact_is_walked_through_the_real_book", "test_an_exit_does_not_walk_the_book"),
    "RISK-17": ("test_what_the_configuration_holds_becomes_findings",),
    "RISK-18": ("test_what_the_configuration_holds_becomes_findings",),
    "RISK-19": ("test_flags_beat_the_environment_and_the_environment_beats_the_file",),
    "RISK-20": ("test_a_number_that_is_none_is_refused_as_bad_input", "test_no_number_whatever_crashes_a_decision"),
    "RISK-21": ("test_the_documents_reduce_only_example",),
    "RISK-22": ("test_nobody_else_can_make_one", "test_it_names_the_exact_payload"),
    "RISK-23": ("test_each_mode_permits_what_its_row_says",),
    "RISK-24": ("test_the_documents_reduce_only_example",),
    "RISK-25": ("test_reducing_is_a_matter_of_quantity",),
    "RISK-26": ("test_reducing_is_a_matter_of_quantity",),
    "RISK-27": ("test_the_documents_reduce_only_example",),
    "RISK-28": ("test_the_cause_at_the_venue_or_feed_ends_growth_at_the_wire",),
    "RISK-29": ("test_every_order_that_may_still_fill_takes_its_room", "test_the_account_limit_counts_all_symbols"),
    "RISK-30": ("test_concentration_correlation_and_thin_books_are_told",),
    "RISK-31": ("test_leverage_above_the_cap_is_found_while_it_lasts",),
    "RISK-32": ("test_an_entry_is_cut_to_the_largest_size_every_cap_allows",),
    "RISK-33": ("test_leverage_is_capped_by_the_smallest_of_four",),
    "RISK-34": ("test_the_tightest_cap_decides_and_is_named",),
    "RISK-35": ("test_leverage_is_capped_by_the_smallest_of_four",),
    "RISK-36": ("test_each_method_asks_for_its_worked_number",),
    "RISK-37": ("test_symbols_that_move_together_share_two_shares",),
    "RISK-38": ("test_value_at_risk_is_a_quantile_of_what_happened",),
    "RISK-39": ("test_a_shock_reprices_every_position_and_names_the_limits_it_trips",),
    "GUARD-01": (
        "test_the_daily_loss_is_hit_by_percent_or_usd_whichever_is_first",
        "test_the_cause_at_the_venue_or_feed_ends_growth_at_the_wire",
    ),
    "GUARD-02": ("test_fees_and_funding_are_part_of_the_days_loss",),
    "GUARD-03": ("test_the_liquidation_buffer_holds_its_symbol",),
    "GUARD-04": (
        "test_old_marks_refuse_and_only_an_operator_may_still_leave",
        "test_silence_ends_growth_without_a_hold",
    ),
    "GUARD-05": ("test_the_liquidation_buffer_holds_its_symbol",),
    "GUARD-06": ("test_concentration_correlation_and_thin_books_are_told",),
    "GUARD-07": ("test_a_jump_is_held_until_it_has_stood", "test_fills_that_run_away_from_their_marks_hold_the_symbol"),
    "GUARD-08": ("test_forced_exits_go_down_to_the_leverage_cap", "test_leverage_above_the_cap_is_reduced_at_the_wire"),
    "GUARD-09": ("test_halted_cancels_everything_of_ours_and_kill_what_is_not_ours_too",),
    "GUARD-10": ("test_failed_venue_calls_reduce_at_a_fifth_and_halt_above_half",),
    "GUARD-11": ("test_failed_venue_calls_reduce_at_a_fifth_and_halt_above_half",),
    "GUARD-12": ("test_a_fall_from_the_peak_trips_and_stays_until_somebody_accepts_it",),
    "GUARD-13": ("test_an_old_mark_with_a_position_is_told_and_told_louder",),
    "GUARD-14": ("test_symbols_that_move_together_share_two_shares", "test_correlation_is_the_textbooks"),
    "GUARD-15": ("test_the_volatility_breaker_warns_reduces_and_halts", "test_volatility_is_the_textbooks"),
    "GUARD-16": ("test_a_failing_guard_is_counted_and_stops_no_other", "test_a_bug_in_a_guard_is_no_guard_failure"),
    "GUARD-17": ("test_a_failing_guard_is_counted_and_stops_no_other",),
    "GUARD-18": ("test_a_failing_guard_is_counted_and_stops_no_other",),
    "GUARD-19": ("test_the_cause_at_the_venue_or_feed_ends_growth_at_the_wire",),
    "GUARD-20": ("test_the_cause_at_the_venue_or_feed_ends_growth_at_the_wire",),
    "GUARD-21": ("test_what_the_configuration_holds_becomes_findings", "test_each_mode_permits_what_its_row_says"),
    "GUARD-22": ("test_a_breach_is_told_once_and_again_after_a_resume_that_changed_nothing",),
    "GUARD-23": (
        "test_a_restart_remembers_the_day",
        "test_the_day_begins_once_and_a_clock_stepping_back_rolls_nothing",
        "test_a_clock_leaping_a_day_ahead_and_back_does_not_clear_the_loss",
    ),
    "CB-01": ("test_losses_in_a_row_pause_the_symbol_and_a_win_forgets_them",),
    "CB-02": (
        "test_the_volatility_breaker_warns_reduces_and_halts",
        "test_the_breaker_may_escalate_while_it_cools_down",
    ),
    "CB-03": ("test_concentration_correlation_and_thin_books_are_told",),
    "CB-04": ("test_failed_venue_calls_reduce_at_a_fifth_and_halt_above_half",),
    "CB-06": ("test_the_cause_at_the_venue_or_feed_ends_growth_at_the_wire",),
    "CB-07": ("test_a_blind_user_feed_with_a_position_means_reduce_only_until_backfilled",),
    "PNL-01": ("test_each_table_holds_line_by_line",),
    "PNL-02": ("test_the_documents_position_example",),
    "PNL-03": ("test_the_documents_position_example",),
    "PNL-04": ("test_the_documents_portfolio_example",),
    "PNL-05": ("test_a_fill_before_the_acknowledgement_is_booked_and_the_acknowledgement_changes_nothing",),
    "PNL-06": ("test_fees_are_always_subtracted_and_funding_counts_once",),
    "PNL-07": ("test_fees_are_always_subtracted_and_funding_counts_once",),
    "PNL-08": ("test_a_future_moves_its_wallet_by_profit_and_not_by_its_notional",),
    "PNL-09": ("test_each_table_holds_line_by_line", "test_an_adjustment_is_an_explicit_fill"),
    "PNL-10": ("test_a_long_pays_a_positive_rate_and_a_short_receives_it",),
    "PNL-11": ("test_funding_is_booked_once_per_scheduled_time_also_after_downtime",),
    "PNL-12": ("test_fees_and_funding_are_part_of_the_days_loss",),
    "PNL-13": ("test_funding_is_booked_once_per_scheduled_time_also_after_downtime",),
    "PNL-14": ("test_three_hours_bring_three_funding_payments_to_the_cent",),
    "PNL-15": ("test_fees_and_funding_are_part_of_the_days_loss",),
    "PNL-16": ("test_the_documents_portfolio_example",),
    "PNL-17": ("test_each_finished_day_leaves_one_summary", "test_win_rate_and_profit_factor_count_closed_trades"),
    "PNL-18": ("test_a_fall_from_the_peak_trips_and_stays_until_somebody_accepts_it",),
    "PNL-19": ("test_sharpe_and_sortino_are_the_textbooks",),
    "PNL-20": ("test_each_finished_day_leaves_one_summary",),
}
"""CB-05, the circuit breaker per endpoint class, belongs to the Coinbase client and is tested there."""


@pytest.mark.parametrize("row", ROWS)
def test_every_row_names_tests_that_exist(row):
    """A renamed test must be renamed here as well."""
    assert {name.removeprefix("test_") for name in ROWS[row]} <= names_of_tests()


def test_no_row_is_left_out():
    """39 pre-trade rows, 23 guards, 7 breakers (one of them elsewhere) and 20 of profit and loss."""
    assert rows_of({"RISK": 39, "GUARD": 23, "CB": 7, "PNL": 20}) - set(ROWS) == {"CB-05"}
