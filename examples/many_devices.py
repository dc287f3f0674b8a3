"""One training step on many devices: each takes its share of the rows, and XLA adds up their gradients.

    python examples/many_devices.py

The step is a pure function of arrays, (state, X, Y) -> (state, loss). JAX shards the rows of X and Y over a mesh of
devices; nothing else changes. Here the devices are eight that XLA makes of one machine's processor, so they share its
cores: what they show is that the losses are the same, and what sharding itself costs. On GPUs, or on hosts after
jax.distributed.initialize(), the same lines run as they are. Needs jax: pip install jax numpy.
"""

import os
import random
import time

import tinygrad_nn as tn

DEVICES, STEPS = 8, 50
os.environ.setdefault("XLA_FLAGS", f"--xla_force_host_platform_device_count={DEVICES}")  # before jax is imported


def make_step(jax):
    """A network of 2, 32, 32 and 1 on the moons, and its step as a function of JAX's arrays."""
    model = tn.MLP(2, [32, 32, 1], activation="tanh", rng=random.Random(1))
    optimizer = tn.SGD(model.parameters(), lr=0.1, momentum=0.9)
    step = tn.compile_step(model, "binary_cross_entropy_with_logits", optimizer, backend="python")
    return step.as_function(jax.numpy)


def train(jax, function, X, Y, devices):
    """The losses of some steps with the rows over so many devices, and the seconds that a step took."""
    from jax.sharding import Mesh, NamedSharding, PartitionSpec

    mesh = Mesh(jax.devices()[:devices], ("rows",))
    by_rows, everywhere = (NamedSharding(mesh, PartitionSpec(*axes)) for axes in (("rows",), ()))
    X, Y = jax.device_put((X, Y), by_rows)
    state = jax.device_put(function.state(), everywhere)
    step = jax.jit(function, out_shardings=everywhere)
    step(state, X, Y)  # compiles
    losses, start = [], time.perf_counter()
    for _ in range(STEPS):
        state, loss = step(state, X, Y)
        losses.append(float(loss))  # waits: devices made of few cores must not be given the next step before
    return losses, (time.perf_counter() - start) / STEPS


def main():
    try:
        import jax
    except ImportError:
        print("this example needs jax, which is not installed: pip install jax numpy")
        return
    jax.config.update("jax_enable_x64", True)
    function = make_step(jax)
    counts = [count for count in (1, 2, 4, 8) if count <= len(jax.devices())]
    print(f"{os.cpu_count()} cores, {len(jax.devices())} devices ({jax.devices()[0].platform}); milliseconds a step:")
    print(
        f"{'rows':>8}",
        *(f"{count:>4} device{'s' * (count > 1):1}" for count in counts),
        "  largest difference of losses",
    )
    for rows in (512, 4096, 32768):
        X, Y = (jax.numpy.asarray(each, dtype="float64") for each in tn.data.moons(rows, rng=random.Random(0)))
        runs = [train(jax, function, X, Y, count) for count in counts]
        apart = max(abs(a - b) for losses, _ in runs for a, b in zip(losses, runs[0][0], strict=True))
        print(f"{rows:>8}", *(f"{1e3 * seconds:12.2f}" for _, seconds in runs), f"  {apart:.1e}")
    print(f"the loss went from {runs[0][0][0]:.4f} to {runs[0][0][-1]:.4f} in {STEPS} steps, on however many devices")


if __name__ == "__main__":
    main()
