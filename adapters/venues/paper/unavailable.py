"""No answer to a question, as opposed to an empty answer."""


class VenueUnavailable(ConnectionError):
    """The venue has stopped or cannot reach its journal: what it would say is not known."""
