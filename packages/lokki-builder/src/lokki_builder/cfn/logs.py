"""Log groups, which keep what they hold for as long as the configuration says. Pure."""

from __future__ import annotations

from .names import function_name
from .stack import Stack
from .tags import tag_list
from .yaml import Value, resource, sub

STATE_MACHINE_LOG_GROUP = "StateMachineLogGroup"
BATCH_LOG_GROUP = "BatchLogGroup"
BATCH_LOG_NAME = "/aws/batch/${FlowName}"


def function_log_group(stack: Stack, name: str) -> Value:
    """Where Lambda writes the log of the function with this name."""
    return _log_group(stack, f"/aws/lambda/{function_name(name)}")


def log_groups(stack: Stack) -> dict[str, Value]:
    """{logical id: resource} of the log groups that belong to no function.

    The state machine's name begins as Step Functions asks, so that the account's resource policy does not grow with
    each flow.
    """
    groups = {STATE_MACHINE_LOG_GROUP: _log_group(stack, "/aws/vendedlogs/states/${FlowName}")}
    return groups | ({BATCH_LOG_GROUP: _log_group(stack, BATCH_LOG_NAME)} if stack.makes_job_definitions else {})


def _log_group(stack: Stack, name: str) -> Value:
    properties = {
        "LogGroupName": sub(name),
        "RetentionInDays": stack.config.lambda_.log_retention_days,
        "Tags": tag_list(stack),
    }
    return resource("AWS::Logs::LogGroup", properties, DeletionPolicy="Delete", UpdateReplacePolicy="Delete")
