"""What came of a call that should be refused."""

import contextlib
import io
import linecache
import pathlib
import signal
import traceback
import warnings
from collections.abc import Callable
from typing import Any

import keras_vae

LONGEST = 300  # characters of a message
SECONDS = 60  # of a call
HERE = tuple(str(pathlib.Path(room.__file__).parent) for room in (keras_vae, keras_vae.zoo, keras_vae.tuning))
REFUSALS = (TypeError, ValueError, KeyError, FileNotFoundError, FileExistsError, NotADirectoryError, IsADirectoryError)
INSIDES = ("in user code", "__wrapped__", "Graph execution error", "tuple index out of range", "object is not", "0x7f")
# Python's and Keras's own words, which name the argument.
OWN = (
    "unexpected keyword",
    "required positional",
    "required keyword",
    "multiple values",
    "Unrecognized keyword argument",
    "Arguments not recognized",
)


class Late(BaseException):
    """A call took too long."""


@contextlib.contextmanager
def at_most(seconds: int = SECONDS):
    """Ends what takes longer by an exception that nothing catches on the way."""

    def late(number, frame):
        raise Late

    kept = signal.signal(signal.SIGALRM, late)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, kept)


def outcome(function: Callable, arguments: dict[str, Any], good: bool = False) -> tuple[str, str]:
    """What came of a call, and what was said.

    Returns:
        `"refused"` well, `"silent"` where it was taken, another library's `"insides"`, or `"hung"`; of a good call,
        `"good"` or `"good refused"`.
    """
    nowhere = io.StringIO()
    try:
        with (
            at_most(),
            warnings.catch_warnings(),
            contextlib.redirect_stdout(nowhere),
            contextlib.redirect_stderr(nowhere),
        ):
            warnings.simplefilter("ignore")
            made = function(**arguments)
    except Late:
        return "hung", f"over {SECONDS} s"
    except Exception as error:
        return ("good refused" if good else "refused" if refused_well(error) else "insides"), said(error)
    return ("good" if good else "silent"), type(made).__name__


def refused_well(error: Exception) -> bool:
    """Whether an error is ours: raised on purpose, by the package, of the right type, short, with no insides."""
    text = str(error)
    if not isinstance(error, REFUSALS) or len(text) > LONGEST or any(inside in text for inside in INSIDES):
        return False
    last = traceback.extract_tb(error.__traceback__)[-1]
    on_purpose = linecache.getline(last.filename, last.lineno).strip().startswith("raise")
    return any(words in text for words in OWN) or (last.filename.startswith(HERE) and on_purpose)


def said(error: Exception) -> str:
    """An error as one line, with its place and its length."""
    last, text = traceback.extract_tb(error.__traceback__)[-1], str(error)
    place = pathlib.Path(last.filename)
    where = f"{place.parent.name}/{place.name}:{last.lineno}"
    return f"{type(error).__name__}: {' '.join(text.split())[:200]} [{where}; {len(text)}]"
