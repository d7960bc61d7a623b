"""Networks of ladders: from data up to features of every rung, and from each rung down to the state of the next."""

from collections.abc import Sequence

import keras
from keras import layers

from keras_vae.networks.arguments import checked
from keras_vae.networks.arguments import shape as some
from keras_vae.networks.dense import dense_encoder


@checked(widths=some)
def dense_ladder_encoder(
    shape: tuple[int, ...],
    widths: Sequence[int] = (512, 256),
    activation: str = "elu",
    name: str = "dense_ladder_encoder",
) -> keras.Model:
    """Encoder `[batch, *shape]` to a list of features, one a rung, the lowest first: `[batch, width]` each, by two
    layers of that width on top of those below."""
    inputs = keras.Input(shape)
    x, features = layers.Flatten("channels_last")(inputs), []
    for width in widths:
        for _ in range(2):
            x = layers.Dense(width, activation=activation)(x)
        features.append(x)
    return keras.Model(inputs, features, name=name)


@checked(latent_sizes=some, widths=some)
def dense_top_down(
    latent_sizes: Sequence[int], widths: Sequence[int], activation: str = "elu", name: str = "top_down"
) -> list[keras.Model]:
    """Networks that make the state of each rung but the top one, the lowest first: `[batch, width]`, of the latents
    above it, `[batch, latent]`, and their state where they have one, `[batch, width]`.

    Raises:
        ValueError: not as many widths as rungs.
    """
    if len(widths) != len(latent_sizes):
        raise ValueError(f"widths must be {len(latent_sizes)}, one a rung; got {len(widths)}.")
    made, last = [], len(latent_sizes) - 1
    for rung in range(last):
        state = None if rung + 1 == last else (widths[rung + 1],)
        above = (latent_sizes[rung + 1],)
        width = widths[rung]
        made.append(dense_encoder(above, (width, width), activation, condition_shape=state, name=f"{name}_{rung + 1}"))
    return made
