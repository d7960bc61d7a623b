"""What a search found: trials read from its folder, as a table and on the rate-distortion plane."""

from __future__ import annotations

import os
import pathlib
import warnings
from typing import Any

from keras_vae import checks
from keras_vae.tuning import private

DONE = private.COMPLETED


def trials(folder: str | os.PathLike) -> list[dict[str, Any]]:
    """Trials of a search, in the order of their start. One whose file cannot be read is left out, with a warning.

    Args:
        folder: of the search, `directory/name`.

    Returns:
        A list of dicts: `trial`, a number from 1; `status`, "COMPLETED", "FAILED" or "RUNNING"; `values`, the
        hyperparameters; `measured`, `{name: value}`, empty unless completed; `message`, the last line of an error.

    Raises:
        TypeError: no path.
        FileNotFoundError: no such folder.
    """
    checks.path("folder", folder, "the path of a search's folder")
    if not pathlib.Path(folder).is_dir():
        raise FileNotFoundError(f"There is no folder {folder}: give that of a search, directory/name.")
    rows = []
    for number, path in private.trial_files(pathlib.Path(folder)).items():
        if not path.is_file():
            continue
        try:
            one = private.read_trial(path).get_state()
        except ValueError as error:
            warnings.warn(f"{path} cannot be read ({error}): it is left out.", RuntimeWarning, stacklevel=2)
            continue
        metrics = one["metrics"]["metrics"] if one["status"] == DONE else {}
        message = [line for line in (one.get("message") or "").splitlines() if line.strip()]
        rows.append(
            {
                "trial": number + 1,
                "status": one["status"],
                "values": {
                    name: value
                    for name, value in one["hyperparameters"]["values"].items()
                    if not name.startswith(private.PREFIX)
                },
                "measured": {name: metric["observations"][-1]["value"][0] for name, metric in metrics.items()},
                "message": message[-1] if message else None,
            }
        )
    return rows


def best(rows: list[dict[str, Any]], objective: str, direction: str) -> dict[str, Any]:
    """The best of the completed trials, the earliest of equal ones.

    Raises:
        RuntimeError: none was completed.
    """
    completed = [row for row in rows if row["status"] == DONE]
    if not completed:
        errors = {row["message"] for row in rows if row["message"]}
        raise RuntimeError(f"No trial was completed. {' '.join(sorted(errors))}".strip())
    return (max if direction == "max" else min)(completed, key=lambda row: row["measured"][objective])


def table(rows: list[dict[str, Any]], objective: str, direction: str) -> str:
    """Trials as a Markdown table, the best first; the hyperparameters, then what was measured."""
    names = list(dict.fromkeys(name for row in rows for name in row["values"]))
    measured = list(dict.fromkeys([objective, *(name for row in rows for name in row["measured"])]))
    sign = -1.0 if direction == "max" else 1.0
    lines = [["trial", *names, *(name.replace("_", " ") for name in measured)]]
    for row in sorted(rows, key=lambda row: sign * row["measured"].get(objective, sign * float("inf"))):
        values = [_short(row["values"].get(name, "")) for name in names]
        figures = [_short(row["measured"][name]) if name in row["measured"] else "" for name in measured]
        if row["status"] != DONE:
            figures[0] = f"{row['status'].lower()}: {row['message']}" if row["message"] else row["status"].lower()
        lines.append([str(row["trial"]), *values, *figures])
    lines.insert(1, ["---"] * len(lines[0]))
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def _short(value):
    if not isinstance(value, float):
        return str(value)
    return f"{value:.4g}" if abs(value) < 1000 else f"{value:.1f}"
