"""The keras-vae command. TensorFlow is imported only by the commands that compute.

Exit status: 0 done; 2 bad input (arguments, files, names); 1 anything else that failed; 130 stopped by Ctrl-C; 143
stopped by SIGTERM. What went wrong is the last line on stderr; with `--debug` there is a traceback before it.
"""

import contextlib
import io
import json
import os
import pathlib
import signal
import sys
from collections.abc import Iterator
from typing import Annotated, Any

import typer

from keras_vae import __version__, checks

HELP = """Pretrained variational autoencoders: look at them, sample from them, remake them.

ENTRY is a name that `keras-vae list` prints, or a folder that `keras_vae.zoo.save(model, folder)` or
`keras-vae train` wrote. What has a slash in it or begins with a dot is always a folder.

Exit status: 0 done, 2 bad input, 1 failed, 130 stopped by Ctrl-C, 143 by SIGTERM.
"""

app = typer.Typer(
    epilog="Try: keras-vae list; keras-vae sample vae; keras-vae translate mvae_poe --to svhn",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # it would take what stands in [brackets] for markup
)

Name = Annotated[str, typer.Argument(metavar="ENTRY", help="A name of `keras-vae list`, or a folder of your own.")]
Seed = Annotated[
    int,
    typer.Option(min=0, max=checks.LARGEST_SEED, help="Of the random draws: the same seed makes the same picture."),
]
Input = Annotated[
    pathlib.Path | None,
    typer.Option(
        "--input",
        "-i",
        metavar="FILE",
        help="Images: .npy [count, height, width, channels]; .npz with one array `x`, with an array a modality, or "
        "with x and condition; or one .png. Values in [0, 1], or 0..255 as 8-bit integers. Of vectors: .npy "
        "[count, features]. Default: the examples that ship with the entry; a folder of your own has none.",
    ),
]


Output = Annotated[pathlib.Path, typer.Option("--output", "-o", metavar="FILE", help="The picture to write, a .png.")]


class _Asked:
    """What was asked for before the command."""

    debug = False
    advice = ""  # where to go on after a stop
    stopped = 0  # the exit status that a signal asked for


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"keras-vae {__version__}")
        raise typer.Exit


