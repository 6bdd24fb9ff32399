"""What all tests share."""

from __future__ import annotations

import os

# Matrices are small here: threads cost more than they bring, and make test runs a worker a core.
os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch is imported

import hypothesis
import pytest

from recsys.datasets import Dataset, load_dataset

# How long an example takes is no property: other tests run beside these.
hypothesis.settings.register_profile("tiller", deadline=None)
hypothesis.settings.load_profile("tiller")


@pytest.fixture(scope="session")
def films() -> Dataset:
    """The shipped catalogue and its ratings; they are not to be changed."""
    return load_dataset("ml-latest-small")
