"""What a state machine may do: its role is asked before each thing it does, and when it is made.

MiniStack asks the roles of functions (`AUTH=true`); Step Functions acts without being asked there.
"""

from __future__ import annotations

import contextvars
import json
from collections.abc import Callable, Iterator
from typing import Any

from ministack.core import iam_evaluator
from ministack.core.responses import error_response_json, get_account_id, get_region
from ministack.services import iam, lambda_svc, stepfunctions
from ministack.services.cloudformation import provisioners

from .states import limits, submit

MACHINE = "AWS::StepFunctions::StateMachine"
SERVICE = "states.amazonaws.com"
BATCH_RULE = "StepFunctionsGetEventsForBatchJobsRule"
"""The rule by which Step Functions hears of jobs; it makes and keeps it with the machine's role."""

_acting = contextvars.ContextVar("acting", default=("", ""))
"""The role and the ARN of the machine whose execution runs in this thread."""

Response = tuple[int, dict[str, str], bytes]


def install() -> None:
    """Stand before everything an execution does, and before machines that are made."""
    stepfunctions._run_execution = _as_its_role(stepfunctions._run_execution)
    stepfunctions._call_lambda = _asked(stepfunctions._call_lambda, _need_invoke)
    stepfunctions._s3_object_text = _asked(stepfunctions._s3_object_text, _need_read)
    tasks = stepfunctions._SERVICE_DISPATCH
    tasks[submit.RESOURCE] = _asked(tasks[submit.RESOURCE], _need_submit)
    for name in ("_create_state_machine", "_update_state_machine"):
        setattr(stepfunctions, name, _with_a_fit_role(getattr(stepfunctions, name)))
    handlers = provisioners._RESOURCE_HANDLERS[MACHINE]
    handlers["create"] = _created_in_a_stack(handlers["create"])


def need(action: str, resource: str, error: str = "States.TaskFailed") -> None:
    """Raises `error` of an execution where its machine's role may not do `action` on `resource`."""
    role, _ = _acting.get()
    if role and not _allows(role, action, resource):
        text = f"User: {role} is not authorized to perform: {action} on resource: {resource}"
        raise stepfunctions._ExecutionError(error, text)


def need_start_execution() -> None:
    """A Distributed Map starts executions of its own machine."""
    _, machine = _acting.get()
    need("states:StartExecution", machine)


def _need_invoke(reference: str, _: Any) -> None:
    _, found, name = lambda_svc._get_func_record_for_ref(reference)
    arn = (found or {}).get("FunctionArn") or f"arn:aws:lambda:{get_region()}:{get_account_id()}:function:{name}"
    need("lambda:InvokeFunction", arn, "Lambda.AWSLambdaException")


def _need_read(bucket: str, key: str) -> None:
    need("s3:GetObject", f"arn:aws:s3:::{bucket}/{key}", "States.ItemReaderFailed")


def _need_submit(_: str, parameters: dict[str, Any]) -> None:
    for kind, field in (("job-queue", "JobQueue"), ("job-definition", "JobDefinition")):
        given = str(parameters.get(field))
        arn = given if given.startswith("arn:") else f"arn:aws:batch:{get_region()}:{get_account_id()}:{kind}/{given}"
        need("batch:SubmitJob", arn, "Batch.AccessDeniedException")
    need("batch:DescribeJobs", "*", "Batch.AccessDeniedException")


def _asked(act: Callable[..., Any], ask: Callable[..., None]) -> Callable[..., Any]:
    def asked(*arguments: Any) -> Any:
        ask(*arguments)
        return act(*arguments)

    return asked


def _as_its_role(run: Callable[..., Any]) -> Callable[..., Any]:
    def acting(execution_arn: str) -> Any:
        execution = stepfunctions._executions.get(execution_arn) or {}
        machine = stepfunctions._state_machines.get(execution.get("stateMachineArn", "")) or {}
        _acting.set((machine.get("roleArn", ""), machine.get("stateMachineArn", "")))
        return run(execution_arn)

    return acting


def _with_a_fit_role(answer: Callable[[dict[str, Any]], Response]) -> Callable[[dict[str, Any]], Response]:
    def checked(given: dict[str, Any]) -> Response:
        return _refusal(given.get("roleArn") or "", given.get("definition") or "") or answer(given)

    return checked


def _created_in_a_stack(create: Callable[..., Any]) -> Callable[..., Any]:
    """CloudFormation writes a new machine's record without the API, so what the API checks is checked here."""

    def checked(logical: str, properties: dict[str, Any], stack: str) -> Any:
        definition = provisioners._sfn_definition(properties)
        refused = limits.refusal(definition) or _refusal(properties.get("RoleArn", ""), definition)
        if refused:
            raise ValueError(json.loads(refused[2])["message"])
        return create(logical, properties, stack)

    return checked


def _refusal(role: str, definition: str) -> Response | None:
    """The answer to a machine whose role cannot be assumed or cannot follow jobs; None where it can."""
    for text in _objections(role, definition) if role else ():
        answer: Response = error_response_json("AccessDeniedException", text, 400)
        return answer
    return None


def _objections(role: str, definition: str) -> Iterator[str]:
    if not _trusts(role):
        yield f"Neither the global service principal {SERVICE}, nor the regional one is authorized to assume {role}"
    if "batch:submitJob.sync" in definition:
        rule = f"arn:aws:events:{get_region()}:{get_account_id()}:rule/{BATCH_RULE}"
        for action in ("events:PutTargets", "events:PutRule", "events:DescribeRule"):
            if not _allows(role, action, rule):
                yield f"'{role}' is not authorized to create managed-rule: {action} on {rule}"


def _trusts(role: str) -> bool:
    """Whether Step Functions may take the role; conditions on who asks it to are not looked at."""
    found = iam._roles.get_scoped(role.split(":")[4], None, role.rsplit("/", 1)[-1]) or {}
    return SERVICE in json.dumps(found.get("AssumeRolePolicyDocument"))


def _allows(role: str, action: str, resource: str) -> bool:
    account, name = role.split(":")[4], role.rsplit("/", 1)[-1]
    asked = iam_evaluator.EvalContext(
        principal_arn=f"arn:aws:sts::{account}:assumed-role/{name}/execution",
        principal_type="AssumedRole",
        principal_account=account,
        action=action,
        resource_arn=resource,
        region=get_region(),
    )
    decision = iam_evaluator.evaluate(asked, iam_evaluator._gather_role_policies(name, account)).decision
    return bool(decision == "Allow")
