"""The audit against what one would do without it: a run for each encoder; Ray workers against one process; a budget against a full run.

python benchmarks/auditing.py [audit] [ray] [budget] [--models DIR ...] [--claims 3,4] [--scale .2]

Processor seconds (of this process and its children) are given beside the wall clock, which a busy machine stretches.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from typing import Any

from bertology.record.folder import RunFolder


def timed(*arguments: Any) -> tuple[float, float]:
    """Wall-clock and processor seconds of a command, imports included, on one thread."""
    before, started = getrusage(RUSAGE_CHILDREN), time.perf_counter()
    command = [sys.executable, "-c", "from bertology.cli import main; main()", *map(str, arguments)]
    subprocess.run(command, check=False, capture_output=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    after = getrusage(RUSAGE_CHILDREN)
    return time.perf_counter() - started, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def verdicts(folder: Path) -> dict[str, str]:
    return {r.claim: r.verdict for r in RunFolder.existing(folder).results()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", default=["audit", "ray", "budget"])
    parser.add_argument("--models", nargs="*", default=["primer-mini"])
    parser.add_argument("--claims", default="3.1,4")
    parser.add_argument("--scale", type=float, default=0.2)
    parser.add_argument("--on", default="ray")
    options = parser.parse_args()
    what = ("--claims", options.claims, "--scale", options.scale)
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch)
        if "audit" in options.parts:
            alone = [timed("run", m, *what, "--out", place / f"alone{k}") for k, m in enumerate(options.models)]
            wall, processor = map(sum, zip(*alone, strict=True))
            one = timed("audit", *options.models, *what, "--no-twins", "--out", place / "audit")
            print(f"{len(options.models)} runs: {wall:.0f} s, {processor:.0f} processor s; one audit: {one[0]:.0f} s, "
                  f"{one[1]:.0f} processor s: {one[0] / wall:.2f}x the time, {one[1] / processor:.2f}x the work", flush=True)  # fmt: skip
        if "ray" in options.parts:
            one = timed("audit", *options.models, *what, "--no-twins", "--out", place / "here")
            two = timed("audit", *options.models, *what, "--no-twins", "--out", place / "there", "--on", options.on)
            print(f"audit in one process on one thread {one[0]:.0f} s, on {options.on} {two[0]:.0f} s: {one[0] / two[0]:.2f}x", flush=True)  # fmt: skip
        if "budget" in options.parts:
            whole = timed("run", options.models[0], *what, "--out", place / "whole")
            half = timed("run", options.models[0], *what, "--budget", f"{whole[0] / 2:.0f}s", "--out", place / "half")
            a, b = verdicts(place / "whole"), verdicts(place / "half")
            judged = {c: v for c, v in a.items() if v in ("holds", "fails", "undecided")}
            same = sum(b[c] == v for c, v in judged.items())
            turned = [c for c, v in judged.items() if {v, b[c]} == {"holds", "fails"}]
            decided = [c for c, v in judged.items() if v != "undecided"]
            kept = sum(b[c] == a[c] for c in decided)
            print(f"full run {whole[0]:.0f} s; budget of half: {half[0]:.0f} s; same verdict {same} of {len(judged)} "
                  f"({kept} of {len(decided)} that were decided); reversed: {', '.join(turned) or 'none'}", flush=True)  # fmt: skip
            for c in judged:
                if a[c] != b[c]:
                    print(f"  {c}: {a[c]} -> {b[c]}")


if __name__ == "__main__":
    main()
