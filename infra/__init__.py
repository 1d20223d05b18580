"""The machinery: logs, databases, settings, telemetry, workers, the CLI and the composition root."""
