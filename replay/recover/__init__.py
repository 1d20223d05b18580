"""From a log to a core that can serve: what stands beside the log is made anew from it."""
