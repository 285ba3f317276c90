"""EventBridge Scheduler: starts a flow by its `schedule`, in its time zone. Pure."""

from __future__ import annotations

from .iam import SCHEDULER, role_arn
from .places import STATE_MACHINE
from .stack import Stack
from .yaml import Value, ref, resource

SCHEDULE = "Schedule"


def schedule_resources(stack: Stack) -> dict[str, Value]:
    """{logical id: resource} of the schedule; empty for a flow without one.

    It tries again for an hour, so that a throttled start is neither lost nor hours late.
    """
    if not stack.schedule:
        return {}
    properties = {
        "Name": ref("FlowName"),
        "Description": f"Starts the flow {stack.flow}",
        "ScheduleExpression": stack.schedule,
        "ScheduleExpressionTimezone": stack.timezone,
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "Target": {
            "Arn": ref(STATE_MACHINE),
            "RoleArn": role_arn(stack, SCHEDULER),
            "Input": "{}",
            "RetryPolicy": {"MaximumEventAgeInSeconds": 3600, "MaximumRetryAttempts": 20},
        },
    }
    return {SCHEDULE: resource("AWS::Scheduler::Schedule", properties)}
