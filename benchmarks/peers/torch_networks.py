"""The networks of the workloads in PyTorch, as both peers take them; images are `[batch, channels, height, width]`."""

import math

from pythae.models.base.base_utils import ModelOutput
from pythae.models.nn import BaseDecoder, BaseEncoder
from torch import nn

from benchmarks.peers.workloads import CONVOLUTIONAL_WIDTH, DENSE_WIDTHS, FILTERS, GRID_FILTERS


class Encoder(BaseEncoder):
    """Body, and for variational models one head for location and log-variance."""

    def __init__(self, kind, shape, latent_size):
        super().__init__()
        self.latent_dim = latent_size
        if kind == "dense":
            self.body, features = _dense(math.prod(shape), DENSE_WIDTHS), DENSE_WIDTHS[-1]
        elif kind == "convolutional":
            features = CONVOLUTIONAL_WIDTH
            flat = math.prod(_grid(shape, FILTERS))
            self.body = nn.Sequential(
                *_convolutions(shape[0], FILTERS), nn.Flatten(), nn.Linear(flat, features), nn.ReLU()
            )
        else:
            self.body = nn.Sequential(
                *_convolutions(shape[0], GRID_FILTERS), nn.Conv2d(GRID_FILTERS[-1], latent_size, 1)
            )
        self.head = None if kind == "grid" else nn.Linear(features, 2 * latent_size)

    def forward(self, x):
        features = self.body(x)
        if self.head is None:
            return ModelOutput(embedding=features)
        location, log_variance = self.head(features).chunk(2, dim=-1)
        return ModelOutput(embedding=location, log_covariance=log_variance)


class Decoder(BaseDecoder):
    """`last`: None for logits, or an activation."""

    def __init__(self, kind, shape, latent_size, last=None):
        super().__init__()
        self.shape, self.last = tuple(shape), last
        if kind == "dense":
            widths = DENSE_WIDTHS
            self.body = nn.Sequential(*_dense(latent_size, widths)[1:], nn.Linear(widths[-1], math.prod(shape)))
        elif kind == "convolutional":
            grid = _grid(shape, FILTERS)
            self.body = nn.Sequential(
                nn.Linear(latent_size, CONVOLUTIONAL_WIDTH),
                nn.ReLU(),
                nn.Linear(CONVOLUTIONAL_WIDTH, math.prod(grid)),
                nn.ReLU(),
                nn.Unflatten(1, grid),
                *_growing(FILTERS[::-1], shape[0]),
            )
        else:
            first = GRID_FILTERS[-1]
            self.body = nn.Sequential(
                nn.Conv2d(latent_size, first, 1), nn.ReLU(), *_growing(GRID_FILTERS[::-1], shape[0])
            )

    def forward(self, z):
        x = self.body(z).reshape(-1, *self.shape)
        return ModelOutput(reconstruction=x if self.last is None else self.last(x))


def _dense(size, widths):
    layers = [nn.Flatten()]
    for before, width in zip((size, *widths), widths, strict=False):
        layers += [nn.Linear(before, width), nn.ReLU()]
    return nn.Sequential(*layers)


def _convolutions(channels, filters):
    layers = []
    for before, count in zip((channels, *filters), filters, strict=False):
        layers += [nn.Conv2d(before, count, 4, 2, 1), nn.ReLU()]
    return layers


def _growing(filters, channels):
    layers = []
    for count, after in zip(filters, (*filters[1:], channels), strict=True):
        layers += [nn.ConvTranspose2d(count, after, 4, 2, 1), nn.ReLU()]
    return layers[:-1]


def _grid(shape, filters):
    return (filters[-1], *(side // 2 ** len(filters) for side in shape[1:]))
