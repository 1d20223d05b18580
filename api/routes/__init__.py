"""One module per noun: what can be asked for over HTTP."""
