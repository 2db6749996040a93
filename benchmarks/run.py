"""Every speed benchmark in turn; ratios hold within one run, absolute times do not.

make bench
python benchmarks/run.py --install      also makes the peers' environments first
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
SCRIPTS = (
    ("Importing", ["import_time.py"]),
    ("Group-time effects, 1,000 units", ["att_gt_speed.py"]),
    ("Group-time effects, 100,000 units", ["att_gt_speed.py", "--units", "100000", "--peers", "diff-diff"]),
    ("Difference in differences against its peers", ["did_speed.py"]),
    ("Randomisation inference of trials against its peers", ["bench_trials.py"]),
    ("Honest bounds", ["honest.py"]),
    ("The checks of one study", ["checks_speed.py"]),
    ("Reading street files", ["street_reading.py"]),
    ("Power by simulation", ["power_speed.py"]),
)


def main() -> None:
    """Run them one after the other, so that none disturbs another."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--install", action="store_true", help="make the peers' environments first")
    install = parser.parse_args().install
    for title, (script, *options) in SCRIPTS:
        print(f"\n## {title}\n", flush=True)
        if install and "--install" in (HERE / script).read_text(encoding="utf-8"):
            subprocess.run([sys.executable, HERE / script, "--install"], check=True)
        subprocess.run([sys.executable, HERE / script, *options], check=False)


if __name__ == "__main__":
    main()
