# -*- coding: latin-1 -*-
"""Declares its encoding, so it parses."""

GREETING = "Grüß Gott"
