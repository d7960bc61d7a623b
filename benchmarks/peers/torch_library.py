"""What the two peers share: images as PyTorch wants them, and the bare training step."""

import pathlib
import shutil

import numpy as np
import torch

from benchmarks.peers.workloads import LEARNING_RATE


class TorchLibrary:
    saved = None

    def __init__(self, workload, folder):
        self.workload, self.folder = workload, pathlib.Path(folder)
        torch.set_num_threads(torch.get_num_threads())  # OMP_NUM_THREADS, fixed before anything runs
        torch.manual_seed(0)

    def prepare(self):
        shapes = {name: tuple(self.images(name, "test").shape[1:]) for name in self.workload.networks}
        self.model = self.model_of(shapes)
        self.batch = self.dataset("test", self.workload.batch_size)[: self.workload.batch_size]
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=LEARNING_RATE)
        return sum(weight.numel() for weight in self.model.parameters() if weight.requires_grad)

    def images(self, name, split, count=None):
        """Float32 in [0, 1], channels first."""
        images = np.load(self.folder / f"{name}_{split}.npy")[:count]
        return torch.from_numpy(np.ascontiguousarray(np.moveaxis(images, -1, 1))).float() / 255

    def step(self):
        """As the peer's trainer does it, without what the trainer does around it."""
        self.model.train()
        for _ in range(self.workload.steps):
            loss = self.model(self.batch, epoch=1).loss
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            value = loss.item()  # the trainer, too, reads each step's
        return value

    def trainer_of(self, kind, configuration, callback):
        """The peer's trainer, of its classes."""
        config = configuration(
            output_dir=str(self.folder / "trainings"),
            num_epochs=1,
            learning_rate=LEARNING_RATE,
            per_device_train_batch_size=self.workload.batch_size,
            per_device_eval_batch_size=self.workload.batch_size,
        )
        parts = self.model, self.dataset("train"), self.dataset("test"), config
        return kind(*parts, callbacks=[with_losses(callback)])

    def epoch(self):
        trainer = self.trainer()
        trainer.train()
        self.last = trainer.callbacks[0].losses
        shutil.rmtree(self.folder / "trainings")
        return self.last[-1]

    def save(self):
        self.model.save(str(self.folder / f"saved_by_{self.workload.peer}"))


def with_losses(callback):
    """A callback of the peer's kind that keeps what the peer logs of the test images."""

    class Losses(callback):
        def __init__(self):
            self.losses = []

        def on_log(self, training_config, logs, **kwargs):
            self.losses.append(float(logs["eval_epoch_loss"]))

    return Losses()
