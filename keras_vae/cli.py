"""The keras-vae command. TensorFlow is imported only by the commands that compute."""

import contextlib
import json
import os
import pathlib
import signal
from collections.abc import Iterator
from typing import Annotated

import typer

app = typer.Typer(
    help="Pretrained variational autoencoders: look at them, sample from them, remake them.",
    epilog="Try: keras-vae list; keras-vae sample vae; keras-vae translate mvae_poe --to svhn",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Name = Annotated[
    str, typer.Argument(help="An entry (see `keras-vae list`), or a folder written by keras_vae.zoo.save.")
]
Seed = Annotated[int, typer.Option(help="Of the random draws: the same seed makes the same picture.")]
Input = Annotated[
    pathlib.Path | None,
    typer.Option(
        "--input",
        "-i",
        help="Images: .npy [count, height, width, channels], .npz with an array a modality or x and condition, or one "
        ".png. Values in [0, 1], or 0..255 as 8-bit integers. For an entry of vectors: .npy [count, features]. "
        "Default: the examples that ship with the entry.",
    ),
]


def _output(default):
    return Annotated[pathlib.Path, typer.Option("--output", "-o", help=f"Where to write the picture, PNG [{default}].")]


@app.command("list")
def list_entries() -> None:
    """Print every entry with its data, latents, parameters, headline figure and size."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    from keras_vae.zoo import cards

    for kind, title in (("model", "Models"), ("classifier", "Classifiers (judges of coherence)")):
        rows, (first, *others) = cards.overview_rows(kind), cards.OVERVIEW_HEADER
        table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
        table.add_column(first, min_width=max((len(name) for name, *_ in rows), default=0))  # a cut name is no name
        for header in others:
            table.add_column(header)
        for row in rows:
            table.add_row(*row)
        Console().print(table)


@app.command()
def card(name: Name) -> None:
    """Print the card of an entry: what it is, how good it is, how it was measured and made."""
    import sys

    from keras_vae.zoo import cards

    text = cards.card(_chosen(name))
    if sys.stdout.isatty():
        from rich.console import Console
        from rich.markdown import Markdown

        Console().print(Markdown(text))
    else:
        typer.echo(text)


@app.command()
def sample(
    name: Name,
    count: Annotated[int, typer.Option("--count", "-n", min=1, help="How many draws from the prior.")] = 10,
    output: _output("sample.png") = pathlib.Path("sample.png"),
    seed: Seed = 0,
) -> None:
    """Draw from the prior and write a picture of the means: joint generation of multimodal models, draws for the
    condition of each of the entry's examples of conditional ones."""
    from keras_vae import plots

    model = _load(name)
    if model.takes_condition:
        made = model.sample(count, condition=_images(name, None)["condition"], seed=seed)
        rows = {f"draw {index + 1}": images for index, images in enumerate(made)}
    else:
        rows = _rows(model.sample(count, seed=seed))
    _write(plots, {"Samples from the prior": rows}, output)


@app.command()
def reconstruct(
    name: Name, input: Input = None, output: _output("reconstruct.png") = pathlib.Path("reconstruct.png")
) -> None:
    """Encode and decode examples, and write a picture of both."""
    from keras_vae import plots

    model = _load(name)
    x = _images(name, input)
    made = model.reconstruct(x)
    if model.takes_condition:
        x = x["x"]
    x = x if isinstance(x, dict) else {"examples": x}
    made = made if isinstance(made, dict) else {"examples": made}
    rows = {}
    for key in made:
        rows |= {key: x[key]} if key in x else {}
        rows[f"{key}, reconstructed" if key in x else f"{key}, generated"] = made[key]
    _write(plots, {"Reconstructions": rows}, output)


@app.command()
def translate(
    name: Name,
    to: Annotated[str | None, typer.Option(help="The modality to make. Default: each in turn.")] = None,
    samples: Annotated[int, typer.Option(min=1, help="Generations of each image.")] = 3,
    input: Input = None,
    output: _output("translate.png") = pathlib.Path("translate.png"),
    seed: Seed = 0,
) -> None:
    """Generate one modality from another (cross generation) and write a picture."""
    from keras_vae import plots

    model = _load(name)
    if not hasattr(model, "translate"):
        raise ValueError(f"{name} has one modality: there is nothing to translate to. See `keras-vae list`.")
    x = _images(name, input)
    sections = {}
    for target in [to] if to else model.modalities:
        for source in x:
            if source != target:
                made = model.translate({source: x[source]}, to=target, samples=samples, seed=seed)
                sections[f"{source} to {target}"] = {source: x[source]} | {
                    f"{target} {index + 1}": images for index, images in enumerate(made)
                }
    if not sections:
        raise ValueError(f"The input holds no modality other than {to!r}.")
    _write(plots, sections, output)


@app.command()
def traverse(
    name: Name,
    latent: Annotated[int, typer.Option(help="Which latent to move from -3 to 3.")] = 0,
    input: Input = None,
    output: _output("traverse.png") = pathlib.Path("traverse.png"),
) -> None:
    """Move one latent with the others fixed, and write a picture with a row an example."""
    import numpy as np

    from keras_vae import plots

    made = _load(name).traverse(_images(name, input), latent, values=tuple(np.linspace(-3, 3, 11)))
    made = made if isinstance(made, dict) else {"": made}
    sections = {
        f"latent {latent} from -3 to 3 {key}".strip(): {
            f"example {index}": images[:, index] for index in range(images.shape[1])
        }
        for key, images in ((key, np.asarray(value)) for key, value in made.items())
    }
    _write(plots, sections, output)


@app.command()
def preview(name: Name, output: _output("preview.png") = pathlib.Path("preview.png")) -> None:
    """Draw an entry's own picture anew from its weights: what it can do, at a glance."""
    from keras_vae import plots, zoo

    recipe = _recipe(name)
    _write(plots, recipe.preview(_load(name), zoo.examples(name)), output, title=recipe.title)


@app.command()
def train(
    name: Annotated[str, typer.Argument(help="An entry, to be remade from its recipe.")],
    overrides: Annotated[
        pathlib.Path | None,
        typer.Option("--set", help='JSON of hyperparameters that differ from the recipe: {"beta": 2.0, "epochs": 10}.'),
    ] = None,
    output: Annotated[
        pathlib.Path | None, typer.Option("--output", "-o", help="Folder of the entry to write [runs/NAME/entry].")
    ] = None,
    run: Annotated[
        pathlib.Path | None,
        typer.Option(help="Folder of checkpoints, from which a killed training goes on [runs/NAME]."),
    ] = None,
    precision: Annotated[
        str,
        typer.Option(
            help="float32; mixed_bfloat16 or mixed_float16, meant for GPUs, with weights, distributions and losses in "
            "float32 all the same; or auto: the one of them that this GPU is fast in."
        ),
    ] = "float32",
    devices: Annotated[
        str | None,
        typer.Option(
            metavar="N|all",
            help="GPUs to train on, or where there is none, logical CPU devices, to try it out. They share out each "
            "batch of the recipe, which stays as large as it is. Default: one.",
        ),
    ] = None,
) -> None:
    """Train an entry by its recipe, measure it and write it. Start it again after a kill: it goes on from the last
    finished epoch.

    On several machines: start it on each, with TensorFlow's TF_CONFIG set and --run in a folder that all of them see.
    The first one writes; when one is lost, start all of them again.
    """
    from keras_vae import zoo

    zoo.recipe(name)  # an unknown name is refused before TensorFlow loads
    settings = json.loads(overrides.read_text()) if overrides else {}
    run = run or pathlib.Path("runs") / name
    with _stoppable(f"Stopped. The same command goes on from the last finished epoch in {run}."):
        from keras_vae import devices as hardware
        from keras_vae.zoo import training

        strategy = hardware.strategy(devices)
        model, facts = training.train(name, settings, run, precision, strategy=strategy)
        if not hardware.is_chief(strategy):
            return
        training.write_entry(name, model, facts, output or run / "entry", _report)
    typer.echo(f"Wrote {output or run / 'entry'}.")


class _Terminated(BaseException):
    """SIGTERM, as Ctrl-C is KeyboardInterrupt."""


@contextlib.contextmanager
def _stoppable(line: str) -> Iterator[None]:
    """Ends in this line, without a traceback, on Ctrl-C (exit status 130) and on SIGTERM (143)."""

    def stop(*_):
        raise _Terminated

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    except (KeyboardInterrupt, _Terminated) as stopped:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # of a group of processes, or of the impatient: it ends already
        typer.echo(f"\nkeras-vae: {line}", err=True)
        raise typer.Exit(130 if isinstance(stopped, KeyboardInterrupt) else 143) from None
    finally:
        signal.signal(signal.SIGTERM, before)


@app.command()
def tune(
    name: Annotated[str, typer.Argument(help="An entry, whose recipe is searched.")],
    trials: Annotated[int, typer.Option("--trials", "-n", min=1, help="How many settings to try, in all.")] = 10,
    over: Annotated[
        list[str] | None,
        typer.Option(
            help="What to search, again for each: beta (from a quarter to four times the recipe's), "
            "latent_size=10:100 (a range) or width=100,200 (a choice). Default: beta and the latent size.",
        ),
    ] = None,
    data: Annotated[
        str | None, typer.Option(help="Another data set, where the recipe takes one: digits needs no download.")
    ] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="Of each trial. Default: the recipe's.")] = None,
    objective: Annotated[
        str,
        typer.Option(
            help="On held-out training data: log_likelihood (importance-weighted), free_energy, hypervolume (of the "
            "rate-distortion plane), mutual_information_gap (dSprites) or coherence (MNIST-SVHN). None depends on beta."
        ),
    ] = "log_likelihood",
    oracle: Annotated[str, typer.Option(help="bayesian, random, grid or hyperband.")] = "bayesian",
    overrides: Annotated[
        pathlib.Path | None, typer.Option("--set", help='JSON of hyperparameters for all trials: {"batch_size": 100}.')
    ] = None,
    executions: Annotated[
        int, typer.Option(min=1, help="Trainings of each trial, with one seed after another: their mean counts.")
    ] = 1,
    workers: Annotated[int, typer.Option(min=1, help="Processes that run trials, on this machine.")] = 1,
    address: Annotated[str, typer.Option(help="At which workers reach the chief.")] = "127.0.0.1",
    directory: Annotated[
        pathlib.Path, typer.Option("--directory", "-d", help="Of searches; this one's is DIRECTORY/NAME.")
    ] = pathlib.Path("runs/tuning"),
    precision: Annotated[str, typer.Option(help="As of `train`.")] = "float32",
    seed: Annotated[int, typer.Option(help="Of the search; trials have the recipe's own, or see --executions.")] = 0,
) -> None:
    """Search an entry's hyperparameters: prints each trial, then a table, and writes the best as JSON for `train --set`
    and a picture of rates and distortions. Start it again after a kill, or for more trials: it goes on.

    Across machines: set KERASTUNER_ORACLE_IP and KERASTUNER_ORACLE_PORT, and KERASTUNER_TUNER_ID to "chief" in one
    process and to a name of its own in each other, and run the same command in all.
    """
    from keras_vae import zoo

    recipe = zoo.recipe(name)  # an unknown name is refused before TensorFlow loads
    fixed = json.loads(overrides.read_text()) if overrides else {}
    try:
        from keras_vae import tuning
    except ModuleNotFoundError as error:
        raise RuntimeError(f'{error}. Tuning needs keras-tuner: pip install "keras_vae[tuning]".') from error

    tuning.search(
        name,
        tuning.parse_space(recipe, over) if over else None,
        trials,
        epochs,
        fixed | ({"dataset": data} if data else {}),
        directory,
        seed,
        objective=objective,
        oracle=oracle,
        precision=precision,
        executions=executions,
        workers=workers,
        address=address,
    )


