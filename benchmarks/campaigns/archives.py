"""Damaged and hostile archives, many of each kind: none may run code, load NaN, crash, hang or end in another's error.

    python -m benchmarks.campaigns.archives --count 400

They are those of tests/zoo/mutations.py, loaded in a process that has switched Keras's safety off. A process that dies
or takes over a minute for one counts as a fault, and another goes on with the next.
"""

import argparse
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile

from benchmarks.campaigns.report import report

SECONDS, LONGEST = 60, 400  # of one load; characters of a message
TESTS = pathlib.Path(__file__).parents[2] / "tests"


def load_all(folder: pathlib.Path, source: pathlib.Path, first: int, count: int) -> None:
    """Makes and loads the folders from number `first` on, and prints what came of each as a line of JSON."""
    sys.path[:0] = [str(TESTS), str(TESTS / "zoo")]
    import keras
    import mutations
    import numpy as np

    from keras_vae import zoo

    keras.config.enable_unsafe_deserialization()
    for number in range(first, count):
        kind, canary = mutations.KINDS[number % len(mutations.KINDS)].__name__, folder / "out" / f"canary{number}"
        print(json.dumps({"number": number, "kind": kind}), flush=True)
        signal.alarm(SECONDS)
        target = folder / str(number)
        mutations.made(target, source, number, canary)
        try:
            model = zoo.load(target)
            model.reconstruct(np.zeros((1, 8, 8, 1), "float32"))  # a lambda would run at the latest now
        except (ValueError, FileNotFoundError, TypeError) as error:
            text = str(error)
            outcome = "refused" if len(text) < LONGEST and "\n" not in text and "unsafe" not in text else "bad message"
        except Exception as error:
            outcome, text = "another error", f"{type(error).__name__}: {error}"
        else:
            finite = all(np.isfinite(weight).all() for weight in model.get_weights())
            outcome, text = ("loaded" if finite else "loaded NaN"), ""
        signal.alarm(0)
        if list(folder.rglob(canary.name)):
            outcome = "ran code"
        print(json.dumps({"number": number, "kind": kind, "outcome": outcome, "text": text}), flush=True)


def run(count: int) -> list[dict[str, str]]:
    """What came of each folder: `{"number": ..., "kind": ..., "outcome": ..., "text": ...}`."""
    results, first = [], 0
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        (folder / "out").mkdir()
        code = "import tiny; from keras_vae import zoo; model = tiny.vae(); model.build((None, 8, 8, 1)); "
        code += f"zoo.save(model, {str(folder / 'good')!r})"
        quiet = {
            "TF_CPP_MIN_LOG_LEVEL": "3",
            "PYTHONPATH": os.pathsep.join([str(TESTS), os.environ.get("PYTHONPATH", "")]),
        }
        options = {"env": {**os.environ, **quiet}, "text": True, "stderr": subprocess.DEVNULL}
        subprocess.run([sys.executable, "-c", code], check=True, **options)
        while first < count:
            command = [sys.executable, "-m", "benchmarks.campaigns.archives", "--worker", str(folder), str(first)]
            command += ["--count", str(count)]
            lines = subprocess.run(command, stdout=subprocess.PIPE, check=False, cwd=TESTS.parent, **options)
            told = [json.loads(line) for line in lines.stdout.splitlines() if line.startswith("{")]
            results += [line for line in told if "outcome" in line]
            if not told:
                raise RuntimeError(f"The worker ended with status {lines.returncode} before its first archive.")
            if "outcome" not in told[-1]:
                died = "took too long" if lines.returncode == -signal.SIGALRM else f"died ({lines.returncode})"
                results.append({**told[-1], "outcome": died, "text": ""})
            first = told[-1]["number"] + 1
    return results


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=400)
    parser.add_argument("--worker", nargs=2, metavar=("FOLDER", "FIRST"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        folder = pathlib.Path(arguments.worker[0])
        load_all(folder, folder / "good", int(arguments.worker[1]), arguments.count)
        return 0
    results = run(arguments.count)
    return report(results, ("refused", "loaded"), "damage", "archives")


if __name__ == "__main__":
    sys.exit(main())
