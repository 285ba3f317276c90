"""What the emulator is told by the environment of its process."""

from __future__ import annotations

from dataclasses import dataclass

from lokki import environment


@dataclass(frozen=True)
class Settings:
    """Read once, at the start."""

    endpoint: str
    """The URL at which this machine and its containers reach the emulator."""
    lambda_emulator: str
    """AWS's Runtime Interface Emulator: a program on this machine that is mounted into every function's container."""
    children: int
    """How many children of a map run at once, whatever a definition says: this is one machine."""

    @classmethod
    def from_environment(cls) -> Settings:
        """Raises KeyError for what is not set."""
        given = environment.variables()
        return cls(given["AWS_ENDPOINT_URL"], given["LOKKI_E2E_RIE"], int(given["LOKKI_E2E_CHILDREN"]))
