"""Whether an account is there for a caller."""

from api.auth.caller import Caller, account_not_found
from api.queries import query
from api.reads.database import Database
from api.reads.rows import Row

_ACCOUNT = query("account")


class AccountReader:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def account(self, account_id: str, caller: Caller) -> Row:
        """Raises Problem ``account_not_found``: a foreign account looks like a missing one."""
        caller.require_account(account_id)
        row = await self._database.row(_ACCOUNT, account_id)
        if row is None:
            raise account_not_found()
        return row
