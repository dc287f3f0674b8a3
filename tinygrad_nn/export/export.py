"""export_c: a model's C file, written whole or not at all."""

from __future__ import annotations

import os
from typing import Any

from ..compiler.backends.c.file import checked_name
from ..compiler.backends.c.function import FunctionFile
from ..compiler.function import Function
from ..optim import Optimizer
from ..support.checks import checked_switch
from ..support.decorators import uncollected
from ..support.files import place_for, write_all
from .estimators import Estimated, estimated
from .function_test import function_test
from .integers.file import integer_file
from .model import ModelFile
from .self_test import self_test
from .sketch import checked_layout, sketch, sketch_places, write_sketch


@uncollected
def export_c(
    model: Any,
    path: Any,
    name: str = "model",
    loss: Any = None,
    train: Any = None,
    dtype: str = "float",
    *,
    header: bool = False,
    overwrite: bool = False,
    inputs: Any = None,
    targets: int | None = None,
    save: bool = False,
    batches: bool = False,
    layout: str = "file",
    weights_apart: bool = False,
    rows: Any = None,
) -> None:
    """Write a model as one C99 file for where Python does not run: it predicts, and with `train` it learns.

    The file needs a C compiler and libm, nothing else: no allocation, no global that changes; C++ takes it too. With
    name="model" it has

        void model_predict(const float x[], float y[]);

    and with a `loss` and an optimizer to `train` by, both as `compile_step` takes them, a struct model_state of
    weights, of what the optimizer remembers and of scratch, and

        void model_init(model_state *state);              as model and optimizer are now
        void model_predict(model_state *state, const float x[], float y[]);
        float model_train(model_state *state, const float x[], const float target[]);

    model_train makes one step on one example, and returns the loss before it; a class index out of range gives NAN and
    changes nothing. state.weights are in the order of model.parameters(). With `batches` the file also has

        float model_accumulate(model_state *state, const float x[], const float target[]);
        void model_update(model_state *state);

    of which the latter makes one step down the mean of the gradients that the former has added up, in an array that the
    state has for them. With `save` it has

        void model_save(const model_state *state, unsigned char bytes[MODEL_STATE_BYTES]);
        int model_load(model_state *state, const unsigned char bytes[MODEL_STATE_BYTES]);

    for what is to outlive a restart: a block with a version and a checksum, the same on every machine, of which
    model_load returns 0, and changes nothing, where it is damaged or of another model. `load_c_state` reads it in
    Python, `c_state` writes one. With `weights_apart` a file that predicts has no weights in it, but is given them,

        const float *model_weights(const unsigned char bytes[MODEL_STATE_BYTES]);        in a block, where they stand
        int model_load(float weights[], const unsigned char bytes[MODEL_STATE_BYTES]);   copied from it
        void model_predict(const float weights[], const float x[], float y[]);

    so that a block of `c_state(model)` in flash may be replaced, and the program stays.

    The comment at the top says how many bytes and operations that takes. Compiled with -DMODEL_SELF_TEST the file is a
    program that compares itself with numbers from Python. Compilers that fuse products and sums, where the processor
    can, are faster for it and change last digits, unless -ffp-contract=off forbids it. A compiled function is written
    with its derivatives, as `f.source("c")` has it.

    A fitted estimator of tinygrad_nn.sklearn, also one that stands last in a scikit-learn Pipeline of scalers, is
    written whole, to predict: scaling becomes part of the first layer, and of a classifier model_predict gives the
    probability of each class, as predict_proba does, beside

        void model_outputs(const float x[], float y[]);   the logits
        int model_class(const float x[]);                 the index of the class
        const char *model_label(int index);               its label, an int where labels are such

    (of several labels of a row model_classes(x, found) fills in a 0 or 1 for each).

    With layout="arduino" `path` is the folder of an Arduino sketch, with the C file, its header and a program that
    predicts, trains and prints; it is made where it is not there. On AVR, tables of constants stay in flash.

    For processors without floating point there is dtype="int8", for an MLP, a Layer, a Neuron or a fitted estimator:
    weights, inputs and activations of 8 bits, scaled by what they are in the `rows`, such as those it learned on:

        void model_predict(const uint8_t x[], int16_t y[]);   outputs in steps of 2 to the power of -MODEL_BITS
        int model_class(const uint8_t x[]);                   the class, or model_classes(x, found) as above

    Whole numbers from 0 to 255, or from -128 to 127 plus 128, are inputs as they are; others take part of their range,
    which the comment tells. model_quantize and model_predict_floats, from and to floats, are there with -DMODEL_FLOATS
    alone. The comment says how far outputs and classes are from those in Python, whose whole numbers are the same.

    `dtype` is else "float" or "double"; `header` writes a header beside the file; an existing file is replaced with
    `overwrite` alone. `inputs`, their number or their names, and `targets`, the numbers in a target, are for models and
    losses that do not say.

    Raises ValueError for a name that C cannot have, or that C, C++ or their libraries have already, a parameter that is
    nan, infinite or larger than `dtype` holds, a model with branches (`if`), a learning rate that is a function, a loss
    without `train`, a step of a pipeline that is no scaler, or what 8 bits are not made of; TypeError for what is no
    model or optimizer; OSError where the file cannot be written.

    >>> import pathlib, tempfile
    >>> import tinygrad_nn as tn
    >>> model = tn.MLP(2, [4, 1], "tanh", "sigmoid")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "xor.c")
    ...     export_c(model, path, name="xor_gate", loss="binary_cross_entropy",
    ...              train=tn.SGD(model.parameters(), lr=0.5, momentum=0.9))
    ...     text = path.read_text()
    >>> "float xor_gate_train(xor_gate_state *state, const float x[2], const float target[1]);" in text
    True
    """
    checked_name(name)
    header, overwrite = checked_switch("header", header), checked_switch("overwrite", overwrite)
    save, weights_apart = checked_switch("save", save), checked_switch("weights_apart", weights_apart)
    batches = checked_switch("batches", batches)
    as_sketch = checked_layout(layout)
    names = _places(path, name, header, as_sketch, overwrite)
    include = os.path.basename(names[1]) if names[1:] else ""
    if as_sketch and (isinstance(model, Function) or weights_apart):
        what = "a file of weights_apart" if weights_apart else "a compiled function"
        raise ValueError(f"a sketch is of a model with its weights: export {what} alone, and call it from a sketch")
    floats = {"loss": loss, "train": train, "inputs": inputs, "targets": targets}
    switches = {"save": save, "batches": batches, "weights_apart": weights_apart}
    in_integers = integer_file(model, name, dtype, rows, floats | switches)
    if in_integers is not None:
        text, declarations = in_integers.texts(include, source=os.path.basename(names[0]))
    elif isinstance(model, Function):
        if any(given is not None for given in floats.values()) or any(switches.values()):
            raise ValueError(
                "a compiled function is exported as it is: loss, train, inputs, targets, save, batches and "
                "weights_apart are for models"
            )
        function = FunctionFile(model, name, dtype)
        text, declarations = function.texts(function_test(function), include, os.path.basename(names[0]))
    else:
        exported = exported_model(model, name, loss, train, dtype, inputs, targets, save, weights_apart, batches)
        text, declarations = exported.texts(self_test(exported), include, os.path.basename(names[0]))
    texts = [text, declarations, *([sketch(name, declarations)] if as_sketch else [])]
    (write_sketch if as_sketch else write_all)([*zip(names, texts, strict=False)])


