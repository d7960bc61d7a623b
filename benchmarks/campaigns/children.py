"""Children that are stopped at a chosen moment: forks of this process, which has imported all and computed nothing.

A fork starts at once, where a process of its own would import TensorFlow for four seconds. It is killed by the system
as any other is.
"""

import contextlib
import gc
import mmap
import os
import pathlib
import resource
import signal
import struct
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass

SECONDS = 120  # after which a child counts as hung
CHANGES = {"os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.link", "os.truncate", "os.fsync"}  # what is audited


@dataclass(frozen=True)
class Stop:
    """When and how a child is stopped.

    Attributes:
        after: seconds from its start, or None.
        change: before its n-th change of the watched folder (a file opened for writing, renamed, removed, synchronised
            and so on), counted from 1; or None.
        size: with `change`, the bytes of a file at which the system kills it in the midst of a write, from then on.
        by: the signal.
    """

    after: float | None = None
    change: int | None = None
    size: int | None = None
    by: signal.Signals = signal.SIGKILL


@dataclass(frozen=True)
class Ended:
    """How a child ended: exit status, or minus the signal; what it wrote; its changes of the watched folder."""

    status: int
    out: str
    err: str
    changes: int
    seconds: float


def run(call: Callable[[], object], watched: os.PathLike, stop: Stop | None = None) -> Ended:
    """Runs a function in a child, which ends as Python would: with its exit status, or 1 and a traceback."""
    stop, count = stop or Stop(), mmap.mmap(-1, 8)
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        sys.stdout.flush()
        sys.stderr.flush()
        started = time.monotonic()
        child = os.fork()
        if not child:
            status = 1
            try:
                os.setsid()
                os.dup2(out.fileno(), 1)
                os.dup2(err.fileno(), 2)
                sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w")
                _arm(stop, count, os.fspath(watched))
                call()
                status = 0
            except SystemExit as ended:
                status = ended.code or 0
                if isinstance(status, str):
                    status = print(status, file=sys.stderr) or 1
            except BaseException:
                traceback.print_exc()
            finally:
                with contextlib.suppress(OSError):
                    sys.stdout.flush()
                    sys.stderr.flush()
                os._exit(status)
        status = _awaited(child, started, stop)
        seconds = time.monotonic() - started
        out.seek(0)
        err.seek(0)
        return Ended(status, out.read(), err.read(), struct.unpack("q", count[:])[0], seconds)


def _awaited(child, started, stop):
    asked = stop.after is None
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        passed = time.monotonic() - started
        if not asked and passed >= stop.after:
            os.kill(child, stop.by)
            asked = True
        if passed > SECONDS:
            os.killpg(child, signal.SIGKILL)
        time.sleep(0.002)


def _arm(stop, count, watched):
    """Counts a child's changes of a folder, and stops it at the chosen one."""
    fsync = os.fsync

    def audited(descriptor):
        sys.audit("os.fsync", os.readlink(f"/proc/self/fd/{descriptor}"))
        fsync(descriptor)

    def hook(event, arguments):
        if event == "open":
            changes = bool((arguments[2] or 0) & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))
        else:
            changes = event in CHANGES
        if not changes or not any(_is_in(path, arguments[-1], watched) for path in arguments[:2]):
            return
        (number,) = struct.unpack("q", count[:])
        count[:] = struct.pack("q", number + 1)
        if number + 1 != stop.change:
            return
        if stop.size is None:
            os.kill(os.getpid(), stop.by)
        else:
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
            resource.setrlimit(resource.RLIMIT_FSIZE, (stop.size, stop.size))

    os.fsync = audited
    sys.addaudithook(hook)


def _is_in(path, last, watched):
    """Whether an argument of an event is a path in the folder. The last argument may be the descriptor of what it is
    relative to, as where a tree is removed."""
    if not isinstance(path, (str, bytes, os.PathLike)):
        return False
    path, below = os.fsdecode(path), os.getcwd()
    if not os.path.isabs(path) and isinstance(last, int) and last > 2:
        with contextlib.suppress(OSError):
            below = os.readlink(f"/proc/self/fd/{last}")
    return f"{os.path.join(below, path)}/".startswith(f"{watched}/")


def command(*arguments: object) -> None:
    """Runs `keras-vae` with these arguments, in a child."""
    from keras_vae import cli

    sys.argv = ["keras-vae", *map(str, arguments)]
    cli.main()


def prepare(home: pathlib.Path) -> None:
    """Imports all that children need, and makes a zoo of one entry, "toy", of which all commands are from now on: a VAE
    of digits that trains in a second. What killed children leave in a temporary folder lies in `home`, too."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # One thread adds up in one order: the same bytes each time.
    os.environ.update(OMP_NUM_THREADS="1", TF_NUM_INTRAOP_THREADS="1", TF_NUM_INTEROP_THREADS="1")
    from keras_vae import cli

    with cli._nowhere(2):  # TensorFlow's first words
        import matplotlib.pyplot  # noqa: F401
        import sklearn.gaussian_process  # noqa: F401

        import keras_vae.data
        import keras_vae.metrics
        import keras_vae.tuning
        import keras_vae.zoo.training
    source = pathlib.Path(__file__).parents[2] / "tests" / "toy_recipe.py"
    entries = keras_vae.zoo.entries
    (home / "zoo" / "toy").mkdir(parents=True)
    (home / "zoo" / "toy" / entries.RECIPE).write_bytes(source.read_bytes())
    entries.ROOT = home / "zoo"
    (home / "tmp").mkdir()
    tempfile.tempdir = str(home / "tmp")
    gc.collect()
    gc.freeze()  # what is imported stays, and children need not look through it
