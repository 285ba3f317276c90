"""The commands of lokki-cli, each imported only when it is typed: options in, text and an exit code out."""
