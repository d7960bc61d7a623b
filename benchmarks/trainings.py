"""Trains and measures an entry by its recipe with several seeds, or other hyperparameters, and keeps the figures.

    python benchmarks/trainings.py beta_tc_vae --seeds 0 1 2
    python benchmarks/trainings.py beta_vae --set '{"beta": 250.0}'

The figures go into the entry's `trainings.json`, from which cards are made (`python -m keras_vae.zoo.readme`). Start it
again after a kill: it goes on. Seed 0 without `--set` is the training that `keras-vae train ENTRY --run RUNS/ENTRY`
goes on from, with the same `--precision`, and ships.
"""

import argparse
import json
import pathlib

from keras_vae.zoo import entries


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("entry")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--set", type=json.loads, default={}, help="JSON of hyperparameters")
    parser.add_argument("--label", help="what the card calls it, instead of its hyperparameters")
    parser.add_argument("--precision", default="float32", help="Keras's dtype policy during training")
    parser.add_argument("--runs", type=pathlib.Path, default=pathlib.Path("runs"), help="folder of checkpoints")
    arguments = parser.parse_args()
    for seed in arguments.seeds:
        overrides = {**arguments.set, **({"seed": seed} if seed else {})}
        known = entries.trainings(arguments.entry)
        if any(one["training"]["overrides"] == overrides for one in known):
            continue
        from keras_vae.zoo import training

        run = arguments.runs / "-".join([arguments.entry, *(f"{key}-{value}" for key, value in overrides.items())])
        model, facts = training.train(arguments.entry, overrides, run, arguments.precision, verbose=2)
        measured = training.measure(entries.recipe(arguments.entry), model, print)
        label = {"label": arguments.label} if arguments.label else {}
        known = [*entries.trainings(arguments.entry), {**label, "training": facts, "metrics": measured}]
        known.sort(key=lambda one: sorted(one["training"]["overrides"].items()))
        files = {entries.TRAININGS: entries.to_json(known)}
        entries.write_files(entries.ROOT / arguments.entry, files)


if __name__ == "__main__":
    main()
