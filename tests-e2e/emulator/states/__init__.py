"""Step Functions: what MiniStack's interpreter does not do, or does otherwise than AWS."""
