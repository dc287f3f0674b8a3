"""Networks: Module, Neuron, Layer, MLP."""

from .layers import MLP, Layer, Neuron

__all__ = ["MLP", "Layer", "Neuron"]
