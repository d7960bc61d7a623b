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
    measures: tuple = ("step", "epoch", "likelihood_1000", "likelihood_100", "sample", "start")
    bare: bool = False
    compile: dict = dataclasses.field(default_factory=dict)

    @property
    def kind(self):
        """ "dense" where all networks are, else "convolutional"."""
        return "dense" if set(self.networks.values()) == {"dense"} else "convolutional"

    def quick(self):
        """The same in a few seconds, on small images."""
        steps = self.compile.get("steps_per_execution", 1)
        compiled = {**self.compile, "steps_per_execution": min(steps, 2)} if self.compile else {}
        return dataclasses.replace(self, batch_size=32, examples=(256, 64), steps=4, compile=compiled)


@dataclasses.dataclass(frozen=True)
class Measure:
    """One column: what is timed, its unit, and the ratio of our time to the peer's that we want at most."""

    title: str
    unit: str
    goal: object = None
    arguments: dict = dataclasses.field(default_factory=dict)
    quick: dict = dataclasses.field(default_factory=dict)

    def goal_of(self, workload):
        return self.goal[workload.kind] if isinstance(self.goal, dict) else self.goal


MEASURES = {
    "step": Measure("training step", "ms", {"dense": 0.9, "convolutional": 1.0}),
    "epoch": Measure("epoch from disk to metrics", "s", 0.5),
    "likelihood_1000": Measure(
        "log p(x), 8 images, 1,000 samples", "s", 0.5, {"images": 8, "samples": 1000}, {"images": 2, "samples": 1000}
    ),
    "likelihood_100": Measure(
        "log p(x), 512 images, 100 samples", "s", 0.1, {"images": 512, "samples": 100}, {"images": 16, "samples": 100}
    ),
    "sample": Measure("1,000 samples", "s", 1.0, {"count": 1000}, {"count": 100}),
    "start": Measure("disk to first sample", "s", 1.0),
}
MEMORY_GOAL, BARE_GOAL = 1.0, 1.1

DENSE, CONVOLUTIONAL = {"x": "dense"}, {"x": "convolutional"}
PAIRS = {"mnist": "dense", "svhn": "convolutional"}
# Compiled by XLA, and many steps a call: what dense networks of this size gain most from.
FUSED = {"jit_compile": True, "steps_per_execution": 20}
LOOPED = {"steps_per_execution": 5}
NO_START = ("step", "epoch", "likelihood_1000", "likelihood_100", "sample")

WORKLOADS = {
    each.name: each
    for each in (
        Workload("vae", "vae", "pythae", DENSE, examples=(60_000, 10_000), steps=100, bare=True, compile=FUSED),
        Workload(
            "vae_convolutional", "vae", "pythae", CONVOLUTIONAL, steps=20, measures=NO_START, bare=True, compile=LOOPED
        ),
        Workload("beta_vae", "beta_vae", "pythae", DENSE, steps=100, measures=NO_START, compile=FUSED),
        Workload(
            "iwae", "iwae", "pythae", DENSE, importance_samples=10, steps=20, measures=NO_START, compile=FUSED
        ),
        Workload("vamp_vae", "vamp_vae", "pythae", DENSE, components=500, steps=20, measures=NO_START, compile=FUSED),
        # The peer has neither a likelihood nor a prior of this model without a second training.
        Workload(
            "vq_vae", "vq_vae", "pythae", {"x": "grid"}, 32, examples=(3_200, 640), steps=10,
            measures=("step", "epoch"), compile=LOOPED,
        ),
        Workload("mvae", "mvae", "multivae", PAIRS, 20, examples=(3_200, 640), steps=10, compile=LOOPED),
        Workload(
            "mmvae", "mmvae", "multivae", PAIRS, 20, importance_samples=4, examples=(1_280, 256), steps=5,
            measures=NO_START, compile=LOOPED,
        ),
        Workload(
            "mopoe", "mopoe", "multivae", PAIRS, 20, examples=(3_200, 640), steps=10, measures=NO_START,
            compile=LOOPED,
        ),
    )
}  # fmt: skip


def chosen(names, quick=False):
    """The workloads of these names, in their order here; all where there is none."""
    return [each.quick() if quick else each for each in WORKLOADS.values() if each.name in names or not names]
