"""What several of the test folders share."""

import os
from pathlib import Path

# Before MXNet is imported: several processes at a time, whose threads wait for each other, take twice as long.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import hypothesis
import pytest

# No test times anything: on a busy machine an example may take long.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")

REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.fixture
def checkpoints() -> Path:
    """The folder of real public checkpoints, which lies beside the repository where it exists."""
    folder = REPOSITORY.parent / "shared" / "checkpoints"
    if not folder.is_dir():
        pytest.skip(f"no checkpoints in {folder}")
    return folder


@pytest.fixture
def digits() -> Path:
    """The prefix of the example's checkpoint."""
    return REPOSITORY / "examples" / "digits" / "digits"
