"""The statements of this package."""

from importlib.resources import files

_here = files(__package__)

SCHEMA = (_here / "schema.sql").read_text()
LOAD_CHECKPOINT = (_here / "load_checkpoint.sql").read_text()
SAVE_CHECKPOINT = (_here / "save_checkpoint.sql").read_text()
NEXT_EPOCH = (_here / "next_epoch.sql").read_text()
TRY_LEAD = (_here / "try_lead.sql").read_text()
WORKING_ORDERS = (_here / "working_orders.sql").read_text()
PROJECTED_POSITION = (_here / "projected_position.sql").read_text()
PULSE = (_here / "pulse.sql").read_text()
