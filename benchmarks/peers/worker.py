"""One library in a process of its own, which runs one timed round after another as it is told.

`Worker` is what the parent holds. The process it starts answers one line of JSON with one of JSON:
`{"method": "epoch", "arguments": {}}` with `{"seconds": 1.9, "value": 103.2, "mebibytes": 812, ...}`. All measuring is
here; what is measured is in the module of the library.
"""

import contextlib
import importlib
import importlib.metadata
import json
import os
import pathlib
import subprocess
import sys
import time

from benchmarks.peers.workloads import chosen

ROOT = pathlib.Path(__file__).parents[2]
MODULES = {"keras_vae": "ours", "bare": "bare", "pythae": "pythae_", "multivae": "multivae_"}
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")


class Worker:
    """A library's process.

    Args:
        library: one of `MODULES`.
        workload: a name of a workload.
        folder: where its data are; what libraries print goes there, into a file.
        threads: of each kind that the library has, on as many cores.
        options: `{"quick": boolean, "xla": None or boolean}`, of `workloads.chosen`.
        python: the interpreter that has the library.
    """

    def __init__(self, library, workload, folder, threads, options, python=sys.executable):
        self.library, self.log = library, pathlib.Path(folder) / f"{library}.log"
        command = [python, "-m", __spec__.name, library, workload, str(folder), str(threads), json.dumps(options)]
        quiet = {"CUDA_VISIBLE_DEVICES": "", "TF_CPP_MIN_LOG_LEVEL": "3"}
        environment = {**os.environ, **dict.fromkeys(THREADS, str(threads)), **quiet}
        self.started = time.perf_counter()
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True
            )

    def ask(self, method, **arguments):
        """One round: its reply."""
        with contextlib.suppress(BrokenPipeError):  # it has died: the empty reply says so
            self.process.stdin.write(json.dumps({"method": method, "arguments": arguments}) + "\n")
            self.process.stdin.flush()
        reply = self.process.stdout.readline()
        if not reply:
            tail = "".join(self.log.read_text(errors="replace").splitlines(keepends=True)[-12:])
            raise RuntimeError(f"{self.library} failed at {method!r}. The end of {self.log}:\n{tail}")
        return json.loads(reply)

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()


def measured(library, method, arguments):
    """Seconds by the clock and of all threads together, what came of it, and the most memory held meanwhile, in MiB."""
    _forget_peak()
    start, start_all = time.perf_counter(), time.process_time()
    value = getattr(library, method)(**arguments)
    seconds, of_all = time.perf_counter() - start, time.process_time() - start_all
    return {"seconds": seconds, "processor_seconds": of_all, "value": value, "mebibytes": _peak()}


def _forget_peak():
    with contextlib.suppress(OSError):  # elsewhere the peak is that of the whole process
        pathlib.Path("/proc/self/clear_refs").write_text("5")


def _peak():
    status = pathlib.Path("/proc/self/status")
    if status.is_file():
        (line,) = (line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main(name, workload, folder, threads, options):
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print is no reply
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: int(threads)])
    start = time.perf_counter()
    module = importlib.import_module(f"benchmarks.peers.{MODULES[name]}")
    imported = {"import_seconds": time.perf_counter() - start, "import_mebibytes": _peak()}
    (workload,) = chosen([workload], **json.loads(options))
    library = module.Library(workload, folder)
    for line in sys.stdin:
        request = json.loads(line)
        if request["method"] == "versions":
            reply = {each: importlib.metadata.version(each) for each in library.versions}
        else:
            reply = {**measured(library, **request), **imported}
        replies.write(json.dumps(reply) + "\n")
        replies.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
