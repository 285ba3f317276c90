"""The version of lokki-cli; hatch reads it from here."""

__version__ = "0.1.0"
