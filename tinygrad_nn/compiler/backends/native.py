"""LLVM's text made to run, through llvmlite: compiled for this machine's processor, once for each text."""

from __future__ import annotations

import ctypes
from functools import lru_cache
from typing import Any


class Native:
    """A compiled module; `run` is its function of pointers and a count."""

    def __init__(self, text: str, pointers: int) -> None:
        llvm, machine = _begun(), _machine()  # of its own: an engine takes the machine with it when it goes
        module = llvm.parse_assembly(text)
        module.verify()
        builder = llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options(speed_level=3))
        builder.getModulePassManager().run(module, builder)
        self._engine = llvm.create_mcjit_compiler(module, machine)  # what it compiled lives as long as it does
        self._engine.finalize_object()
        kinds = [ctypes.c_void_p] * pointers
        self.run: Any = ctypes.CFUNCTYPE(None, *kinds, ctypes.c_int64)(self._engine.get_function_address("run"))

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise TypeError("machine code cannot be copied or pickled: copy what it was compiled from, and compile that")


@lru_cache(maxsize=64)
def native(text: str, pointers: int) -> Native:
    """The compiled module of a text."""
    return Native(text, pointers)


@lru_cache(maxsize=1)
def _begun() -> Any:
    """llvmlite's binding, ready to compile for this machine."""
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return llvm


def _machine() -> Any:
    llvm = _begun()
    features = llvm.get_host_cpu_features().flatten()
    return llvm.Target.from_default_triple().create_target_machine(
        cpu=llvm.get_host_cpu_name(), features=features, opt=3
    )


@lru_cache(maxsize=1)
def register_bytes() -> int:
    """The bytes of a full vector register of this machine: 64, 32 or 16."""
    features = _begun().get_host_cpu_features()
    return 64 if features.get("avx512f") else 32 if features.get("avx") else 16
