"""The product's settings with the addresses of the floors."""

from apps.config.settings import *  # noqa: F403

ROOT_URLCONF = "tests.benchmarks.floors"
