"""The way down from some latents over rungs below them, which prior and posterior share."""

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from keras_vae import networks
from keras_vae.models.inputs import Batch
from keras_vae.parts import Rung

NO_BATCH = Batch(None)


class Chain:
    """Rungs below some latents, each given those above it by way of a state. Builds them, and the networks that make
    the states; a model keeps both for Keras to find.

    Args:
        names: of the latents, the lowest first, and last those above all rungs.
        rungs: the lowest first.
        top_down: networks that make the state of each rung, the lowest first: of the latents above and of their state,
            `[z, state]`; of z alone below the top.
        above: shape of the latents above all rungs, without batch.
        features: shapes of what is known of x for each rung, batch included, the lowest first.
    """

    def __init__(
        self,
        names: Sequence[str],
        rungs: Sequence[Rung],
        top_down: Sequence[Any],
        above: tuple[int, ...],
        features: Sequence[tuple[int | None, ...]],
    ) -> None:
        self.names, self.rungs, self.top_down = tuple(names), rungs, top_down
        self.shapes, self.states, state = {self.names[-1]: tuple(above)}, [], None
        for index in range(len(rungs) - 1, -1, -1):
            given = (None, *self.shapes[self.names[index + 1]])
            state = networks.output_shape("top_down", top_down[index], given if state is None else [given, state])
            self.shapes[self.names[index]] = (*state[1:-1], rungs[index].latent_size)
            self.states.insert(0, state)
        for rung, *shapes in zip(rungs, features, self.states, strict=False):
            rung.build(shapes)

    def down(self, network: Any, name: str, z: tf.Tensor, state: tf.Tensor | None, training: bool) -> tf.Tensor:
        """What a network makes of latents, `[..., batch, *event]`, and of their state, where they have one."""
        inputs = [z] if state is None else [z, state]
        lead = [len(part.shape) - len(self.shapes[name]) for part in inputs]
        return networks.folded(network, inputs, lead, training)[0]

    def state(self, index: int, z: dict[str, tf.Tensor], batch: Batch = NO_BATCH) -> tf.Tensor | None:
        """What the latents above a rung say to it, `[..., batch, *places, width]`; None at the top."""
        if index == len(self.rungs):
            return None

        def made(above, state):
            return self.down(self.top_down[index], self.names[index + 1], above, state, batch.training)

        name = ("state", self.names[index])
        return batch.once(name, [z[self.names[index + 1]], self.state(index + 1, z, batch)], made)

    def below(self, what: str, loc_scale: Callable, batch: Batch | None) -> dict[str, Callable]:
        """The rungs' distributions by name, the highest first, each a function of the latents above.

        Args:
            what: a name for what they are, "prior" say.
            loc_scale: `(rung, its index, its state)` to its location and scale.
        """
        batch = batch or NO_BATCH

        def given(index):
            rung = self.rungs[index]

            def made(state):
                return rung.family(*loc_scale(rung, index, state))

            return lambda z: batch.once((what, self.names[index]), [self.state(index, z, batch)], made)

        return {self.names[index]: given(index) for index in range(len(self.rungs) - 1, -1, -1)}
