"""A search over a recipe's hyperparameters: by any oracle of keras-tuner, in this process or in several."""

from __future__ import annotations

import ast
import contextlib
import io
import itertools
import math
import os
import pathlib
import signal
import socket
import statistics
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Mapping
from typing import Any

import keras
import keras_tuner

from keras_vae import checks, plots
from keras_vae.tuning import private, results
from keras_vae.tuning.hypermodel import RecipeHyperModel, Space, own_values
from keras_vae.zoo import entries, files


class Grid(keras_tuner.Oracle):
    """All combinations, the recipe's values first, and ten of each range. keras-tuner's own forgets, in a search that
    goes on, which were tried."""

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        space = self.hyperparameters.space
        tried = [trial.hyperparameters.values for trial in self.trials.values()]
        axes = [[one.default, *(value for value in _in_order(one) if value != one.default)] for one in space]
        for combination in itertools.product(*axes):
            values = {one.name: value for one, value in zip(space, combination, strict=True)}
            if values not in tried:
                return {"status": private.RUNNING, "values": values}
        return {"status": private.STOPPED, "values": None}


def _in_order(hyperparameter):
    values = hyperparameter.values
    return values if isinstance(hyperparameter.default, str) else sorted(values)


ORACLES = {
    "bayesian": keras_tuner.oracles.BayesianOptimizationOracle,
    "random": keras_tuner.oracles.RandomSearchOracle,
    "grid": Grid,
    "hyperband": keras_tuner.oracles.HyperbandOracle,
}
SETTINGS, BEST, TABLE, PICTURE = "search.json", "best.json", "trials.md", "rate_distortion.png"
RESTARTS = 3  # of workers that die, in all
NO_DISK = 74  # exit status of a worker whose disk refused to be written, as sysexits.h has it


class RecipeTuner(private.Tuner):
    """Runs trials of a `RecipeHyperModel`, says how they go, and keeps each model as `model.keras`."""

    verbose, executions = 1, 1
    stop_again = staticmethod(lambda: None)

    def run_trial(self, trial: Any, **kwargs) -> dict[str, float]:
        overrides = self.hypermodel.overrides(trial.hyperparameters)
        self.say(trial, ", ".join(f"{name}={_number(value)}" for name, value in overrides.items()))
        started, name, archive = time.monotonic(), self.hypermodel.objective.name, self._archive(trial)
        try:
            executions = [self._execute(trial, index, archive) for index in range(self.executions)]
        except keras_tuner.errors.FatalError:
            raise
        except Exception:
            self.stop_again()
            # To keras-tuner a trial of NaN has failed; an error raised would be printed with all its calls.
            trial.message = traceback.format_exc()
            return {name: math.nan}
        measured = {key: statistics.fmean(one[key] for one in executions) for key in executions[0]}
        if self.executions > 1:
            measured[f"{name}_sd"] = statistics.stdev(one[name] for one in executions)
        values = ", ".join(f"{one[name]:.4g}" for one in executions)
        self.say(trial, f"{name} {values}, {time.monotonic() - started:.0f} s")
        return measured

    def _execute(self, trial, index, archive):
        """One training of a trial, with the `index`-th seed after the recipe's; the first one's model is kept."""
        model = self.hypermodel.build(trial.hyperparameters, index)
        model, measured = self.hypermodel.fit_and_measure(trial.hyperparameters, model, execution=index, verbose=0)
        if not index:
            with private.disk(archive.parent.parent):
                writing = archive.with_name(f"writing.{archive.name}")
                model.save(writing)
                files.settle(writing, archive)
        return measured

    def _archive(self, trial):
        return pathlib.Path(self.get_trial_dir(trial.trial_id)) / entries.ARCHIVE

    def load_model(self, trial: Any) -> keras.Model:
        return entries.read_archive(self._archive(trial))

    def on_trial_end(self, trial: Any) -> None:
        if trial.message:
            self.say(trial, f"failed: {trial.message.strip().splitlines()[-1]}")
        super().on_trial_end(trial)
        keras.backend.clear_session()  # graphs of a hundred trials would fill the memory

    def say(self, trial: Any, text: str) -> None:
        """Prints a line of progress."""
        if self.verbose:
            print(f"trial {int(trial.trial_id) + 1}: {text}", flush=True)


