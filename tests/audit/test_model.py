"""The log does what a list would do, whatever order writers, savepoints, sequencer and signer come in.

Many more examples: `python -m tests.faults.cases log`.
"""

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.audit import machine

FEW = settings(max_examples=4, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.mark.django_db(transaction=True)
def test_the_log_is_a_list() -> None:
    try:
        run_state_machine_as_test(machine.LogMachine, settings=FEW)
    finally:
        machine.close()
