"""Training examples a second in each precision, with and without XLA, and the losses that it comes to.

    python benchmarks/precision.py                                      on a GPU: all of it
    python benchmarks/precision.py --steps 10 --entries vae mvae_poe    less of it, as on a CPU

A table is printed, and written as JSON with what it was measured on. Networks, batch and optimizer are those of each
entry's recipe, in its first stage; batches are kept in memory, so the data pipeline is not measured. After a round that
compiles, the median of the others counts. Every training starts from the same weights, with the same noise, and "loss"
is the mean over its last round: what a lower precision did to it stands beside it. Without a GPU, mixed_float16 is left
out unless asked for by --policies: processors that lack such products take 100 times longer.
"""

import argparse
import json
import pathlib
import statistics
import time

import keras
import tensorflow as tf

from keras_vae import devices
from keras_vae.zoo import entries, training


class Rounds(keras.callbacks.Callback):
    """Seconds of each epoch."""

    def __init__(self):
        super().__init__()
        self.seconds = []

    def on_epoch_begin(self, epoch, logs=None):
        self.started = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        self.seconds.append(time.perf_counter() - self.started)


def measure(entry, policy, xla, steps, rounds, overrides):
    """One training of an entry: a row of the table."""
    keras.backend.clear_session()
    keras.utils.set_random_seed(0)
    keras.config.set_dtype_policy(policy)
    recipe, timer = entries.recipe(entry), Rounds()
    model = entries.call_with(recipe.model, overrides)
    batches = entries.call_with(recipe.data_of, overrides).take(steps).cache()
    examples = sum(len(tf.nest.flatten(batch)[0]) for batch in batches)
    stage = entries.stages(recipe, overrides)[0]
    compiled = {**stage["compile"], "jit_compile": xla}
    stage = {"compile": compiled, "frozen": stage.get("frozen", ()), "epochs": 1 + rounds, "callbacks": [timer]}
    history = training.fit_stages(model, batches, [stage], verbose=0).history
    return {
        "entry": entry,
        "policy": policy,
        "xla": xla,
        "examples_per_second": examples / statistics.median(timer.seconds[1:]),
        "slowest_and_fastest": [examples / pick(timer.seconds[1:]) for pick in (max, min)],
        "first_round_seconds": timer.seconds[0],
        "steps": steps * (1 + rounds),
        "loss": history["loss"][-1],
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--entries", nargs="+", default=["vae", "mvae_poe", "vq_vae"])
    parser.add_argument("--policies", nargs="+", choices=devices.PRECISIONS[1:], help="beside float32")
    parser.add_argument("--steps", type=int, default=100, help="of a round; as many batches are kept in memory")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--set", type=json.loads, default={}, help='JSON of hyperparameters: {"batch_size": 1000}')
    parser.add_argument("--output", type=pathlib.Path, default=pathlib.Path("precision.json"))
    arguments = parser.parse_args()
    gpu = bool(tf.config.list_physical_devices("GPU"))
    policies = arguments.policies or ["mixed_bfloat16", *(["mixed_float16"] if gpu else [])]
    if not (arguments.policies or gpu):
        print("No GPU: mixed_float16 is left out. --policies mixed_float16 measures it all the same.")
    rows, plain = [], {}
    print(f"{'entry':12}{'precision':16}{'XLA':5}{'examples/s':>12}{'relative':>10}{'loss':>11}{'change':>9}")
    for entry in arguments.entries:
        for policy in ("float32", *(policy for policy in policies if policy != "float32")):
            for xla in (False, True):
                row = measure(entry, policy, xla, arguments.steps, arguments.rounds, arguments.set)
                plain.setdefault(entry, row)  # float32 without XLA
                row["relative"] = row["examples_per_second"] / plain[entry]["examples_per_second"]
                row["change_of_loss"] = row["loss"] / plain[entry]["loss"] - 1
                rows.append(row)
                print(
                    f"{entry:12}{policy:16}{'yes' if xla else 'no':5}{row['examples_per_second']:12.0f}"
                    f"{row['relative']:10.2f}{row['loss']:11.3f}{row['change_of_loss']:9.2%}",
                    flush=True,
                )
    keras.config.set_dtype_policy("float32")
    facts = {"settings": {"rounds": arguments.rounds, "set": arguments.set}, **training.machine(), "rows": rows}
    arguments.output.write_bytes(entries.to_json(facts))
    print(f"Wrote {arguments.output}; measured on {facts['device']}.")


if __name__ == "__main__":
    main()
