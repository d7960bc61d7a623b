"""One frozen VAE, five priors: what a better prior is worth, and what it costs.

    python -m benchmarks.priors                          all rows of the entry `vae`; goes on after a kill
    python -m benchmarks.priors --rows flow_matching     one of them
    python -m benchmarks.priors --table                  the table of what there is, fitting nothing
    python -m benchmarks.priors --quick                  a minute: few images, few draws, one epoch

Encoder, posterior and decoder are the entry's and stay as they are, so the distortion is the same in each row. A prior
is fitted to five draws of the posterior of each of 60,000 training images, binarized once, the mixture to one; the
VampPrior, whose components are posteriors, by `fit` with all else frozen. Each row is kept in RUNS/ROW.json at once,
and not made again where it is there with the same settings. OUTPUT.md has the table, OUTPUT.json the figures,
OUTPUT.png samples.

    standard_normal    what the entry was trained with
    normal_mixture     100 normals with full covariances, by expectation-maximisation
    vamp               500 pseudo-inputs, started at training images
    flow               4 masked autoregressive steps, layers of 320
    flow_matching      velocities of 3 layers of 256, 16 Runge-Kutta steps; the density by the exact divergence

Measured are: the free energy and the rate of 10,000 test images, binarized once; -log p(x) of the first 200 of them by
100 draws, and how far it is below the standard normal's, with the standard error of the mean difference; the Frechet
distance of 10,000 samples and the test images, in the features of the entry `classifier_mnist`; seconds to draw 1,000
samples, the median of five; seconds to fit. Of flow matching also: by how much `log p(z)` of a draw changes when its
steps are halved, on average and at most, over the draws of 1,000 images.
"""

import argparse
import io
import json
import pathlib
import time
from typing import Any

import keras
import numpy as np

import keras_vae
from keras_vae import data, metrics, parts, plots, zoo
from keras_vae.zoo import entries, files, training

FULL = {"train": 60_000, "test": 10_000, "images": 200, "draws": 100, "epochs": 20, "posterior_draws": 5}
QUICK = {"train": 500, "test": 100, "images": 10, "draws": 5, "epochs": 1, "posterior_draws": 1}
PRIORS = {
    "standard_normal": lambda size: "standard_normal",
    "normal_mixture": lambda size: parts.NormalMixturePrior(size, 100),
    "vamp": None,
    "flow": lambda size: parts.FlowPrior(size, flow=parts.AutoregressiveFlow(size, 4, (320,))),
    "flow_matching": lambda size: parts.FlowMatchingPrior(size),
}
COLUMNS = {
    "free_energy": ("free energy", ".2f"),
    "rate": ("rate", ".2f"),
    "negative_log_likelihood": ("-log p(x), 200 images", ".2f"),
    "gain": ("below the first row", ".2f"),
    "gain_error": ("±", ".2f"),
    "frechet_distance": ("Fréchet distance", ".2f"),
    "draw_seconds": ("s for 1,000 samples", ".2f"),
    "fit_seconds": ("s to fit", ".0f"),
}


def made(name: str, entry: Any, bits: np.ndarray, settings: dict[str, Any]) -> Any:
    """The entry's model with another prior, fitted to binarized training images."""
    keras.utils.set_random_seed(0)
    shared = {"posterior": entry.posterior, "likelihood": entry.likelihood, "seed": 0}
    size = entry.latent_size
    if name != "vamp":
        model = keras_vae.VAE(entry.encoder, entry.decoder, size, prior=PRIORS[name](size), **shared)
        model.build((None, *bits.shape[1:]))
        model.compile()
        if name != "standard_normal":
            options = {"draws": settings["posterior_draws"], "epochs": settings["epochs"], "verbose": 2}
            model.adapt(bits, **({} if name == "normal_mixture" else options))
        return model
    model = keras_vae.VampVAE(entry.encoder, entry.decoder, size, components=min(500, len(bits)), **shared)
    model.build((None, *bits.shape[1:]))
    model.adapt(bits[: model.components])
    stage = {
        "compile": {"optimizer": keras.optimizers.Adam(1e-3), "steps_per_execution": 20},
        "epochs": settings["epochs"],
        "frozen": ("encoder", "decoder", "posterior"),
    }
    training.fit_stages(model, bits, [stage], batch_size=200, verbose=2)
    return model


def measured(name: str, model: Any, test: np.ndarray, bits: np.ndarray, settings: dict[str, Any]) -> dict[str, Any]:
    """What is measured of a model, and log p(x) of each of the first images."""
    found = {key: value.value for key, value in metrics.free_energy(model, bits).items() if key != "distortion"}
    log_p = model.log_likelihood(bits[: settings["images"]], samples=settings["draws"], seed=0)
    found |= {"negative_log_likelihood": -float(log_p.mean()), "log_likelihoods": log_p.tolist()}
    classifier = zoo.load("classifier_mnist")
    features = [metrics.classifier_features(classifier, x) for x in (test, np.asarray(model.sample(len(test), seed=0)))]
    found["frechet_distance"] = metrics.frechet_distance(*features).value
    seconds = []
    for seed in range(6):  # the first compiles
        started = time.perf_counter()
        np.asarray(model.sample(1000, seed=seed))
        seconds.append(time.perf_counter() - started)
    found["draw_seconds"] = float(np.median(seconds[1:]))
    if name == "flow_matching":
        found |= halved(model, bits[:1000])
    return found