def search(
    name: str,
    space: Space | None = None,
    trials: int = 10,
    epochs: int | None = None,
    fixed: dict[str, Any] | None = None,
    directory: str | os.PathLike = "runs/tuning",
    seed: int = 0,
    verbose: int = 1,
    *,
    objective: str | None = None,
    oracle: str = "bayesian",
    precision: str = "float32",
    executions: int = 1,
    workers: int = 1,
    address: str = "127.0.0.1",
) -> dict[str, Any]:
    """Searches for the best hyperparameters of an entry's recipe on held-out training data.

    The first trial of a Bayesian, random or grid search has the recipe's own values. The folder `directory/name`
    keeps all trials; a search started again, after a kill or for more trials, goes on and repeats none that was
    finished. A trial that fails, of a NaN say, is recorded and the search goes on. At the end the folder holds
    `best.json`, the overrides for `keras-vae train NAME --set`, `trials.md`, a table, and `rate_distortion.png`.

    With `KERASTUNER_TUNER_ID`, `KERASTUNER_ORACLE_IP` and `KERASTUNER_ORACLE_PORT` set, this process is what they say:
    the chief (ID "chief"), which hands out trials and writes the results, or a worker (any other ID of its own).

    Args:
        name: the entry.
        space: see `RecipeHyperModel`; None: beta and the latent size.
        trials: how many settings to try in all; Hyperband may take fewer.
        epochs: of each trial; None: the recipe's. Of Hyperband: at most; each trial is trained from the start, for the
            recipe's schedules are made for its length.
        fixed: `{hyperparameter: value}` for all trials.
        directory: where trials are kept.
        seed: of the oracle. Trials draw weights and batches by the recipe's own `seed`; see `executions`.
        verbose: 1 prints a line at each trial's start and end.
        objective: one of `OBJECTIVES`; None: "log_likelihood", or where models have none "frechet_distance".
        oracle: "bayesian", "random", "grid" or "hyperband".
        precision: Keras's dtype policy during training.
        executions: trainings of each trial, with the recipe's seed and those that follow it. Their means count, the
            objective's standard deviation stands beside it, and the first one's model is kept.
        workers: number of processes that run trials, on this machine, each with its share of the cores.
        address: at which workers reach this process: loopback, unless told otherwise.

    Returns:
        The best overrides, as `keras-vae train --set` and `keras_vae.zoo.training.train` take them; empty in a worker.

    Raises:
        ValueError: an unknown name, or a folder with a search of other settings in it.
        RuntimeError: all trials failed, workers die again and again, or the disk is full or cannot be written.
    """
    checks.choice("oracle", oracle, ORACLES)
    trials, executions = checks.whole("trials", trials), checks.whole("executions", executions)
    workers, epochs = checks.whole("workers", workers), checks.whole("epochs", epochs, none=True)
    seed, verbose = checks.seed(seed, none=False), checks.whole("verbose", verbose, 0, 2)
    checks.path("directory", directory, "the path of a folder")
    if pathlib.Path(directory).is_file():
        raise NotADirectoryError(f"{directory} is a file: give the folder that searches are kept in.")
    checks.instance("address", address, str, "a host's name or address")
    checks.instance("fixed", {} if fixed is None else fixed, Mapping, "a dict of hyperparameters, or None")
    entries.check_overrides(entries.recipe(name), fixed or {})  # before epochs= hides what it says of them
    fixed = {**(fixed or {}), **({"epochs": epochs} if epochs else {})}
    if oracle == "hyperband":
        recipe = entries.recipe(name)
        longest = fixed.pop("epochs", own_values(recipe)["epochs"]) or entries.stages(recipe, fixed)[0]["epochs"]
    hypermodel = RecipeHyperModel(entries.recipe(name), space, fixed, objective, precision)
    aim = hypermodel.objective
    options = {"seed": seed or 1, "max_consecutive_failed_trials": trials + 1}  # keras-tuner takes a seed of 0 for none
    if oracle == "hyperband":
        options["max_epochs"] = longest
    else:
        options["max_trials"] = trials
    if oracle == "bayesian":
        options["num_initial_points"] = max(trials // 3, 2)
    kind = _from_the_recipe(ORACLES[oracle]) if oracle in ("bayesian", "random") else ORACLES[oracle]
    made = private.kept(kind)(keras_tuner.Objective(aim.name, aim.direction), **options)
    made.max_trials, made.verbose = trials, 0

    role = os.environ.get("KERASTUNER_TUNER_ID")
    hands_out, folder = role is None or "chief" in role, pathlib.Path(directory) / name
    settings = {"space": hypermodel.space, "fixed": fixed, "objective": aim.name, "oracle": oracle}
    settings |= {"precision": precision, "seed": seed, "epochs": longest if oracle == "hyperband" else None}
    settings |= {"executions": executions} if executions > 1 else {}
    if hands_out:
        _claim(folder, {**settings, "space": {key: repr(values) for key, values in hypermodel.space.items()}})
    tuner = RecipeTuner(made, hypermodel, directory=directory, project_name=name)
    tuner.verbose, tuner.executions = verbose, executions
    if hands_out:
        made.reload()
    policy = keras.config.dtype_policy()
    try:
        if role is None and workers > 1:
            arguments = {"name": name, "trials": trials, "directory": str(directory), "verbose": verbose}
            _with_workers(tuner, {**settings, **arguments}, workers, address)
        else:
            with _remembered(tuner):
                tuner.search(verbose=0)
    finally:
        keras.config.set_dtype_policy(policy)  # a trial that failed leaves its own
    if not hands_out:
        return {}
    kept = {**fixed, **({"epochs": epochs} if epochs else {})}
    return _conclude(name, folder, hypermodel, kept, oracle, verbose)


@contextlib.contextmanager
def _remembered(tuner):
    """Has a tuner remember a signal: what its handler raises amid a callback of C++ comes out as another error, and is
    no trial's failure."""
    kept = {}

    def handle(number, frame):
        tuner.stop_again = lambda: kept[number](number, frame)
        tuner.stop_again()

    if threading.current_thread() is threading.main_thread():  # others have no handlers
        for number in (signal.SIGINT, signal.SIGTERM):
            if callable(signal.getsignal(number)):
                kept[number] = signal.signal(number, handle)
    try:
        yield
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)


