"""What writes is stopped amid its work: nothing may be lost, and the same again must go on and end as if undisturbed.

    python -m benchmarks.campaigns.kills train --count 100
    python -m benchmarks.campaigns.kills tune --count 100
    python -m benchmarks.campaigns.kills save
    python -m benchmarks.campaigns.kills evaluate
    python -m benchmarks.campaigns.kills full --count 60
    python -m benchmarks.campaigns.kills readonly
    python -m benchmarks.campaigns.kills signals --count 40

`train` and `tune` are killed at random moments, before random changes of their folder, and in the midst of random
writes; `zoo.save` and `evaluate --write` before each change and in each write. `full` has them work on a disk with too
little room, `readonly` in a folder that cannot be written, `signals` ends them by SIGTERM and Ctrl-C: each must end
with one line that says what to do. They are of the toy in tests/; a training that was stopped after k epochs must end
with the same bytes as one that goes on from a copy that was made after k.

Of Linux: kills within writes rest on RLIMIT_FSIZE, disks are made by `unshare` and `mount`.
"""

import argparse
import contextlib
import functools
import hashlib
import itertools
import json
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator

from benchmarks.campaigns import children
from benchmarks.campaigns.children import Ended, Stop
from benchmarks.campaigns.report import report

LONGEST = 300  # characters of a message, without the folders that it names


class Train:
    """`keras-vae train`, and what it keeps: checkpoints, then the entry."""

    largest = 24  # bits of the number of bytes that it writes, about
    name, epochs, advice = "train", 4, r"goes on from the last finished epoch|do the same again"

    def __init__(self, home: pathlib.Path) -> None:
        self.settings, kept = home / "set.json", home / "kept"
        self.settings.write_text(json.dumps({"epochs": self.epochs}))
        whole = _expect(children.run(lambda: self._copying(home / "whole", kept), home / "whole"))
        self.seconds, self.changes = whole.seconds, whole.changes
        self.entries = {}
        for done in range(1, self.epochs + 1):
            _expect(children.run(lambda done=done: self.act(kept / str(done)), home))
            self.entries[done] = _files(kept / str(done) / "entry")
        self.entries[0] = _files(home / "whole" / "entry")
        if self.entries[0] != self.entries[self.epochs]:
            raise RuntimeError("A training that was never stopped does not end twice with the same bytes.")

    def _copying(self, folder, kept):
        """The training, of whose folder a copy is kept after each epoch, with its last checkpoint alone."""
        from keras_vae.zoo import training

        class Copying(training._Checkpoint):
            def on_epoch_end(self, epoch, logs=None):
                super().on_epoch_end(epoch, logs)
                copy = kept / str(epoch + 1)
                copy.mkdir(parents=True)
                shutil.copy(training._checkpoints(self.folder)[-1], copy)
                shutil.copy(self.folder / "overrides.json", copy)

        training._Checkpoint = Copying
        self.act(folder)

    def begin(self, folder: pathlib.Path) -> None:
        """Before the stop: nothing is there."""

    def act(self, folder: pathlib.Path) -> None:
        children.command("train", "toy", "--set", self.settings, "--run", folder)

    def look(self, folder: pathlib.Path, said: str) -> tuple[int, list[str]]:
        """How many epochs are kept, and what is wrong after a stop."""
        kept, faults = 0, []
        for path in sorted(folder.glob("epoch-*")):
            faults += [] if _whole(path) else [f"{path.name} is corrupt"]
            kept = max(kept, int(path.name[6:11]))
        begun = [int(number) for number in re.findall(r"Epoch (\d+)/", said)]
        if begun and kept < begun[-1] - 1:
            faults.append(f"epoch {begun[-1] - 1} was finished, and {kept} are kept")
        return kept, faults

    def check(self, folder: pathlib.Path, kept: int, again: Ended) -> list[str]:
        """What is wrong after it went on."""
        begun = [int(number) for number in re.findall(r"Epoch (\d+)/", again.out)]
        faults = [] if begun == list(range(kept + 1, self.epochs + 1)) else [f"it kept {kept} epochs and ran {begun}"]
        if "set aside" in again.err:
            faults.append(f"a checkpoint was set aside: {again.err}")
        names = [path.name[:11] for path in sorted(folder.iterdir())]
        last = [f"epoch-{epoch:05d}" for epoch in (self.epochs - 1, self.epochs)]
        if names != ["entry", *last, "overrides.j", "training.lo"]:
            faults.append(f"the folder holds {names}")
        if _files(folder / "entry") != self.entries[kept]:
            faults.append(f"the entry is not that of a training that went on after {kept} epochs")
        return faults


