"""What a master key wraps opens with it alone, and for one subject alone."""

import os

import pytest

from infra.subject_keys.master_key import MasterKey, MasterKeys, WrapBroken

HEX = "0f" * 32


def test_what_it_wraps_belongs_to_one_subject() -> None:
    master, key = MasterKey(bytes.fromhex(HEX)), os.urandom(32)
    wrapped = master.wrap(key, "alice 1")
    assert master.unwrap(wrapped, "alice 1") == key
    assert key not in wrapped
    assert master.wrap(key, "alice 1") != wrapped
    for broken, belongs_to in ((wrapped, "bob 1"), (wrapped[:-1], "alice 1"), (b"", "alice 1")):
        with pytest.raises(WrapBroken):
            master.unwrap(broken, belongs_to)
    with pytest.raises(WrapBroken):
        MasterKey(os.urandom(32)).unwrap(wrapped, "alice 1")


def test_its_id_tells_nothing_of_it() -> None:
    master = MasterKey(bytes.fromhex(HEX))
    assert len(master.id) == 16
    assert master.id not in HEX
    assert HEX not in repr(master) + str(vars(master))


def test_the_first_of_several_wraps_and_all_open() -> None:
    new, old = MasterKey(os.urandom(32)), MasterKey(bytes.fromhex(HEX))
    masters = MasterKeys([new, old])
    assert masters.current is new
    assert masters.ids == {new.id, old.id}
    assert masters.get(old.id) is old
    assert masters.get("another") is None
