"""The workloads in pythae."""

import torch
from pythae import models, samplers
from pythae.data.datasets import BaseDataset
from pythae.trainers import BaseTrainer, BaseTrainerConfig
from pythae.trainers.training_callbacks import TrainingCallback

from benchmarks.peers.torch_library import TorchLibrary
from benchmarks.peers.torch_networks import Decoder, Encoder
from benchmarks.peers.workloads import CODES

SAMPLERS = {"vamp_vae": samplers.VAMPSampler}


class Library(TorchLibrary):
    versions = ("pythae", "torch")

    def model_of(self, shapes):
        workload, shape = self.workload, shapes["x"]
        common = {"input_dim": shape, "latent_dim": workload.latent_size, "reconstruction_loss": "bce"}
        (kind,) = workload.networks.values()
        model, config = {
            "vae": lambda: (models.VAE, models.VAEConfig(**common)),
            "beta_vae": lambda: (models.BetaVAE, models.BetaVAEConfig(**common, beta=4.0)),
            "iwae": lambda: (models.IWAE, models.IWAEConfig(**common, number_samples=workload.importance_samples)),
            "vamp_vae": lambda: (
                models.VAMP,
                models.VAMPConfig(**common, number_components=workload.components, linear_scheduling_steps=0),
            ),
            "vq_vae": lambda: (
                models.VQVAE,
                models.VQVAEConfig(
                    **{**common, "reconstruction_loss": "mse"}, num_embeddings=CODES, use_ema=True, decay=0.99
                ),
            ),
        }[workload.model]()
        # Its binary cross-entropy takes probabilities, its squared error what comes.
        last = None if workload.model == "vq_vae" else torch.sigmoid
        return model(
            config, Encoder(kind, shape, workload.latent_size), Decoder(kind, shape, workload.latent_size, last)
        )

    def dataset(self, split, count=None):
        images = self.images("x", split, count)
        return BaseDataset(images, torch.zeros(len(images)))

    def trainer(self):
        return self.trainer_of(BaseTrainer, BaseTrainerConfig, TrainingCallback)

    def likelihood(self, images, samples):
        self.model.eval()
        with torch.no_grad():
            return float(self.model.get_nll(self.images("x", "test", images), n_samples=samples))

    def sample(self, count):
        sampler = SAMPLERS.get(self.workload.model, samplers.NormalSampler)(self.model)
        with torch.no_grad():
            sampler.sample(count).numpy()

    def start(self):
        self.model = models.AutoModel.load_from_folder(str(self.folder / "saved_by_pythae"))
        self.sample(16)
