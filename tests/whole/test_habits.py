"""What checks a change stands once: the workflow calls the stages of .ci/run, and hooks use the tools of extra dev."""

import re
import shutil
import subprocess

import pytest
from shared import ROOT

pytestmark = pytest.mark.skipif(not (ROOT / ".ci" / "run").exists(), reason="tests without the checkout around them")


def text(*parts):
    return ROOT.joinpath(*parts).read_text(encoding="utf-8")


def stages():
    """The names that the head of .ci/run tells of."""
    return re.findall(r"^#   (\w+) ", text(".ci", "run"), re.MULTILINE)


def test_each_stage_is_told_of_and_defined():
    assert stages()
    for stage in stages():
        assert re.search(rf"^{stage}\(\) \{{$", text(".ci", "run"), re.MULTILINE), stage


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash here")
def test_a_stage_that_is_none_is_told_before_anything_runs():
    run = subprocess.run(["bash", ".ci/run", "style", "nonsense"], cwd=ROOT, capture_output=True, text=True)
    assert (run.returncode, run.stdout) == (2, "no stage nonsense: see .ci/run\n")


def test_the_workflow_calls_stages_and_defines_none():
    workflow = text(".github", "workflows", "tests.yml")
    runs = re.findall(r"^ +- run: (.*)$", workflow, re.MULTILINE)
    assert runs == [".ci/run base", ".ci/run ${{ matrix.stage }}"]
    (matrix,) = re.findall(r"^ +stage: \[(.*)\]$", workflow, re.MULTILINE)
    assert {"base", *matrix.split(", ")} == {*stages()} - {"benchmarks"}  # which compare machines that are at rest


def test_hooks_use_what_is_installed():
    hooks = text(".pre-commit-config.yaml")
    assert re.findall(r"repo: (.*)", hooks) == ["local"]
    for entry in re.findall(r"entry: (.*)", hooks):
        assert entry.startswith(("python -m ruff ", "python -m mypy", "python -m pytest "))
        for path in re.findall(r"tests/\S+", entry):
            assert (ROOT / path).exists(), path