class Tune:
    """`keras-vae tune`, by each oracle in turn, and what it keeps: finished trials, then the best."""

    largest = 24
    name, trials, advice = "tune", 3, r"repeats no finished trial"
    oracles = ("random", "bayesian", "grid")

    def __init__(self, home: pathlib.Path) -> None:
        self.oracle = self.oracles[0]
        whole = _expect(children.run(lambda: self.act(home / "tuned"), home / "tuned"))
        self.seconds, self.changes, self.turn = whole.seconds, whole.changes, 0

    def begin(self, folder: pathlib.Path) -> None:
        """Before the stop: nothing is there. The next oracle."""
        self.oracle, self.turn = self.oracles[self.turn % len(self.oracles)], self.turn + 1

    def act(self, folder: pathlib.Path) -> None:
        space = ["--over", "beta=0.5:2.0", "--epochs", 1, "--objective", "free_energy"]
        children.command("tune", "toy", "--trials", self.trials, *space, "--oracle", self.oracle, "--directory", folder)

    def look(self, folder: pathlib.Path, said: str) -> tuple[dict[str, bytes], list[str]]:
        """The finished trials' files, and what is wrong after a stop."""
        finished, faults = {}, []
        for path in sorted((folder / "toy").glob("**/*.json")):
            try:
                state = json.loads(path.read_bytes())
            except ValueError:
                faults.append(f"{path.name} is corrupt")
                continue
            if path.name == "trial.json" and state["status"] == "COMPLETED":
                finished[path.parent.name] = path.read_bytes()
                if not _whole(path.with_name("model.keras")):
                    faults.append(f"the model of {path.parent.name} is corrupt")
        # Its figure is printed before its state is written; the next one's first line, after it.
        told = {int(number) - 2 for number in re.findall(r"^trial (\d+): epochs", said, re.MULTILINE)} - {-1}
        faults += [f"trial_{number} was finished, and is lost" for number in told if f"trial_{number}" not in finished]
        return finished, faults

    def check(self, folder: pathlib.Path, finished: dict[str, bytes], again: Ended) -> list[str]:
        """What is wrong after it went on."""
        ran = {f"trial_{int(number) - 1}" for number in re.findall(r"^trial (\d+): epochs", again.out, re.MULTILINE)}
        faults = [f"{name} ran again" for name in sorted(ran & set(finished))]
        after, wrong = self.look(folder, "")
        faults += wrong + [f"{name} has changed" for name, data in finished.items() if after.get(name) != data]
        if len(after) != self.trials:
            faults.append(f"{len(after)} trials are finished")
        if "cannot be read" in again.err:
            faults.append(again.err)
        parts = ["best.json", "oracle.json", "rate_distortion.png", "search.json"]
        expected = [*parts, *(f"trial_{number}/{file}" for number in range(self.trials) for file in TRIAL), "trials.md"]
        names = sorted(str(path.relative_to(folder / "toy")) for path in folder.rglob("*") if path.is_file())
        return faults if names == expected else [*faults, f"the folder holds {names}"]


TRIAL = ["model.keras", "trial.json"]