@app.callback(help=HELP)
def options(
    debug: Annotated[
        bool, typer.Option("--debug", help="Show tracebacks and TensorFlow's log. Before the command's name.")
    ] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """What holds for all commands."""
    _Asked.debug, _Asked.advice, _Asked.stopped = debug, "", 0


@app.command("list")
def list_entries() -> None:
    """Print a table of all entries: data, latents, parameters, headline figure and size."""
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
    """Print an entry's card. What it is, how good it is, how it was measured and made."""
    from keras_vae.zoo import cards

    entry = _entry(name)
    _require(entry, "README.md", "no card: only what `keras-vae train` made has one")
    text = cards.card(entry)
    if sys.stdout.isatty():
        from rich.console import Console
        from rich.markdown import Markdown

        Console().print(Markdown(text))
    else:
        typer.echo(text)


@app.command()
def sample(
    name: Name,
    count: Annotated[
        int,
        typer.Option("--count", "-n", min=1, help="Draws from the prior; of a conditional model, of each condition."),
    ] = 10,
    input: Input = None,
    output: Output = pathlib.Path("sample.png"),
    seed: Seed = 0,
) -> None:
    """Draw from the prior: a picture. Shown are means. A multimodal model draws all modalities at once; a
    conditional one draws for each condition in --input, or of the entry's examples.

    Example: keras-vae sample vae --count 20 --seed 1
    """
    from keras_vae import plots

    _check_output(output)
    model = _load(name)
    if model.takes_condition:
        made = model.sample(count, condition=_images(name, input, model)["condition"], seed=seed)
        rows = {f"draw {index + 1}": images for index, images in enumerate(made)}
    elif input is not None:
        raise ValueError(f"{name} takes no condition, so sampling needs no --input: leave it out, or try reconstruct.")
    else:
        rows = _rows(model.sample(count, seed=seed))
    _write(plots, {"Samples from the prior": rows}, output)


@app.command()
def reconstruct(name: Name, input: Input = None, output: Output = pathlib.Path("reconstruct.png")) -> None:
    """Encode and decode images: a picture. Below the inputs stand what the model makes of them.

    Example: keras-vae reconstruct vae --input digits.npy
    """
    from keras_vae import plots

    _check_output(output)
    model = _load(name)
    x = _images(name, input, model)
    made = model.reconstruct(x)
    if model.takes_condition:
        x = x["x"]
    x, made = checks.named(x, "examples"), checks.named(made, "examples")
    rows = {}
    for key in made:
        rows |= {key: x[key]} if key in x else {}
        rows[f"{key}, reconstructed" if key in x else f"{key}, generated"] = made[key]
    _write(plots, {"Reconstructions": rows}, output)


@app.command()
def translate(
    name: Name,
    to: Annotated[
        str | None, typer.Option(metavar="MODALITY", help="The modality to make, such as svhn. Default: each in turn.")
    ] = None,
    samples: Annotated[int, typer.Option(min=1, help="Generations of each image.")] = 3,
    input: Input = None,
    output: Output = pathlib.Path("translate.png"),
    seed: Seed = 0,
) -> None:
    """Make one modality from another: a picture. Cross generation, for multimodal models.

    Example: keras-vae translate mvae_poe --to svhn
    """
    from keras_vae import plots

    _check_output(output)
    model = _load(name)
    if not hasattr(model, "translate"):
        raise ValueError(f"{name} has one modality: there is nothing to translate to. See `keras-vae list`.")
    x = _images(name, input, model)
    sections = {}
    for target in model.modalities if to is None else [to]:
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
    latent: Annotated[int, typer.Option(min=0, help="Which latent to move from -3 to 3, counted from 0.")] = 0,
    rung: Annotated[
        str | None,
        typer.Option(metavar="RUNG", help="Of a ladder, whose latent it is: z1 is nearest to the data. Default: top."),
    ] = None,
    input: Input = None,
    output: Output = pathlib.Path("traverse.png"),
) -> None:
    """Move one latent of images: a picture. The others stay as they are; a row an example.

    Example: keras-vae traverse beta_vae --latent 3
    """
    import numpy as np

    from keras_vae import plots

    _check_output(output)
    model = _load(name)
    options = {}
    if rung is not None:
        if not hasattr(model, "latent_sizes"):
            raise ValueError(f"{name} is no ladder, one of whose rungs could be moved: leave out --rung.")
        options["rung"] = rung
    made = model.traverse(_images(name, input, model), latent, values=tuple(np.linspace(-3, 3, 11)), **options)
    made = checks.named(made)
    of_rung = f" of {rung}" if rung else ""
    sections = {
        f"latent {latent}{of_rung} from -3 to 3 {key}".strip(): {
            f"example {index}": images[:, index] for index in range(images.shape[1])
        }
        for key, images in ((key, np.asarray(value)) for key, value in made.items())
    }
    _write(plots, sections, output)


@app.command()
def preview(name: Name, output: Output = pathlib.Path("preview.png")) -> None:
    """Draw an entry's own picture anew. What it can do, at a glance, from its weights; of a folder that no recipe made,
    samples from the prior."""
    from keras_vae import plots, zoo

    _check_output(output)
    if _made_by(name) is None:
        model = _load(name)
        if model.takes_condition:
            raise ValueError(f"{name} samples given a condition: keras-vae sample {name} --input FILE.")
        _write(plots, {"Samples from the prior": _rows(model.sample(10, seed=0))}, output)
        return
    recipe = zoo.recipe(_made_by(name))
    model = _load(name, recipe.kind)
    _write(plots, recipe.preview(model, _images(name, None, model)), output, title=recipe.title)


