"""LLVM's text made to run, through llvmlite: compiled for this machine's processor, once for each text."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from functools import lru_cache
from threading import RLock
from typing import Any
from weakref import WeakValueDictionary

from ....version import __version__
from ...object_cache import from_cache
from ...target import Target
from .ir import Kind

LONGEST_TEXT = 6000  # lines of a text that LLVM is done with before anybody loses patience
LEVEL = 1  # of LLVM's passes and of its code: what is above takes a sixth longer, and no step measured is faster
PASSES = ("always_inliner", "sroa", "new_gvn", "loop_rotate", "instruction_combine", "simplify_cfg")
LINKED: WeakValueDictionary[str, Any] = WeakValueDictionary()  # those that somebody has, by their texts
WAITING = [RLock() for _ in range(16)]


class Native:
    """A compiled module; `run` is its function of pointers and a count, of any name, and `start` where that begins."""

    def __init__(self, text: str, pointers: int, name: str = "run") -> None:
        with WAITING[hash(text) % len(WAITING)]:  # while another thread compiles that text
            engine = LINKED.get(text)
            if engine is None:
                if text.count("\n") > LONGEST_TEXT:  # in a thread that this one waits for, so that Ctrl-C is heard
                    with Beside() as beside:
                        engine = beside.begun(_engine, text)()
                else:
                    engine = _engine(text)
                LINKED[text] = engine
        self._engine = engine  # has what it compiled
        kinds, self.start = [ctypes.c_void_p] * pointers, engine.get_function_address(name)
        self.run: Any = ctypes.CFUNCTYPE(None, *kinds, ctypes.c_int64)(self.start)

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise TypeError("machine code cannot be copied or pickled: copy what it was compiled from, and compile that")


native = lru_cache(maxsize=64)(Native)  # the compiled module of a text


def _engine(text: str) -> Any:
    """What has the machine code of a text: that of an earlier process, or compiled now."""
    import llvmlite

    llvm = _begun()
    processor, features = llvm.get_host_cpu_name(), _features().flatten()
    versions = [__version__, llvmlite.__version__, str(llvm.llvm_version_info), llvm.get_process_triple()]
    key = [*versions, processor, features, f"O{LEVEL}", *PASSES, text]

    def machine() -> Any:
        return llvm.Target.from_default_triple().create_target_machine(cpu=processor, features=features, opt=LEVEL)

    code = from_cache(key, lambda: _compiled(llvm, machine(), text))
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine())  # which takes the machine with it
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    return engine


def _compiled(llvm: Any, machine: Any, text: str) -> bytes:
    """The object code of a text."""
    _hand_back()
    module = llvm.parse_assembly(text)
    module.verify()
    options = llvm.create_pipeline_tuning_options(speed_level=LEVEL)
    options.loop_unrolling = False
    builder = llvm.create_pass_builder(machine, options)
    _passes(llvm, builder).run(module, builder)
    return machine.emit_object(module)  # type: ignore[no-any-return]


def _hand_back() -> None:
    """Give the system what was freed and GNU's C library keeps: the trace may have taken more than LLVM will."""
    if (trim := _trim()) is not None:
        trim(0)


@lru_cache(maxsize=1)
def _trim() -> Any:
    return getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None


def _passes(llvm: Any, builder: Any) -> Any:
    """The passes that a text needs: its loops are jammed already, and what does not change in them stands before them.

    They take a third of the time of all of LLVM's first level, which runs where llvmlite (0.44) has no names for them.
    """
    manager = llvm.create_new_module_pass_manager()
    adding: list[Any] = [getattr(manager, f"add_{name}_pass", None) for name in PASSES]
    if None in adding:
        return builder.getModulePassManager()
    for add in adding:
        add()
    return manager


class Beside:
    """A thread for calls of the C library, one after the other, while this one does something else, or waits.

    What was called goes on to its end, but nobody waits for it but the end of the process.
    """

    def __enter__(self) -> Beside:
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="tinygrad_nn compiles")
        return self

    def __exit__(self, *error: object) -> None:
        self._executor.shutdown(wait=False, cancel_futures=True)

    def begun(self, function: Callable[..., Any], *arguments: Any) -> Callable[[], Any]:
        """What waits for a call that begins now, and gives what it returned."""
        future = self._executor.submit(function, *arguments)

        def result() -> Any:
            while not wait([future], timeout=0.1).done:  # a wait without end is deaf on Windows
                pass
            return future.result()

        return result


@lru_cache(maxsize=1)
def _begun() -> Any:
    """llvmlite's binding, ready to compile for this machine."""
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return llvm


@lru_cache(maxsize=1)
def _features() -> Any:
    """What this machine's processor can do."""
    return _begun().get_host_cpu_features()


@lru_cache(maxsize=1)
def register_bytes() -> int:
    """The bytes of a full vector register of this machine: 64, 32 or 16."""
    features = _features()
    return 64 if features.get("avx512f") else 32 if features.get("avx") else 16


def full_register(target: Target) -> Kind:
    """The vectors of a target's numbers that fill a register."""
    single = target.dtype == "float32"
    return Kind(register_bytes() // (4 if single else 8), single)


def processors() -> int:
    """How many processors this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
