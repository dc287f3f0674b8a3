"""Networks: Module, Neuron, Layer and MLP, how they begin, and how they are kept in files.

It stands on autograd, and for the files on optim.

From the ground up: `initial` draws the first weights, `activations` have names, `weights` are a neuron's list; `names`
says what modules are called, `module` is anything with parameters, `neuron` and `layers` are those that come with the
library, `structure` what their programs follow from; `entries` and `loading` believe nothing of a file, and `saving`
writes it.
"""

from .layers import MLP, Layer, Neuron

__all__ = ["MLP", "Layer", "Neuron"]
__dir__ = __all__.copy  # so that dir() shows what is a user's
