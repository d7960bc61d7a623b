"""Models in many threads: whether unseeded draws repeat, and what comes of verbs beside a training.

    python -m benchmarks.campaigns.threads --threads 24

For every kind of model in tests/kinds.py: threads that draw at once from a model that was not called before, by
`sample` (so that they build and compile it) and by a compiled function; then each verb in a thread of its own beside a
`fit`, whose weights must be those of an undisturbed one, for the verbs are seeded.
"""

import argparse
import functools
import pathlib
import sys
import threading
from collections.abc import Callable, Sequence
from typing import Any

TESTS = pathlib.Path(__file__).parents[2] / "tests"


def at_once(functions: Sequence[Callable]) -> tuple[list[Any], list[str]]:
    """What functions return that start in threads of their own at the same moment, and the errors of the others."""
    results, errors, start = [], [], threading.Barrier(len(functions))

    def run(function):
        start.wait()
        try:
            results.append(function())
        except Exception as error:
            errors.append(f"{type(error).__name__}: {error}"[:200])

    threads = [threading.Thread(target=run, args=(function,)) for function in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results, errors


def sample(model: Any, data: Any, **seed: int) -> bytes:
    """The bytes of two samples."""
    import kinds

    given = {"condition": data["condition"][:2]} if model.takes_condition else {"samples": 2}
    return b"".join(part.tobytes() for part in kinds.leaves(model.sample(**given, **seed)))


def draws(kind: Any, threads: int, each: int) -> dict[str, Any]:
    """How many of the unseeded draws of a fresh model in threads equal another one."""
    import kinds
    import tensorflow as tf

    # PPCA's networks are chosen from data, and all codes look alike before they are trained.
    model, found = kinds.train(kind)[0] if kind.name in ("ppca", "vqvae") else kind.make(seed=1), {}
    seed = tf.function(model.next_seed, autograph=False, reduce_retracing=True)
    ways = {"sample": lambda: sample(model, kind.data()), "compiled": lambda: seed().numpy().tobytes()}
    for name, draw in ways.items():
        results, errors = at_once([lambda draw=draw: [draw() for _ in range(each)]] * threads)
        results = [result for some in results for result in some]
        found[name] = len(results) - len(set(results))
        found.setdefault("errors", []).extend(errors)
    return found


def beside_fit(kind: Any, epochs: int) -> dict[str, Any]:
    """How many calls of verbs there were beside a `fit`, their errors, and whether they left the weights alone."""
    import numpy as np

    (alone, _, _), (weights, calls, errors) = (fitted(kind, epochs, disturbed) for disturbed in (False, True))
    return {"calls": calls, "errors": errors, "same": all(map(np.array_equal, alone, weights))}


def fitted(kind: Any, epochs: int, disturbed: bool) -> tuple[list[Any], int, list[str]]:
    """The weights after a `fit`, the number of calls of verbs beside it, and all errors."""
    import keras
    from tiny import compiled

    keras.utils.set_random_seed(1)
    data, model, done = kind.data(), compiled(kind.make(seed=1)), threading.Event()
    verbs = [
        lambda: model.embed(data),
        lambda: model.reconstruct(data),
        functools.partial(sample, model, data, seed=1),
        lambda: model.log_likelihood(data, samples=3),
        lambda: model.predict(data, verbose=0),
    ]
    if kind.multimodal:
        verbs.append(lambda: model.translate({"image": data["image"]}, seed=1))

    def fit():
        try:
            model.fit(data, batch_size=8, epochs=epochs, shuffle=False, verbose=0)
        finally:
            done.set()
        return 0

    def repeated(verb):
        count = 0
        while not done.is_set():
            verb()
            count += 1
        return count

    counts, errors = at_once([fit, *(functools.partial(repeated, verb) for verb in verbs if disturbed)])
    return model.get_weights(), sum(counts), errors


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=24)
    parser.add_argument("--draws", type=int, default=10, help="by each thread")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("kinds", nargs="*", help="all of them if none is named")
    arguments = parser.parse_args()
    sys.path.insert(0, str(TESTS))
    import kinds

    faults = []
    print("| kind | samples that repeat | compiled draws that repeat | verbs beside fit | same weights | errors |")
    print("| --- | ---: | ---: | ---: | --- | ---: |")
    for kind in [kinds.KINDS[name] for name in arguments.kinds or kinds.KINDS]:
        drawn = draws(kind, arguments.threads, arguments.draws)
        fitted = beside_fit(kind, arguments.epochs)
        errors = drawn["errors"] + fitted["errors"]
        same = "yes" if fitted["same"] else "no"
        print(f"| {kind} | {drawn['sample']} | {drawn['compiled']} | {fitted['calls']} | {same} | {len(errors)} |")
        if drawn["sample"] or drawn["compiled"] or errors or not fitted["same"]:
            faults.append((kind.name, sorted(set(errors))))
    print(f"\n{arguments.threads} threads of {arguments.draws} draws; {len(faults)} kinds with faults.")
    for name, errors in faults:
        print(name, *errors, sep="\n  ")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