class Save:
    """`zoo.save`, to a new folder or over an old entry."""

    largest = 20
    advice = r"[Dd]o the same again"

    def __init__(self, home: pathlib.Path, over: bool) -> None:
        self.name, self.over = f"save {'over' if over else 'new'}", over
        self.old, new = home / "old", home / "new"
        _expect(children.run(lambda: self._save(self.old, 1), self.old))
        self.begin(new)
        whole = _expect(children.run(lambda: self.act(new), new))
        self.changes, self.before, self.new = whole.changes, _files(self.old), _files(new)
        for folder in (self.old, new):
            _expect(children.run(lambda folder=folder: _load(folder), folder))

    def begin(self, folder: pathlib.Path) -> None:
        """Before the stop: the old entry, with a file of its owner's, or nothing."""
        if self.over:
            shutil.copytree(self.old, folder)

    def act(self, folder: pathlib.Path) -> None:
        try:
            self._save(folder, 2)
        except OSError as error:
            raise SystemExit(f"{error}") from None

    def _save(self, folder, seed):
        import keras

        from keras_vae import zoo

        keras.utils.set_random_seed(seed)
        zoo.save(zoo.recipe("toy").model(), folder)

    def look(self, folder: pathlib.Path, said: str) -> tuple[None, list[str]]:
        """What is wrong after a stop: the folder is neither the old nor the new entry."""
        from keras_vae.zoo import entries

        if not any(entries.files.found(folder, name) for name in (entries.ARCHIVE, entries.METRICS)):
            return None, ["the old entry is lost"] if self.over else []
        try:
            data, facts = entries.checked(folder)
        except (OSError, ValueError) as error:
            return None, [f"it does not load: {error}"]
        state = {entries.ARCHIVE: _sha256(data), entries.METRICS: _timeless(facts)}
        return None, [] if state in [self.new, *([self.before] if self.over else [])] else [
            "it is neither the old nor the new entry"
        ]

    def check(self, folder: pathlib.Path, kept: None, again: Ended) -> list[str]:
        """What is wrong after the same call again."""
        faults = [] if _files(folder) == self.new else ["it is not the new entry"]
        names = sorted(path.name for path in folder.iterdir())
        return faults if names == sorted(self.new) else [*faults, f"the folder holds {names}"]


class Evaluate:
    """`keras-vae evaluate --write`: an entry's other files are exchanged, its weights stay."""

    largest = 15
    name, advice = "evaluate", r"[Dd]o the same again|same command"

    def __init__(self, home: pathlib.Path) -> None:
        from keras_vae.zoo import entries

        self.old, self.entries = home / "evaluated", entries
        settings = home / "one.json"
        settings.write_text(json.dumps({"epochs": 1}))
        _expect(children.run(lambda: children.command("train", "toy", "--set", settings, "--run", home / "one"), home))
        shutil.move(home / "one" / "entry", self.old)
        facts = {**json.loads((self.old / entries.METRICS).read_bytes()), "old": True}
        old = {entries.METRICS: entries.to_json(facts)}
        old |= dict.fromkeys((entries.CARD, entries.PREVIEW, entries.EXAMPLES), b"old")
        entries.write_files(self.old, old)
        self.files = {path.name: path.read_bytes() for path in self.old.iterdir()}
        self.begin(home / "whole")
        whole = _expect(children.run(lambda: self.act(home / "whole"), home / "whole"))
        self.seconds, self.changes = whole.seconds, whole.changes

    def begin(self, folder: pathlib.Path) -> None:
        """Before the stop: an entry whose files will all change, but for its archive."""
        shutil.copytree(self.old, folder)

    def act(self, folder: pathlib.Path) -> None:
        children.command("evaluate", folder, "--write")

    def look(self, folder: pathlib.Path, said: str) -> tuple[None, list[str]]:
        """What is wrong after a stop: files that do not belong together."""
        try:
            self.entries.checked(folder)
            new = {name: self.entries.files.read(folder, name) != data for name, data in self.files.items()}
        except (OSError, ValueError) as error:
            return None, [f"it does not load: {error}"]
        faults = ["the archive has changed"] if new.pop(self.entries.ARCHIVE) else []
        return None, [*faults, *([f"some files are old: {new}"] if len(set(new.values())) > 1 else [])]

    def check(self, folder: pathlib.Path, kept: None, again: Ended) -> list[str]:
        """What is wrong after the same command again."""
        _, faults = self.look(folder, "")
        names = sorted(path.name for path in folder.iterdir())
        if names != sorted(self.files):
            faults.append(f"the folder holds {names}")
        if any((folder / name).read_bytes() == b"old" for name in names):
            faults.append("files were not written anew")
        loaded = children.run(lambda: _load(folder), folder)
        return faults if loaded.status == 0 else [*faults, f"it does not load: {loaded.err}"]


# --- what stops them --------------------------------------------------------------------------------------------------


def tried(work, folder, kind, stop, hindrance=None, status=-signal.SIGKILL) -> dict[str, str]:
    """Begins, stops, looks, does the same again, and checks: `{"kind": ..., "outcome": ..., "text": ...}`."""
    work.begin(folder)
    with hindrance or contextlib.nullcontext():
        ended = children.run(lambda: work.act(folder), folder, stop)
    kept, faults = work.look(folder, ended.out)
    if ended.status == 0:
        outcome = "not stopped"
    else:
        outcome = "went on"
        faults += _misfits(work, ended, stop, status, folder)
    again = children.run(lambda: work.act(folder), folder)
    if again.status:
        faults.append(f"the same again ends with status {again.status}: {_end(again)}")
    else:
        faults += work.check(folder, kept, again)
    return {"kind": kind, "outcome": "fault" if faults else outcome, "text": "; ".join(faults)}


