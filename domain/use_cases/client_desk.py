"""What can be asked for about clients as persons."""

import re
from collections.abc import Mapping
from contextlib import aclosing
from datetime import datetime

import msgspec

from domain.client.client import Client, Erasure, SubjectStatus
from domain.client.personal_field import PersonalField, check
from domain.client.sealed import KeyGone
from domain.client.subject_keys import Sealer, SubjectKeys
from domain.clock import Clock
from domain.command import CommandContext, Metadata
from domain.errors import InvalidInput, NotFound
from domain.log import EventLog, RecordedEvent
from domain.repository import Repository
from domain.use_cases.change import change
from domain.use_cases.result import Done

ERASED = "erased"
"""What a detail reads as once its key is destroyed."""

_SUBJECT = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
_REASON = re.compile(r"[^\x00-\x1f\x7f]{1,500}")

_decode_metadata = msgspec.json.Decoder(Metadata).decode


class Subject(msgspec.Struct, frozen=True):
    """``details`` are in clear while ``status`` is recorded, the word erased once it is erased,
    and None while it is being erased. ``recorded_at`` is when the newest of them came."""

    subject: str
    status: SubjectStatus
    details: dict[PersonalField, str | None]
    recorded_at: datetime
    erasure: Erasure | None


class Erased(msgspec.Struct, frozen=True):
    """``already`` tells that it had been erased before; when and why are of the first time."""

    subject: str
    already: bool
    reason: str
    requested_at: datetime
    erased_at: datetime


class ClientDesk:
    """Records personal details, shows them, and erases a subject.

    An erasure is an intention in the log, then the act, then its outcome in the log. From the
    intention on nothing is shown or recorded. Whatever stops it between two steps, the same
    command again goes on: destroying a destroyed key changes nothing. The outcome is recorded
    after the key is gone and never before, so that nobody is told "erased" while a key exists.
    """

    def __init__(
        self, repository: Repository, log: EventLog, keys: SubjectKeys, clock: Clock
    ) -> None:
        self._repository = repository
        self._log = log
        self._keys = keys
        self._clock = clock

    async def record(
        self,
        subject: str,
        details: Mapping[PersonalField, str | None],
        context: CommandContext,
    ) -> Done:
        """Keep these details under the subject's key; None stops keeping one, others stay.

        Raises InvalidInput ``invalid_subject``, ``invalid_detail``, ``no_details``; Conflict
        ``subject_erased``; KeyGone, KeyDamaged, SealBroken; and as ``change``.
        """
        check_subject(subject)
        check_details(details)
        client = await self._repository.look(Client, subject)
        client.require_not_erased()
        sealer = await self._sealer(client)

        def decide(client: Client) -> None:
            client.record(details, sealer, self._clock.now())

        return await change(self._repository, Client, subject, decide, context)

    async def show(self, subject: str) -> Subject:
        """Raises InvalidInput ``invalid_subject``, NotFound ``subject_not_found``, Conflict
        ``subject_erased`` if that happens meanwhile; KeyGone, KeyDamaged, SealBroken; and as
        Repository.load."""
        check_subject(subject)
        client = await self._repository.look(Client, subject)
        if not client.exists:
            raise NotFound("subject_not_found", f"nothing was ever recorded of {subject}")
        status = await self._status(client)
        return Subject(
            subject=subject,
            status=status,
            details=await self._readable(client, status),
            recorded_at=client.recorded_at or client.modified_on,
            erasure=client.erasure,
        )

    async def erase(self, subject: str, reason: str, context: CommandContext) -> Erased:
        """Destroy the subject's key. Done before, it is made sure that no key came back since.

        Raises InvalidInput ``invalid_subject``, ``invalid_reason``; NotFound
        ``subject_not_found``; what the keys raise; and as ``change``.
        """
        check_subject(subject)
        check_reason(reason)

        def intend(client: Client) -> None:
            client.request_erasure(reason, self._clock.now())

        await change(self._repository, Client, subject, intend, context)
        await self._keys.destroy(subject)
        client = await self._repository.look(Client, subject)
        already = client.status is SubjectStatus.ERASED
        if not already:
            await self._confirm(client, context)
        return _erased(await self._repository.look(Client, subject), already=already)

    async def _sealer(self, client: Client) -> Sealer:
        """A subject's key is made with its first details; one that is lost is not replaced."""
        if not client.exists:
            return await self._keys.create(client.id)
        sealer = await self._keys.find(client.id)
        if sealer is None:
            (await self._repository.look(Client, client.id)).require_not_erased()
            raise KeyGone(client.id)
        return sealer

    async def _status(self, client: Client) -> SubjectStatus:
        """A key that has come back, with a backup, makes what is erased readable again."""
        if client.status is SubjectStatus.ERASED and await self._keys.exists(client.id):
            return SubjectStatus.ERASING
        return client.status

    async def _readable(
        self, client: Client, status: SubjectStatus
    ) -> dict[PersonalField, str | None]:
        if status is not SubjectStatus.RECORDED:
            word = ERASED if status is SubjectStatus.ERASED else None
            return dict.fromkeys(client.details, word)
        return {**client.opened(await self._sealer(client))}

    async def _confirm(self, client: Client, context: CommandContext) -> None:
        """The outcome follows from the intention, whoever carried it out in the end."""
        intention = await self._intention(client)
        outcome = msgspec.structs.replace(
            context.caused("outcome"),
            correlation_id=_decode_metadata(intention.metadata).correlation_id,
            causation_id=str(intention.id),
        )

        def confirm(client: Client) -> None:
            client.confirm_erasure(self._clock.now())

        await change(self._repository, Client, client.id, confirm, outcome)

    async def _intention(self, client: Client) -> RecordedEvent:
        assert client.erasure is not None
        before = client.erasure.requested_version - 1
        pages = self._log.read_stream(client.stream, after_version=before, page_size=1)
        async with aclosing(pages):
            return (await anext(pages))[0]


def check_subject(subject: str) -> None:
    """Raises InvalidInput ``invalid_subject``."""
    if not _SUBJECT.fullmatch(subject):
        message = "a subject is a client's pseudonym: 1 to 64 letters, digits, dots, _ and -"
        raise InvalidInput("invalid_subject", message, "subject")


def check_details(details: Mapping[PersonalField, str | None]) -> None:
    """Raises InvalidInput ``no_details``, ``invalid_detail``."""
    if not details:
        raise InvalidInput("no_details", "there are no details to record", "details")
    for field, text in details.items():
        if text is not None:
            check(field, text)


def check_reason(reason: str) -> None:
    """Raises InvalidInput ``invalid_reason``."""
    if not _REASON.fullmatch(reason):
        message = "a reason has 1 to 500 characters and no line breaks"
        raise InvalidInput("invalid_reason", message, "reason")


def _erased(client: Client, *, already: bool) -> Erased:
    erasure = client.erasure
    assert erasure is not None
    assert erasure.erased_at is not None
    return Erased(client.id, already, erasure.reason, erasure.requested_at, erasure.erased_at)
