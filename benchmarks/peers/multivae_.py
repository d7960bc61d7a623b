"""The workloads in MultiVae. It imports torchvision for data sets and pictures that are not used here, and there is no
build of torchvision for every build of PyTorch: where it is missing, empty stand-ins take its place."""

import importlib.util
import sys
import types

TORCHVISION = ("", ".datasets", ".datasets.utils", ".models", ".transforms", ".utils")


class _StandIn(types.ModuleType):
    __path__ = ()

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (), {})


if importlib.util.find_spec("torchvision") is None:
    sys.modules.update({f"torchvision{part}": _StandIn(f"torchvision{part}") for part in TORCHVISION})

from multivae import models  # noqa: E402
from multivae.data.datasets import MultimodalBaseDataset  # noqa: E402
from multivae.trainers import BaseTrainer, BaseTrainerConfig  # noqa: E402
from multivae.trainers.base.callbacks import TrainingCallback  # noqa: E402

from benchmarks.peers.torch_library import TorchLibrary  # noqa: E402
from benchmarks.peers.torch_networks import Decoder, Encoder  # noqa: E402
from benchmarks.peers.workloads import NORMAL_SCALE  # noqa: E402


class Library(TorchLibrary):
    versions = ("multivae", "torch")

    def model_of(self, shapes):
        workload, latent = self.workload, self.workload.latent_size
        common = {
            "n_modalities": len(shapes),
            "latent_dim": latent,
            "input_dims": shapes,
            "decoders_dist": {"mnist": "bernoulli", "svhn": "normal"},
            "decoder_dist_params": {"svhn": {"scale": NORMAL_SCALE}},
        }
        model, config = {
            "mvae": lambda: (models.MVAE, models.MVAEConfig(**common, warmup=0)),
            "mmvae": lambda: (models.MMVAE, models.MMVAEConfig(**common, K=workload.importance_samples)),
            "mopoe": lambda: (models.MoPoE, models.MoPoEConfig(**common)),
        }[workload.model]()
        encoders = {name: Encoder(kind, shapes[name], latent) for name, kind in workload.networks.items()}
        decoders = {name: Decoder(kind, shapes[name], latent) for name, kind in workload.networks.items()}
        return model(config, encoders, decoders)

    def dataset(self, split, count=None):
        return MultimodalBaseDataset({name: self.images(name, split, count) for name in self.workload.networks})

    def trainer(self):
        return self.trainer_of(BaseTrainer, BaseTrainerConfig, TrainingCallback)

    def likelihood(self, images, samples):
        return float(self.model.compute_joint_nll(self.dataset("test", images), K=samples)) / images

    def sample(self, count):
        self.model.device = "cpu"
        made = self.model.decode(self.model.generate_from_prior(count))
        for images in made.values():
            images.numpy()

    def start(self):
        self.model = models.AutoModel.load_from_folder(str(self.folder / "saved_by_multivae"))
        self.sample(16)
