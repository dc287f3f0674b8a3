"""A history: few points of any number of epochs."""

from tinygrad_nn.training.history import MOST_POINTS, History


def test_the_history_keeps_few_points():
    history = History()
    for epoch in range(1, 100_001):
        assert history.wanted(epoch, epoch) == [epoch]
        history.record(epoch, float(epoch), epoch / 10, {"error": -float(epoch)})
        assert len(history) <= MOST_POINTS + 1
    assert history.epochs[0] == 1
    assert history.epochs[-1] == 100_000
    assert len(history) > MOST_POINTS // 4
    gaps = {b - a for a, b in zip(history.epochs[:-1], history.epochs[1:-1], strict=False)}
    assert len(gaps) == 1
    assert history.losses == [float(e) for e in history.epochs]
    assert history.metrics["error"] == [-float(e) for e in history.epochs]
    assert History().wanted(1, 5) == [1, 2, 3, 4, 5]
    assert repr(History()) == "<History: no epochs>"
