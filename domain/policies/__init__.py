"""Pure functions from an event to the commands that follow from it."""
