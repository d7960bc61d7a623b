"""Bad calls, generated, of every public function, verb and command: each must be refused well, and good ones must do.

    python -m benchmarks.campaigns.calls

They are those of tests/calls, and besides, of each function some with two arguments gone wrong at once. A call that
takes over a minute, or ends its process, counts as a fault, and another process goes on with the next.
"""

import argparse
import collections
import itertools
import json
import os
import pathlib
import subprocess
import sys

TESTS = pathlib.Path(__file__).parents[2] / "tests"
FINE = ("refused", "good")


def call_all(group: str, first: int, pairs: int, every: int) -> None:
    """Makes the calls of a group from number `first` on, and prints what came of each as a line of JSON."""
    sys.path.insert(0, str(TESTS))
    from calls.every import GROUPS

    number = itertools.count()
    for target in GROUPS[group]():
        bad = itertools.chain(target.calls(), target.pairs(pairs))
        for good, calls in ((False, bad), (True, target.calls(good=True))):
            for label, arguments in calls:
                told = {"number": next(number), "call": f"{target.name}({label})"}
                if told["number"] < first or told["number"] % every:
                    continue
                print("\n" + json.dumps(told), flush=True)
                came, text = target.judge(target.function, arguments, good)
                print("\n" + json.dumps({**told, "outcome": came, "text": text}), flush=True)


def run(group: str, pairs: int, every: int) -> list[dict[str, str]]:
    """What came of each call of a group: `{"number": ..., "call": ..., "outcome": ..., "text": ...}`."""
    results, first = [], 0
    while True:
        options = ["--worker", group, str(first), "--pairs", str(pairs), "--every", str(every)]
        command = [sys.executable, "-m", "benchmarks.campaigns.calls", *options]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        told = [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"number"')]
        results += [line for line in told if "outcome" in line]
        if done.returncode == 0:
            return results
        if not told or "outcome" in told[-1]:
            raise RuntimeError(f"The worker of {group} failed between calls: {done.stderr[-2000:]}")
        results.append({**told[-1], "outcome": f"died ({done.returncode})", "text": ""})
        first = told[-1]["number"] + 1


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--groups", nargs="*", help="Of tests/calls/every.py. Default: all.")
    parser.add_argument("--pairs", type=int, default=20, help="Calls of each function with two bad arguments.")
    parser.add_argument("--every", type=int, default=1, help="Of the calls: a sample of them, each so many-th.")
    parser.add_argument("--worker", nargs=2, metavar=("GROUP", "FIRST"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    os.environ |= {"TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONWARNINGS": "ignore"}
    if arguments.worker:
        call_all(arguments.worker[0], int(arguments.worker[1]), arguments.pairs, arguments.every)
        return 0
    sys.path.insert(0, str(TESTS))
    from calls.every import GROUPS

    results = {group: run(group, arguments.pairs, arguments.every) for group in arguments.groups or GROUPS}
    counts = {group: collections.Counter(result["outcome"] for result in rows) for group, rows in results.items()}
    outcomes = list(dict.fromkeys([*FINE, *sorted(outcome for count in counts.values() for outcome in count)]))
    print("| calls of | " + " | ".join(outcomes) + " |")
    print("| --- |" + " ---: |" * len(outcomes))
    for group, count in {**counts, "all": sum(counts.values(), collections.Counter())}.items():
        print(f"| {group} | " + " | ".join(str(count[outcome]) for outcome in outcomes) + " |")
    faults = [result for rows in results.values() for result in rows if result["outcome"] not in FINE]
    for fault in faults:
        print(f"{fault['outcome']}: {fault['call']}. {fault['text']}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
