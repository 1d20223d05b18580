"""Roles a token can have."""

from enum import StrEnum


class Role(StrEnum):
    """``client`` is always bound to accounts; ``developer`` watches the system, not the money."""

    CLIENT = "client"
    OPERATOR = "operator"
    MANAGER = "manager"
    COMPLIANCE = "compliance"
    DEVELOPER = "developer"
    ADMIN = "admin"
