"""What fills the `${Name}`s of a definition.

Input: a Stack. Output: {name: value} for the state machine's DefinitionSubstitutions. Pure.
Raises TemplateError for a name nobody knows.
"""

from __future__ import annotations

from ..errors import TemplateError
from .compute import version_id
from .places import job_queue
from .stack import Stack
from .yaml import Value, ref, sub


def substitution_values(stack: Stack) -> dict[str, Value]:
    """The value of every name the definition uses, sorted by name."""
    known = _values(stack)
    unknown = sorted(set(stack.machine.substitutions) - set(known))
    if unknown:
        raise TemplateError(f"the definition of flow '{stack.flow}' uses names without a value: {', '.join(unknown)}.")
    return {name: known[name] for name in sorted(stack.machine.substitutions)}


def _values(stack: Stack) -> dict[str, Value]:
    common: dict[str, Value] = {
        "Partition": ref("AWS::Partition"),
        "LambdaInvoke": sub("arn:${AWS::Partition}:states:::lambda:invoke"),
        "BatchSubmitJob": sub("arn:${AWS::Partition}:states:::batch:submitJob.sync"),
        "URLSuffix": ref("AWS::URLSuffix"),
        "Bucket": ref("S3Bucket"),
        "FlowName": ref("FlowName"),
        "JobQueue": job_queue(stack),
    }
    versions: dict[str, Value] = {step.substitution: ref(version_id(stack, step)) for step in stack.functions}
    given = stack.config.batch.job_definition_name
    jobs: dict[str, Value] = {step.substitution: given or ref(step.logical) for step in stack.jobs}
    return common | versions | jobs
