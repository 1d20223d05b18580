"""Real servers from Python wheels, run as child processes under a data directory."""
