"""A model that runs on replicas: a step that its replica does not answer is done on another."""

import random
import threading
import time
from asyncio import CancelledError
from itertools import count

import numpy as np
from numpy.typing import NDArray
from ray.exceptions import RayError, RayTaskError
from ray.serve.exceptions import BackPressureError
from ray.serve.handle import DeploymentHandle

from jointtrack_server.caller import CALLER, Caller
from jointtrack_server.engines.base import check_tensor
from jointtrack_server.engines.catalogue import ModelSpec
from jointtrack_server.errors import JointTrackError, Reason

RETRY_AFTER_S = 1.0

_LOOK_S = 0.2
"""How often a step that takes long is asked whether anybody still waits for it."""
_PATIENCE_SHARE = 0.5
"""Of the time left, the most that a replica gets before another one is asked."""
_PATIENCE_STEPS = 20
"""Times what a step usually takes, what the first replica gets; further ones get more and more."""
_LEAST_PATIENCE_S = 2.0
_LAST_STEP_WEIGHT = 0.1
_FIRST_PAUSE_S = 0.02
_LONGEST_PAUSE_S = 1.0


class RemoteModel:
    """See ``PoseModel``. ``step_s`` bounds an inference whose caller sets no deadline."""

    def __init__(self, spec: ModelSpec, handle: "DeploymentHandle[object]", step_s: float) -> None:
        self.spec = spec
        # By value: through the object store a step costs three times as much.
        self._infer = handle.options(method_name="infer", _by_reference=False)
        self._handle = handle
        self._step_s = step_s
        self._repeats = 0
        self._usual_step_s: float | None = None
        self._lock = threading.Lock()

    @property
    def is_loaded(self) -> bool:
        """Whether replicas have been seen."""
        return self._handle.running_replicas_populated()

    @property
    def repeats(self) -> int:
        """Steps ever sent again because a replica was gone or did not answer."""
        return self._repeats

    def infer(self, tensor: NDArray[np.uint8]) -> NDArray[np.float32]:
        """See ``PoseModel.infer``. Raises JointTrackError: OVERLOADED, DEADLINE_EXCEEDED."""
        check_tensor(self.spec, tensor)
        caller = CALLER.get()
        end_s = time.monotonic() + self._step_s
        if caller.deadline_s is not None:
            end_s = min(end_s, caller.deadline_s)
        for attempt in count():
            try:
                return self._one_attempt(tensor, caller, end_s, attempt)
            except BackPressureError as error:
                if caller.can_be_refused:
                    raise self._overloaded("its queue is full") from error
            except _Failed as failed:
                # What is raised in the model itself would be raised on every other replica.
                raise RuntimeError(f"{self.spec.title} failed on a replica") from failed.__cause__
            except (RayError, TimeoutError, RuntimeError, OSError):
                with self._lock:
                    self._repeats += 1
            self._pause(attempt, caller, end_s)
        raise AssertionError

    def _one_attempt(
        self, tensor: NDArray[np.uint8], caller: Caller, end_s: float, attempt: int
    ) -> NDArray[np.float32]:
        began_s = time.monotonic()
        until_s = min(end_s, began_s + self._patience_s(end_s - began_s, attempt))
        response = self._infer.remote(tensor)
        while True:
            wait_s = min(_LOOK_S, until_s - time.monotonic())
            try:
                rows: NDArray[np.float32] = response.result(timeout_s=max(wait_s, 0.0))
            except RayTaskError as error:
                raise _Failed from error
            except TimeoutError:
                if caller.is_gone():
                    response.cancel()  # type: ignore[no-untyped-call]
                    raise CancelledError from None
                if time.monotonic() >= until_s:
                    response.cancel()  # type: ignore[no-untyped-call]
                    raise
            else:
                self._took(time.monotonic() - began_s)
                return rows

    def _patience_s(self, left_s: float, attempt: int) -> float:
        longest_s = left_s * _PATIENCE_SHARE
        if self._usual_step_s is not None:
            longest_s = _doubled(self._usual_step_s * _PATIENCE_STEPS, attempt, longest_s)
        return max(longest_s, _LEAST_PATIENCE_S)

    def _took(self, step_s: float) -> None:
        usual_s = self._usual_step_s
        if usual_s is not None:
            step_s = usual_s + (step_s - usual_s) * _LAST_STEP_WEIGHT
        self._usual_step_s = step_s

    def _pause(self, attempt: int, caller: Caller, end_s: float) -> None:
        """Before the next attempt. Raises where none would be in time."""
        longest_s = _doubled(_FIRST_PAUSE_S, attempt, _LONGEST_PAUSE_S)
        pause_s = random.uniform(0.5, 1.0) * longest_s  # noqa: S311
        if caller.is_gone():
            raise CancelledError
        if time.monotonic() + pause_s < end_s:
            time.sleep(pause_s)
            return
        if end_s == caller.deadline_s:
            raise JointTrackError(
                Reason.DEADLINE_EXCEEDED,
                f"The deadline passed while no replica of {self.spec.name} answered. "
                "Send fewer requests at once or allow more time.",
                metadata={"model": self.spec.name},
            )
        raise self._overloaded(f"none answered in {self._step_s:g} s")

    def _overloaded(self, why: str) -> JointTrackError:
        return JointTrackError(
            Reason.OVERLOADED,
            f"The replicas of {self.spec.name} are busy: {why}. "
            f"Try again in {RETRY_AFTER_S:.0f} s.",
            metadata={"model": self.spec.name, "cause": why},
            retry_after_s=RETRY_AFTER_S,
        )


def _doubled(seconds: float, times: int, most_s: float) -> float:
    return min(seconds * 2.0 ** min(times, 10), most_s)


class _Failed(Exception):  # noqa: N818
    """The model raised; ``__cause__`` is what."""