@app.command()
def train(
    name: Annotated[
        str,
        typer.Argument(
            metavar="ENTRY",
            help="A name of `keras-vae list`, to be remade from its recipe; or a folder that `keras-vae train` wrote, "
            "to be remade with its own hyperparameters.",
        ),
    ],
    overrides: Annotated[
        pathlib.Path | None,
        typer.Option(
            "--set",
            metavar="FILE",
            help='A JSON file of hyperparameters that differ from the recipe: {"beta": 2.0, "epochs": 10}.',
        ),
    ] = None,
    output: Annotated[
        pathlib.Path | None,
        typer.Option("--output", "-o", metavar="FOLDER", help="Of the entry to write [runs/ENTRY/entry]."),
    ] = None,
    run: Annotated[
        pathlib.Path | None,
        typer.Option(metavar="FOLDER", help="Of checkpoints, from which a stopped training goes on [runs/ENTRY]."),
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
    """Remake an entry by its recipe. Trains, measures and writes it. Start it again after a stop: it goes on from the
    last finished epoch.

    Example: keras-vae train vae --run runs/mine

    On several machines: start it on each, with TensorFlow's TF_CONFIG set and --run in a folder that all of them see.
    The first one writes; when one is lost, start all of them again.
    """
    from keras_vae import zoo

    entry = _recipe_of(name)  # an unknown name is refused before TensorFlow loads
    settings = _settings(zoo.recipe(entry), overrides)
    if isinstance(_entry(name), pathlib.Path):
        settings = zoo.metrics(_entry(name))["training"]["overrides"] | settings
    name, run = entry, run or pathlib.Path("runs") / entry
    _Asked.advice = f" The same command goes on from the last finished epoch in {run}."
    _tensorflow()
    from keras_vae import devices as hardware
    from keras_vae.zoo import training

    strategy = hardware.strategy(devices)
    model, facts = training.train(name, settings, run, precision, strategy=strategy)
    if not hardware.is_chief(strategy):
        return
    training.write_entry(name, model, facts, output or run / "entry", _report)
    typer.echo(f"Wrote {output or run / 'entry'}.")


@app.command()
def tune(
    name: Annotated[
        str,
        typer.Argument(
            metavar="ENTRY", help="A name of `keras-vae list`, whose recipe is searched, or a folder of it."
        ),
    ],
    trials: Annotated[int, typer.Option("--trials", "-n", min=1, help="How many settings to try, in all.")] = 10,
    over: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME[=VALUES]",
            help="What to search, again for each: beta (from a quarter to four times the recipe's), "
            "latent_size=10:100 (a range) or width=100,200 (a choice). Default: beta and the latent size.",
        ),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Another data set, where the recipe takes one: digits needs no download."),
    ] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="Of each trial. Default: the recipe's.")] = None,
    objective: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="On held-out training data: log_likelihood (importance-weighted; the default), free_energy, "
            "hypervolume (of the rate-distortion plane), mutual_information_gap (dSprites), coherence (MNIST-SVHN) or "
            "frechet_distance (of samples; the default for what has no likelihood: rae). None depends on beta.",
        ),
    ] = None,
    oracle: Annotated[str, typer.Option(help="bayesian, random, grid or hyperband.")] = "bayesian",
    overrides: Annotated[
        pathlib.Path | None,
        typer.Option(
            "--set", metavar="FILE", help='A JSON file of hyperparameters for all trials: {"batch_size": 100}.'
        ),
    ] = None,
    executions: Annotated[
        int, typer.Option(min=1, help="Trainings of each trial, with one seed after another: their mean counts.")
    ] = 1,
    workers: Annotated[int, typer.Option(min=1, help="Processes that run trials, on this machine.")] = 1,
    address: Annotated[str, typer.Option(help="At which workers reach the chief.")] = "127.0.0.1",
    directory: Annotated[
        pathlib.Path,
        typer.Option("--directory", "-d", metavar="FOLDER", help="Of searches; this one's is FOLDER/ENTRY."),
    ] = pathlib.Path("runs/tuning"),
    precision: Annotated[str, typer.Option(help="As of `train`.")] = "float32",
    seed: Annotated[
        int,
        typer.Option(
            min=0, max=checks.LARGEST_SEED, help="Of the search; trials have the recipe's own, or see --executions."
        ),
    ] = 0,
) -> None:
    """Search an entry's hyperparameters. Prints each trial, then a table, and writes the best as JSON for `train --set`
    and a picture of rates and distortions. Start it again after a kill, or for more trials: it goes on.

    Example, of two minutes: keras-vae tune vae --data digits --epochs 20 --trials 5 --over beta --over width=50,100

    Across machines: set KERASTUNER_ORACLE_IP and KERASTUNER_ORACLE_PORT, and KERASTUNER_TUNER_ID to "chief" in one
    process and to a name of its own in each other, and run the same command in all.
    """
    from keras_vae import zoo

    name = _recipe_of(name)  # an unknown name is refused before TensorFlow loads
    recipe = zoo.recipe(name)
    fixed = _settings(recipe, overrides, {} if data is None else {"dataset": data})
    _Asked.advice = f" The same command goes on in {directory / name}, and repeats no finished trial."
    _tensorflow()
    try:
        from keras_vae import tuning
    except ModuleNotFoundError as error:
        raise RuntimeError(f'{error}. Tuning needs keras-tuner: pip install "keras_vae[tuning]".') from error

    tuning.search(
        name,
        tuning.parse_space(recipe, over) if over else None,
        trials,
        epochs,
        fixed,
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
    """Measure an entry's weights. On held-out data, as its card reports it. A folder is measured by the recipe that
    made it: one that `keras-vae train` wrote.

    Example: keras-vae evaluate vae
    """
    from keras_vae import zoo

    if write:
        _Asked.advice = f" {name} is whole, as before or measured anew; the same command measures it again."
    made_by = _recipe_of(name)
    recipe = zoo.recipe(made_by)
    model = _load(name, recipe.kind)
    from keras_vae.zoo import entries, training

    trained = zoo.metrics(_entry(name))["training"]
    if write:
        folder = entries.folder(_entry(name))
        training.write_entry(made_by, model, trained, folder, _report, entries.checked(folder)[0])
    else:  # on the data that it was trained on; but seeds of training are not those of evaluation
        own = {key: value for key, value in trained["overrides"].items() if key != "seed"}
        training.measure(recipe, model, _report, **own)


@app.command()
def compress(
    file: Annotated[
        pathlib.Path,
        typer.Argument(metavar="FILE", help="A .npy of examples as the model takes them, or an .npz with one array."),
    ],
    name: Annotated[
        str, typer.Option("--model", "-m", metavar="ENTRY", help="A name of `keras-vae list`, or a folder of your own.")
    ],
    output: Annotated[
        pathlib.Path | None, typer.Option("--output", "-o", metavar="FILE", help="What to write [FILE.kvae].")
    ] = None,
) -> None:
    """Compress a file without loss. A model that knows its kind of data takes about its free energy, in bits: far
    fewer than gzip does, of that kind alone. Many examples at once: the first ones pay for a seed of bits. What is
    written is decoded once before, and compared.

    Example: keras-vae compress digits.npy --model vae_binarized_mnist
    """
    if not file.is_file():
        raise FileNotFoundError(f"There is no file {file}.")
    x, output = _arrays(file), output or file.with_name(f"{file.name}.kvae")
    if isinstance(x, dict):
        if len(x) != 1:
            raise ValueError(f"{file} must hold one array; it has {sorted(x)}.")
        (x,) = x.values()
    _check_new(output)
    model = _load(name)
    data = model.compress(x, name, _bar(2 * len(x), "example"))
    _write_bytes(output, data)
    bits, times = 8 * len(data) / x.size, file.stat().st_size / len(data)
    typer.echo(f"Wrote {output}: {len(data):,} bytes, {bits:.3f} bits a number; {file} has {times:.1f} times as many.")


@app.command()
def decompress(
    file: Annotated[pathlib.Path, typer.Argument(metavar="FILE", help="What `keras-vae compress` wrote.")],
    name: Annotated[
        str | None,
        typer.Option("--model", "-m", metavar="ENTRY", help="What compressed it [the entry that the file names]."),
    ] = None,
    output: Annotated[
        pathlib.Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="The .npy to write [FILE without .kvae, a .npy]."),
    ] = None,
) -> None:
    """Decompress a file: the very numbers that `keras-vae compress` was given, as a .npy. On any machine, by the same
    model.

    Example: keras-vae decompress digits.npy.kvae --output again.npy
    """
    if not file.is_file():
        raise FileNotFoundError(f"There is no file {file}.")
    output = output or file.with_name(file.name.removesuffix(".kvae")).with_suffix(".npy")
    if output.suffix.lower() != ".npy":
        raise ValueError(f"Arrays are written as .npy: give a name that ends so, not {output.name!r}.")
    _check_new(output)
    data = file.read_bytes()
    _tensorflow()
    import numpy as np

    from keras_vae import coding

    facts, _ = coding.opened(data)
    if not (name or facts["entry"]):
        raise ValueError(f"{file} does not say which entry compressed it: give --model.")
    model = _load(name or facts["entry"])
    x, stored = model.decompress(data, _bar(facts["shape"][0], "example")), io.BytesIO()
    np.save(stored, x)
    _write_bytes(output, stored.getvalue())
    typer.echo(f"Wrote {output}: {x.dtype} {list(x.shape)}.")