def _from_the_recipe(oracle):
    """An oracle whose first trial has the recipe's own values."""

    class Oracle(oracle):
        def populate_space(self, trial_id):
            if int(trial_id):
                return super().populate_space(trial_id)
            values = {hyperparameter.name: hyperparameter.default for hyperparameter in self.hyperparameters.space}
            return {"status": private.RUNNING, "values": values}

    return Oracle


def _claim(folder, settings):
    """Writes what is searched; refuses a folder where something else was."""
    asked, path = entries.to_json(settings), folder / SETTINGS
    if path.is_file() and path.read_bytes() != asked:
        raise ValueError(
            f"{folder} holds a search with other settings ({path}). Choose another directory or delete it."
        )
    private.write(path, asked)


def _conclude(name, folder, hypermodel, fixed, oracle, verbose):
    rows, aim = results.trials(folder), hypermodel.objective
    found = results.best(rows, aim.name, aim.direction)
    overrides = {**fixed, **found["values"]}
    if hypermodel.recipe.density:
        private.write(folder / PICTURE, _picture(name, rows, found, hypermodel, oracle))
    text = results.table(rows, aim.name, aim.direction)
    command = f"keras-vae train {name} --set {folder / BEST}"
    private.write(folder / BEST, entries.to_json(overrides))
    private.write(folder / TABLE, text.encode())
    if verbose:
        picture = f"; picture: {folder / PICTURE}" if hypermodel.recipe.density else ""
        print(f"\n{text}\nBest: {folder / BEST}{picture}. Train it: {command}", flush=True)
    return overrides


