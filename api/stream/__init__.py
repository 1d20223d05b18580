"""Changes pushed to WebSocket clients as they happen."""
