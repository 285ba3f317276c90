"""`python -m lokki_cli`: the same as `lokki-cli`."""

from .app import main

if __name__ == "__main__":
    main()
