"""The command line: thin commands over what can be called from Python."""
