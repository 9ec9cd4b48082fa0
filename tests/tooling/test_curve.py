"""The benchmark of the curve: what it says about a run, and what it installs."""

from __future__ import annotations

import pytest

from bench.curve.cases import SIDES, Case, Plan, curve_cases, promise_cases
from bench.curve.plot import spread
from bench.curve.results import Found, Point, Promise
from bench.environment import PEERS


def test_the_peers_are_pinned_by_name_and_version_alone() -> None:
    """A URL or a range would install something else elsewhere, or tomorrow."""
    pinned = PEERS.pinned()
    assert {"fipsagents", "openai-agents", "google-adk"} <= set(pinned)
    for name, version in pinned.items():
        assert version, name
        assert not set("@:/<>~ ") & set(name + version), name


def test_every_case_has_somebody_who_measures_it() -> None:
    """And a name of its own, by which its sessions are told apart."""
    cases = curve_cases(Plan()) + promise_cases(Plan())
    assert {case.contender for case in cases} == set(SIDES)
    assert len({case.name for case in cases}) == len(cases)


@pytest.mark.parametrize("length", [5, 10, 100, 1000, 10_000])
def test_no_session_outgrows_its_length_by_much(length: int) -> None:
    """Else a turn at 10 messages would be measured at 100."""
    plan = Plan()
    case = Case("append", length)
    visits = plan.rounds * (case.operations + 1)
    assert case.adds * visits / case.sessions(plan) <= max(3 * case.adds, length / 12)


def test_a_promise_knows_its_side() -> None:
    """A cost is bounded from above, a speed from below, and some ratios are only told."""
    assert Promise("sqlite", "cost", 1.2, 1.2).is_kept
    assert not Promise("sqlite", "cost", 1.3, 1.2).is_kept
    assert Promise("sqlite", "speed", 5.1, 5, least=True).is_kept
    assert not Promise("sqlite", "speed", 4.9, 5, least=True).is_kept
    assert Promise("sqlite", "told", 0.1, None).bound == ""


def test_promises_come_from_medians() -> None:
    """One slow turn does not break a promise, nor does a fast one keep it."""
    early = Point("sqlite", Case("process", 5), [1.0, 1.0, 9.0], [100, 100, 900])
    late = Point("sqlite", Case("process", 5000), [1.1, 1.1, 0.1], [110, 110, 1])
    ratios = [one.ratio for one in Found([early, late], {}, {}).promises()]
    assert ratios == [pytest.approx(1.1), pytest.approx(1.1)]


def test_labels_are_moved_apart_and_no_further() -> None:
    """Those that have room stay where their lines end."""
    assert spread([0.0, 5.0], 1.0) == [0.0, 5.0]
    assert spread([0.0, 0.0, 5.0], 1.0) == [-0.5, 0.5, 5.0]
    assert spread([0.0, 0.5, 1.0], 1.0) == [-0.5, 0.5, 1.5]
