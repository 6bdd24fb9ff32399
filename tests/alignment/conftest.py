"""What the tests of training share."""

import pytest
from accelerate.state import AcceleratorState


@pytest.fixture(scope="module", autouse=True)
def _own_precision() -> None:
    """One process has one precision, which other tests may have set."""
    AcceleratorState._reset_state(True)
