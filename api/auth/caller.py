"""Who makes a request."""

from collections.abc import Iterable
from datetime import datetime

import msgspec

from api.auth.role import Role
from api.errors import Problem


class Caller(msgspec.Struct, frozen=True):
    """``accounts`` None reaches every account; otherwise only those, whatever the role."""

    subject: str
    role: Role
    token_id: str
    expires_at: datetime
    accounts: frozenset[str] | None = None

    def reaches(self, account_id: str) -> bool:
        return self.accounts is None or account_id in self.accounts

    def require_account(self, account_id: str) -> None:
        """Raises Problem ``account_not_found``: a foreign account looks like a missing one."""
        if not self.reaches(account_id):
            raise account_not_found()

    def within(self, account_id: str | None) -> list[str] | None:
        """The accounts a list is narrowed to, None for all.

        Raises Problem ``account_not_found`` if the one asked for is out of reach.
        """
        if account_id is not None:
            self.require_account(account_id)
            return [account_id]
        return None if self.accounts is None else sorted(self.accounts)


def account_not_found() -> Problem:
    return Problem("account_not_found", "there is no such account")


def order_not_found() -> Problem:
    return Problem("order_not_found", "there is no such order")


def account_scope(accounts: Iterable[str]) -> frozenset[str]:
    return frozenset(account.lower() for account in accounts)
