"""Requirements 1.3, 1.4 and 1.20: the table row -> tests that show it, checked to name tests that exist.

A row whose behaviour lives in another room names that room's test. A row of `DIFFERENT` is not, or not quite, what the documents say;
`docs/differences.md` names it with the reason. A row may be in both. The table is read by people; this file only keeps it true.
"""

from __future__ import annotations

import pytest

from tests.requirement_rows import names_of_tests, rows_named_different, rows_of

STRATEGY = {
    "STRAT-01": "each_number_of_the_documents_is_the_default_with_its_range "
    "all_errors_are_told_at_once_with_line_range_example_and_suggestion",
    "STRAT-02": "each_number_of_the_documents_is_the_default_with_its_range a_bad_value_is_refused_with_its_remedy",
    "STRAT-03": "each_number_of_the_documents_is_the_default_with_its_range the_target_leverage_is_lowered_to_the_cap_with_a_note "
    "leverage_is_the_tightest_of_target_cap_and_venue_and_one_on_spot",
    "STRAT-04": "each_number_of_the_documents_is_the_default_with_its_range "
    "a_long_stop_is_hit_exactly_at_one_distance_below_the_best_mark",
    "STRAT-05": "each_profile_has_the_documents_figures every_evaluation_ends_in_its_one_reason",
    "STRAT-06": "each_number_of_the_documents_is_the_default_with_its_range every_evaluation_ends_in_its_one_reason",
    "STRAT-07": "every_evaluation_ends_in_its_one_reason an_exit_passes_where_every_filter_fails",
    "STRAT-08": "signals_are_exactly_those_of_the_documents_rule a_cross_fires_at_one_bar_only",
    "STRAT-09": "signals_are_exactly_those_of_the_documents_rule every_evaluation_ends_in_its_one_reason",
    "STRAT-10": "the_band_keeps_small_crosses_out signals_are_exactly_those_of_the_documents_rule",
    "STRAT-11": "confirmation_bars_really_confirm a_cross_that_falls_back_before_it_is_confirmed_is_no_signal",
    "STRAT-12": "rsi_confirms_by_direction",
    "STRAT-13": "it_is_wilders_definition_over_the_newest_context an_independent_library_agrees "
    "the_index_stays_with_an_independent_library_through_the_crisis",
    "STRAT-14": "each_profile_has_the_documents_figures every_evaluation_ends_in_its_one_reason",
    "STRAT-15": "a_long_is_closed_by_the_opposite_cross_and_asked_again_until_it_is_flat a_short_is_closed_by_a_bullish_cross "
    "the_first_exit_after_a_bullish_cross_is_at_the_bearish_cross",
    "STRAT-16": "a_long_stop_is_hit_exactly_at_one_distance_below_the_best_mark a_short_stop_is_its_mirror_image "
    "the_level_never_moves_back",
    "STRAT-17": "leverage_above_the_cap_is_reduced_at_the_wire forced_exits_go_down_to_the_leverage_cap "
    "flatten_closes_what_is_held_and_keeps_it_closed",
    "STRAT-18": "an_account_wide_reduce_only_forces_exits_only_when_configured every_evaluation_ends_in_its_one_reason",
    "STRAT-19": "a_long_is_closed_by_the_opposite_cross_and_asked_again_until_it_is_flat "
    "on_mark_closes_reduce_only_and_says_where_the_stop_was an_answer_that_makes_no_sense_becomes_a_hold",
    "STRAT-20": "decide_takes_the_six_inputs_and_buys_a_bullish_cross an_entry_names_its_numbers_and_its_worth",
    "STRAT-21": "decide_takes_the_six_inputs_and_buys_a_bullish_cross the_pure_core_has_no_clock_no_chance_and_no_io",
    "STRAT-22": "decide_takes_the_six_inputs_and_buys_a_bullish_cross a_key_that_does_not_exist_or_does_not_fit_is_named",
    "STRAT-23": "each_method_asks_for_its_worked_number full_leverage_is_cut_to_a_cap_and_both_sizes_are_recorded",
    "STRAT-24": "leverage_is_the_tightest_of_target_cap_and_venue_and_one_on_spot leverage_is_capped_by_the_smallest_of_four",
    "STRAT-25": "a_size_lies_on_the_grid_and_is_worth_no_more_than_asked_unless_raised "
    "quantizing_never_makes_an_order_larger_or_worse",
    "STRAT-26": "each_method_asks_for_its_worked_number below_the_minimum_it_is_raised_or_refused "
    "contracts_are_counted_in_contracts",
    "STRAT-27": "it_says_how_many_bars_it_waits_for decide_waits_for_its_twenty_one_marks",
    "STRAT-28": "a_restart_changes_no_verdict a_trailing_stops_peak_is_part_of_the_record "
    "a_warmed_restart_gives_the_signals_of_the_process_it_replaces",
    "STRAT-29": "the_daily_loss_stops_entries_until_the_next_utc_day a_rejected_exit_is_told_retried_and_never_assumed_done",
    "STRAT-30": "every_order_has_its_signal_with_the_numbers_behind_it every_bar_ends_in_exactly_one_reason "
    "every_evaluation_ends_in_its_one_reason "
    "every_reason_code_is_explained_and_the_eight_counters_are_covered",
    "STRAT-31": "every_evaluation_ends_in_its_one_reason an_add_keeps_the_peak_and_a_new_position_does_not",
    **dict.fromkeys(
        ["STRAT-32", "STRAT-33", "STRAT-34", "STRAT-35"],
        "the_documents_presets_are_there the_presets_stand_where_a_person_sets_them",
    ),
    "STRAT-36": "the_level_never_moves_back a_stop_waits_for_the_order_in_flight_and_keeps_following_meanwhile",
    "STRAT-37": "kelly_goes_by_the_trades_that_were_made kelly_stops_where_the_trades_that_were_made_lost "
    "the_count_of_closed_trades_survives_and_goes_on kelly_is_the_textbook_fraction "
    "kelly_never_exceeds_a_quarter_of_equity_nor_funds_a_loser "
    "a_method_that_may_not_trade_says_why",
    "STRAT-39": "signals_are_those_of_the_rule a_filter_takes_crosses_away_and_adds_none",
    "STRAT-40": "every_order_has_its_signal_with_the_numbers_behind_it",
}
FILTERS = {
    **dict.fromkeys(
        ["FILT-01", "FILT-02", "FILT-03", "FILT-04"],
        "each_filter_rejects_with_its_own_reason depth_is_worth_in_dollars_on_the_side_taken "
        "each_number_of_the_documents_is_the_default_with_its_range",
    ),
    "FILT-05": "each_number_of_the_documents_is_the_default_with_its_range rsi_confirms_by_direction",
    "FILT-06": "an_entry_keeps_its_distance_from_liquidation a_position_near_its_liquidation_is_not_added_to",
    "FILT-07": "impact_is_walked_through_the_real_book",
    "FILT-08": "an_exit_passes_where_every_filter_fails exits_meet_no_exposure_loss_window_or_filter_rule",
    **dict.fromkeys([f"FILT-{n:02d}" for n in range(9, 17)], "there_are_exactly_the_documents_eight_counters"),
    "FILT-17": "there_are_exactly_the_documents_eight_counters metrics_carry_the_documents_names "
    "a_crashed_symbol_comes_back_as_incarnation_two_warm_from_the_ring_and_trades_on",
    "FILT-18": "dev_lets_wider_spreads_and_thinner_books_pass",
    "FILT-19": "concentration_correlation_and_thin_books_are_told",
}
TESTING = {
    "TEST-01": "reads_are_repeated_as_the_documents_say each_fault_has_its_outcome_and_one_post",
    "TEST-02": "without_a_name_every_benchmark_is_listed_with_what_it_measures a_benchmark_runs_with_its_own_flags",
    "TEST-03": "a_coverage_run_counts_branches",
    "TEST-04": "one_seed_gives_one_market_however_it_is_polled the_same_market_gives_the_same_events_to_the_byte "
    "the_same_seed_is_the_same_life_byte_for_byte",
    "TEST-05": "a_run_with_its_own_exchange_trades_reports_and_ends_with_nothing_open "
    "perpetuals_from_the_first_contract_to_flat",
    "TEST-06": "each_validation_passes_on_the_embedded_exchange the_environment_selects_the_venue",
    "TEST-07": "the_benchmark_of_the_backtest_runs_by_the_documented_command",
    "TEST-08": "everything_starts_risk_and_broker_first a_derivative_position_is_the_venues "
    "a_crashed_risk_actor_recovers_from_the_journal_and_trading_goes_on "
    "any_order_and_any_repetition_of_reports_ends_in_the_same_order",
    "TEST-09": "a_market_order_fills_and_everything_agrees "
    "both_kinds_of_closing_lead_to_a_new_connection_with_fresh_tokens "
    "backfill_finds_what_happened_since_the_watermark ten_symbols_never_exceed_one_account_limit",
    "TEST-10": "sigusr1_refuses_growth_within_a_second_and_keeps_exits no_window_ever_holds_more_than_allowed "
    "three_symbols_stay_below_seventy_mebibytes_after_two_minutes memory_is_bounded_whatever_the_number_of_bars "
    "half_a_minute_of_faults_breaks_no_limit a_healthy_hour_and_an_hour_without_the_venue_are_as_quiet_as_promised",
    "TEST-12": "signals_are_exactly_those_of_the_documents_rule quantizing_never_makes_an_order_larger_or_worse "
    "the_documents_example_is_quantized",
    "TEST-13": "every_shipped_profile_loads all_errors_are_told_at_once_with_line_range_example_and_suggestion",
    "TEST-14": "no_row_of_the_venue_is_left_out no_row_of_the_operators_side_is_left_out no_row_is_left_out "
    "no_row_of_the_strategys_side_is_left_out",
    "TEST-15": "half_a_minute_of_faults_breaks_no_limit no_seed_violates_an_invariant",
}
ROWS = {**STRATEGY, **FILTERS, **TESTING}
DIFFERENT = {
    *("STRAT-06", "STRAT-12", "STRAT-18", "STRAT-20", "STRAT-22", "STRAT-23", "STRAT-38", "STRAT-39"),
    *("FILT-19", "TEST-01", "TEST-06", "TEST-11"),
}
LAST = {"STRAT": 40, "FILT": 19, "TEST": 15}


@pytest.mark.parametrize("row", ROWS)
def test_every_row_of_the_strategys_side_names_tests_that_exist(row: str) -> None:
    """A renamed test must be renamed here as well."""
    missing = set(ROWS[row].split()) - names_of_tests()
    assert not missing, f"{row} names {missing}"


def test_no_row_of_the_strategys_side_is_left_out() -> None:
    """All rows of the three sections: shown by a test, or named as different."""
    assert set(ROWS) | DIFFERENT == rows_of(LAST)


def test_every_row_of_the_strategys_side_that_differs_is_named_with_its_reason() -> None:
    """In docs/differences.md; and nothing is named there that is not different."""
    assert rows_named_different(LAST) == DIFFERENT
