"""checkov pins what it needs and has an environment of its own (`tox -e checkov`); others collect nothing here."""

from __future__ import annotations

from importlib.util import find_spec

collect_ignore_glob = [] if find_spec("checkov") else ["test_*.py"]
