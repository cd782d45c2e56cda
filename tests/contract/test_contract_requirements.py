"""Requirements 1.2, 1.8, 1.9 and 1.11 to 1.14: the table row -> tests, checked to name tests that exist.

A row whose behaviour lives in another room names that room's test. The table is read by people; this file only keeps it true.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

TESTS = Path(__file__).parent.parent

MARKET_DATA = {
    "MKT-01": "polling_tells_the_same_without_a_stream",
    "MKT-02": "both_feeds_tell_market_and_orders",
    "MKT-03": "sums_and_ranges_equal_those_over_all_closes_after_every_bar memory_is_bounded_whatever_the_number_of_bars",
    "MKT-04": "perpetuals_from_the_first_contract_to_flat",
    "MKT-05": "a_snapshot_gives_a_quote_and_a_top each_filter_rejects_with_its_own_reason",
    "MKT-06": "old_marks_refuse_and_only_an_operator_may_still_leave",
    "MKT-07": "old_marks_refuse_and_only_an_operator_may_still_leave",
    "MKT-08": "old_marks_refuse_and_only_an_operator_may_still_leave",
    "MKT-09": "without_depth_quotes_come_from_the_ticker trades_give_last_price_and_volume_and_are_told_on_request",
    "MKT-10": "notebooks_iterate_over_the_streams",
    "MKT-11": "notebooks_iterate_over_the_streams",
    "MKT-12": "notebooks_iterate_over_the_streams a_lost_user_message_is_a_gap_for_the_books",
    "MKT-13": "every_documented_frame_is_read a_frame_without_its_time_is_bad numbers_come_through_exactly",
    "MKT-14": "perpetuals_from_the_first_contract_to_flat",
    "MKT-15": "every_name_leads_to_todays_product",
    "MKT-16": "perpetuals_are_discovered_by_their_funding",
    "MKT-17": "perpetuals_from_the_first_contract_to_flat funding_is_told_for_perpetuals_only",
    "MKT-18": "one_seed_gives_one_market_however_it_is_polled",
    "MKT-19": "every_pair_passes_the_documents_filters_and_crosses_twice_a_minute every_shipped_profile_loads",
    "MKT-20": "restart_gives_a_symbol_a_new_incarnation",
    "MKT-21": "depth_is_in_quote_currency_and_counts_contracts the_tape_equals_a_naive_sum",
    "MKT-22": "a_heartbeat_proves_that_a_silent_book_still_stands a_product_silent_too_long_must_prove_itself_by_a_snapshot",
}
EXECUTION = {
    "EXEC-01": "a_market_order_always_carries_its_worst_price a_taking_order_fills_and_the_account_agrees",
    "EXEC-02": "each_kind_of_order_uses_the_documented_configuration a_partly_filled_order_rests_with_the_rest",
    "EXEC-03": "a_partly_filled_order_rests_with_the_rest",
    "EXEC-04": "what_immediate_or_cancel_does_not_get_is_cancelled",
    "EXEC-05": "impossible_combinations_are_bugs_of_ours",
    "EXEC-06": "reducing_is_a_matter_of_quantity",
    "EXEC-07": "a_resting_order_is_listed_until_it_is_cancelled a_refusal_has_a_code_and_changes_nothing",
    "EXEC-08": "leverage_goes_out_only_where_the_venue_documents_it perpetuals_from_the_first_contract_to_flat",
    "EXEC-09": "a_client_id_names_one_order_for_ever",
    "EXEC-10": "the_same_client_id_again_makes_no_second_order",
    "EXEC-11": "kill_minus_nine_at_chosen_points_loses_and_doubles_nothing",
    "EXEC-12": "both_feeds_tell_market_and_orders missed_fills_come_back_from_the_fill_list_once",
    "EXEC-13": "a_partly_filled_order_rests_with_the_rest",
    "EXEC-14": "a_refusal_has_a_code_and_changes_nothing a_rejected_order_is_not_sent_again",
    "EXEC-15": "a_resting_order_is_listed_until_it_is_cancelled",
    "EXEC-16": "a_fill_that_overtakes_a_cancel_is_booked",
    "EXEC-17": "an_order_is_changed_in_place edit_says_why_it_was_refused",
    "EXEC-18": "each_order_has_one_row_with_its_last_state orders_are_kept_by_the_day_they_were_decided_on",
    "EXEC-19": "a_preview_creates_nothing preview_lists_its_errors",
    "EXEC-20": "the_cold_path_empties_the_portfolio_and_proves_it kill_halts_cancels_and_leaves_the_operators_exit_open",
    "EXEC-21": "a_taking_order_fills_and_the_account_agrees",
    "EXEC-22": "a_resting_order_is_listed_until_it_is_cancelled",
    "EXEC-23": "each_fault_has_its_outcome_and_one_post",
    "EXEC-24": "an_order_at_the_touch_waits_for_the_queue_ahead_of_it a_taker_walks_the_book_from_the_best_price",
    "EXEC-25": "each_order_has_one_row_with_its_last_state",
    "EXEC-26": "filled_quantity_never_decreases_and_rank_never_falls",
    "EXEC-27": "missed_fills_come_back_from_the_fill_list_once a_fault_loses_and_doubles_nothing",
    "EXEC-28": "a_fill_that_overtakes_a_cancel_is_booked",
    "EXEC-29": "perpetuals_from_the_first_contract_to_flat",
    "EXEC-30": "a_refusal_has_a_code_and_changes_nothing",
    "EXEC-31": "below_the_minimum_it_is_raised_or_refused",
    "EXEC-32": "the_backoff_is_the_documents_own_example retry_after_is_obeyed_and_the_client_still_ends",
    "EXEC-33": "a_refused_connection_proves_that_nothing_was_sent the_same_client_id_again_makes_no_second_order",
    "EXEC-34": "each_failure_is_one_row_with_its_reason_and_a_success_is_none",
    "EXEC-35": "a_position_survives_an_orderly_restart kill_minus_nine_at_chosen_points_loses_and_doubles_nothing",
    "EXEC-36": "half_a_minute_of_faults_breaks_no_limit",
    "EXEC-37": "a_derivative_position_is_the_venues a_foreign_order_makes_the_account_reduce_only_and_is_left_alone",
    "EXEC-38": "close_position_follows_the_rules_of_placing a_short_in_contracts_from_entry_to_close",
    "EXEC-39": "flatten_closes_what_is_held_and_keeps_it_closed",
    "EXEC-40": "any_order_and_any_repetition_of_reports_ends_in_the_same_order",
    "EXEC-41": "a_derivative_is_netted_in_contracts",
    "EXEC-42": "each_table_holds_line_by_line",
    "EXEC-43": "margin_carries_the_worst_case_of_all_derivatives perpetuals_from_the_first_contract_to_flat",
    "EXEC-44": "the_level_never_moves_back",
    "EXEC-45": "cancels_are_answered_one_by_one_and_in_chunks",
    "EXEC-46": "reads_are_repeated_as_the_documents_say",
    "EXEC-47": "the_error_tree_of_the_documents a_revoked_key_halts_and_sends_nothing_more",
    "EXEC-48": "impact_is_walked_through_the_real_book",
    "EXEC-49": "a_fill_is_not_what_was_asked orders_are_rejected_for_every_reason",
}
PRODUCTS = {
    "PROD-01": "knowledge_grows_old",
    "PROD-02": "every_listed_product_is_understood",
    "PROD-03": "funding_is_told_for_perpetuals_only",
    "PROD-04": "the_documents_example_is_quantized",
    "PROD-05": "funding_is_told_for_perpetuals_only",
    "PROD-06": "a_us_perpetual_style_future an_intx_perpetual",
    "PROD-07": "a_us_perpetual_style_future an_intx_perpetual a_dated_future_keeps_its_id",
    "PROD-08": "quantizing_never_makes_an_order_larger_or_worse",
    "PROD-09": "quantizing_never_makes_an_order_larger_or_worse",
    "PROD-10": "quantizing_never_makes_an_order_larger_or_worse",
    "PROD-11": "what_the_rules_do_not_allow_fails_with_the_documents_words",
    "PROD-12": "what_the_rules_do_not_allow_fails_with_the_documents_words",
    "PROD-13": "what_the_rules_do_not_allow_fails_with_the_documents_words",
    "PROD-14": "the_documents_example_is_quantized",
    "PROD-15": "a_coarser_tick_is_learned_from_the_refusals",
    "PROD-16": "knowledge_grows_old",
    "PROD-17": "a_short_in_contracts_from_entry_to_close",
    "PROD-18": "the_documented_bodies_of_both_venues_are_read",
    "PROD-19": "numbers_come_through_exactly what_is_no_plain_number_is_refused",
}
REST = {
    "REST-01": "every_documented_body_is_read",
    "REST-02": "the_exchange_signature_is_the_documented_hmac derivatives_are_refused_in_exchange_mode",
    "REST-03": "every_request_has_a_fresh_token_bound_to_its_path",
    "REST-04": "only_allowed_hosts_are_talked_to",
    "REST-05": "only_allowed_hosts_are_talked_to",
    "REST-06": "the_keep_alive_switch",
    "REST-07": "the_keep_alive_switch",
    "REST-08": "the_keep_alive_switch the_environment_moves_data_and_switches_keep_alive",
    "REST-09": "an_idle_connection_closed_by_the_peer_is_replaced",
    "REST-10": "no_window_ever_holds_more_than_allowed",
    "REST-11": "the_minute_window_slides",
    "REST-12": "the_warning_comes_once_per_crossing_of_eighty_percent",
    "REST-13": "reads_leave_room_for_entries_and_both_for_exits without_throttle_everything_goes_and_is_counted",
    "REST-14": "the_minute_window_slides",
    "REST-15": "reads_are_repeated_as_the_documents_say",
    "REST-16": "the_backoff_is_the_documents_own_example",
    "REST-17": "the_backoff_is_the_documents_own_example",
    "REST-18": "the_backoff_is_the_documents_own_example",
    "REST-19": "the_backoff_is_the_documents_own_example",
    "REST-20": "the_backoff_is_the_documents_own_example",
    "REST-21": "retry_after_in_all_its_forms retry_after_is_obeyed_and_the_client_still_ends",
    "REST-22": "reads_are_repeated_as_the_documents_say other_answers_are_not_repeated",
    "REST-23": "reads_are_repeated_as_the_documents_say",
    "REST-24": "the_error_tree_of_the_documents",
    "REST-25": "the_error_tree_of_the_documents",
    "REST-26": "the_error_tree_of_the_documents",
    "REST-27": "the_error_tree_of_the_documents",
    "REST-28": "the_error_tree_of_the_documents",
    "REST-29": "the_error_tree_of_the_documents",
    "REST-30": "the_error_tree_of_the_documents",
    "REST-31": "the_error_tree_of_the_documents",
    "REST-32": "the_error_tree_of_the_documents",
    "REST-33": "the_error_tree_of_the_documents",
    "REST-34": "close_position_follows_the_rules_of_placing the_documented_bodies_of_both_venues_are_read",
    "REST-35": "each_fault_has_its_outcome_and_one_post",
    "REST-36": "the_minute_window_slides",
    "REST-37": "the_backoff_is_the_documents_own_example",
    "REST-38": "knowledge_grows_old",
    "REST-39": "the_intx_side_is_read_from_its_own_portfolio",
    "REST-40": "a_preview_creates_nothing",
    "REST-41": "reads_are_repeated_as_the_documents_say",
    "REST-42": "an_idle_connection_closed_by_the_peer_is_replaced",
}
AUTHENTICATION = {
    "AUTH-01": "the_exchange_signature_is_the_documented_hmac",
    "AUTH-02": "an_ecdsa_key_signs_in_every_pasted_shape an_ed25519_key_signs_in_every_pasted_shape",
    "AUTH-03": "every_request_has_a_fresh_token_bound_to_its_path",
    "AUTH-04": "exchange_credentials_need_all_three_parts the_handbook_names_every_variable_the_loader_reads",
    "AUTH-05": "derivatives_are_refused_in_exchange_mode",
    "AUTH-06": "the_key_may_trade_and_not_transfer",
    "AUTH-07": "derivatives_are_refused_in_exchange_mode",
    "AUTH-08": "everything_is_subscribed_with_one_fresh_token_per_message a_stream_token_is_not_bound_to_a_path",
    "AUTH-09": "a_new_key_signs_the_next_connection",
    "AUTH-10": "exchange_credentials_need_all_three_parts",
    "AUTH-11": "a_secret_in_the_wrong_file_is_refused_and_not_printed",
    "AUTH-12": "tokens_follow_the_venues_clock_when_ours_is_wrong",
    "AUTH-13": "the_key_may_trade_and_not_transfer a_key_that_may_transfer_and_one_the_venue_refuses_are_told",
    "AUTH-14": "another_host_than_coinbase_is_refused",
}
STREAMS = {
    "WS-01": "trades_give_last_price_and_volume_and_are_told_on_request",
    "WS-02": "without_depth_quotes_come_from_the_ticker",
    "WS-03": "the_recorded_feed_gives_the_naive_book_after_every_message",
    "WS-04": "the_user_feed_is_up_after_its_snapshot_and_tells_repeats_too",
    "WS-05": "pauses_double_up_to_the_cap_with_jitter_and_reset_after_a_stable_minute",
    "WS-06": "both_kinds_of_closing_lead_to_a_new_connection_with_fresh_tokens",
    "WS-07": "a_gap_says_how_many_are_missing_and_where the_guard_by_stories",
    "WS-08": "a_new_guard_forgets",
    "WS-09": "a_lost_user_message_is_a_gap_for_the_books backfill_finds_what_happened_since_the_watermark",
    "WS-10": "silence_is_noticed_without_any_message",
    "WS-11": "data_does_not_stand_in_for_heartbeats",
    "WS-12": "the_guard_counts_every_number_once repeated_and_late_book_messages_are_not_applied",
    "WS-13": "repeated_and_late_book_messages_are_not_applied the_tape_sums_the_last_minute_once_per_trade",
    "WS-14": "no_fill_is_lost_and_none_counted_twice_by_a_fault_of_the_stream",
    "WS-15": "silence_is_noticed_without_any_message both_kinds_of_closing_lead_to_a_new_connection_with_fresh_tokens",
    "WS-16": "metrics_carry_the_documents_names",
    "WS-17": "metrics_carry_the_documents_names",
    "WS-18": "each_step_of_an_order_is_told_whole every_documented_frame_is_read",
    "WS-19": "both_feeds_tell_market_and_orders",
}
RELIABILITY = {
    "REL-01": "reads_are_repeated_as_the_documents_say",
    "REL-02": "the_breaker_by_stories five_failures_open_the_circuit_for_orders_but_never_for_cancels",
    "REL-03": "maintenance_ends_and_trading_goes_on a_product_that_disappears_stops_alone",
    "REL-04": "each_failure_is_one_row_with_its_reason_and_a_success_is_none",
    "REL-05": "the_error_tree_of_the_documents a_revoked_key_halts_and_sends_nothing_more",
    "REL-06": "a_second_signal_takes_the_cold_path a_hung_owner_of_trading_halts_through_the_cold_path",
    "REL-07": "old_marks_refuse_and_only_an_operator_may_still_leave",
    "REL-08": "kill_minus_nine_at_any_moment_loses_no_acknowledged_event",
    "REL-09": "kill_minus_nine_at_chosen_points_loses_and_doubles_nothing",
    "REL-10": "a_crashed_risk_actor_recovers_from_the_journal_and_trading_goes_on",
    "REL-11": "more_crashes_than_the_budget_quarantine_the_symbol_and_bring_reduce_only",
    "REL-12": "a_derivative_position_is_the_venues a_fault_loses_and_doubles_nothing",
    "REL-13": "a_fault_while_placing a_fault_loses_and_doubles_nothing",
    "REL-14": "both_kinds_of_closing_lead_to_a_new_connection_with_fresh_tokens a_fault_loses_and_doubles_nothing",
    "REL-15": "old_marks_refuse_and_only_an_operator_may_still_leave",
    "REL-16": "the_liquidation_buffer_holds_its_symbol perpetuals_from_the_first_contract_to_flat",
    "REL-17": "a_backup_of_the_folder_restores_elsewhere_and_continues the_documents_command_lines_work",
    "REL-18": "more_crashes_than_the_budget_quarantine_the_symbol_and_bring_reduce_only",
}
ROWS = {**MARKET_DATA, **EXECUTION, **PRODUCTS, **REST, **AUTHENTICATION, **STREAMS, **RELIABILITY}
LAST = {"MKT": 22, "EXEC": 49, "PROD": 19, "REST": 42, "AUTH": 14, "WS": 19, "REL": 18}


@pytest.fixture(scope="module")
def known() -> set[str]:
    """The names of all tests of the project, without their prefix."""
    return {
        node.name.removeprefix("test_")
        for path in TESTS.rglob("test_*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }


@pytest.mark.parametrize("row", ROWS)
def test_every_row_of_the_venue_names_tests_that_exist(row: str, known: set[str]) -> None:
    """A renamed test must be renamed here as well."""
    missing = set(ROWS[row].split()) - known
    assert not missing, f"{row} names {missing}"


def test_no_row_of_the_venue_is_left_out() -> None:
    """All rows of the seven sections, each once."""
    assert set(ROWS) == {f"{name}-{number:02d}" for name, last in LAST.items() for number in range(1, last + 1)}
