"""Requirements 1.1, 1.16 to 1.19 and 1.21: the table row -> tests that show it, checked to name tests that exist.

A row whose behaviour lives in another room names that room's test. A row of `DIFFERENT` is not, or not quite, what the documents say;
`docs/differences.md` names it with the reason. A row may be in both. The table is read by people; this file only keeps it true.
"""

from __future__ import annotations

import pytest

from tests.requirement_rows import names_of_tests, rows_named_different, rows_of

ARCHITECTURE = {
    "ARCH-01": "behind_the_closed_gate_a_perpetual_becomes_spot_and_says_so perpetuals_from_the_first_contract_to_flat",
    "ARCH-02": "a_perpetual_becomes_its_spot_pair_until_derivatives_are_enabled "
    "intx_perpetuals_need_an_account_that_is_approved_for_them",
    "ARCH-03": "everything_starts_risk_and_broker_first a_run_with_its_own_exchange_trades_reports_and_ends_with_nothing_open",
    "ARCH-04": "both_feeds_tell_market_and_orders only_trader_coinbase_and_the_exchange_know_the_venue",
    "ARCH-05": "every_evaluation_ends_in_its_one_reason a_long_stop_is_hit_exactly_at_one_distance_below_the_best_mark "
    "an_approval_is_made_in_one_file_only",
    "ARCH-06": "ten_symbols_never_exceed_one_account_limit kill_halts_cancels_and_leaves_the_operators_exit_open",
    "ARCH-07": "each_kind_of_order_uses_the_documented_configuration quantizing_never_makes_an_order_larger_or_worse "
    "a_taker_walks_the_book_from_the_best_price",
    "ARCH-08": "perpetuals_are_discovered_by_their_funding a_short_in_contracts_from_entry_to_close",
    "ARCH-09": "trader_never_imports_actors_or_pykka the_floors_of_trader_import_only_downward",
    "ARCH-10": "each_command_line_of_the_runbook_is_understood notebooks_iterate_over_the_streams",
    "ARCH-11": "every_shipped_profile_loads",
    "ARCH-12": "both_feeds_tell_market_and_orders a_venue_nobody_serves_ends_with_69",
    "ARCH-13": "perpetuals_are_discovered_by_their_funding every_listed_product_is_understood",
    "ARCH-14": "a_limit_that_applies_at_once_is_the_one_that_acts",
    "ARCH-15": "every_built_in_name_makes_a_working_strategy",
    "ARCH-16": "every_flag_of_the_runbook_reaches_its_key each_kind_of_order_uses_the_documented_configuration",
    "ARCH-17": "nothing_is_entered_before_the_account_is_known a_position_survives_an_orderly_restart",
    "ARCH-18": "everything_starts_risk_and_broker_first a_run_with_its_own_exchange_trades_reports_and_ends_with_nothing_open "
    "a_stop_confirms_the_orders_then_stops_symbols_broker_and_risk_in_turn",
    "ARCH-20": "only_the_baseline_is_not_experimental no_experimental_module_is_imported_unless_it_is_named "
    "the_trading_process_never_loads_the_exchange_or_terminal_libraries",
    "ARCH-21": "trader_never_imports_actors_or_pykka the_floors_of_trader_import_only_downward",
    "ARCH-22": "every_linked_file_exists",
    "ARCH-23": "the_pure_core_has_no_clock_no_chance_and_no_io the_same_client_id_again_makes_no_second_order",
    "ARCH-24": "a_perpetual_becomes_its_spot_pair_until_derivatives_are_enabled aliases_of_a_perpetual_are_one_symbol",
    "ARCH-25": "the_window_gates_entries_only a_window_and_its_complement_split_the_day",
    "ARCH-26": "old_marks_refuse_and_only_an_operator_may_still_leave an_old_mark_with_a_position_is_told_and_told_louder",
    "ARCH-27": "leverage_is_capped_by_the_smallest_of_four a_liquidation_price_follows_from_the_buffer "
    "the_pure_core_has_no_clock_no_chance_and_no_io",
    "ARCH-28": "every_shipped_profile_loads all_errors_are_told_at_once_with_line_range_example_and_suggestion",
    "ARCH-29": "any_order_of_turns_gives_the_events_of_the_straight_run",
    "ARCH-30": "every_shipped_profile_loads the_profiles_table_is_what_the_configuration_says",
    "ARCH-31": "signals_are_exactly_those_of_the_documents_rule each_method_asks_for_its_worked_number "
    "reduce_only_cancels_what_would_grow_and_keeps_what_shrinks a_market_order_fills_and_everything_agrees",
    "ARCH-32": "the_lists_and_procedures_of_the_documents_are_in_the_runbook",
    "ARCH-33": "dev_fast_makes_one_decision_per_symbol_and_ends",
}
MONITORING = {
    **dict.fromkeys([f"MON-{n:02d}" for n in range(1, 8)], "health_keeps_the_documented_keys_with_their_types"),
    "MON-08": "screen_files_and_metrics_of_one_instant_agree the_healthy_screen_says_what_it_waits_for_and_what_to_do",
    **dict.fromkeys(
        [f"MON-{n:02d}" for n in range(9, 14)],
        "a_run_measures_them every_metric_of_the_dashboard_and_the_rules_is_in_a_real_answer",
    ),
    "MON-14": "every_metric_of_the_dashboard_and_the_rules_is_in_a_real_answer each_condition_has_its_severity",
    "MON-15": "metrics_and_health_are_those_of_the_published_status every_metric_name_is_valid_and_stands_once",
    "MON-16": "the_payload_of_the_minutes_record_holds_no_float_and_is_read_back fees_are_the_accounts_own",
    "MON-17": "a_fresh_trader_is_small three_symbols_stay_below_seventy_mebibytes_after_two_minutes",
    "MON-18": "a_halt_reaches_the_webhook_within_five_seconds_and_once one_message_when_it_begins_and_one_when_it_ended",
    "MON-19": "the_endpoints_answer_and_change_nothing a_hanging_main_loop_is_seen_by_live_health_and_ready",
    "MON-20": "the_last_screen_is_shown_and_says_since_when_the_program_is_down health_in_one_line_follows_the_mode",
    "MON-21": "metrics_carry_the_documents_names",
    "MON-22": "sigusr2_prints_the_screen_within_a_second with_an_actor_hung_every_view_answers_and_names_it",
    "MON-23": "dev_is_the_loud_profile",
    "MON-24": "screen_files_and_metrics_of_one_instant_agree the_four_files_are_private_json_of_the_same_instant",
}
PROFILES = {
    "PROF-01": "only_dev_is_mocked_and_spot_caps_each_symbol the_environment_selects_the_venue "
    "a_run_with_its_own_exchange_trades_reports_and_ends_with_nothing_open",
    **dict.fromkeys(
        ["PROF-02", "PROF-03", "PROF-04", "PROF-06", "PROF-09", "PROF-22"],
        "the_profiles_table_is_what_the_configuration_says each_profile_has_the_documents_figures",
    ),
    "PROF-05": "dev_is_the_loud_profile one_seed_gives_one_market_however_it_is_polled",
    "PROF-07": "each_profile_has_the_documents_figures",
    "PROF-08": "each_profile_has_the_documents_figures behind_the_closed_gate_a_perpetual_becomes_spot_and_says_so",
    "PROF-10": "each_profile_has_the_documents_figures",
    "PROF-11": "intx_perpetuals_need_an_account_that_is_approved_for_them",
    "PROF-12": "each_profile_has_the_documents_figures a_profile_cannot_be_raised_above_its_ceilings",
    **dict.fromkeys([f"PROF-{n}" for n in range(13, 20)], "the_live_canary_keeps_the_ultra_safe_values"),
    "PROF-20": "the_live_canary_keeps_the_ultra_safe_values the_volatility_breaker_warns_reduces_and_halts",
    "PROF-21": "the_live_canary_keeps_the_ultra_safe_values a_profile_cannot_be_raised_above_its_ceilings",
    "PROF-23": "only_dev_is_mocked_and_spot_caps_each_symbol",
}
COMMANDS = {
    "CLI-01": "every_shipped_profile_loads an_unknown_profile_exits_64_and_lists_the_profiles",
    "CLI-02": "dry_run_approves_and_posts_nothing",
    "CLI-03": "dev_fast_makes_one_decision_per_symbol_and_ends",
    **dict.fromkeys(
        ["CLI-04", "CLI-05", "CLI-07", "CLI-08", "CLI-09"],
        "every_flag_of_the_runbook_reaches_its_key the_documents_command_lines_work",
    ),
    "CLI-06": "reduce_only_from_the_start_opens_nothing",
    "CLI-10": "the_documents_command_lines_work",
    "CLI-11": "a_fresh_machine_passes_and_every_row_that_is_not_ok_has_a_remedy",
    "CLI-12": "the_environment_selects_the_venue the_documents_command_lines_work",
    "CLI-13": "the_environment_selects_the_venue",
    "CLI-14": "a_bad_value_is_refused_with_its_remedy the_documents_command_lines_work",
    "CLI-15": "a_perpetual_becomes_its_spot_pair_until_derivatives_are_enabled",
    "CLI-16": "validations_want_their_variable",
    "CLI-17": "with_the_real_adapter_no_order_is_sent",
    "CLI-18": "an_ecdsa_key_signs_in_every_pasted_shape a_key_of_the_older_exchange_api_is_refused_for_trading",
    "CLI-19": "a_key_of_the_older_exchange_api_is_refused_for_trading a_variable_that_means_nothing_is_an_error",
    "CLI-20": "the_keep_alive_switch the_environment_moves_data_and_switches_keep_alive",
    "CLI-21": "the_environment_selects_the_venue",
    "CLI-22": "live_without_a_key_ends_with_77_and_spot_force_live_alone_stays_on_paper",
    "CLI-23": "the_environment_moves_data_and_switches_keep_alive",
    "CLI-24": "a_second_signal_takes_the_cold_path sigterm_cancels_what_rests_and_ends_with_zero",
    "CLI-25": "sigusr1_refuses_growth_within_a_second_and_keeps_exits",
    "CLI-26": "a_key_that_may_transfer_and_one_the_venue_refuses_are_told "
    "live_without_a_usable_key_still_looks_at_what_needs_none",
    "CLI-27": "a_fresh_machine_passes_and_every_row_that_is_not_ok_has_a_remedy",
    "CLI-28": "the_documents_command_lines_work reduce_only_refuses_entries_keeps_exits_and_may_be_repeated",
    "CLI-29": "status_over_the_socket_and_from_the_file_are_the_same_screen",
    "CLI-30": "the_documents_command_lines_work",
}
VALIDATION = {
    **dict.fromkeys(
        ["VAL-01", "VAL-02", "VAL-04", "VAL-05", "VAL-06", "VAL-07"],
        "each_validation_passes_on_the_embedded_exchange validations_want_their_variable",
    ),
    "VAL-03": "each_validation_passes_on_the_embedded_exchange the_end_to_end_validation_runs_the_product",
    **dict.fromkeys(["VAL-08", "VAL-09", "VAL-13", "VAL-14"], "the_documents_command_lines_work"),
    "VAL-10": "a_fresh_machine_passes_and_every_row_that_is_not_ok_has_a_remedy "
    "each_validation_passes_on_the_embedded_exchange",
    "VAL-11": "each_command_line_of_the_runbook_is_understood",
    "VAL-12": "the_lists_and_procedures_of_the_documents_are_in_the_runbook dry_run_approves_and_posts_nothing",
    "VAL-15": "no_row_of_the_venue_is_left_out no_row_is_left_out the_end_to_end_validation_runs_the_product",
    "VAL-16": "the_lists_and_procedures_of_the_documents_are_in_the_runbook",
}
SECURITY = {
    "SEC-01": "a_run_whose_tests_all_pass_fails_when_a_secret_got_out an_uncaught_exception_is_told_without_its_secret",
    "SEC-02": "malformed_credentials_end_with_77_and_are_not_repeated a_secret_in_the_wrong_file_is_refused_and_not_printed "
    "a_process_of_run_py_leaves_no_core_dump",
    **dict.fromkeys(
        [f"SEC-{n:02d}" for n in (4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 15, 19)],
        "the_lists_and_procedures_of_the_documents_are_in_the_runbook",
    ),
    "SEC-14": "knowledge_grows_old no_window_ever_holds_more_than_allowed "
    "both_kinds_of_closing_lead_to_a_new_connection_with_fresh_tokens every_event_comes_back_equal_under_its_number",
    "SEC-16": "tightening_applies_at_once_and_loosening_waits_for_a_person the_kept_toml_gives_the_same_values_again",
    "SEC-17": "every_command_of_the_runbook_is_a_row_of_the_command_table",
    "SEC-18": "live_without_a_usable_key_still_looks_at_what_needs_none a_certificate_for_another_name_is_not_trusted",
    "SEC-21": "the_trading_process_never_loads_the_exchange_or_terminal_libraries",
}
ROWS = {**ARCHITECTURE, **MONITORING, **PROFILES, **COMMANDS, **VALIDATION, **SECURITY}
DIFFERENT = {
    *(f"ARCH-{number:02d}" for number in (3, 4, 5, 6, 7, 8, 19, 20, 29, 33)),
    *("MON-01", "MON-15", "MON-17", "MON-20"),
    *(f"PROF-{number:02d}" for number in (1, 2, 5, 6, 9, 10, 13, 14)),
    *(f"CLI-{number}" for number in (10, 11, 12, 18, 19, 22)),
    *("VAL-01", "VAL-02", "VAL-03", "SEC-03", "SEC-20", "SEC-21"),
}
LAST = {"ARCH": 33, "MON": 24, "PROF": 23, "CLI": 30, "VAL": 16, "SEC": 21}


@pytest.mark.parametrize("row", ROWS)
def test_every_row_of_the_operators_side_names_tests_that_exist(row: str) -> None:
    """A renamed test must be renamed here as well."""
    missing = set(ROWS[row].split()) - names_of_tests()
    assert not missing, f"{row} names {missing}"


def test_no_row_of_the_operators_side_is_left_out() -> None:
    """All rows of the six sections: shown by a test, or named as different."""
    assert set(ROWS) | DIFFERENT == rows_of(LAST)


def test_every_different_row_is_named_with_its_reason() -> None:
    """In docs/differences.md, alone or within a range; and nothing is named there that is not different."""
    assert rows_named_different(LAST) == DIFFERENT
