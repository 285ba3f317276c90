"""Where things are in a template and in the account: logical ids, queues, image repositories. Pure."""

from __future__ import annotations

import re

from .stack import Stack
from .yaml import Value, arn, get_att, literal, sub

JOB_QUEUE = "JobQueue"
COMPUTE_ENVIRONMENT = "ComputeEnvironment"
STATE_MACHINE = "StateMachine"

_ECR = re.compile(r"(?P<account>\d{12})\.dkr\.ecr(-fips)?\.(?P<region>[a-z0-9-]+)\.[^/]+/(?P<name>[^:@]+)")


def job_queue(stack: Stack) -> Value:
    """What Step Functions submits jobs to: a name or an ARN."""
    return get_att(JOB_QUEUE, "JobQueueArn") if stack.makes_queue else stack.config.batch.job_queue


def job_queue_arn(stack: Stack) -> Value:
    """The queue's ARN, for a policy."""
    queue = stack.config.batch.job_queue
    if stack.makes_queue:
        return get_att(JOB_QUEUE, "JobQueueArn")
    return queue if queue.startswith("arn:") else sub(arn("batch", f"job-queue/{literal(queue)}"))


def image_uri(stack: Stack) -> Value:
    """The image of the functions."""
    return sub("${ImageRepository}:${ImageTag}")


def job_image(stack: Stack) -> Value:
    """The image of the jobs: their own, or that of the functions."""
    return stack.config.batch.image or image_uri(stack)


def image_repositories(stack: Stack) -> list[str]:
    """ARNs of the repositories jobs pull from, as text for Sub.

    One that is not of ECR, or not known at build time, stands for all of the account.
    """
    repository = stack.config.batch.image or stack.code.image_repository
    known = _ECR.match(repository)
    if known is None:
        return [arn("ecr", "repository/*")]
    return [arn("ecr", f"repository/{known['name']}", region=known["region"], account=known["account"])]
