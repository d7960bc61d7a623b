"""One network, one budget, every family: objectives, priors and posteriors side by side on MNIST.

    python -m benchmarks.families                                  all rows with seeds 0, 1 and 2; goes on after a kill
    python -m benchmarks.families --rows vae rae --seeds 0         some of it
    python -m benchmarks.families --table                          the table of what there is, training nothing
    python -m benchmarks.families --quick --rows vae rae           a minute: scikit-learn's digits

Each row is trained with each seed, measured on test images, and kept in OUTPUT.json at once; a row that is there with
the same settings is not trained again. OUTPUT.md has the means over the seeds and the least and greatest, OUTPUT.png
samples, which OUTPUT.npz has.

Network: two layers of 300 ELUs on either side of 16 latents (a ladder has rungs of 16 and 8 on layers of 300). Data,
batches of 200 and Adam's cosine are those of the entry `vae`, so pixels are drawn anew at every epoch. Weights are the
published ones for MNIST where there are any, and none was chosen on test images.

    vae, beta_vae          beta = 1 and 4 (Higgins et al. 2017)
    vamp_vae               500 components (Tomczak & Welling 2018), started at training images
    flow_prior_vae         4 masked autoregressive steps, layers of 64
    ladder_vae             merged by precision (Sonderby et al. 2016)
    wae_mmd, aae           points, no rate, weight 10 (Tolstikhin et al. 2018); the critic has 3 layers of 256
    info_vae               half the rate; lambda = 1000 (Zhao et al. 2019)
    vae_gan                features weigh 30, the least tried (1, 30) at which training images were given back
    rae                    beta and decay of Ghosh et al. (2020), who have squared errors where all here have the
                           cross-entropy; 10 normals are fitted to the latents afterwards
    hyperspherical         power spherical, 16 coordinates (Davidson et al. 2018; De Cao & Aziz 2020)
    iwae, ciwae, piwae     16 draws, half the free energy, 4 groups (Rainforth et al. 2018, who have 64 draws)

Measured are: -log p(x) of 1,000 test images by 500 draws, nats, where the posterior has a density; the Frechet distance
of 10,000 samples and the test images, in the features of the entry `classifier_mnist` (of digits, in pixels); the
squared error of reconstructions over the variance; the active units; the accuracy on test images of a logistic
regression on the latents of 5,000 training images; lines of code that are there for the family alone, without
docstrings and comments; the time of a step over one of `vae`'s, of fresh models in alternating rounds.
"""

import argparse
import ast
import dataclasses
import inspect
import io
import json
import pathlib
import textwrap
import time
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import ops

import keras_vae
from keras_vae import data, metrics, objectives, parts, plots, zoo
from keras_vae.distributions import NormalMixture, PowerSpherical
from keras_vae.models.verbs.ladder import LadderVerbs
from keras_vae.networks import dense_decoder, dense_encoder, dense_ladder_encoder, dense_top_down
from keras_vae.networks.masked import MaskedAutoregressiveNetwork
from keras_vae.objectives.matching import prior_draws
from keras_vae.parts import flows, pushed
from keras_vae.zoo import entries, files, training

LATENTS, WIDTHS, BATCH, DRAWS = 16, (300, 300), 200, 16
COLUMNS = {
    "negative_log_likelihood": ("-log p(x), nats", ".2f"),
    "frechet_distance": ("Fréchet distance", ".2f"),
    "reconstruction_error": ("reconstruction error", ".3f"),
    "active_units": ("active units", ".1f"),
    "probe_accuracy": ("probe accuracy", ".3f"),
    "code_lines": ("code lines", ".0f"),
    "step": ("step, of `vae`'s", ".2f"),
}


