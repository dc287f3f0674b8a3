"""Progress of fit: a bar on a terminal, lines elsewhere, of the first epoch already, and checkpoints in it."""

import sys
import types
from typing import Any

from training import trained

from tinygrad_nn.training import checkpoints, progress


class Bar:
    """What tqdm is to fit."""

    made: Any

    def __init__(self, total, unit):
        self.total, self.unit, self.n, self.told, self.closed = total, unit, 0, [], False
        Bar.made = self

    def set_postfix_str(self, text, refresh):
        self.told.append(text)

    def update(self, more):
        self.n += more

    def close(self):
        self.closed = True


def test_a_bar_on_a_terminal_and_lines_elsewhere(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "tqdm", types.SimpleNamespace(tqdm=Bar))
    trained(progress=True, metrics="accuracy")
    assert "epoch 6: loss " in capsys.readouterr().err
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    trained(progress=True, metrics="accuracy")
    assert (Bar.made.n, Bar.made.total, Bar.made.closed) == (6, 6, True)
    assert Bar.made.told[-1].startswith("loss 0.")
    assert "accuracy" in Bar.made.told[-1]
    monkeypatch.setitem(sys.modules, "tqdm", None)  # as where it is not installed
    capsys.readouterr()
    trained(progress=True)
    assert "epoch 6: loss " in capsys.readouterr().err
    trained(progress=False)
    assert capsys.readouterr().err == ""


def test_progress_tells_of_the_first_epoch_and_keeps_checkpoints_in_it(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(progress, "CHECKPOINTS", 0.0)
    monkeypatch.setattr(progress, "FIRST_TOLD", 0.0)
    path, seen = tmp_path / "model.txt", []
    monkeypatch.setattr(checkpoints, "write_all", lambda *given: seen.append(given))
    trained(epochs=1, batch_size=2, progress=True, checkpoint=path)
    assert len(seen) >= 10
    assert capsys.readouterr().err.startswith("epoch 1 of 1\n")
    monkeypatch.setattr(sys, "stderr", None)  # as where there is no console
    trained(epochs=1, progress=True)
