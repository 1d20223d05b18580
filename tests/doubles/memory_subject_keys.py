"""Subjects' keys in memory, for tests of what is built on them. They pass the contract suite."""

import os
from uuid import UUID

from domain.client.sealed import KeyGone
from domain.client.subject_keys import Sealer, SubjectKeys
from infra.subject_keys.aes_gcm_sealer import KEY_BYTES, AesGcmSealer


class KeysAway(Exception):
    """What keeps the keys does not answer."""


class MemorySubjectKeys:
    """``fail_before`` and ``fail_after`` break the next destruction off, with nothing done or with
    everything done; ``restore`` brings back what was kept at a ``backup``."""

    def __init__(self) -> None:
        self.kept: dict[str, AesGcmSealer] = {}
        self.destroyed: set[str] = set()
        self.fail_before = False
        self.fail_after = False
        self._made = 0

    async def create(self, subject: str) -> Sealer:
        if subject in self.destroyed:
            raise KeyGone(subject)
        if subject not in self.kept:
            self._made += 1
            self.kept[subject] = AesGcmSealer(str(UUID(int=self._made)), os.urandom(KEY_BYTES))
        return self.kept[subject]

    async def find(self, subject: str) -> Sealer | None:
        return self.kept.get(subject)

    async def exists(self, subject: str) -> bool:
        return subject in self.kept

    async def destroy(self, subject: str) -> None:
        if self.fail_before:
            self.fail_before = False
            raise KeysAway
        self.kept.pop(subject, None)
        self.destroyed.add(subject)
        if self.fail_after:
            self.fail_after = False
            raise KeysAway

    def backup(self) -> dict[str, AesGcmSealer]:
        return dict(self.kept)

    def restore(self, backup: dict[str, AesGcmSealer]) -> None:
        self.kept = dict(backup)
        self.destroyed.clear()


def _conforms(keys: MemorySubjectKeys) -> SubjectKeys:
    return keys