@app.command()
def evaluate(
    name: Name,
    write: Annotated[bool, typer.Option(help="Write the figures, the card and the preview into the entry.")] = False,
) -> None:
    """Measure an entry's weights on held-out data, as its card reports it."""
    from keras_vae.zoo import entries, training

    recipe, model = _recipe(name), _load(name)
    if write:
        archive, facts = entries.checked(entries.folder(name))
        training.write_entry(name, model, facts["training"], entries.folder(name), _report, archive)
    else:
        training.measure(recipe, model, _report)


def _report(row):
    """Prints one measurement."""
    from keras_vae.zoo import cards

    metric, value, interval, basis = cards.measured_row(row)
    typer.echo(f"{metric}: {value}{f' ({interval})' if interval else ''}, {basis}")


def _entry(name):
    """The name of an entry, else a folder of one's own. A name of the zoo is the zoo's, whatever folder is here."""
    from keras_vae.zoo import entries, files

    path = pathlib.Path(name)
    own = path.is_dir() and ("/" in name or os.sep in name or files.found(path, entries.ARCHIVE))
    return path if own and name not in entries.recipes() else name


def _chosen(name):
    """As `_entry`; says so where a folder here has the name too."""
    entry = _entry(name)
    if isinstance(entry, str) and (pathlib.Path(name) / "model.keras").is_file():
        typer.echo(f"keras-vae: {name} is the zoo's; for the folder here write ./{name}", err=True)
    return entry