def _places(path: Any, name: str, header: bool, as_sketch: bool, overwrite: bool) -> list[Any]:
    """Where the C file, its header and a sketch go. Raises ValueError and OSError where they cannot."""
    if as_sketch:
        names = sketch_places(path, name)
    else:
        place_for(path)
        names = [path, *([os.path.splitext(path)[0] + ".h"] if header else [])]
        if header and names[1] == os.fspath(path):
            raise ValueError(f"the header would be {names[1]} itself: give a path that ends in .c")
    for place in names:
        if os.path.exists(place) and not overwrite:
            raise FileExistsError(f"{place} is there already: give another path, or overwrite=True")
    if set('"\\\n') & set(*map(os.path.basename, names[1:2])):
        raise ValueError(f"C could not include a header of the name {os.path.basename(names[1])!r}: give another path")
    return names


def exported_model(
    model: Any, name: str, loss: Any, train: Any, dtype: str, inputs: Any, targets: int | None, save: bool = False,
    apart: bool = False, batches: bool = False,
) -> ModelFile:  # fmt: skip
    model = estimated(model, dtype, apart)
    if not callable(model):
        raise TypeError(f"export_c() wants a model, or a function that was compiled, but got {model!r}")
    if isinstance(model, Estimated) and (loss is not None or train is not None):
        raise ValueError(
            "estimators are exported to predict, and learn in Python: to go on learning in C, export the network of "
            "one, estimator.model_, with a loss and an optimizer, and scale the features there"
        )
    if (loss is None) is not (train is None):
        missing = "loss" if loss is None else "train"
        raise ValueError(f"to learn in C takes a loss and an optimizer, but {missing} is missing")
    if train is not None and not isinstance(train, Optimizer):
        raise TypeError(f"train must be an optimizer such as tn.SGD(model.parameters(), lr=0.1), but got {train!r}")
    if save and train is None:
        raise ValueError("save=True is of what a model learns in C: give a loss and an optimizer to train by")
    if batches and train is None:
        raise ValueError("batches=True is for a model that learns in C: give a loss and an optimizer to train by")
    if apart and train is not None:
        raise ValueError("weights_apart=True is for a file that predicts: one that learns has its weights in its state")
    return ModelFile(model, name, loss, train, dtype, inputs, targets, save, apart, batches)
