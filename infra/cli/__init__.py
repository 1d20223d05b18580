"""The command line: ``patriot``."""
