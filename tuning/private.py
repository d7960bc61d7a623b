"""All that is used of keras-tuner beyond what it documents, in one place: names with an underscore, the state of
oracles and trials, and the files that hold it. `tests/tuning/test_keras_tuner_names.py` says what a newer one lacks.

keras-tuner writes its files in place, so that a kill or a full disk can leave them empty. Here each is written whole or
not at all, and what cannot be read is set aside and tried again.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import math
import os
import pathlib
import warnings
from collections.abc import Iterator

import keras_tuner
from keras_tuner.engine.trial import Trial, TrialStatus

from keras_vae.zoo import files

ORACLE_FILE, TRIAL_FILE, TRIAL_FOLDER = "oracle.json", "trial.json", "trial_"
PREFIX = "tuner/"  # of values that are keras-tuner's own: Hyperband's
EPOCHS, BRACKET, ROUND, PAST = (PREFIX + name for name in ("epochs", "bracket", "round", "trial_id"))
RUNNING, STOPPED, COMPLETED, FAILED = (
    getattr(TrialStatus, name) for name in ("RUNNING", "STOPPED", "COMPLETED", "FAILED")
)
VALUES = "values"  # what we add to an oracle's state: the hyperparameters of each trial, should its own file be lost
_NO_STATE = (ValueError, LookupError, TypeError, AttributeError, RecursionError)  # of what is read from a damaged file


@contextlib.contextmanager
def disk(folder: pathlib.Path) -> Iterator[None]:
    """Turns an error of the disk under a search's folder into one that ends the search and says what to do.

    Raises:
        keras_tuner.errors.FatalRuntimeError: a RuntimeError that keras-tuner takes for no trial's failure.
    """
    try:
        yield
    except OSError as error:
        raise keras_tuner.errors.FatalRuntimeError(
            f"The search in {folder} cannot be written or read: {error.strerror or error}. Make room, or mend that, "
            "and start it again: it goes on, and repeats no finished trial."
        ) from error


def write(path: pathlib.Path, data: bytes, folder: pathlib.Path | None = None) -> None:
    """Writes a file of the search in `folder` (None: the file's own), whole or not at all; see `disk`."""
    with disk(folder or path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        files.write_file(path, data)


def read_trial(path: pathlib.Path) -> Trial:
    """A trial from its file.

    Raises:
        ValueError: the file is missing, empty, or holds no trial.
    """
    state = _json(path)
    try:
        trial = Trial.from_state(state)
        known = trial.status in (RUNNING, TrialStatus.INVALID, COMPLETED, FAILED)
        if not known or (trial.status == COMPLETED and not math.isfinite(trial.score)):
            raise ValueError(f"status {trial.status!r}, score {trial.score!r}")
    except _NO_STATE as error:
        raise ValueError("no trial") from error
    return trial


def trial_files(folder: pathlib.Path) -> dict[int, pathlib.Path]:
    """The files of a search's trials by their number, from 0; a file may be missing where its folder is there."""
    folders = (path for path in pathlib.Path(folder).glob(f"{TRIAL_FOLDER}*") if path.is_dir())
    numbers = {path.name.removeprefix(TRIAL_FOLDER): path / TRIAL_FILE for path in folders}
    return {int(name): path for name, path in sorted(numbers.items()) if name.isdecimal()}


def _json(path):
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise ValueError("missing") from None
    if not data.strip(b"\0 \t\r\n"):  # a file of zeros is what a power failure leaves
        raise ValueError("empty")
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ValueError("no JSON") from error


class Tuner(keras_tuner.Tuner):
    """A tuner whose space is what its hypermodel's `overrides` asks for, and that has no state but its oracle's."""

    def _populate_initial_space(self) -> None:
        """Names what is searched. (keras-tuner builds a model to find out, which on a GPU takes its memory.)"""
        space = self.oracle.get_space()
        self.hypermodel.overrides(space)
        self.oracle.update_space(space)

    def save(self) -> None:
        """Nothing: all state is the oracle's, which `search` reads again, by whatever process it was written."""

    def reload(self) -> None:
        """What a new one does: a file of state that some other tuner left here is not read."""
        self._populate_initial_space()


def kept(oracle: type[keras_tuner.Oracle]) -> type[keras_tuner.Oracle]:
    """An oracle whose files survive a kill, and whose `reload` mends what does not fit together."""
    return type(oracle.__name__, (_Kept, oracle), {})


class _Kept(keras_tuner.Oracle):
    """Before the class of an oracle: its files written whole, read with care.

    `failure` is None, or the error of the disk that a thread of keras-tuner's met.
    """

    failure = None

    def get_state(self):
        return {**super().get_state(), VALUES: {name: one.hyperparameters.values for name, one in self.trials.items()}}

    def save(self):
        self._write(pathlib.Path(self._get_oracle_fname()), self.get_state())

    def _save_trial(self, trial):
        self._write(pathlib.Path(self._project_dir, TRIAL_FOLDER + trial.trial_id, TRIAL_FILE), trial.get_state())

    def _write(self, path, state):
        try:
            write(path, json.dumps(state).encode(), pathlib.Path(self._project_dir))
        except RuntimeError as error:
            self.failure = error
            raise

    def expect(self, workers):
        """Has the chief wait for these workers, by their IDs. (Else it leaves when the first one has done all, and a
        late one waits for an hour.)"""
        self.tuner_ids.update(workers)

    def unfinished(self):
        """Whether a trial is left to be tried again."""
        return bool(self._retry_queue)

    def reload(self):
        """Reads what an earlier start left. The trials are believed: what the oracle's own file says is made to fit.

        A trial that was measured is finished, one that was not is tried again, and so is one whose file cannot be read:
        with the values that the oracle's file has of it, else with new ones. Unreadable files are renamed, and named in
        one warning.
        """
        folder, damaged = pathlib.Path(self._project_dir), {}
        fresh = json.loads(json.dumps(self.get_state()))  # as a file would have it
        with disk(folder):
            stored = self._stored(folder / ORACLE_FILE, fresh, damaged)
            lost = self._read_trials(folder, stored or fresh, damaged)
            if stored is not None:
                try:
                    self.set_state(self._fitting(stored))
                except _NO_STATE:
                    stored, damaged[folder / ORACLE_FILE] = None, "no oracle"
            if stored is None:
                self.set_state(self._fitting(fresh))
                # Past the draws of the trials that are there, or random ones repeat them and the search ends early.
                self._seed_state = self.seed + len(self.trials) * len(self.hyperparameters.space)
            for trial in self.trials.values():
                self._record_values(trial)
            if damaged:
                _set_aside(folder, damaged)
            self._mend(lost)

    def _stored(self, path, fresh, damaged):
        """The oracle's state as its file has it; None where it is none."""
        if not path.exists():
            return None
        try:
            state = _json(path)
        except ValueError as error:
            damaged[path] = str(error)
            return None
        if isinstance(state, dict):
            state.setdefault(VALUES, {})  # which older versions did not write
            alike = all(isinstance(state.get(key), type(value)) for key, value in fresh.items())
            if alike and all(str(name).isdecimal() for name in state["start_order"]):
                return state
        damaged[path] = "no oracle"
        return None

    def _read_trials(self, folder, state, damaged):
        """Fills `trials`, in order and without gaps; returns the names of those of which nothing is known."""
        # One whose file was never written has not begun.
        files = {number: path for number, path in trial_files(folder).items() if path.is_file()}
        for name in state["start_order"]:
            files.setdefault(int(name), folder / f"{TRIAL_FOLDER}{name}" / TRIAL_FILE)
        self.trials, lost = {}, []
        for number in range(max(files, default=-1) + 1):
            path = files.get(number, folder / f"{TRIAL_FOLDER}{number}" / TRIAL_FILE)
            name = path.parent.name.removeprefix(TRIAL_FOLDER)
            try:
                trial = read_trial(path)
                trial.trial_id = name
            except ValueError as error:
                damaged[path] = str(error)
                values = state[VALUES].get(name)
                if not values:
                    lost.append(name)
                    continue
                trial = self._trial(name, values)
            self.trials[name] = trial
        return lost

    def _trial(self, name, values, **kwargs):
        space = self.hyperparameters.copy()
        space.values = dict(values)
        return Trial(space, trial_id=name, **kwargs)

    def _fitting(self, state):
        """A state that fits the trials: each is finished or waits for its turn, the first one first."""
        known, names = set(state["start_order"]), list(self.trials)
        waiting = [name for name in names if self.trials[name].status not in (COMPLETED, FAILED)]
        ended = [name for name in state["end_order"] if name in self.trials and name not in waiting]
        state = {**state, "start_order": names, "retry_queue": waiting[::-1], "ongoing_trials": {}}
        state["end_order"] = ended + [name for name in names if name not in ended and name not in waiting]
        if "brackets" in state:  # Hyperband
            state["brackets"] = _brackets(state["brackets"], self.trials, known)
            state["current_bracket"] = min(
                [state["current_bracket"], *(one["bracket_num"] for one in state["brackets"])]
            )
        return state

    def _mend(self, lost):
        """Finishes trials that were measured, and gives those of which nothing is known new values."""
        for trial in list(self.trials.values()):
            if trial.status == RUNNING and trial.metrics.exists(self.objective.name):
                self._retry_queue.remove(trial.trial_id)
                trial.status = COMPLETED
                self.end_trial(trial)
        for name in lost:
            values = self.populate_space(name).get("values")
            gone = {"status": FAILED, "message": "Its file could not be read, and no other values were left to try."}
            trial = self._trial(name, values or {}, **({} if values else gone))
            self.trials[name] = trial
            self.start_order.append(name)
            if values:
                self._record_values(trial)
                self._retry_queue.append(name)
        for trial in self.trials.values():
            if trial.status == RUNNING or trial.trial_id in lost:
                self._save_trial(trial)
        self.save()


def _brackets(stored, trials, known):
    """Hyperband's brackets, of `[round][{"past_id", "id"}]`: without trials that are gone, with those that the oracle's
    file does not know."""
    brackets = {}
    for one in stored:
        rounds = [[entry for entry in entries if entry["id"] in trials] for entries in one["rounds"]]
        brackets[one["bracket_num"]] = {"bracket_num": one["bracket_num"], "rounds": rounds}
    for name, trial in trials.items():
        values = trial.hyperparameters.values
        if name in known or BRACKET not in values:
            continue
        number = values[BRACKET]
        empty = {"bracket_num": number, "rounds": [[] for _ in range(number + 1)]}
        bracket = brackets.setdefault(number, empty)
        bracket["rounds"][values[ROUND]].append({"past_id": values.get(PAST), "id": name})
    return [brackets[number] for number in sorted(brackets, reverse=True)]


def _set_aside(folder, damaged):
    """Renames files, `{path: what is wrong}`, and warns once of all."""
    said = [f"{path.relative_to(folder)} ({what})" for path, what in damaged.items()]
    for path in damaged:
        if path.exists():
            names = (path.with_name(f"{path.name}.unreadable{number or ''}") for number in itertools.count())
            os.replace(path, next(name for name in names if not name.exists()))
    some = ", ".join(said[:5]) + (f" and {len(said) - 5} more" if len(said) > 5 else "")
    warnings.warn(
        f"The search in {folder} goes on without what cannot be read: {some}. Files were renamed to *.unreadable; "
        "trials among them are tried again.",
        RuntimeWarning,
        stacklevel=2,
    )
