"""The commands lokki-core brings along, each imported only when it is typed."""
