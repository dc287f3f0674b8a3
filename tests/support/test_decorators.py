"""Contexts as decorators: generators and coroutines run inside them, a piece at a time."""

import asyncio
import inspect

import pytest
from shared import wrong

import tinygrad_nn as tn
from tinygrad_nn.autograd.value import Value


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
        tn.no_grad()(wrong(3))


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
