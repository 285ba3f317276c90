"""A rule that tells the configured SNS topic of failed runs. Pure."""

from __future__ import annotations

from .places import STATE_MACHINE
from .stack import Stack
from .yaml import Value, ref, resource, sub

FAILURE_RULE = "FailureRule"
FAILURE_RULE_SUFFIX = "-failed"


def failure_resources(stack: Stack) -> dict[str, Value]:
    """{logical id: resource} of the rule; empty without `aws.failure_topic`.

    Children of maps have machine ARNs of their own, so one failed run makes one message. EventBridge publishes by the
    topic's own policy, which must allow it: with a role in the target, delivery to encrypted topics fails.
    """
    topic = stack.config.aws.failure_topic
    if not topic:
        return {}
    pattern = {
        "source": ["aws.states"],
        "detail-type": ["Step Functions Execution Status Change"],
        "detail": {"status": ["FAILED", "TIMED_OUT", "ABORTED"], "stateMachineArn": [ref(STATE_MACHINE)]},
    }
    properties = {
        "Name": sub("${FlowName}" + FAILURE_RULE_SUFFIX),
        "Description": f"Tells of failed runs of the flow {stack.flow}",
        "EventPattern": pattern,
        "State": "ENABLED",
        "Targets": [{"Id": "failure-topic", "Arn": topic}],
    }
    return {FAILURE_RULE: resource("AWS::Events::Rule", properties)}
