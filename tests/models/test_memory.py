"""What a model held goes with it."""

import gc
import weakref

from tiny import vae


def test_a_dropped_model_frees_its_compiled_functions(images):
    def graph():
        model = vae()
        model.log_likelihood(images[:4], samples=3), model.sample(2)
        (concrete,) = model._graphs["log_likelihood"][1]._list_all_concrete_functions()
        return weakref.ref(concrete.graph)

    graph()  # gradients are kept of the first one of a shape
    held = graph()
    gc.collect()
    assert held() is None
