"""Jobs of the older format, `source` and `destination`: read in all three dialects, translated into steps."""
