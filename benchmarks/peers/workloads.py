"""What is compared: a model, its networks, its data and how it is trained, alike in every library. Imports none."""

import dataclasses

DENSE_WIDTHS = (200, 200)
FILTERS, CONVOLUTIONAL_WIDTH = (32, 64), 256
GRID_FILTERS = (64, 128)
LEARNING_RATE = 1e-3
NORMAL_SCALE = 0.25
CODES = 256


@dataclasses.dataclass(frozen=True)
class Workload:
    """One row of the comparison.

    Attributes:
        name: what `--only` takes.
        model: which model, by the names of `MODELS` in the modules of the libraries.
        peer: the library it is compared with.
        networks: `{modality: "dense", "convolutional" or "grid"}`; one modality for unimodal models.
        examples: of training and of test, in an epoch.
        steps: of a round of bare training steps.
        few, many: images of the two measures of log p(x).
        draws: of the measure of sampling.
        measures: which of `MEASURES`.
        bare: whether there is a hand-written TensorFlow loop.
        compile: arguments of our `compile`, chosen by measuring; the hand-written loop is compiled alike.
    """

    name: str
    model: str
    peer: str
    networks: dict
    latent_size: int = 50
    batch_size: int = 128
    importance_samples: int = 1
    components: int = 0
    examples: tuple = (12_000, 2_000)
    steps: int = 40
    few: int = 8
    many: int = 512
    draws: int = 1000
    measures: tuple = ("step", "epoch", "likelihood_1000", "likelihood_100", "sample", "start")
    bare: bool = False
    compile: dict = dataclasses.field(default_factory=dict)

    @property
    def kind(self):
        """ "dense" where all networks are, else "convolutional"."""
        return "dense" if set(self.networks.values()) == {"dense"} else "convolutional"

    def quick(self):
        """The same in a few seconds, on small images."""
        small = {"batch_size": 32, "examples": (256, 64), "steps": 4, "few": 2, "many": 16, "draws": 100}
        return dataclasses.replace(self, **small, compile={**self.compile, "steps_per_execution": 2})


@dataclasses.dataclass(frozen=True)
class Measure:
    """One column: what is timed, its unit, the ratio of our time to the peer's that we want at most, which method of a
    library does it, and its arguments: numbers, or names of attributes of the workload."""

    title: str
    unit: str
    goal: object
    method: str
    arguments: dict = dataclasses.field(default_factory=dict)

    def arguments_of(self, workload):
        return {
            name: getattr(workload, value) if isinstance(value, str) else value
            for name, value in self.arguments.items()
        }

    def goal_of(self, workload):
        return self.goal[workload.kind] if isinstance(self.goal, dict) else self.goal


MEASURES = {
    "step": Measure("training step", "ms", {"dense": 0.9, "convolutional": 1.0}, "step"),
    "epoch": Measure("epoch from disk to metrics", "s", 0.5, "epoch"),
    "likelihood_1000": Measure(
        "log p(x), few images, 1,000 samples", "s", 0.5, "likelihood", {"images": "few", "samples": 1000}
    ),
    "likelihood_100": Measure(
        "log p(x), many images, 100 samples", "s", 0.1, "likelihood", {"images": "many", "samples": 100}
    ),
    "sample": Measure("samples", "s", 1.0, "sample", {"count": "draws"}),
    "start": Measure("disk to first sample", "s", 1.0, "start"),
}
MEMORY_GOAL, BARE_GOAL = 1.0, 1.1

DENSE, CONVOLUTIONAL = {"x": "dense"}, {"x": "convolutional"}
# Compiled by XLA, and many steps a call: what dense networks of this size gain most from.
FUSED = {"jit_compile": True, "steps_per_execution": 20}
LOOPED = {"steps_per_execution": 5}
NO_START = ("step", "epoch", "likelihood_1000", "likelihood_100", "sample")
UNIMODAL = {"peer": "pythae", "networks": DENSE, "measures": NO_START, "compile": FUSED}
MULTIMODAL = {
    "peer": "multivae",
    "networks": {"mnist": "dense", "svhn": "convolutional"},
    "latent_size": 20,
    "examples": (1_920, 384),
    "steps": 10,
    "many": 64,
    "measures": NO_START,
    "compile": LOOPED,
}

WORKLOADS = {
    each.name: each
    for each in (
        Workload("vae", "vae", "pythae", DENSE, examples=(30_000, 5_000), steps=100, bare=True, compile=FUSED),
        Workload(
            name="vae_convolutional",
            model="vae",
            peer="pythae",
            networks=CONVOLUTIONAL,
            examples=(6_000, 1_000),
            steps=20,
            many=128,
            measures=NO_START,
            bare=True,
            compile=LOOPED,
        ),
        Workload("beta_vae", "beta_vae", steps=100, **UNIMODAL),
        Workload("iwae", "iwae", importance_samples=10, steps=20, examples=(6_000, 1_000), **UNIMODAL),
        Workload("vamp_vae", "vamp_vae", components=500, steps=20, examples=(6_000, 1_000), many=128, **UNIMODAL),
        # The peer estimates no likelihood of this model, and has no prior of it without a second training.
        Workload(
            name="vq_vae",
            model="vq_vae",
            peer="pythae",
            networks={"x": "grid"},
            latent_size=32,
            examples=(1_920, 384),
            steps=10,
            measures=("step", "epoch"),
            compile=LOOPED,
        ),
        Workload("mvae", "mvae", **{**MULTIMODAL, "measures": (*NO_START, "start")}),
        Workload("mmvae", "mmvae", importance_samples=4, **{**MULTIMODAL, "examples": (1_280, 256), "steps": 5}),
        Workload("mopoe", "mopoe", **MULTIMODAL),
    )
}


def chosen(names, quick=False, xla=None):
    """The workloads of these names, in their order here; all where there is none.

    Args:
        xla: whether XLA compiles our steps and the hand-written loop's; None: where the workload says so.
    """
    workloads = [each for each in WORKLOADS.values() if each.name in names or not names]
    if xla is not None:
        workloads = [dataclasses.replace(each, compile={**each.compile, "jit_compile": xla}) for each in workloads]
    return [each.quick() if quick else each for each in workloads]
