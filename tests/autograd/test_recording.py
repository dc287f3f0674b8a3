"""The contexts that operations are recorded in: nested in themselves, and no_grad around generators and coroutines."""

import math

import pytest

import tinygrad_nn as tn
from tinygrad_nn.autograd import primitives as table
from tinygrad_nn.autograd.recording import current_recorder, recording, scope, watched
from tinygrad_nn.autograd.value import Value


def test_contexts_nest_in_themselves():
    before = current_recorder()
    for context in (scope("mine"), tn.no_grad(), tn.detect_anomaly(), watched(None), recording()):
        with context:
            inner = current_recorder()
            with context:
                pass
            assert current_recorder() is inner
        assert current_recorder() is before
    quiet, again = tn.no_grad(), recording()
    with quiet, again, quiet:
        assert (Value(1.0) * 2.0).op is None
    assert (Value(1.0) * 2.0).op is not None


def test_an_anomaly_is_seen_inside_detect_anomaly_inside_itself():
    watch, zero = tn.detect_anomaly(), Value(0.0)
    with watch:
        one = zero + 1.0
        with watch:
            pass
        with pytest.raises(tn.AnomalyError, match=r"log gave nan, in .*test_recording\.py"):
            (zero - one).log()
    assert zero.log().data == -math.inf


def test_a_transform_at_infinity_is_no_anomaly():
    with tn.detect_anomaly():
        assert tn.derivative(tn.tanh, math.inf) == tn.jvp(tn.tanh)(math.inf, 1.0)[1] == 0.0
        with pytest.raises(tn.AnomalyError, match="exp gave inf"):
            tn.derivative(tn.exp, math.inf)


def test_no_grad_records_nothing():
    a = Value(2.0)
    with tn.no_grad():
        assert (a * a + a.exp()).op is None
        with tn.no_grad():
            pass
        assert tn.dot([a], [a]).op is None
        assert tn.MLP(1, [2, 1])([1.0]).op is None
    assert (a * a).op is table.multiply
    with pytest.raises(RuntimeError), tn.no_grad():
        raise RuntimeError
    assert (a + 1).op is table.add


def test_no_grad_as_a_decorator():
    @tn.no_grad()
    def quiet(x):
        return x * x

    assert quiet(Value(3.0)).op is None
    assert quiet.__name__ == "quiet"


def test_no_grad_in_one_thread_leaves_the_others_alone():
    import threading

    inside, leave, seen = threading.Event(), threading.Event(), []

    def quiet():
        with tn.no_grad():
            inside.set()
            leave.wait(5)
            seen.append((Value(1.0) * 2).op)

    thread = threading.Thread(target=quiet)
    thread.start()
    inside.wait(5)
    assert (Value(1.0) * 2).op is table.multiply
    leave.set()
    thread.join()
    assert seen == [None]
