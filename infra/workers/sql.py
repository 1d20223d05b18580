"""The statements of this package."""

from importlib.resources import files

_here = files(__package__)

SCHEMA = (_here / "schema.sql").read_text()
LOAD_CHECKPOINT = (_here / "load_checkpoint.sql").read_text()
SAVE_CHECKPOINT = (_here / "save_checkpoint.sql").read_text()
REGISTER_ROLE = (_here / "register_role.sql").read_text()
READ_LEASE = (_here / "read_lease.sql").read_text()
TAKE_LEASE = (_here / "take_lease.sql").read_text()
RENEW_LEASE = (_here / "renew_lease.sql").read_text()
RELEASE_LEASE = (_here / "release_lease.sql").read_text()
PULSE = (_here / "pulse.sql").read_text()