def _picture(name, rows, found, hypermodel, oracle):
    """The trials on the rate-distortion plane, as a PNG."""
    done = [row for row in rows if row["status"] == results.DONE]
    marked = {f"best {hypermodel.objective.name.replace('_', ' ')}": done.index(found)}
    if oracle != "hyperband" and done[0]["values"].items() <= own_values(hypermodel.recipe).items():
        marked["the recipe's values"] = 0
    points = [(row["measured"]["rate"], row["measured"]["distortion"]) for row in done]
    colours = {"beta": [row["values"]["beta"] for row in done]} if "beta" in found["values"] else None
    picture = io.BytesIO()
    plots.write(plots.rate_distortion(points, colours, marked, title=f"{name}: {len(done)} trials"), picture)
    return picture.getvalue()


# --- several processes ------------------------------------------------------------------------------------------------


def _with_workers(tuner, arguments, count, address):
    """Hands out trials from this process to workers on this machine, and starts those anew that die."""
    oracle = tuner.oracle
    if len(oracle.trials) >= oracle.max_trials and not oracle.unfinished():
        return
    try:
        with socket.socket() as free:
            free.bind((address, 0))
            port = free.getsockname()[1]
    except OSError as error:
        raise ValueError(f"{address!r} is no address of this machine ({error}); 127.0.0.1 is.") from error
    shared = {"KERASTUNER_ORACLE_IP": address, "KERASTUNER_ORACLE_PORT": str(port)}
    threads = str(max((os.cpu_count() or 1) // count, 1))
    environment = {"TF_NUM_INTRAOP_THREADS": threads, "TF_NUM_INTEROP_THREADS": threads} | os.environ | shared
    environment |= {"TF_FORCE_GPU_ALLOW_GROWTH": "true"}  # or the first worker takes the GPU's memory
    code = "import sys; from keras_vae.tuning.search import work; work(sys.argv[1])"

    def start(index):
        # The same ID again: keras-tuner then hands it the trial that it died in
        own = {**environment, "KERASTUNER_TUNER_ID": f"worker{index}"}
        # In a session of its own: Ctrl-C of a terminal is this process's, which ends its workers
        return subprocess.Popen([sys.executable, "-c", code, repr(arguments)], env=own, start_new_session=True)

    oracle.expect(f"worker{index}" for index in range(count))
    with _environment({**shared, "KERASTUNER_TUNER_ID": "chief"}):
        chief = threading.Thread(target=tuner.search, kwargs={"verbose": 0}, daemon=True)
        chief.start()
        processes, restarts = {index: start(index) for index in range(count)}, 0
        try:
            while processes and chief.is_alive():
                time.sleep(0.2)
                if oracle.failure:
                    raise oracle.failure
                for index, process in list(processes.items()):
                    if process.poll() is None:
                        continue
                    del processes[index]
                    if process.returncode == NO_DISK:
                        raise RuntimeError("The disk refused a worker, as it says above. Mend that and start again.")
                    if process.returncode:
                        restarts += 1
                        if restarts > RESTARTS:
                            raise RuntimeError(f"Workers die again and again, with exit status {process.returncode}.")
                        processes[index] = start(index)
        finally:
            for process in processes.values():
                process.terminate()
                process.wait()


def work(arguments: str) -> None:
    """What a worker process runs: a search that asks its parent for trials, and ends with it."""
    parent = os.getppid()

    def watch():
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
    try:
        search(**ast.literal_eval(arguments))
    except keras_tuner.errors.FatalError as error:
        print(f"keras-vae: {error}", file=sys.stderr, flush=True)
        os._exit(NO_DISK)


@contextlib.contextmanager
def _environment(variables):
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _number(value):
    return f"{value:.4g}" if isinstance(value, float) else value
