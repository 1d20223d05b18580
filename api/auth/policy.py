"""Which roles a route is for. A route without a policy cannot be added to the API."""

from collections.abc import Callable
from typing import TypeVar

import msgspec

from api.auth.caller import Caller
from api.auth.role import Role
from api.errors import Problem

Endpoint = TypeVar("Endpoint", bound=Callable[..., object])


class Policy(msgspec.Struct, frozen=True):
    """``roles`` None admits anybody without a token.

    ``whole_system`` admits only tokens that are not bound to accounts: what the route tells is
    about all of them.
    """

    roles: frozenset[Role] | None
    whole_system: bool = False

    @property
    def is_public(self) -> bool:
        return self.roles is None

    def admits(self, caller: Caller) -> bool:
        if self.roles is None:
            return True
        return caller.role in self.roles and not (self.whole_system and caller.accounts is not None)

    def require(self, caller: Caller) -> None:
        """Raises Problem ``forbidden``."""
        if self.roles is None:
            return
        if caller.role not in self.roles:
            raise Problem("forbidden", f"the role {caller.role} may not do this")
        if self.whole_system and caller.accounts is not None:
            raise Problem("forbidden", "the token is bound to accounts")


class UndeclaredPolicy(Exception):
    """A route was added without saying whom it is for."""


def allow(policy: Policy) -> Callable[[Endpoint], Endpoint]:
    """Declare an endpoint's policy."""

    def declare(endpoint: Endpoint) -> Endpoint:
        endpoint.__policy__ = policy  # type: ignore[attr-defined]  # functions take attributes
        return endpoint

    return declare


def policy_of(endpoint: Callable[..., object]) -> Policy:
    """Raises UndeclaredPolicy."""
    policy = getattr(endpoint, "__policy__", None)
    if not isinstance(policy, Policy):
        raise UndeclaredPolicy(f"{endpoint!r} has no policy: declare one with @allow(…)")
    return policy


def _roles(*roles: Role) -> frozenset[Role]:
    return frozenset({Role.ADMIN, *roles})


PUBLIC = Policy(None)
ANYBODY = Policy(frozenset(Role))
READ_MONEY = Policy(_roles(Role.CLIENT, Role.OPERATOR, Role.MANAGER, Role.COMPLIANCE))
TRADE = Policy(_roles(Role.CLIENT, Role.OPERATOR, Role.MANAGER))
MOVE_MONEY = Policy(_roles(Role.OPERATOR, Role.MANAGER))
OVERSEE = Policy(_roles(Role.OPERATOR, Role.MANAGER, Role.COMPLIANCE))
OPEN_ACCOUNTS = Policy(_roles(Role.OPERATOR, Role.MANAGER), whole_system=True)
HALT = Policy(_roles(Role.OPERATOR, Role.MANAGER, Role.COMPLIANCE), whole_system=True)
SET_RISK = Policy(_roles(Role.MANAGER), whole_system=True)
READ_LOG = Policy(_roles(Role.OPERATOR, Role.MANAGER, Role.COMPLIANCE), whole_system=True)
WATCH_SYSTEM = Policy(
    _roles(Role.OPERATOR, Role.MANAGER, Role.COMPLIANCE, Role.DEVELOPER), whole_system=True
)
