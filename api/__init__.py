"""REST, WebSocket and authentication over the use cases and the read models."""
