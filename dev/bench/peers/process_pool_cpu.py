"""ProcessPoolExecutor(2) on the work of flows/cpu_flow.py: nothing stored.

python process_pool_cpu.py ITEMS MILLISECONDS
"""

import sys
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial


def busy(item: int, milliseconds: float) -> int:
    end = time.process_time() + milliseconds / 1000
    while time.process_time() < end:
        pass
    return item * 2


if __name__ == "__main__":
    items, milliseconds = int(sys.argv[1]), float(sys.argv[2])
    with ProcessPoolExecutor(2) as pool:
        print(sum(pool.map(partial(busy, milliseconds=milliseconds), range(items))))
