"""A search over a recipe's hyperparameters: by any oracle of keras-tuner, in this process or in several."""

import contextlib
import math
import os
import pathlib
import socket
import subprocess
import sys
import threading
import time
import traceback

import keras
import keras_tuner

from keras_vae import plots
from keras_vae.tuning import results
from keras_vae.tuning.hypermodel import RecipeHyperModel
from keras_vae.zoo import entries

ORACLES = {
    "bayesian": keras_tuner.oracles.BayesianOptimizationOracle,
    "random": keras_tuner.oracles.RandomSearchOracle,
    "grid": keras_tuner.oracles.GridSearchOracle,
    "hyperband": keras_tuner.oracles.HyperbandOracle,
}
SETTINGS, BEST, TABLE, PICTURE = "search.json", "best.json", "trials.md", "rate_distortion.png"
RESTARTS = 3  # of workers that die, in all


class RecipeTuner(keras_tuner.Tuner):
    """Runs trials of a `RecipeHyperModel`, says how they go, and keeps each model as `model.keras`."""

    verbose = 1

    def run_trial(self, trial, **kwargs):
        overrides = self.hypermodel.overrides(trial.hyperparameters)
        self.say(trial, ", ".join(f"{name}={_number(value)}" for name, value in overrides.items()))
        started, name = time.monotonic(), self.hypermodel.objective.name
        try:
            model = self.hypermodel.build(trial.hyperparameters)
            model, measured = self.hypermodel.fit_and_measure(trial.hyperparameters, model, verbose=0)
        except Exception:
            # To keras-tuner a trial of NaN has failed; an error raised would be printed with all its calls.
            trial.message = traceback.format_exc()
            return {name: math.nan}
        model.save(pathlib.Path(self.get_trial_dir(trial.trial_id)) / entries.ARCHIVE)
        self.say(trial, f"{name} {measured[name]:.4g}, {time.monotonic() - started:.0f} s")
        return measured

    def load_model(self, trial):
        return entries.read_archive(pathlib.Path(self.get_trial_dir(trial.trial_id)) / entries.ARCHIVE)

    def on_trial_end(self, trial):
        if trial.message:
            self.say(trial, f"failed: {trial.message.strip().splitlines()[-1]}")
        super().on_trial_end(trial)
        keras.backend.clear_session()  # graphs of a hundred trials would fill the memory

    def say(self, trial, text):
        """Prints a line of progress."""
        if self.verbose:
            print(f"trial {int(trial.trial_id) + 1}: {text}", flush=True)

    def save(self):
        """Nothing: all state is the oracle's, which `search` reads again, by whatever process it was written."""


def search(
    name,
    space=None,
    trials=10,
    epochs=None,
    fixed=None,
    directory="runs/tuning",
    seed=0,
    verbose=1,
    *,
    objective="log_likelihood",
    oracle="bayesian",
    precision="float32",
    workers=1,
    address="127.0.0.1",
):
    """Searches for the best hyperparameters of an entry's recipe on held-out training data.

    The first trial of a Bayesian, random or grid search is the recipe as it is. The folder `directory/name` keeps
    all trials; a search started again, after a kill or for more trials, goes on and repeats none that was finished. A
    trial that fails, of a NaN say, is recorded and the search goes on. At the end the folder holds `best.json`, the
    overrides for `keras-vae train NAME --set`, `trials.md`, a table, and `rate_distortion.png`.

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
        seed: of the oracle. Trials draw weights and batches by the recipe's own `seed`.
        verbose: 1 prints a line at each trial's start and end.
        objective: one of `OBJECTIVES`.
        oracle: "bayesian", "random", "grid" or "hyperband".
        precision: Keras's dtype policy during training.
        workers: number of processes that run trials, on this machine, each with its share of the cores.
        address: at which workers reach this process: loopback, unless told otherwise.

    Returns:
        The best overrides, as `keras-vae train --set` and `keras_vae.zoo.training.train` take them.

    Raises:
        ValueError: an unknown name, or a folder with a search of other settings in it.
        RuntimeError: all trials failed, or workers die again and again.
    """
    if oracle not in ORACLES:
        raise ValueError(f"Unknown oracle {oracle!r}. Choose from {sorted(ORACLES)}.")
    for what, number in (("trials", trials), ("workers", workers)):
        if not isinstance(number, int) or number < 1:
            raise ValueError(f"{what} must be a positive integer; got {number!r}.")
    fixed = {**(fixed or {}), **({"epochs": epochs} if epochs else {})}
    if oracle == "hyperband":
        longest = fixed.pop("epochs", None) or sum(
            plan["epochs"] for plan in entries.stages(entries.recipe(name), fixed)
        )
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
    made = kind(keras_tuner.Objective(aim.name, aim.direction), **options)
    made.max_trials, made.verbose = trials, 0

    role = os.environ.get("KERASTUNER_TUNER_ID")
    folder = pathlib.Path(directory) / name
    settings = {"space": hypermodel.space, "fixed": fixed, "objective": objective, "oracle": oracle}
    if role is None or "chief" in role:
        written = {**settings, "space": {name: repr(values) for name, values in hypermodel.space.items()}}
        _claim(folder, {**written, "precision": precision, "seed": seed})
    tuner = RecipeTuner(made, hypermodel, directory=directory, project_name=name)
    tuner.verbose = verbose
    if (folder / "oracle.json").is_file() and (role is None or "chief" in role):
        _reload(made)

    if role is None and workers > 1:
        arguments = {"name": name, "trials": trials, "directory": str(directory), "seed": seed, "verbose": verbose}
        arguments |= {**settings, "precision": precision}
        _with_workers(tuner, arguments, workers, address)
    else:
        tuner.search(verbose=0)
    if role is not None and "chief" not in role:
        return None
    return _conclude(name, folder, aim, fixed, oracle, verbose)