def _bar(count, unit):
    """What shows how many are done, called with the number just done."""
    import keras

    return keras.utils.Progbar(count, unit_name=unit).add


def _report(row):
    """Prints one measurement."""
    from keras_vae.zoo import cards

    metric, value, interval, basis = cards.measured_row(row)
    typer.echo(f"{metric}: {value}{f' ({interval})' if interval else ''}, {basis}")


# --- what is named ----------------------------------------------------------------------------------------------------


def _entry(name: str) -> str | pathlib.Path:
    """The zoo's entry of that name, or else the path of a folder of one's own."""
    from keras_vae.zoo import entries

    path = pathlib.Path(name)
    if name.startswith(".") or "/" in name or os.sep in name:
        return path
    return path if name not in entries.recipes() and path.is_dir() else name


def _tell_of_namesake(name):
    """Says so where a bare name is an entry's and a local folder's too."""
    from keras_vae.zoo import files

    if isinstance(_entry(name), str) and files.found(pathlib.Path(name), "model.keras"):
        typer.echo(f"keras-vae: {name} is the zoo's entry; for the folder here write ./{name}", err=True)


def _require(entry, file, otherwise):
    """Refuses a folder of one's own that lacks a file; the zoo has words of its own for its entries."""
    from keras_vae.zoo import files

    if isinstance(entry, pathlib.Path) and not files.found(entry, file):
        there = f"{entry} has {otherwise}" if entry.is_dir() else f"There is no folder {entry}"
        raise FileNotFoundError(f"{there}.")


