"""The contexts that operations are recorded in: nested in themselves, and no_grad around generators and coroutines."""

import asyncio
import inspect
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


def test_a_decorated_generator_records_nothing_and_leaves_its_caller_alone():
    w, ended = Value(2.0), []

    @tn.no_grad()
    def numbers(n):
        """What it is."""
        try:
            for _ in range(n):
                sent = yield (w * 2.0).op
                if sent is not None:
                    yield sent, (w * 3.0).op
        except KeyError:
            yield "caught", (w * 2.0).op
        finally:
            ended.append((w * 2.0).op)
        return (w * 2.0).op

    assert inspect.isgeneratorfunction(numbers)
    assert numbers.__doc__ == "What it is."
    running = numbers(2)
    assert next(running) is None
    assert (w * 2.0).op is not None
    assert running.send("sent") == ("sent", None)
    assert running.throw(KeyError) == ("caught", None)
    with pytest.raises(StopIteration) as end:
        next(running)
    assert end.value.value is None
    assert list(numbers(3)) == [None] * 3
    closed = numbers(2)
    next(closed)
    closed.close()
    assert ended == [None] * 3
    running = numbers(2)
    next(running)
    with pytest.raises(ZeroDivisionError):
        running.throw(ZeroDivisionError())
    assert (w * 2.0).op is not None

    class Rows:
        def __call__(self):
            yield (w * 2.0).op

    assert list(tn.no_grad()(Rows())()) == [None]

    class Model:
        @tn.no_grad()
        @classmethod
        def of_class(cls):
            return (w * 2.0).op

        @tn.no_grad()
        @staticmethod
        def rows():
            yield (w * 2.0).op

    assert Model.of_class() is Model().of_class() is None
    assert list(Model.rows()) == list(Model().rows()) == [None]
    with pytest.raises(TypeError, match="a function is decorated, but got 3"):
        tn.no_grad()(3)


def test_decorated_coroutines_record_nothing_and_leave_other_tasks_alone():
    w, ended = Value(2.0), []

    @tn.no_grad()
    async def answer():
        found = [(w * 2.0).op]
        for _ in range(3):
            await asyncio.sleep(0)
            found.append((w * 2.0).op)
        return found

    @tn.no_grad()
    async def answers(n):
        try:
            for _ in range(n):
                await asyncio.sleep(0)
                try:
                    yield (w * 2.0).op
                except KeyError:
                    yield "caught", (w * 2.0).op
        finally:
            ended.append((w * 2.0).op)

    async def beside():
        found = []
        for _ in range(6):
            found.append((w * 2.0).op)
            await asyncio.sleep(0)
        return found

    async def main():
        first, others, second = await asyncio.gather(answer(), beside(), answer())
        assert first == second == [None] * 4
        assert None not in others
        async for op in answers(3):
            assert op is None
            assert (w * 2.0).op is not None
        running = answers(3)
        assert await running.asend(None) is None
        assert await running.athrow(KeyError()) == ("caught", None)
        await running.aclose()
        assert (w * 2.0).op is not None

    assert inspect.iscoroutinefunction(answer)
    assert inspect.isasyncgenfunction(answers)
    asyncio.run(main())
    assert ended == [None] * 2


def test_a_decorator_without_its_parentheses_is_told():
    with pytest.raises(TypeError, match=r"no_grad takes nothing, but got <function.*write no_grad\(\)"):

        @tn.no_grad
        def quiet():
            return 1.0


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
