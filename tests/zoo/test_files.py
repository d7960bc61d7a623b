"""At every moment an entry is the old one or the new one, whole; and a training has its folder alone."""

import builtins
import os
import pathlib
import shutil
import subprocess
import sys

import pytest
from tiny import vae

from keras_vae import zoo
from keras_vae.zoo import archives, entries, files

OLD = {"a": b"old a", "b": b"old b"}
CHANGED = {"a": b"new a", "b": b"new b"}


def made(seed):
    model = vae(seed=seed)
    model.build((None, 8, 8, 1))
    model.set_weights([weight + seed for weight in model.get_weights()])
    return model


class Killer:
    """Raises at the n-th call of what changes a disk; `litter` keeps what a killed process could not clear."""

    def __init__(self, monkeypatch, litter):
        self.left, self.litter = 10**6, litter
        for module, name in ((os, "replace"), (os, "rename"), (os, "fsync"), (os, "rmdir"), (builtins, "open")):
            monkeypatch.setattr(module, name, self.counted(name, getattr(module, name)))
        cleared = shutil.rmtree
        monkeypatch.setattr(shutil, "rmtree", lambda *args, **kwargs: self.dead() or cleared(*args, **kwargs))

    def dead(self):
        return self.litter and self.left < 0

    def counted(self, name, function):
        def call(*args, **kwargs):
            if name != "open" or any(letter in str(args[1:2]) for letter in "wax"):
                self.left -= 1
                if self.left < 0:
                    raise OSError("killed")
            return function(*args, **kwargs)

        return call


@pytest.mark.parametrize("litter", [False, True], ids=["an error", "a kill"])
def test_files_are_old_or_new_wherever_a_write_ends(litter, tmp_path, monkeypatch):
    killer, seen = Killer(monkeypatch, litter), []
    for calls in range(100):
        folder = tmp_path / str(calls)
        killer.left = 10**6
        files.write_files(folder, OLD)
        (folder / "recipe.py").write_text("mine")
        killer.left = calls
        try:
            files.write_files(folder, CHANGED)
        except OSError as error:
            assert "killed" in str(error)  # noqa: PT017
        done, killer.left = killer.left >= 0, 10**6
        state = {name: files.read(folder, name) for name in OLD}
        assert state in (OLD, CHANGED)
        assert all(files.found(folder, name) for name in OLD)
        seen.append(state == CHANGED)
        files.write_files(folder, {"a": state["a"]})  # nothing new, but it clears what was left
        assert sorted(path.name for path in folder.iterdir()) == ["a", "b", "recipe.py"]
        assert {name: (folder / name).read_bytes() for name in OLD} == state
        if done:
            break
    assert seen == sorted(seen)
    assert not seen[0]
    assert len(seen) > 8


def test_an_entry_loads_whatever_ends_a_save_over_it(tmp_path, monkeypatch):
    old, new = made(0), made(1)
    zoo.save(new, tmp_path / "new")
    kept = {name: (tmp_path / "new" / name).read_bytes() for name in (entries.ARCHIVE, entries.METRICS)}
    zoo.save(old, tmp_path / "entry")
    first = archives.sha256((tmp_path / "entry" / entries.ARCHIVE).read_bytes())
    killer, found = Killer(monkeypatch, litter=True), set()
    for calls in range(15):
        killer.left = calls
        try:
            files.write_files(tmp_path / "entry", kept)
        except OSError:
            killer.left = 10**6
            data, _ = entries.checked(tmp_path / "entry")
            found.add(archives.sha256(data) == first)
    assert found == {True, False}
    assert abs(zoo.load(tmp_path / "entry").get_weights()[0] - new.get_weights()[0]).max() == 0


def test_unchanged_files_are_not_written_again(tmp_path):
    files.write_files(tmp_path, OLD)
    before = {name: (tmp_path / name).stat() for name in OLD}
    files.write_files(tmp_path, {**OLD, "b": b"other"})
    assert (tmp_path / "a").stat().st_ino == before["a"].st_ino
    assert (tmp_path / "a").stat().st_mtime_ns == before["a"].st_mtime_ns
    assert (tmp_path / "b").read_bytes() == b"other"