@keras.saving.register_keras_serializable("benchmarks")
class SimilarityGAN(objectives.Objective):
    """The VAE-GAN (Larsen et al. 2016, algorithm 1): `weight / 2 |f(x) - f(x')|^2 + rate - log D(x')`, f being the
    first hidden layer of a critic D of images. The encoder learns by the first two; D sees bits, as the data are."""

    weights_named = ("weight",)
    term_names = ("feature_error", "critic_loss")
    one_view = True
    critic_optimizer = staticmethod(objectives.Adversarial.critic_optimizer)

    def __init__(self, pixels: int, weight: float = 30.0, widths: tuple[int, ...] = WIDTHS, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.weigh(weight=weight)
        self.pixels, self.widths, self.critic = pixels, widths, parts.Critic(widths)

    def build(self, input_shape=None):
        self.critic.build((None, self.pixels))

    def get_config(self):
        return {**super().get_config(), "pixels": self.pixels, "widths": self.widths}

    def features(self, images: tf.Tensor) -> tf.Tensor:
        """The critic's first hidden layer, `[images, width]`; the gradient reaches the images alone."""
        layer = self.critic.network.layers[0]
        return layer.activation(ops.matmul(images, ops.stop_gradient(layer.kernel)) + ops.stop_gradient(layer.bias))

    def bits(self, p: Any, model: Any) -> tf.Tensor:
        """Draws of p(x|z), `[images, pixels]`, whose gradient is that of the means."""
        means = p.mean()
        bits = means + ops.stop_gradient(p.sample(seed=model.next_seed()) - means)
        return tf.reshape(bits, [-1, self.pixels])

    def terms(self, model, batch):
        z, rate = model.draw(model.inference_of(batch), batch)
        p = model.likelihood_of(z, batch)
        real, made = tf.reshape(batch.x, [-1, self.pixels]), self.bits(p, model)
        both = tf.concat([ops.stop_gradient(z), prior_draws(model, z, batch)], axis=0)
        faked = self.bits(model.likelihood_of(both, batch), model)
        errors = 0.5 * tf.reduce_sum((self.features(real) - self.features(made)) ** 2, axis=-1)
        measured = {"feature_error": errors, "critic_loss": self.critic.loss(tf.tile(real, [2, 1]), faked)}
        deceived = ops.softplus(-self.critic.score(faked))
        losses = {**measured, "feature_error": self.weight * errors, "rate": rate, "deceived": deceived}
        return {"distortion": -p.log_prob(batch.x), "rate": rate, **measured}, losses, p.mean()


@dataclasses.dataclass(frozen=True)
class Row:
    """A family.

    Attributes:
        arguments: of the model, made anew for each training; given the number of pixels.
        adds: classes and functions that are there for it alone, whose lines are counted.
        kind: the model's class.
        adapts: "before" or "after" the training, where the prior is fitted to training images.
    """

    arguments: Callable
    adds: tuple[Callable, ...]
    kind: type = keras_vae.VAE
    adapts: str = ""


def _objective(cls, *arguments, **options):
    """A row of one objective."""
    return Row(lambda pixels: {"objective": cls(*arguments, **options)}, (cls,))


def _points(cls, **options):
    """A row of one objective, of a deterministic encoder."""
    made = _objective(cls)
    return Row(lambda pixels: {**made.arguments(pixels), "posterior": "deterministic"}, (*made.adds, POINTS), **options)


POINTS = parts.DeterministicPosterior
SPHERE = {"posterior": "power_spherical", "prior": "spherical_uniform"}
ROWS = {
    "vae": Row(lambda pixels: {}, (keras_vae.VAE,)),
    "beta_vae": Row(lambda pixels: {"beta": 4.0}, (keras_vae.BetaVAE,), keras_vae.BetaVAE),
    "vamp_vae": Row(
        lambda pixels: {"components": 500}, (keras_vae.VampVAE, NormalMixture), keras_vae.VampVAE, "before"
    ),
    "flow_prior_vae": Row(
        lambda pixels: {"prior": parts.FlowPrior(LATENTS)},
        (parts.FlowPrior, pushed._Pushed, parts.AutoregressiveFlow, flows.Flow, MaskedAutoregressiveNetwork),
    ),
    "ladder_vae": Row(
        lambda pixels: {"latent_sizes": (LATENTS, LATENTS // 2), "widths": WIDTHS},
        (keras_vae.LadderVAE, LadderVerbs, parts.Rung, dense_ladder_encoder, dense_top_down),
        keras_vae.LadderVAE,
    ),
    "wae_mmd": _points(objectives.MaximumMeanDiscrepancy),
    "info_vae": _objective(objectives.MaximumMeanDiscrepancy, 999.5, beta=0.5),
    "aae": _points(objectives.AdversarialMatching),
    "vae_gan": Row(lambda pixels: {"objective": SimilarityGAN(pixels)}, (SimilarityGAN,)),
    "rae": Row(
        lambda pixels: {
            "objective": "regularized",
            "posterior": "deterministic",
            "prior": parts.NormalMixturePrior(LATENTS, 10, trainable=False),
        },
        (objectives.Regularized, POINTS),
        adapts="after",
    ),
    "hyperspherical": Row(
        lambda pixels: SPHERE, (parts.PowerSphericalPosterior, PowerSpherical, parts.SphericalUniformPrior)
    ),
    "iwae": _objective(objectives.ImportanceWeighted, DRAWS),
    "ciwae": _objective(objectives.CombinationImportanceWeighted, 0.5, DRAWS),
    "piwae": _objective(objectives.PartiallyImportanceWeighted, DRAWS, groups=4),
}


def model_of(name: str, shape: tuple[int, ...], seed: int) -> keras_vae.VAE:
    """A row's model for images of a shape, built."""
    row, common = ROWS[name], {}
    if row.kind is not keras_vae.LadderVAE:
        common = {"encoder": dense_encoder(shape, WIDTHS, "elu"), "latent_size": LATENTS}
        common["decoder"] = dense_decoder(LATENTS, shape, WIDTHS, "elu")
    model = row.kind(**common, **row.arguments(int(np.prod(shape))), seed=seed)
    model.build((None, *shape))
    return model


def trained(name: str, dataset: str, epochs: int, seed: int) -> tuple[Any, float]:
    """`(model, minutes)` of one training."""
    keras.backend.clear_session()
    keras.utils.set_random_seed(seed)
    images, _ = data.arrays(dataset, "train")
    recipe, adapts = entries.recipe("vae"), ROWS[name].adapts
    plan = recipe.training(epochs, batch_size=BATCH, dataset=dataset)
    model = model_of(name, images.shape[1:], seed)
    model.compile(**plan["compile"])
    batches = recipe.data_of(BATCH, seed, dataset=dataset)
    started = time.perf_counter()
    if adapts == "before":
        model.adapt(images[: model.components] / 255.0)
    model.fit(batches, epochs=epochs, verbose=2)
    if adapts == "after":
        model.adapt(data.binarize(images / 255.0, seed=seed))
    return model, (time.perf_counter() - started) / 60


def measured(model: Any, dataset: str, images: int, draws: int, seed: int = 0) -> dict[str, float]:
    """What is measured of a trained model, on test images."""
    (train, train_labels), (test, test_labels) = (data.arrays(dataset, split) for split in ("train", "test"))
    train, bits = (data.binarize(x / 255.0, seed=seed).numpy() for x in (train[:5000], test))
    found = {}
    if model.has_density:
        estimate = metrics.negative_log_likelihood(model, bits[:images], draws, seed=seed)
        found["negative_log_likelihood"] = estimate.value
    found["frechet_distance"] = metrics.frechet_distance(
        *(_features(x, dataset) for x in (test / 255.0, np.asarray(model.sample(len(test), seed=seed))))
    ).value
    found["reconstruction_error"] = metrics.reconstruction_error(bits, model.reconstruct(bits)).value
    found["active_units"] = metrics.active_units(model, bits).value
    probe = metrics.linear_probe(model, train, train_labels[:5000], bits, test_labels)
    return {**found, "probe_accuracy": probe.value}


def _features(images, dataset):
    """What distributions of images are compared by."""
    if dataset == "digits":
        return images.reshape(len(images), -1)
    return metrics.classifier_features(zoo.load("classifier_mnist"), images)


def code_lines(*definitions: Callable) -> int:
    """Lines of code of classes and functions, without docstrings, comments and blank lines."""
    return sum(_code_lines(textwrap.dedent(inspect.getsource(one))) for one in definitions)


def _code_lines(source):
    left_out = set()
    for node in ast.walk(ast.parse(source)):
        body = getattr(node, "body", None)
        first = body[0] if isinstance(body, list) and body else None
        if isinstance(first, ast.Expr) and isinstance(getattr(first.value, "value", None), str):
            left_out |= set(range(first.lineno, first.end_lineno + 1))
    lines = [line.strip() for number, line in enumerate(source.splitlines(), 1) if number not in left_out]
    return sum(bool(line) and not line.startswith("#") for line in lines)


def run(name: str, seed: int, settings: dict[str, Any], output: pathlib.Path) -> None:
    """Trains and measures a row with a seed, unless it is there, and adds what came of it to OUTPUT.json and .npz."""
    label, this = f"{name}-{seed}", (name, seed, settings)
    if any(_key(facts) == this for facts in _kept(output)):
        return
    print(f"{label}:", flush=True)
    facts = {"row": name, "seed": seed, "settings": settings, **training.machine()}
    images, drawn = settings["dataset"], {}
    try:
        model, minutes = trained(name, images, settings["epochs"], seed)
        found = measured(model, images, settings["images"], settings["draws"])
        facts["measured"] = {**found, "code_lines": code_lines(*ROWS[name].adds), "minutes": minutes}
        drawn = {name: np.round(255 * np.asarray(model.sample(10, seed=1))).astype("uint8")}
    except FloatingPointError as error:  # it is a result too, and the others go on
        facts["failed"] = str(error)
    kept, samples, stored = _kept(output), _samples(output), io.BytesIO()
    if name not in samples or not any(one["row"] == name and one["settings"] == settings for one in kept):
        samples |= drawn  # those of a row's first training
    np.savez_compressed(stored, **samples)
    others = [one for one in kept if _key(one)[:2] != this[:2]]
    written = {".json": entries.to_json({**_all(output), "rows": [*others, facts]}), ".npz": stored.getvalue()}
    files.write_files(output.parent, {output.name + suffix: data for suffix, data in written.items()})
    print(f"{label}: {facts.get('measured', facts.get('failed'))}", flush=True)


def time_steps(names: list[str], dataset: str, output: pathlib.Path) -> None:
    """Adds to OUTPUT.json how long a step takes over one of `vae`'s, of the rows where it is not known yet."""
    x = data.binarize(data.arrays(dataset)[0][:BATCH] / 255.0, seed=0).numpy()
    for name in names:
        steps = _all(output).get("steps", {})
        if name not in steps:
            models = (model_of(row, x.shape[1:], 0) for row in (name, "vae"))
            steps[name] = metrics.relative_step_time(*models, x, BATCH, steps=20).value
            written = {f"{output.name}.json": entries.to_json({**_all(output), "steps": steps})}
            files.write_files(output.parent, written)
            print(f"{name}: {steps[name]:.2f} times the step of vae", flush=True)


def _key(facts):
    return facts["row"], facts["seed"], facts["settings"]


def _kept(output):
    """The rows that are kept."""
    return _all(output)["rows"]


def _all(output):
    """All that OUTPUT.json holds."""
    name = f"{output.name}.json"
    return json.loads(files.read(output.parent, name)) if files.found(output.parent, name) else {"rows": []}


def _samples(output):
    """`{row: images}` that are kept, of each row's first training."""
    name = f"{output.name}.npz"
    return dict(np.load(io.BytesIO(files.read(output.parent, name)))) if files.found(output.parent, name) else {}


def report(names: list[str], seeds: list[int], settings: dict[str, Any], output: pathlib.Path) -> None:
    """Writes the table and the picture of what there is with these settings."""
    wanted = [(name, seed, settings) for name in names for seed in seeds]
    found = sorted((facts for facts in _kept(output) if _key(facts) in wanted), key=lambda one: wanted.index(_key(one)))
    if not found:
        raise SystemExit(f"There is nothing in {output}.json yet: leave out --table.")
    lines = table(found, _all(output).get("steps", {}))
    files.write_file(output.with_suffix(".md"), lines.encode())
    samples = _samples(output)
    shown = {name: samples[name] / 255.0 for name in names if name in samples}
    if shown:
        plots.picture({"Samples": shown}, output.with_suffix(".png"))
    print(lines)


def table(found: list[dict[str, Any]], steps: dict[str, float]) -> str:
    """Means over the seeds, and the least and greatest, as Markdown; a dash where there is no such number."""
    lines = ["| " + " | ".join(["row", "seeds", *(title for title, _ in COLUMNS.values())]) + " |"]
    lines += ["| --- |" + " ---: |" * (len(COLUMNS) + 1)]
    good = [{**facts["measured"], "row": facts["row"], "seed": facts["seed"]} for facts in found if "measured" in facts]
    for one in good:
        one["step"] = steps.get(one["row"], np.nan)
    for name in dict.fromkeys(facts["row"] for facts in found):
        of_row = [one for one in good if one["row"] == name]
        failures = sum(facts["row"] == name for facts in found) - len(of_row)
        failed = f" ({failures} failed)" if failures else ""
        cells = [_cell([one[column] for one in of_row if column in one], form) for column, (_, form) in COLUMNS.items()]
        lines.append("| " + " | ".join([f"`{name}`", f"{len(of_row)}{failed}", *cells]) + " |")
    devices = ", ".join(sorted({facts["device"] for facts in found}))
    return "\n".join([*lines, "", f"Settings: {json.dumps(found[0]['settings'])}; {devices}.", ""])


def _cell(values, form):
    values = [value for value in values if np.isfinite(value)]
    if not values:
        return "-"
    spread = f" ({min(values):{form}} to {max(values):{form}})" if min(values) < max(values) else ""
    return f"{np.mean(values):{form}}{spread}"


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", nargs="+", choices=ROWS, default=list(ROWS), metavar="ROW", help=", ".join(ROWS))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--quick", action="store_true", help="digits, one epoch, and few draws")
    parser.add_argument("--table", action="store_true", help="train nothing")
    parser.add_argument("--output", type=pathlib.Path, help="of all files, without suffix; benchmarks/families")
    given = parser.parse_args(arguments)
    output = given.output or pathlib.Path("runs/families-quick" if given.quick else "benchmarks/families")
    settings = {"dataset": "mnist", "epochs": given.epochs, "images": 1000, "draws": 500}
    if given.quick:
        settings = {"dataset": "digits", "epochs": 1, "images": 20, "draws": 5}
    if not given.table:
        for seed in given.seeds:  # whole tables first
            for name in given.rows:
                run(name, seed, settings, output)
        time_steps(given.rows, settings["dataset"], output)
    report(given.rows, given.seeds, settings, output)


if __name__ == "__main__":
    main()
