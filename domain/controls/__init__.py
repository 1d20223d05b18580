"""Pre-trade controls: pure functions over explicit inputs, one file each."""