def _misfits(work, ended, stop, status, folder):
    """What is wrong with how a child ended, and with its last words."""
    if status == -signal.SIGKILL:
        fits = ended.status in (-signal.SIGKILL, -signal.SIGXFSZ)
        return [] if fits else [f"it ended with status {ended.status}: {_end(ended)}"]
    faults = [] if ended.status == status else [f"it ended with status {ended.status}"]
    lines = ended.err.strip().splitlines()
    line = lines[-1] if lines else ""
    wrong = len(line.replace(str(folder), "")) > LONGEST or not re.search(work.advice, line)
    if (
        wrong or ended.err.count("keras-vae: ") != 1 or "Traceback" in ended.err
    ):  # scikit-learn's warnings may be before
        faults.append(f"it says {ended.err.strip()[:600]!r}")
    return faults


def _end(ended):
    return " ".join((ended.err or ended.out).strip()[-300:].split())


def killed_at_random(works, home, rng) -> Iterator[dict[str, str]]:
    """A half at moments, a quarter before changes, a quarter within writes; on and on."""
    for number in itertools.count():
        work = works[number % len(works)]
        change = rng.randrange(work.changes) + 1
        kind, stop = (
            ("moment", Stop(after=rng.uniform(0, work.seconds))),
            ("change", Stop(change=change)),
            ("moment", Stop(after=rng.uniform(0, work.seconds))),
            ("write", Stop(change=change, size=int(2 ** rng.uniform(0, 23)))),
        )[number % 4]
        yield tried(work, home / f"{number}", f"{work.name}: {kind}", stop)


def killed_everywhere(works, home, rng) -> Iterator[dict[str, str]]:
    """Before each change of the folder, and in the write that follows it, after so many bytes."""
    for work, size in itertools.product(works, (None, 100)):
        kind = "each change" if size is None else f"each write, at {size} bytes"
        for change in range(1, work.changes + 1):
            stop = Stop(change=change, size=size)
            yield tried(work, home / f"{work.name} {size} {change}", f"{work.name}: {kind}", stop)


def signalled(works, home, rng) -> Iterator[dict[str, str]]:
    """SIGTERM and Ctrl-C in turn, at random moments after the first tenth of a second; on and on."""
    for number in itertools.count():
        work = works[number // 2 % len(works)]
        by, status = ((signal.SIGTERM, 143), (signal.SIGINT, 130))[number % 2]
        stop = Stop(after=rng.uniform(0.1, work.seconds), by=by)
        yield tried(work, home / f"{work.name} {number}", f"{work.name}: {by.name}", stop, status=status)


@contextlib.contextmanager
def hindered(place: pathlib.Path, room: int | None) -> Iterator[None]:
    """Keeps all but so many bytes of a disk taken; or, for None, has it read-only."""
    filler = place / "filler"
    if room is None:
        _mount("-o", "remount,ro", str(place))
    else:
        with contextlib.suppress(OSError), open(filler, "wb") as file:
            while True:  # until the disk is full
                file.write(bytes(4096))
                file.flush()
        os.truncate(filler, max(filler.stat().st_size - room, 0))
    try:
        yield
    finally:
        if room is None:
            _mount("-o", "remount,rw", str(place))
        filler.unlink(missing_ok=True)


@contextlib.contextmanager
def _disk(home):
    """A disk of 64 MiB in a mount namespace of our own."""
    place = home / "disk"
    place.mkdir(exist_ok=True)
    _mount("-t", "tmpfs", "-o", "size=64m", "tmpfs", str(place))
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)


def _mount(*arguments):
    subprocess.run(["mount", *arguments], check=True)


def on_full_disks(works, home, rng) -> Iterator[dict[str, str]]:
    """Each work in turn, with room for a random part of what it writes; bytes count alike on every scale. On and on."""
    for number in itertools.count():
        work = works[number % len(works)]
        room = int(2 ** rng.uniform(11, work.largest))
        with _disk(home) as place:
            kind = f"{work.name}: full"
            result = tried(work, place / "folder", kind, None, hindered(place, room), status=1)
        yield {**result, "text": result["text"] and f"with {room} bytes: {result['text']}"}


