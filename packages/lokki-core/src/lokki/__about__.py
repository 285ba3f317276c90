"""The version of lokki-core; hatch reads it from here."""

__version__ = "0.1.0"
