"""Read models: one file each, and the worker that folds the log into them."""
