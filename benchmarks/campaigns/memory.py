"""Whether memory stays level where models are loaded, used and dropped, over and over.

    python -m benchmarks.campaigns.memory --count 200

Each case runs in a process of its own. What counts is the growth of resident memory, after a collection, a round of the
second half. The cases named "plain" are Keras's own, without this package: what they lose, TensorFlow and Keras lose.
"""

import argparse
import gc
import json
import os
import pathlib
import subprocess
import sys

LEVEL, EVERY = 0.1, 10  # MiB a round; rounds from one collection to the next


def cases() -> dict:
    """A function for each case, to be called a round."""
    import keras

    import keras_vae

    images = keras_vae.data.digits("train")[0][:32]
    pixels = images.reshape(32, 64)
    kept = keras_vae.VAE(latent_size=2)
    kept.build((None, 8, 8, 1))

    def load(name):
        def one():
            keras_vae.zoo.load(name).log_likelihood(keras_vae.zoo.examples(name), samples=4)

        return one

    def fit():
        model = keras_vae.VAE(latent_size=2)
        model.compile("adam")
        model.fit(images, verbose=0)

    def plain(compiled):
        def one():
            layers = [keras.layers.Dense(units, "relu") for units in (400, 400, 2, 400, 400)]
            model = keras.Sequential([keras.Input((64,)), *layers, keras.layers.Dense(64)])
            if compiled:
                model.compile("adam", "mse")
                model.fit(pixels, pixels, verbose=0)

        return one

    entries = {f"load {name}, log_likelihood": load(name) for name in ("vae", "ppca", "cvae", "vq_vae")}
    return {
        **entries,
        "sample": lambda: kept.sample(5),
        "a new VAE, fit": fit,
        "plain: a new Sequential": plain(False),
        "plain: a new Sequential, fit": plain(True),
    }


def measure(name: str, count: int) -> dict:
    """Resident memory, MiB, after the first ten rounds and the last, and its growth a round of the second half."""
    import numpy as np

    function, found = cases()[name], []
    for number in range(1, count + 1):
        function()
        if number % EVERY:
            continue
        gc.collect()
        pages = int(pathlib.Path("/proc/self/statm").read_text().split()[1])
        found.append(pages * os.sysconf("SC_PAGE_SIZE") / 2**20)
    half = found[len(found) // 2 :]
    return {"first": found[0], "last": found[-1], "growth": float(np.polyfit(range(len(half)), half, 1)[0]) / EVERY}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=200, help="rounds, at least 40")
    parser.add_argument("--case", help=argparse.SUPPRESS)
    parser.add_argument("cases", nargs="*", help="all of them if none is named")
    arguments = parser.parse_args()
    if arguments.case:
        print(json.dumps(measure(arguments.case, arguments.count)))
        return 0
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    print("| case | rounds | first, MiB | last, MiB | MiB a round |")
    print("| --- | ---: | ---: | ---: | ---: |")
    growing = []
    for name in arguments.cases or cases():
        count = arguments.count * (5 if name == "sample" else 1)
        command = [sys.executable, __file__, "--case", name, "--count", str(count)]
        lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
        found = json.loads(lines[-1])
        print(f"| {name} | {count} | {found['first']:.0f} | {found['last']:.0f} | {found['growth']:.3f} |", flush=True)
        if found["growth"] > LEVEL:
            growing.append(name)
    print(f"\nOver {LEVEL} MiB a round: {growing or 'none'}.")
    return 1 if any(name.startswith(("load", "sample")) for name in growing) else 0


if __name__ == "__main__":
    sys.exit(main())
