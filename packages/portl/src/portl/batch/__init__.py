"""Rows between steps: lists that need not fit into memory, and the items of a batch with their earlier results."""
