"""The public functions that compile, train and export, whose packages are imported when they are called.

So importing the library stays fast, and the core imports none of them.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any


def compile(
    function: Callable[..., Any],
    *,
    backend: str = "auto",
    dtype: str = "float64",
    exact: bool = False,
    namespace: Any = None,
) -> Any:
    """A plain function of numbers as straight-line code, with its derivatives.

    f = compile(function) is called like the function: f(x, y) is its value, f.grad(x, y) its derivatives
    [df/dx, df/dy], f.value_and_grad(x, y) both, f.batch(rows, gradients=False) one of them for many rows. Arguments and
    results are numbers, nested lists of numbers, or NumPy's arrays, which are arrays (of objects) inside the function,
    too; the derivatives for an array are an array. `print(f.program)` and `print(f.source())` show what runs.

    The function is traced at its first call, and again where the shape of an argument differs, a list comes in place of
    an array, or a branch goes the other way: a comparison with a number, or by < and its like of two values. Values
    that it captures, such as a model's weights, are read at every call; gradients go to the arguments alone. Called
    with Values, f records as the plain function does.

    What else the function reads is watched: captured variables, globals, defaults, attributes of objects, classes and
    modules, lists, tuples, dicts, sets and arrays, the wiring of a model, and the `.data` of a captured Value where it
    is read as a plain number; so is what the functions read that it calls, as far as they are yours. Where any of it
    has changed, the next call traces anew, or takes what was traced when all was as it is now (the latest eight are
    kept). An error at the call, after which all is as it was, says where the function cannot be a program: where it
    draws random numbers (of `random`, a random.Random, NumPy or PyTorch), asks a clock or an iterator, changes one of
    the things above itself, such as a counter, or keeps a traced value.

    Not seen are files, the network, other processes, os.getenv(), names looked up in `globals()`, modules looked up in
    `sys.modules` or by `__import__`, and what stands in extension modules and in the objects and the code of the
    standard library and of installed packages. `type(t)` of a number of a row is not float here; isinstance is right.

    `backend` is one of

    - "python": generated Python, equal to the engine in bits (but for the sign of a derivative that is 0), with nothing
      to install;
    - "array": the loops rolled back into operations on whole arrays, all rows of a batch at once, equal within
      rounding; in NumPy, or by `namespace=jax.numpy` in JAX (extra `fast`, or JAX itself);
    - "llvm": machine code, a row of the batch in each lane of a vector; `exact` keeps every product and sum rounded by
      itself, so that arithmetic is equal in bits (extra `fast`);
    - "auto": Python for calls; for batches arrays from 32 rows on and LLVM from 4,096, where they are installed and
      `exact` does not ask for the engine's bits.

    f.backend says which one calls run on. `dtype` is "float64" or, but in Python, "float32", in which a larger number
    is a ValueError. Threads may share a compiled function; a copy, or one that was pickled, compiles for itself.

    Raises TypeError where something cannot be traced (.data, float(), range(), truth or text of an argument), also if
    the function catches it; ValueError for an unknown back end, and at a call RuntimeError past 16 paths through the
    branches.

    >>> f = compile(lambda x, y: x * y + x**2)
    >>> f(3.0, 2.0), f.grad(3.0, 2.0)
    (15.0, [8.0, 3.0])
    """
    from .compiler.function import compile as compiled

    return compiled(function, backend=backend, dtype=dtype, exact=exact, namespace=namespace)


def compile_step(
    model: Any, loss: Any, optimizer: Any, regularizer: Any = None, backend: str = "auto", dtype: str = "float64"
) -> Any:
    """A training step as straight-line code: the loss of the rows, its gradient and the optimiser's update.

    `loss` is one of `losses`, its name, or a function (prediction, target) of one row; `regularizer`, a function of the
    model, is added to the mean loss. step(X, Y) makes one update on the mean over the rows X, with targets Y, and
    returns the loss before it. step.run(X, Y, epochs, batch_size=1, shuffle=False, rng=None, until=None, progress=None)
    is the whole loop, and returns a History with `epochs`, `losses`, `metrics` and `times`; until=(metric, threshold)
    ends it when the metric(prediction, target), summed over an epoch, is below the threshold.

    Parameters, velocities and the count of steps are where they always are, read before and true after each call, so
    compiled and eager steps may alternate; lr and momentum may change between them. The `.grad` of parameters is not
    touched. An optimiser of your own is compiled from its `update`.

    What else model, loss, regularizer, metric and update read is watched as `compile` watches it: at each step(X, Y),
    and in a run at its start and after each call of a callback or of `progress`. Where it has changed (a number, an
    activation, a weight that is another Value) the next step is the new one. Where they draw random numbers, count, ask
    a clock or read the `.data` of what is trained, backend="auto" makes the steps on the recorded graph, with one
    RuntimeWarning that says why; a back end that was asked for by name raises. A traced value that is kept, as in
    `self.h = h`, is an error that names the attribute.

    The numbers of a row and of its target are plain numbers: `if t == 1`, `if t`, `weights[int(t)]`, `round(t)` are
    branches, each a path of its own, as `compile` has them; tn.take(weights, t) is one path for all. Rows that are
    NumPy's arrays are arrays to the model, and lists are lists.

    `backend` is "python" (a step on one row equals the eager one in bits, but for the sign of a gradient of 0, which
    the state of an optimizer may keep; `print(step.source())` shows it), "llvm"
    (machine code, equal within rounding, in `dtype` "float64" or "float32"; extra `fast`) or "auto", LLVM where it is
    installed; step.backend says which. `print(step.program)` shows what is computed.

    Raises TypeError and ValueError for what is no model, loss or optimizer, and as `compile` does.

    >>> import tinygrad_nn as tn
    >>> X, Y = tn.data.half_adder()
    >>> model = tn.MLP.from_weights([[[0.1, -0.2], [0.3, 0.4]]], [[0.0, 0.0]], output_activation="sigmoid")
    >>> step = compile_step(model, tn.losses.squared_error, tn.SGD(model.parameters(), lr=0.5))
    >>> round(step(X, Y), 6)
    0.254041
    >>> step.run(X, Y, epochs=1000).stopped
    'epochs'
    """
    from .training.steps.step import compile_step as compiled_step

    return compiled_step(model, loss, optimizer, regularizer, backend, dtype)


def fit(
    model: Any,
    X: Any,
    Y: Any,
    loss: Any,
    optimizer: Any,
    epochs: int = 100,
    batch_size: int = 32,
    shuffle: bool = True,
    rng: Any = None,
    regularizer: Any = None,
    metrics: Any = (),
    validation: Any = None,
    patience: int | None = None,
    until: Any = None,
    checkpoint: Any = None,
    callbacks: Any = (),
    progress: bool = True,
    backend: str = "auto",
    dtype: str = "float64",
    resume: bool = False,
) -> Any:
    """Train a model on rows X with targets Y; returns the History of its losses, metrics and times.

    Epochs of steps on `batch_size` rows each, in an order drawn from `rng` for every epoch unless shuffle=False, down
    the gradient of the mean `loss` plus `regularizer(model)`, by `optimizer`. Loss, optimizer and regularizer are as
    `compile_step` takes them, and so is `backend`; backend="eager" trains on the recorded graph. The same rng gives the
    same losses on each, within rounding. X and Y are lists, arrays, or frames and series, of pandas for one; where the
    model's inputs have no names yet, they are called as the columns of the frame.

    `metrics` are names ("accuracy", "mae", "rmse") or functions (prediction, target) of a row, of which the mean is
    taken; they look at all rows at the end of each epoch. Accuracy is the share of right answers by the loss: of the
    labels that the targets have, the answer is that with the smallest loss, and the threshold between two of them is
    left on the model for `predict_classes`. "gradients" adds the size of the gradient of each layer, for
    `plots.plot_gradients`. `validation=(X, Y)` are rows to look at and not to train on:
    the history has their "validation loss" and their metrics. `patience` ends the run after so many epochs without a
    lower validation loss (or loss, without validation); at its end model and optimizer are what they were at the best.
    until=(metric, threshold) is that of a step's run. A callback(history) is called after each epoch; the run ends
    where it returns True.

    `checkpoint` is a file for the model and the optimizer, written every second at most and at the end; `load` reads
    it. With `resume`, the same call made again goes on from what the file says, or begins where there is none: to the
    bit as the run would have gone on, with its history, its rng and its patience; so a script may be killed and started
    again. Learning rates that are functions of your own, callbacks and data are those of the new call. A run that
    `until` or `patience` ended is over, and its history comes back.

    `progress` shows a bar on a terminal where tqdm is installed, else a line on stderr after 1, 2, 4 ... seconds and at
    the end. Ctrl-C ends the run with the model as it stands. `history.stopped` says why a run ended: "diverged", with a
    RuntimeWarning, after the first epoch whose loss is not finite, or that leaves a number of the model or the
    optimizer that is not; the checkpoint keeps an earlier state then, and with `patience` the best comes back.

    Warns by a LintWarning of what `lint` finds on some of the rows: before the run of parameters without a loss, of
    probabilities for logits and of layers without a live unit, after it of units that died or saturated on the way.

    Raises ValueError and TypeError as `compile_step` does, and for a row that holds nan, StorageError for a checkpoint
    that is no such file, or of another run; nothing has changed then.

    >>> import random
    >>> import tinygrad_nn as tn
    >>> X, Y = tn.data.xor()
    >>> model = tn.MLP(2, [4, 1], "tanh", "sigmoid", rng=random.Random(1))
    >>> optimizer = tn.SGD(model.parameters(), lr=0.5, momentum=0.9)
    >>> history = fit(model, X, Y, "binary_cross_entropy", optimizer, epochs=200, batch_size=4, metrics="accuracy",
    ...               rng=random.Random(2), progress=False)
    >>> history.stopped, history.metrics["accuracy"][-1]
    ('epochs', 1.0)

    Two runs of 50 and then of 100 epochs, as a script makes them that was stopped and started again:

    >>> import os, tempfile
    >>> def script(epochs, path):
    ...     rng = random.Random(1)
    ...     model = tn.MLP(2, [4, 1], "tanh", rng=rng)
    ...     optimizer = tn.Adam(model.parameters(), lr=tn.optim.cosine(0.1, 0.0, steps=200))
    ...     return fit(model, X, Y, "squared_error", optimizer, epochs, batch_size=2, rng=rng, checkpoint=path,
    ...                resume=True, progress=False).losses
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     first, resumed = [script(epochs, os.path.join(folder, "run.txt")) for epochs in (50, 100)]
    ...     whole = script(100, os.path.join(folder, "whole.txt"))
    >>> len(first), resumed == whole
    (50, True)
    """
    from .training.fit import fit as fitted

    return fitted(
        model, X, Y, loss, optimizer, epochs, batch_size, shuffle, rng, regularizer, metrics, validation, patience,
        until, checkpoint, callbacks, progress, backend, dtype, resume,
    )  # fmt: skip


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
    changes nothing. The comment at the top says how many bytes and operations that takes. Compiled with
    -DMODEL_SELF_TEST the file is a program that compares itself with numbers from Python. A compiled function is
    written with its derivatives, as `f.source("c")` has it.

    `dtype` is "float" or "double"; `header` writes a header beside the file; an existing file is replaced with
    `overwrite` alone. `inputs`, their number or their names, and `targets`, the numbers in a target, are for models and
    losses that do not say.

    Raises ValueError for a name that C cannot have, or that C, C++ or their libraries have already, a parameter that is
    nan, infinite or larger than `dtype` holds, a model with branches (`if`), a learning rate that is a function, or a
    loss without `train`; TypeError for what is no model or optimizer; OSError where the file cannot be written.

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
    from .export.export import export_c as exported

    exported(model, path, name, loss, train, dtype, header, overwrite, inputs, targets)


def check_c(
    model: Any,
    rows: Any = None,
    *,
    dtype: str = "float",
    compiler: str | None = None,
    flags: Sequence[str] = (),
    inputs: Any = None,
) -> float:
    """The largest difference between the predictions of a model's C file and those of Python, over some rows.

    The file is built with the `compiler`, by default the system's cc, gcc or clang, with -O2 and any `flags`. Without
    rows it is a hundred of numbers from -1 to 1.

    Raises FileNotFoundError where there is no compiler, RuntimeError with its words where it fails, and as `export_c`.
    """
    from .export.export import check_c as checked

    return checked(model, rows, dtype, compiler, flags, inputs)
