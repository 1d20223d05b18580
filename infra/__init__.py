"""The machinery: logs, databases, settings, telemetry, workers, CLI, composition root."""