def halved(model: Any, bits: np.ndarray) -> dict[str, float]:
    """Mean and largest change of `log p(z)` when the steps of the equation are halved."""
    z, log_p, steps = model.encode(bits).sample(seed=(0, 0)), [], model.prior.steps
    for factor in (1, 2):
        model.prior.steps = factor * steps
        log_p.append(np.asarray(model.prior_of().log_prob(z)))
    model.prior.steps = steps
    change = np.abs(log_p[0] - log_p[1])
    return {"halved_mean": float(change.mean()), "halved_largest": float(change.max())}


def run(name: str, entry: str, settings: dict[str, Any], runs: pathlib.Path) -> None:
    """Fits and measures a row, unless it is there, and writes what came of it in one step."""
    known = _known(runs, name)
    if known and known["settings"] == settings:
        return
    print(f"{name}:", flush=True)
    train, test = (data.arrays("mnist", split)[0][: settings[split]] / 255.0 for split in ("train", "test"))
    train, bits = (data.binarize(x, seed=0).numpy() for x in (train, test))
    started = time.perf_counter()
    model = made(name, zoo.load(entry), train, settings)
    seconds = time.perf_counter() - started if name != "standard_normal" else 0.0
    found = {**measured(name, model, test, bits, settings), "fit_seconds": seconds}
    facts = {"row": name, "entry": entry, "settings": settings, **training.machine(), "measured": found}
    stored = io.BytesIO()
    np.savez_compressed(stored, samples=np.round(255 * np.asarray(model.sample(10, seed=1))).astype("uint8"))
    files.write_files(runs, {f"{name}.json": entries.to_json(facts), f"{name}.npz": stored.getvalue()})
    print({key: value for key, value in found.items() if key != "log_likelihoods"}, flush=True)


def _known(runs, name):
    return json.loads(files.read(runs, f"{name}.json")) if files.found(runs, f"{name}.json") else None


def report(entry: str, settings: dict[str, Any], runs: pathlib.Path, output: pathlib.Path) -> None:
    """Writes the table, the figures and the picture of what there is with these settings."""
    found = [facts for facts in (_known(runs, name) for name in PRIORS) if facts and facts["settings"] == settings]
    if not found:
        raise SystemExit(f"There is nothing in {runs} yet: leave out --table.")
    first = found[0]["measured"]["log_likelihoods"]
    for facts in found[1:]:
        gains = np.subtract(facts["measured"]["log_likelihoods"], first)
        facts["measured"] |= {"gain": gains.mean(), "gain_error": gains.std(ddof=1) / len(gains) ** 0.5}
    for facts in found:
        facts["measured"].pop("log_likelihoods")
    output.parent.mkdir(parents=True, exist_ok=True)
    files.write_file(output.with_suffix(".json"), entries.to_json({"rows": found}))
    files.write_file(output.with_suffix(".md"), table(entry, found).encode())
    samples = {facts["row"]: np.load(runs / f"{facts['row']}.npz")["samples"] / 255.0 for facts in found}
    plots.picture({"Samples": samples}, output.with_suffix(".png"))
    print(table(entry, found))


def table(entry: str, found: list[dict[str, Any]]) -> str:
    """The rows as Markdown; a dash where there is no such number."""
    lines = [
        f"The prior of `{entry}`, all else frozen. Nats; the Fréchet distance in squared units of the features.",
        "",
    ]
    lines += ["| prior | " + " | ".join(title for title, _ in COLUMNS.values()) + " |"]
    lines += ["| --- |" + " ---: |" * len(COLUMNS)]
    for facts in found:
        values = facts["measured"]
        cells = [format(values[column], form) if column in values else "-" for column, (_, form) in COLUMNS.items()]
        lines.append(f"| `{facts['row']}` | " + " | ".join(cells) + " |")
        if "halved_mean" in values:
            change = f"{values['halved_mean']:.1g} nats on average, {values['halved_largest']:.1g} at most"
    if found[-1]["row"] == "flow_matching":
        lines += ["", f"Halving the steps of flow matching changes log p(z) by {change}."]
    return "\n".join([*lines, "", f"Settings: {json.dumps(found[0]['settings'])}; {found[0]['device']}.", ""])


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--entry", default="vae", help="a VAE on MNIST with one vector of latents")
    parser.add_argument("--rows", nargs="+", choices=PRIORS, default=list(PRIORS), metavar="ROW")
    parser.add_argument("--quick", action="store_true", help="few images, few draws, one epoch")
    parser.add_argument("--table", action="store_true", help="fit nothing")
    parser.add_argument("--runs", type=pathlib.Path, help="folder of the rows; runs/priors")
    parser.add_argument("--output", type=pathlib.Path, help="without suffix; benchmarks/priors, with --quick in RUNS")
    given = parser.parse_args(arguments)
    runs = given.runs or pathlib.Path("runs", "priors-quick" if given.quick else "priors")
    output = given.output or (runs / "table" if given.quick else pathlib.Path("benchmarks/priors"))
    settings = QUICK if given.quick else FULL
    for name in () if given.table else given.rows:
        run(name, given.entry, settings, runs)
    report(given.entry, settings, runs, output)


if __name__ == "__main__":
    main()