def _starts_with_the_recipe(oracle):
    """Whether the first trial is the recipe as it is: Hyperband has its own plan, and its first trials are short."""
    return oracle != "hyperband"


def _from_the_recipe(oracle):
    """An oracle whose first trial is the recipe as it is."""

    class Oracle(oracle):
        def populate_space(self, trial_id):
            if self.trials:
                return super().populate_space(trial_id)
            values = {hyperparameter.name: hyperparameter.default for hyperparameter in self.hyperparameters.space}
            return {"status": keras_tuner.engine.trial.TrialStatus.RUNNING, "values": values}

    return Oracle


def _claim(folder, settings):
    """Writes what is searched; refuses a folder where something else was."""
    asked, path = entries.to_json(settings), folder / SETTINGS
    if path.is_file() and path.read_bytes() != asked:
        raise ValueError(
            f"{folder} holds a search with other settings ({path}). Choose another directory or delete it."
        )
    entries.write_files(folder, {SETTINGS: asked})


def _reload(oracle):
    """Reads the state of an earlier start; its saved copy lists the last finished trial among those to be repeated."""
    oracle.reload()
    state = oracle.get_state()
    running = keras_tuner.engine.trial.TrialStatus.RUNNING
    state["retry_queue"] = [name for name in state["retry_queue"] if oracle.trials[name].status == running]
    oracle.set_state(state)


def _conclude(name, folder, aim, fixed, oracle, verbose):
    rows = results.trials(folder)
    found = results.best(rows, aim.name, aim.direction)
    overrides = {**fixed, **found["values"]}
    done = [row for row in rows if row["status"] == results.DONE]
    marked = {f"best {aim.name.replace('_', ' ')}": done.index(found)}
    if rows[0] is done[0]:
        marked["the recipe as it is" if _starts_with_the_recipe(oracle) else "the first"] = 0
    points = [(row["measured"]["rate"], row["measured"]["distortion"]) for row in done]
    colours = {"beta": [row["values"]["beta"] for row in done]} if "beta" in found["values"] else None
    figure = plots.rate_distortion(points, colours, marked, title=f"{name}: {len(done)} trials")
    plots.write(figure, folder / PICTURE)
    text = results.table(rows, aim.name, aim.direction)
    command = f"keras-vae train {name} --set {folder / BEST}"
    entries.write_files(folder, {BEST: entries.to_json(overrides), TABLE: text.encode()})
    if verbose:
        print(f"\n{text}\nBest: {folder / BEST}; picture: {folder / PICTURE}. Train it: {command}", flush=True)
    return overrides


# --- several processes ------------------------------------------------------------------------------------------------


def _with_workers(tuner, arguments, count, address):
    """Hands out trials from this process to workers on this machine, and starts those anew that die."""
    with socket.socket() as free:
        free.bind((address, 0))
        port = free.getsockname()[1]
    shared = {"KERASTUNER_ORACLE_IP": address, "KERASTUNER_ORACLE_PORT": str(port)}
    threads = str(max((os.cpu_count() or 1) // count, 1))
    environment = {**os.environ, **shared, "TF_NUM_INTRAOP_THREADS": threads, "TF_NUM_INTEROP_THREADS": threads}
    code = "import ast, sys; from keras_vae import tuning; tuning.search(**ast.literal_eval(sys.argv[1]))"

    def start(index):
        # The same ID again: keras-tuner then hands it the trial that it died in
        own = {**environment, "KERASTUNER_TUNER_ID": f"worker{index}"}
        return subprocess.Popen([sys.executable, "-c", code, repr(arguments)], env=own)

    with _environment({**shared, "KERASTUNER_TUNER_ID": "chief"}):
        threading.Thread(target=tuner.search, kwargs={"verbose": 0}, daemon=True).start()
        processes, restarts = {index: start(index) for index in range(count)}, 0
        try:
            while processes:
                time.sleep(0.2)
                for index, process in list(processes.items()):
                    if process.poll() is None:
                        continue
                    del processes[index]
                    if process.returncode:
                        restarts += 1
                        if restarts > RESTARTS:
                            raise RuntimeError(f"Workers die again and again, with exit status {process.returncode}.")
                        processes[index] = start(index)
        finally:
            for process in processes.values():
                process.terminate()


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
