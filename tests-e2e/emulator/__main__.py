"""MiniStack with what is added to it."""

from __future__ import annotations

from ministack import app

from . import access, containers
from .batch import resources, service
from .settings import Settings
from .states import limits, maps, submit


def main() -> None:
    """Serve until the process is ended."""
    settings = Settings.from_environment()
    containers.install(settings)
    service.install(settings)
    resources.install()
    submit.install()
    maps.install(settings)
    limits.install()
    access.install()  # last: it stands before what the others have put in place
    app.main()


if __name__ == "__main__":
    main()
