"""joblib: nothing stored.

python joblib_fan.py N threading|loky
"""

# The library is in an environment of its own.
# mypy: disable-error-code="import-not-found"

import sys

from joblib import Parallel, delayed


def double(item: int) -> int:
    return item * 2


if __name__ == "__main__":
    n, backend = int(sys.argv[1]), sys.argv[2]
    print(sum(Parallel(n_jobs=-1, backend=backend)(delayed(double)(item) for item in range(n))))
