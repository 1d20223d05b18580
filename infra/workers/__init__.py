"""What background workers need of the machinery: checkpoints and leadership."""
