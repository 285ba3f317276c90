"""A bare ThreadPoolExecutor: a future per item, nothing stored.

python pool.py N
"""

import sys
from concurrent.futures import ThreadPoolExecutor


def double(item: int) -> int:
    return item * 2


if __name__ == "__main__":
    with ThreadPoolExecutor() as pool:
        print(sum(pool.map(double, range(int(sys.argv[1])))))