def _recipe(name):
    """The recipe of an entry of the zoo; folders of one's own have none."""
    from keras_vae import zoo

    if isinstance(_entry(name), pathlib.Path):
        raise ValueError(
            f"{name} is a folder of your own, without a recipe to follow. Name an entry of the zoo (see `keras-vae "
            "list`); keras_vae.metrics measures any model."
        )
    return zoo.recipe(name)


def _load(name):
    from keras_vae import zoo

    entry = _chosen(name)
    zoo.entries.folder(entry)  # an unknown name is refused before TensorFlow loads
    return zoo.load(entry)


def _images(name, path):
    """What a command works on, float32: the user's file, or the entry's examples."""
    from keras_vae import zoo

    if path is None:
        return zoo.examples(_entry(name))
    if not path.is_file():
        raise FileNotFoundError(f"There is no file {path}.")
    if path.suffix in (".npy", ".npz"):
        return zoo.entries.as_floats(zoo.entries.load_arrays(path))
    if path.suffix == ".png":
        from matplotlib.image import imread

        image = imread(path)
        image = image[..., :3] if image.ndim == 3 else image[..., None]
        return image[None].astype("float32")
    raise ValueError(f"Cannot read {path}: give a .npy, .npz or .png file.")


def _rows(images):
    return images if isinstance(images, dict) else {"means": images}


def _write(plots, sections, path, title=None):
    if path.suffix != ".png":
        raise ValueError(f"Pictures are written as PNG: give a name that ends in .png, not {path.name!r}.")
    plots.write(sections, path, title=title)
    typer.echo(f"Wrote {path}.")


def main() -> None:
    """Entry point: bad input ends in one line and exit status 2, without a traceback."""
    import sys

    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    try:
        app()
    except (ValueError, TypeError, OSError, FloatingPointError, RuntimeError) as error:
        typer.echo(f"keras-vae: {error}", err=True)
        sys.exit(2)
