from collections.abc import Callable

import msgspec
import pytest

from domain.errors import Conflict, Refused
from domain.risk.limits import Limits
from domain.strategy.events import StrategyActivated, StrategyParametersChanged
from domain.strategy.strategy import REQUIRED_LIMITS, Strategy
from tests.domain.controls.checks import scope
from tests.domain.risk.test_limits import FULL
from tests.domain.world import NOON


def defined() -> Strategy:
    strategy = Strategy.empty("s")
    strategy.define("Momentum", "momentum", {"window": "20"}, "ada", NOON)
    return strategy


def active() -> Strategy:
    strategy = defined()
    strategy.activate("grace", scope("strategy:s", FULL), NOON)
    return strategy


def test_defined_once() -> None:
    strategy = defined()
    assert (strategy.name, strategy.kind, strategy.parameters) == (
        "Momentum",
        "momentum",
        {"window": "20"},
    )
    assert not strategy.active
    with pytest.raises(Conflict) as refusal:
        strategy.define("x", "y", {}, "ada", NOON)
    assert refusal.value.code == "strategy_exists"


def test_nothing_before_it_is_defined() -> None:
    strategy = Strategy.empty("s")
    acts: list[Callable[[], None]] = [
        lambda: strategy.change_parameters({}, "ada", NOON),
        lambda: strategy.assign("a", NOON),
        lambda: strategy.activate("grace", scope("strategy:s", FULL), NOON),
    ]
    for act in acts:
        with pytest.raises(Conflict) as refusal:
            act()
        assert refusal.value.code == "strategy_not_defined"
    strategy.unassign("a", NOON)
    strategy.deactivate("x", NOON)
    assert strategy.version == 0


def test_assignments() -> None:
    strategy = defined()
    for account in ("a", "b", "a"):
        strategy.assign(account, NOON)
    strategy.unassign("b", NOON)
    strategy.unassign("b", NOON)
    assert (strategy.accounts, strategy.version) == ({"a"}, 4)


def test_a_reviewer_is_not_the_author() -> None:
    with pytest.raises(Refused) as refusal:
        defined().activate("ada", scope("strategy:s", FULL), NOON)
    assert refusal.value.code == "same_reviewer"


@pytest.mark.parametrize("missing", REQUIRED_LIMITS)
def test_no_activation_without_every_limit(missing: str) -> None:
    limits = msgspec.structs.replace(FULL, **{missing: None})
    with pytest.raises(Refused, match=missing) as refusal:
        defined().activate("grace", scope("strategy:s", limits), NOON)
    assert refusal.value.code == "limits_missing"


def test_activation_records_who_and_on_which_limits() -> None:
    strategy = active()
    event = strategy.pending[-1]
    assert isinstance(event, StrategyActivated)
    assert (event.reviewer, event.limits_version) == ("grace", 1)
    strategy.activate("grace", scope("strategy:s", Limits()), NOON)
    assert strategy.version == 2


def test_other_parameters_want_another_review() -> None:
    strategy = active()
    strategy.change_parameters({"window": "20"}, "ada", NOON)
    assert strategy.active
    strategy.change_parameters({"window": "30"}, "linus", NOON)
    event = strategy.pending[-1]
    assert isinstance(event, StrategyParametersChanged)
    assert (event.previous, strategy.active) == ({"window": "20"}, False)
    with pytest.raises(Refused):
        strategy.activate("linus", scope("strategy:s", FULL), NOON)


def test_deactivation() -> None:
    strategy = active()
    strategy.deactivate("done", NOON)
    strategy.deactivate("done", NOON)
    assert (strategy.active, strategy.version) == (False, 3)
