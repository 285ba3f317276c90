"""Steps: what each type does with a chunk of items."""