def _made_by(name: str) -> str | None:
    """Name of the zoo's entry whose recipe made this; None where none did. No recipe of a folder is run."""
    from keras_vae import zoo

    entry = _entry(name)
    if isinstance(entry, str):
        zoo.entries.folder(entry)  # refuses unknown names
        return entry
    _require(entry, "metrics.json", "no metrics.json: keras_vae.zoo.save(model, folder) writes one")
    facts = zoo.metrics(entry)
    made_by = facts.get("entry") if isinstance(facts, dict) else None
    return made_by if made_by in zoo.entries.recipes() else None


def _recipe_of(name: str) -> str:
    """As `_made_by`.

    Raises:
        ValueError: none did.
    """
    made_by = _made_by(name)
    if made_by is None:
        raise ValueError(
            f"{name} was made by no recipe of the zoo, which this command needs: give a name of `keras-vae list`."
        )
    return made_by


def _load(name: str, kind: str = "model") -> Any:
    """The model of an entry or of a folder.

    Raises:
        ValueError: it is a classifier, and no model that draws.
    """
    from keras_vae import zoo

    entry = _entry(name)
    _require(entry, "model.keras", "no model.keras: keras_vae.zoo.save(model, folder) writes one")
    zoo.entries.folder(entry)  # an unknown name is refused before TensorFlow loads
    _tell_of_namesake(name)
    facts = zoo.metrics(entry)
    if kind == "model" and isinstance(facts, dict) and facts.get("kind", "model") != "model":
        raise ValueError(
            f"{name} is a {facts['kind']}, which draws nothing: choose one of the models of `keras-vae list`."
        )
    _tensorflow()
    return zoo.load(entry)


