"""`python -m portl`: the same as `portl`."""

from .cli.app import main

if __name__ == "__main__":
    main()