def on_read_only_disks(works, home, rng) -> Iterator[dict[str, str]]:
    """Each work from its beginning, and amid what it has to do, which a kill left."""
    for work in works:
        for change in (None, *sorted(rng.sample(range(2, work.changes), 4))):
            with _disk(home) as place:
                kind = f"{work.name}: read-only"
                yield tried(_Half(work, change), place / "folder", kind, None, hindered(place, None), status=1)


class _Half:
    """A work that a kill before a change has left half done, where it begins."""

    def __init__(self, work, change):
        self.work, self.change = work, change

    def begin(self, folder):
        self.work.begin(folder)
        if self.change is not None:
            children.run(lambda: self.work.act(folder), folder, Stop(change=self.change))

    def __getattr__(self, name):
        return getattr(self.work, name)


# --- what is compared -------------------------------------------------------------------------------------------------


def _expect(ended):
    if ended.status:
        raise RuntimeError(f"A run that nobody stopped ended with status {ended.status}: {_end(ended)}")
    return ended


def _load(folder):
    from keras_vae import zoo

    zoo.load(pathlib.Path(folder))


def _whole(path):
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.testzip() is None
    except (OSError, zipfile.BadZipFile):
        return False


def _sha256(data):
    return hashlib.sha256(data).hexdigest()


def _timeless(value):
    """Facts without the seconds that they took."""
    if isinstance(value, dict):
        return {key: _timeless(part) for key, part in value.items() if key != "seconds"}
    return value


def _files(folder):
    """A finished entry's files, to be compared: their digests; of metrics.json what it says, but for times."""
    found = {path.name: path.read_bytes() for path in folder.iterdir()}
    facts = _timeless(json.loads(found.pop("metrics.json")))
    card = found.pop("README.md", None)  # which has all of them, and times
    return (
        {name: _sha256(data) for name, data in found.items()}
        | {"metrics.json": facts}
        | ({} if card is None else {"README.md": len(card.splitlines())})
    )


def campaign(name: str, home: pathlib.Path, count: int, rng: random.Random) -> Iterator[dict[str, object]]:
    """What came of each try of the campaign of that name, as it comes: `{"number", "kind", "outcome", "text"}`. It ends
    when so many were stopped, or after all that there are."""
    chosen = {
        **{name: [kind] for name, kind in WORKS.items()},
        **{"save": [WORKS["save new"], WORKS["save over"]], "full": [*WORKS.values()], "readonly": [*WORKS.values()]},
        "signals": [Train, Tune, Evaluate],
    }
    works = []
    for index, kind in enumerate(chosen[name]):
        (home / f"work {index}").mkdir()
        works.append(kind(home / f"work {index}"))
    stopped = 0
    for number, row in enumerate(STOPS[name](works, home, rng)):
        print(number, row["kind"], row["outcome"], row["text"], file=sys.stderr, flush=True)
        yield {"number": number, **row}
        stopped += row["outcome"] != "not stopped"
        if stopped == count:
            return


WORKS = {
    "train": Train,
    "tune": Tune,
    "evaluate": Evaluate,
    "save new": functools.partial(Save, over=False),
    "save over": functools.partial(Save, over=True),
}
STOPS = {
    "train": killed_at_random,
    "tune": killed_at_random,
    "save": killed_everywhere,
    "evaluate": killed_everywhere,
    "full": on_full_disks,
    "readonly": on_read_only_disks,
    "signals": signalled,
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("campaign", choices=STOPS)
    parser.add_argument("--count", type=int, default=100, help="of stops; there may be fewer where nothing is random")
    parser.add_argument("--seed", type=int, default=0, help="of what is random")
    arguments = parser.parse_args()
    if arguments.campaign in ("full", "readonly") and "KERAS_VAE_DISKS" not in os.environ:
        again = [sys.executable, "-m", "benchmarks.campaigns.kills", *sys.argv[1:]]
        os.environ["KERAS_VAE_DISKS"] = "ours"
        os.execvp("unshare", ["unshare", "--mount", "--map-root-user", *again])  # its mounts end with it
    rng = random.Random(arguments.seed)
    with tempfile.TemporaryDirectory() as temporary:
        home = pathlib.Path(temporary)
        children.prepare(home)
        results = list(campaign(arguments.campaign, home, arguments.count, rng))
    return report(results, ("went on", "not stopped"), "stopped", "tries")


if __name__ == "__main__":
    sys.exit(main())
