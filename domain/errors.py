"""What the core refuses, each with a stable code that callers may rely on."""


class Refused(Exception):
    """Base: the request was understood and not done; nothing was appended.

    ``code`` is stable (snake_case), the message is for people, ``field`` names the input.
    """

    def __init__(self, code: str, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.field = field


class InvalidInput(Refused):
    """The input cannot be right, whatever the state of the system."""


class NotFound(Refused):
    """What the request names does not exist for this caller."""


class Conflict(Refused):
    """The request is right in itself but not in the present state."""


class Busy(Refused):
    """Too many writers raced for one stream; try again with the same idempotency key."""
