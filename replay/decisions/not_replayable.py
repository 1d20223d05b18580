"""A decision whose inputs cannot be had any more: told, never guessed."""


class NotReplayable(Exception):
    """The message says what is missing."""