def test_litter_of_killed_writers_is_cleared_and_nothing_else(tmp_path):
    for name in (".model.keras.12345.tmp", ".metrics.json.12345.tmp", ".mine.tmp", "notes.tmp", ".keras_vae.x.tmp"):
        (tmp_path / name).write_bytes(b"half")
    (tmp_path / ".keras_vae.12345.tmp").mkdir()
    files.write_files(tmp_path, OLD)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".keras_vae.x.tmp", ".mine.tmp", "a", "b", "notes.tmp"]


@pytest.mark.parametrize(("number", "says"), [(28, "No space left on device"), (30, "Read-only file system")])
def test_a_full_or_read_only_disk_is_one_line(number, says, tmp_path, monkeypatch):
    files.write_files(tmp_path, OLD)

    def fail(descriptor):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match=f"{tmp_path} cannot be written: {says}. Make room, or mend that") as error:
        files.write_files(tmp_path, CHANGED)
    assert "\n" not in str(error.value)
    assert files.read(tmp_path, "a") == b"old a"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a disk that is always full is Linux's")
def test_a_lock_without_room_is_one_line(tmp_path):
    (tmp_path / files.LOCK).symlink_to("/dev/full")
    with (
        pytest.raises(OSError, match=f"{tmp_path} cannot be written: .* Mend that, and the same goes on"),
        files.owned(tmp_path),
    ):
        pass


class Windows:
    """Windows's locks of parts of files, as far as one process can have them: `held` of a second handle."""

    LK_NBLCK = 2

    def __init__(self):
        self.held = set()

    def locking(self, descriptor, mode, size):
        part = os.fstat(descriptor).st_ino, os.lseek(descriptor, 0, os.SEEK_CUR), mode, size
        if part in self.held:
            raise PermissionError(13, "Permission denied")
        self.held.add(part)


def test_a_folder_is_one_process_s_on_windows_too(tmp_path, monkeypatch):
    windows = Windows()
    monkeypatch.setattr(files, "fcntl", None)
    monkeypatch.setattr(files, "msvcrt", windows, raising=False)
    with files.owned(tmp_path):
        ((_, at, _, size),) = windows.held
        assert at > (tmp_path / files.LOCK).stat().st_size  # what is locked cannot be read
        assert size == 1
        with (
            pytest.raises(RuntimeError, match=f"still runs: process {os.getpid()} on .*--run"),
            files.owned(tmp_path),
        ):
            pass
    windows.held.clear()
    with files.owned(tmp_path):
        assert windows.held


@pytest.mark.parametrize("ends", ["write_bytes", "fsync", "replace"])
def test_one_file_is_written_whole_or_not_at_all(ends, tmp_path, monkeypatch):
    def fail(*_):
        raise OSError(28, "No space left on device")

    files.write_file(tmp_path / "a", b"old")
    with monkeypatch.context() as patch:
        patch.setattr(pathlib.Path if ends == "write_bytes" else os, ends, fail)
        with pytest.raises(OSError, match="No space left"):
            files.write_file(tmp_path / "a", b"new")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("a", b"old")]


HOLDS = """
import pathlib, sys, time
from keras_vae.zoo import files
with files.owned(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_folder_is_one_process_s_until_it_dies(tmp_path):
    holder = subprocess.Popen([sys.executable, "-c", HOLDS, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout.readline() == "held\n"
        says = f"training that still runs: process {holder.pid} on .*--run"
        with pytest.raises(RuntimeError, match=says), files.owned(tmp_path):
            pass
    finally:
        holder.kill()
        holder.communicate()
    assert str(holder.pid) in (tmp_path / files.LOCK).read_text()
    with files.owned(pathlib.Path(tmp_path)):
        assert f"process {os.getpid()} on" in (tmp_path / files.LOCK).read_text()
    assert (tmp_path / files.LOCK).read_text() == ""
