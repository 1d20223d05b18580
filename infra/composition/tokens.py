"""Bearer tokens for the CLI and for ``patriot up``, signed with the core's own secret."""

from datetime import timedelta

from api.auth.role import Role
from api.auth.token import mint
from infra.clock import SystemClock, SystemIds
from infra.settings import Settings
from infra.token_secret import token_secret

CLI_VALIDITY = timedelta(minutes=10)

__all__ = ["CLI_VALIDITY", "Role", "new_token"]


def new_token(
    settings: Settings,
    role: Role,
    subject: str,
    accounts: tuple[str, ...] = (),
    valid_for: timedelta | None = None,
) -> str:
    """Raises ValueError for a client without accounts, SettingsError for a bad secret."""
    return mint(
        token_secret(settings),
        token_id=SystemIds().new(),
        subject=subject,
        role=role,
        now=SystemClock().now(),
        valid_for=valid_for or timedelta(days=settings.token_days),
        accounts=accounts or None,
    )
