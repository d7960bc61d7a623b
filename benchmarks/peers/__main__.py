"""Times keras_vae beside pythae, MultiVae and a TensorFlow loop written by hand, in one run.

    python -m pip install --editable ".[benchmarks]"
    python -m benchmarks.peers --threads 2 --rounds 5 --output benchmarks/results
    python -m benchmarks.peers --quick --only vae mvae      a smoke run on small images: its figures mean nothing

Every library has the same networks, batches, data and number of threads, and a process of its own, in which it is told
to run one round after another: ours, the peer's, the loop's; then in reverse order. A round before the first warms up
and is not counted. The ratio of a round is our time over the other's in the same round; reported are its median and its
least and greatest value. The machine should do nothing else.

Measures:
    step             a training step as the library's own trainer makes it, of one batch that is in memory
    epoch            read the files, make the data sets, train an epoch and measure the test images, with the library's
                     own trainer, its checks, metrics and progress
    likelihood_1000  log p(x) of few images by many samples, each library with its default batches
    likelihood_100   log p(x) of many images by few samples
    sample           images of draws from the prior
    start            in a new process that has imported the library: from the saved model to the first sample
Peak memory is taken at each of them.

OUTPUT.json, OUTPUT.md and OUTPUT.png are written after every model, so that an interrupted run leaves what it has.
"""

import argparse
import contextlib
import os
import pathlib
import platform
import shlex
import subprocess
import sys
import tempfile

from benchmarks.peers import report
from benchmarks.peers.worker import ROOT, Worker
from benchmarks.peers.workloads import MEASURES, WORKLOADS, chosen

OTHERS = ("pythae", "multivae", "bare")


def parsed(arguments=None):
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.peers", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--threads", type=int, default=2, help="and cores, for each library (default: 2)")
    parser.add_argument("--rounds", type=int, default=5, help="counted ones of each measure (default: 5)")
    parser.add_argument("--only", nargs="+", choices=[*WORKLOADS], default=[], help="models (default: all)")
    parser.add_argument("--measures", nargs="+", choices=[*MEASURES], default=[*MEASURES], help="(default: all)")
    parser.add_argument("--against", nargs="+", choices=OTHERS, default=OTHERS, help="(default: all)")
    parser.add_argument("--xla", choices=["on", "off"], help="for us and the loop (default: as each model's row says)")
    parser.add_argument("--quick", action="store_true", help="small images and few steps: does it run?")
    parser.add_argument("--peers-python", default=sys.executable, help="the interpreter that has the peers, if another")
    parser.add_argument("--output", type=pathlib.Path, default=pathlib.Path("runs/peers"), help="path without suffix")
    parser.add_argument("--folder", help="for data, saved models and logs (default: a temporary one)")
    arguments = parser.parse_args(arguments)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    if arguments.threads > cores:
        parser.error(f"--threads {arguments.threads} needs as many cores; {cores} may be used here.")
    if arguments.rounds < 1:
        parser.error("--rounds must be at least 1.")
    arguments.options = {"quick": arguments.quick, "xla": {"on": True, "off": False}.get(arguments.xla)}
    return arguments


def main():
    arguments = parsed()
    with contextlib.ExitStack() as stack:
        folder = arguments.folder or stack.enter_context(tempfile.TemporaryDirectory())
        workloads = chosen(arguments.only, **arguments.options)
        workloads = [each for each in workloads if each.peer in arguments.against or each.bare]
        print("Writing the data ...", flush=True)
        names = [each.name for each in workloads]
        quick = "quick" if arguments.quick else "whole"
        command = [sys.executable, "-m", "benchmarks.peers.data", folder, quick, *names]
        subprocess.run(command, cwd=ROOT, check=True, env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"})
        results = {
            "command": shlex.join(["python", "-m", "benchmarks.peers", *sys.argv[1:]]),
            "threads": arguments.threads,
            "machine": _machine(),
            "versions": {},
            "rows": [],
        }
        for workload in workloads:
            results["rows"] += compare(workload, pathlib.Path(folder, workload.name), arguments, results["versions"])
            report.write(results, arguments.output)
    print(f"Wrote {arguments.output}.json, .md and .png")


def compare(workload, folder, arguments, versions):
    """The rows of a workload."""
    others = [other for other in (workload.peer, "bare" if workload.bare else None) if other in arguments.against]

    def worker(library):
        python = arguments.peers_python if library in ("pythae", "multivae") else sys.executable
        return Worker(library, workload.name, folder, arguments.threads, arguments.options, python)

    libraries = ["keras_vae", *others]
    workers = {library: worker(library) for library in libraries}
    try:
        for library in libraries:
            versions.update(workers[library].ask("versions"))
        weights = {library: workers[library].ask("prepare")["value"] for library in libraries}
        print(f"{workload.name}: {weights} trainable weights", flush=True)
        rows = []
        for name in workload.measures:
            if name not in arguments.measures:
                continue
            measure = MEASURES[name]
            able = [library for library in libraries if library != "bare" or name in ("step", "epoch")]
            if name == "start":
                able = ["keras_vae", workload.peer] if workload.peer in libraries else []
                for library in able:
                    workers[library].ask("save")
            if len(able) < 2:
                continue
            settings = measure.arguments_of(workload)
            rounds = {library: [] for library in able}
            for index in range(-1, arguments.rounds):
                for library in able if index % 2 == 0 else able[::-1]:
                    reply = (
                        _fresh(worker(library)) if name == "start" else workers[library].ask(measure.method, **settings)
                    )
                    rounds[library].append(reply)
            rows += [_row(workload, name, other, rounds, weights) for other in able[1:]]
            print("\n".join(f"    {report.line(row)}" for row in rows[-len(able[1:]) :]), flush=True)
        return rows
    finally:
        for each in workers.values():
            each.close()


def _fresh(worker):
    """A start in a new process."""
    try:
        return worker.ask("start")
    finally:
        worker.close()


def _row(workload, name, other, rounds, weights):
    """What is reported of one measure of us and another library."""
    measure = MEASURES[name]
    scale = 1000 / workload.steps if name == "step" else 1.0
    goal = measure.goal_of(workload) if other != "bare" else report.BARE_GOAL
    row = {"model": workload.name, "measure": name, "other": other, "unit": measure.unit, "goal": goal}
    for label, library in (("ours", "keras_vae"), ("theirs", other)):
        first, *counted = rounds[library]
        row[label] = [scale * reply["seconds"] for reply in counted]
        row[f"{label}_first"] = scale * first["seconds"]
        row[f"{label}_processor"] = [scale * reply["processor_seconds"] for reply in counted]
        row[f"{label}_mebibytes"] = max(reply["mebibytes"] for reply in rounds[library])
        row[f"{label}_import_mebibytes"] = first["import_mebibytes"]
        row[f"{label}_value"] = counted[-1]["value"]
        row[f"{label}_weights"] = weights[library]
        if name == "start":
            row[f"{label}_import"] = [reply["import_seconds"] for reply in counted]
    for ratios, what in (("ratios", ""), ("processor_ratios", "_processor")):
        pairs = zip(row[f"ours{what}"], row[f"theirs{what}"], strict=True)
        row[ratios] = [ours / theirs for ours, theirs in pairs]
    return row


def _machine():
    try:
        lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
        processor = next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        processor = platform.machine()
    return f"{processor}, {os.cpu_count()} cores"


if __name__ == "__main__":
    main()
