"""A flow's graph as a Step Functions definition. Pure: no I/O in any of these modules."""
