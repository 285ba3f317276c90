"""Engines: what carries out a `JobPlan`."""
