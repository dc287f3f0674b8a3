"""Networks: Module, Neuron, Layer, MLP."""

from .layers import MLP, Layer, Neuron

__all__ = ["MLP", "Layer", "Neuron"]
__dir__ = __all__.copy  # so that dir() shows what is a user's
