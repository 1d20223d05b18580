"""What a venue says that cannot be: kept with its raw text, and never acted on."""

from collections import OrderedDict

import msgspec

from domain.clock import Clock
from domain.command import Actor, ActorType, CommandContext, command_id_for
from domain.patience import insist
from domain.repository import Repository
from domain.session.session import Session
from domain.use_cases.change import change
from domain.venue import UnreadableAnswer, VenueUnavailable

REMEMBERED = 1_000
"""A venue that repeats itself for ever must not fill the log."""

_ACTOR = Actor(ActorType.SYSTEM, "execution", "execution")


class VenueProblems:
    """Records each problem once while it is remembered."""

    def __init__(self, repository: Repository, venue_name: str, clock: Clock) -> None:
        self._repository = repository
        self._venue_name = venue_name
        self._clock = clock
        self._known: OrderedDict[tuple[str, str], None] = OrderedDict()

    async def note_silence(self, error: VenueUnavailable) -> None:
        """No answer is no problem of data; an answer that makes no sense is."""
        if isinstance(error, UnreadableAnswer):
            await self.note("unreadable_answer", str(error), error.raw)

    async def note(self, code: str, reason: str, raw: object) -> None:
        """``raw`` is the venue's own text, or the value that was read from it."""
        text = raw if isinstance(raw, str) else msgspec.json.encode(raw).decode()
        text = text.encode(errors="replace").decode()  # half a character cannot be stored
        if (code, text) in self._known:
            return
        self._known[code, text] = None
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        command_id = command_id_for(
            "problem", self._venue_name, self._clock.now().isoformat(), code, text
        )
        context = CommandContext(command_id, str(command_id), _ACTOR)

        def decide(session: Session) -> None:
            session.note_problem(code, reason, text, self._clock.now())

        await insist(
            self._clock,
            lambda: change(self._repository, Session, self._venue_name, decide, context),
        )