# --- what is read and written -----------------------------------------------------------------------------------------


def _images(name: str, path: pathlib.Path | None, model: Any = None) -> Any:
    """What a command works on, float32: the user's file, or the entry's examples. With a model: what it takes."""
    from keras_vae import zoo

    if path is None:
        entry = _entry(name)
        _require(entry, "examples.npz", "no examples of its own: give --input FILE")
        return zoo.examples(entry)
    if not path.is_file():
        raise FileNotFoundError(f"There is no file {path}.")
    x = _read(path)
    if isinstance(x, dict) and set(x) == {"x"} and not getattr(model, "takes_modalities", False):
        x = x["x"]
    if getattr(model, "takes_modalities", False) and not isinstance(x, dict):
        raise ValueError(
            f"{name} takes an array a modality, of {list(model.modalities)}: give an .npz, "
            f"np.savez(path, {model.modalities[0]}=images), not {path.name}."
        )
    if getattr(model, "takes_condition", False) and not (isinstance(x, dict) and "condition" in x):
        raise ValueError(f"{name} takes x and condition: give an .npz, np.savez(path, x=images, condition=conditions).")
    return x


def _read(path):
    """A file's array, or arrays by name, float32."""
    from keras_vae import zoo

    if path.suffix.lower() != ".png":
        return zoo.entries.as_floats(_arrays(path, ".npy, .npz or .png"))
    from matplotlib.image import imread

    with _readable(path):
        image = imread(path, format="png")
    image = image[..., :3] if image.ndim == 3 else image[..., None]
    return image[None].astype("float32")


@contextlib.contextmanager
def _readable(path):
    """One clear error of what NumPy and PIL raise, of many types, with advice to run what is in the file."""
    try:
        yield
    except OSError:
        raise
    except Exception as error:
        raise ValueError(f"{path} is damaged, or holds something else than numbers: give arrays of numbers.") from error


def _arrays(path, formats=".npy or .npz"):
    """A file's array, or arrays by name, as they are."""
    import numpy as np

    if path.suffix.lower() not in (".npy", ".npz"):
        raise ValueError(f"Cannot read {path}: give a {formats} file.")
    with _readable(path):
        found = np.load(path)
        if isinstance(found, np.ndarray):
            x = found
        else:
            with found as stored:
                x = {key: stored[key] for key in stored}
    wrong = [part.dtype for part in checks.named(x).values() if part.dtype.kind not in "buif"]
    if wrong or (isinstance(x, dict) and not x):
        raise ValueError(f"{path} must hold arrays of real numbers; it has {wrong[0] if wrong else 'none'}.")
    return x


def _settings(recipe: Any, path: pathlib.Path | None, more: dict[str, Any] | None = None) -> dict[str, Any]:
    """Hyperparameters out of a JSON file, checked by the recipe's own values, before anything is trained.

    Raises:
        FileNotFoundError, TypeError, ValueError: no such file, no JSON, or values that the recipe cannot take.
    """
    from keras_vae.zoo import entries

    settings = {}
    if path is not None:
        if not path.is_file():
            raise FileNotFoundError(f"There is no file {path}.")
        try:
            settings = json.loads(path.read_text())
        except ValueError as error:
            raise ValueError(f"{path} is no JSON: {error}.") from error
        checks.instance(f"{path}", settings, dict, 'a JSON object, such as {"beta": 2.0}')
    settings = settings | (more or {})
    if "dataset" in settings:
        _tensorflow()  # quiet, before the names of data sets are looked up
    entries.check_overrides(recipe, settings)
    return settings


