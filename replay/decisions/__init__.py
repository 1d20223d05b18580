"""Decision replay: every recorded decision taken again on exactly what it was taken on."""
