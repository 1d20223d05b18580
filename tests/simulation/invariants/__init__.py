"""What must be true whatever fails: one file each, functions on the story of log and venue."""