def _rows(images):
    return checks.named(images, "means")


def _check_output(path):
    """Refuses a place that no picture can be written to, before anything is computed."""
    if path.suffix.lower() != ".png":
        raise ValueError(f"Pictures are written as PNG: give a name that ends in .png, not {path.name!r}.")
    if path.is_dir() or not path.parent.is_dir():
        raise FileNotFoundError(f"{path} is a folder." if path.is_dir() else f"There is no folder {path.parent}.")


def _check_new(path):
    """Refuses a place where there is a file already: data are not replaced."""
    if path.exists():
        raise FileExistsError(f"{path} is there already: choose another place, --output.")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"There is no folder {path.parent}.")


def _write_bytes(path, data):
    from keras_vae.zoo import files

    with files.disk(path, "Make room, or choose another place: --output."):
        files.write_file(path.resolve(), data)


def _write(plots, sections, path, title=None):
    picture = io.BytesIO()
    plots.write(sections, picture, title=title)
    _write_bytes(path, picture.getvalue())
    typer.echo(f"Wrote {path}.")


# --- how it starts and ends -------------------------------------------------------------------------------------------


def _tensorflow() -> None:
    """Imports TensorFlow, without the lines that it logs then unless they are asked for."""
    if _Asked.debug:
        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    with _nowhere(2):  # no setting silences its C++ before it is initialised
        import absl.logging
        import tensorflow as tf

        tf.config.list_physical_devices()
    absl.logging.set_verbosity(absl.logging.ERROR)
    tf.get_logger().setLevel("ERROR")


@contextlib.contextmanager
def _nowhere(descriptor: int) -> Iterator[None]:
    """What is written to a file descriptor meanwhile, by C++ as well, is lost."""
    kept = os.dup(descriptor)
    try:
        with open(os.devnull, "w") as nothing:
            os.dup2(nothing.fileno(), descriptor)
        yield
    finally:
        os.dup2(kept, descriptor)
        os.close(kept)


BAD_INPUT = (ValueError, TypeError, FileNotFoundError, FileExistsError)
LONGEST = 285


def _line(error: BaseException) -> str:
    """An error as one line."""
    text = " ".join(str(error).split())
    if not isinstance(error, (*BAD_INPUT, RuntimeError, OSError, ArithmeticError)) or not text:
        text = f"{type(error).__name__}: {text} (keras-vae --debug shows where)"
    return f"keras-vae: {text}" if len(text) <= LONGEST else f"keras-vae: {text[:LONGEST]}..."


def _stop(number, frame):
    """Ends by a signal as by an exit: what is half written is cleared away. Again after a while, for an exit out of a
    callback of C++ or a destructor is lost."""
    if hasattr(signal, "SIGALRM"):
        signal.signal(signal.SIGALRM, lambda *_: _stop(number, frame))
        signal.setitimer(signal.ITIMER_REAL, 5.0)
    _Asked.stopped = 128 + number
    raise SystemExit(_Asked.stopped)


def main() -> None:
    """Entry point: all that goes wrong ends in one line, without a traceback unless --debug asks for it."""
    kept = {number: signal.signal(number, _stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        try:
            app()
        except Exception:
            if _Asked.stopped:  # what C++ made of the exit
                raise SystemExit(_Asked.stopped) from None
            raise
    except BrokenPipeError:  # of `keras-vae list | head -1`; Python would complain once more at its end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as error:
        if _Asked.debug:
            import traceback

            traceback.print_exc()
        typer.echo(_line(error), err=True)
        sys.exit(2 if isinstance(error, BAD_INPUT) else 1)
    except SystemExit as stop:
        if hasattr(signal, "SIGALRM"):
            signal.setitimer(signal.ITIMER_REAL, 0.0)
        if stop.code in (130, 143):
            by = "Ctrl-C" if stop.code == 130 else "SIGTERM"
            typer.echo(f"keras-vae: stopped by {by}.{_Asked.advice}", err=True)
        raise
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)
