"""What `import whatworks` costs over `import pandas`, in processor seconds, from alternating fresh processes.

python benchmarks/import_time.py --repeats 9
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys

PROGRAM = "import time; {}; print(time.process_time())"


def seconds(statement: str) -> float:
    """Processor seconds of a fresh interpreter that runs one statement."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(statement)], capture_output=True, text=True, check=True
    )
    return float(done.stdout)


def main() -> None:
    """Print medians and the difference."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=9)
    repeats = parser.parse_args().repeats
    seconds("import pandas, whatworks")  # bytecode and disk cache
    pairs = [(seconds("import pandas"), seconds("import whatworks")) for _ in range(repeats)]
    pandas, ours = (statistics.median(side) for side in zip(*pairs, strict=True))
    used = statistics.median(
        seconds("import whatworks as ww; ww.Panel, ww.Result, ww.did, ww.checks") for _ in range(repeats)
    )
    print("| import | processor seconds | over pandas |")
    print("|---|---|---|")
    print(f"| pandas | {pandas:.2f} | |")
    print(f"| whatworks | {ours:.2f} | {ours - pandas:+.2f} (limit +0.30) |")
    print(f"| whatworks with Panel, did and checks in use | {used:.2f} | {used - pandas:+.2f} |")


if __name__ == "__main__":
    main()
