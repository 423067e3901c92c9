"""Every proof of the interlocks that fits a few seconds; `python -m evidence.prove` makes the rest."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from evidence.prove import GROUPS, main
from evidence.prove_catalogue import TEXTS
from evidence.prove_code import LAYOUTS, code_claims
from evidence.prove_count import FEW, other_claims, rule_claims, step_claims
from evidence.prove_order import WAYS, order_claims, rounding_claims
from evidence.prove_permit import command_claims, permit_claims
from evidence.prove_rows import finite_claims, text_claims
from evidence.prove_solver import Claim, solve, vacuous
from rfgen.safety.catalogue import ROWS
from rfgen.safety.row import Row


def assert_proved(claims: Sequence[Claim]) -> None:
    assert claims
    failed = [str(result) for result in (solve(claim) for claim in claims) if not result.proved]
    assert not failed, "\n".join(failed)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_a_row_counts_as_true_when_and_only_when_the_catalogues_text_says(row: Row) -> None:
    assert_proved(text_claims([row]))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_no_signal_untrips_a_row_by_moving_the_wrong_way(row: Row) -> None:
    claims = order_claims([row])
    assert_proved(claims)
    assert not [claim.text for claim in claims if vacuous(claim)]


def test_what_is_no_number_is_never_fine() -> None:
    claims = finite_claims()
    assert len(claims) >= 18
    assert_proved(claims)


def test_products_and_sums_keep_to_what_the_proofs_of_order_use() -> None:
    assert_proved(rounding_claims())


def test_the_compiled_functions_say_what_the_rows_say_each_bit_its_own_rows_alone() -> None:
    claims = code_claims(layouts=LAYOUTS[:1])
    assert_proved(claims)
    armed = {row.id for row in ROWS if not row.refuses}
    assert armed <= {claim.about for claim in claims}


def test_one_step_of_the_supervisor_does_what_the_rule_of_counting_says() -> None:
    claims = step_claims(others=FEW)
    assert len(claims) >= 400
    assert_proved(claims)


def test_ticks_without_a_sample_and_causes_that_are_gone() -> None:
    assert_proved(other_claims())


def test_persistence_holds_for_runs_of_any_length() -> None:
    claims = rule_claims()
    assert_proved(claims)
    assert not [claim.text for claim in claims if vacuous(claim)]


def test_no_command_exceeds_the_limits_whatever_control_asks() -> None:
    assert_proved(permit_claims())
    assert_proved(command_claims())


def test_the_tables_hold_the_whole_page_and_nothing_else() -> None:
    """The count of the page's rows, restated."""
    assert len(TEXTS) == 48
    assert TEXTS.keys() == WAYS.keys()
    assert {row.id for row in ROWS} <= TEXTS.keys()


def test_the_command_says_what_it_proved(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rule", "permit"]) == 0
    said = capsys.readouterr().out
    assert "all proved" in said
    assert "10 of    10" in said
    with pytest.raises(SystemExit):
        main(["no such group"])
    assert "no such group" in capsys.readouterr().err
    assert len(GROUPS) == 10
