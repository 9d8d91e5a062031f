"""What two routes cost and where they cross."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nasstudio.engine.study.cost import (
    Cost,
    LoneSearch,
    Route,
    break_even,
    lone_route,
    shared_route,
    targets_needed,
    total,
)


def test_that_the_lectures_table_breaks_even_at_two_targets() -> None:
    # 1200 GPU-hours for one network for all, 2400 for two networks: 1200 each.
    crossing = break_even(shared_route(1200), lone_route(1200))
    assert crossing == 1.0
    assert lone_route(1200).cost(2) == 2 * shared_route(1200).cost(2) == 2400


def test_that_the_search_of_a_lone_network_moves_the_crossing() -> None:
    search = LoneSearch(networks=10, share=0.2)
    assert search.trainings == 2
    shared = shared_route(90, pairs=9, search=1)
    assert break_even(shared, lone_route(10)) == 99 / 9
    assert break_even(shared, lone_route(10, search)) == 99 / 29
    assert targets_needed(99 / 29) == 4


def test_that_a_route_that_is_never_cheaper_has_no_crossing() -> None:
    assert break_even(shared_route(100, tuning=5), lone_route(5)) is None
    assert targets_needed(None) is None
    assert break_even(Route(3, 1), Route(3, 1)) == 0.0
    assert targets_needed(0.0) == 1


@given(st.floats(1, 1e6), st.floats(0, 1e3), st.floats(1e-3, 1e4))
def test_that_both_routes_cost_the_same_where_they_cross(once, each, gain) -> None:
    shared, lone = Route(once, each), Route(0, each + gain)
    crossing = break_even(shared, lone)
    assert crossing is not None
    assert shared.cost(crossing) == pytest.approx(lone.cost(crossing))
    needed = targets_needed(crossing)
    assert needed is not None
    assert shared.cost(needed) <= lone.cost(needed) * (1 + 1e-6)


def test_that_unknown_seconds_stay_unknown_and_passes_add_up() -> None:
    assert total([Cost(1.5, 10), Cost(2.0, 20)]) == Cost(3.5, 30)
    assert total([Cost(1.5, 10), Cost(None, 20)]) == Cost(None, 30)
    assert total([]) == Cost(0.0, 0)
