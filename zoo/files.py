"""Files that are written whole or not at all, several of them in one step, and folders that one process has alone."""

import contextlib
import os
import pathlib
import platform
import re
import shutil
from collections.abc import Iterator, Mapping

try:
    import fcntl
except ImportError:  # Windows, which locks parts of files, and no folders
    fcntl = None
    import msvcrt

# Files that are all on the disk, and on their way into the folder that holds this one: they count, not the old ones.
NEW = ".keras_vae.new"
LOCK = "training.lock"
_LITTER = re.compile(r"\.(keras_vae|[\w.]+\.(keras|json|md|png|npz))\.\d+\.tmp")  # of writers that were killed


def found(folder: pathlib.Path, name: str) -> bool:
    """Whether a folder has a file of that name, old or new."""
    return any((place / name).is_file() for place in (folder / NEW, folder))


def read(folder: pathlib.Path, name: str) -> bytes:
    """The contents of a folder's file: the new ones, where a kill has kept it from its place.

    Raises:
        FileNotFoundError: there is none.
        OSError: it cannot be read.
    """
    for place in (folder / NEW, folder, folder / NEW):  # the last for a file written meanwhile
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            return (place / name).read_bytes()
    raise FileNotFoundError(f"{folder / name} is missing.")


def write_files(target: str | os.PathLike, files: Mapping[str, bytes]) -> None:
    """Writes `{file name: bytes}` into a folder in one step: at every moment `read` gives all of the old files or all
    of the new ones. Those that have not changed, and all others in the folder, are left alone.

    Raises:
        OSError: the disk is full, the folder read-only, or the like; the old files are still there.
    """
    target = pathlib.Path(target)
    with disk(target, "Make room, or mend that, and do the same again: what was there before is still there."):
        target.mkdir(parents=True, exist_ok=True)
        with _alone(target) as alone:
            _settle(target, alone)
            files = {name: data for name, data in files.items() if not _holds(target / name, data)}
            staged = target / f".keras_vae.{os.getpid()}.tmp"
            try:
                staged.mkdir(exist_ok=True)
                for name, data in files.items():
                    with open(staged / name, "wb") as file:
                        file.write(data)
                        file.flush()
                        os.fsync(file.fileno())
                sync(staged)
                if len(files) == 1:
                    os.replace(staged / name, target / name)
                elif files:
                    os.rename(staged, target / NEW)  # the one step
                sync(target)
            finally:
                shutil.rmtree(staged, ignore_errors=True)
            _settle(target, alone)


def _holds(path, data):
    return path.is_file() and path.stat().st_size == len(data) and path.read_bytes() == data


def _settle(target, alone):
    """Moves new files into their place, and clears what killed writers left, if there can be no other writer."""
    new = target / NEW
    if new.is_dir() and not new.is_symlink():
        for path in sorted(new.iterdir()):
            os.replace(path, target / path.name)
        sync(target)
        new.rmdir()
    for path in target.iterdir() if alone else ():
        if _LITTER.fullmatch(path.name):
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()


@contextlib.contextmanager
def _alone(folder):
    """Waits for other writers of a folder; False where the system, Windows say, cannot tell of them."""
    if fcntl is None:
        yield False
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            alone = True
        except OSError:  # some network file systems have no locks of folders
            alone = False
        yield alone
    finally:
        os.close(descriptor)


def settle(temporary: pathlib.Path, path: pathlib.Path) -> None:
    """Puts a finished file into its place, once it is on the disk."""
    with open(temporary, "rb+") as file:
        os.fsync(file.fileno())
    os.replace(temporary, path)
    sync(path.parent)


def write_file(path: pathlib.Path, data: bytes) -> None:
    """Writes one file, whole or not at all.

    Raises:
        OSError: the disk is full, the folder read-only, or the like; the old file is still there.
    """
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        temporary.write_bytes(data)
        settle(temporary, path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def sync(folder: pathlib.Path) -> None:
    """Brings a folder's names to the disk, where the system can."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextlib.contextmanager
def disk(folder: str | os.PathLike, advice: str) -> Iterator[None]:
    """Turns an error of the disk under a folder into one line of the same type, which says what to do."""
    try:
        yield
    except OSError as error:
        raise type(error)(f"{folder} cannot be written: {error.strerror or error}. {advice}") from error


@contextlib.contextmanager
def owned(folder: pathlib.Path) -> Iterator[None]:
    """A folder for one process alone, as long as it lives: the system lets go of the lock of a dead one.

    Raises:
        RuntimeError: another has it; the message says which.
        OSError: it cannot be written to.
    """
    advice = "Mend that, and the same goes on from the last finished epoch; or train elsewhere: --run."
    with disk(folder, advice):
        file = open(folder / LOCK, "a+b", buffering=0)  # noqa: SIM115  closed below
    with file:
        try:
            _lock(file)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().decode(errors="replace").strip() or "another process"
            raise RuntimeError(
                f"{folder} belongs to a training that still runs: {holder}. Wait for it or stop it, or train in "
                "another folder: --run."
            ) from None
        except OSError:  # a file system without locks
            pass
        with disk(folder, advice):
            file.truncate(0)
            file.write(f"process {os.getpid()} on {platform.node()}\n".encode())
        try:
            yield
        finally:
            file.truncate(0)


_FAR = 1 << 30  # Windows lets nobody else read what is locked: a byte far behind the text


def _lock(file):
    """Locks a file until it is closed, without waiting.

    Raises:
        BlockingIOError: another has it.
        OSError: there are no locks here.
    """
    if fcntl is not None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return
    os.lseek(file.fileno(), _FAR, os.SEEK_SET)
    try:
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
    except PermissionError as error:
        raise BlockingIOError(*error.args) from error
