"""What several of the test folders share."""

from pathlib import Path

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
