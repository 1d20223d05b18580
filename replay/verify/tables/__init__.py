"""The read models as the log has them, folded here by the domain alone: one file a table."""
