"""Batch's API: what MiniStack answers with a finished job at once runs here.

`SubmitJob` starts a thread per job; `DescribeJobs` and `ListJobs`, MiniStack's own, read the records it keeps.
"""

from __future__ import annotations

import contextvars
import json
import threading
from typing import Any

from lokki.clock import SYSTEM_CLOCK
from ministack.core.lambda_runtime import execution_credentials
from ministack.core.responses import error_response_json, get_account_id, get_region, new_uuid
from ministack.services import batch, cloudwatch_logs

from ..settings import Settings
from .plan import Job, RefusedError, check_definition, definition_name, find_definition
from .run import Ran, run

Response = tuple[int, dict[str, str], bytes]
Document = dict[str, Any]

_KEPT = ("parameters", "retryStrategy", "timeout", "platformCapabilities", "propagateTags")
"""What MiniStack forgets of a job definition."""

_endpoint = ""
_register_plain = batch._register_job_definition


def install(settings: Settings) -> None:
    """Put these in the place of MiniStack's."""
    global _endpoint
    _endpoint = settings.endpoint
    batch._DISPATCH["/v1/submitjob"] = submit
    batch._DISPATCH["/v1/registerjobdefinition"] = register
    batch._DISPATCH["/v1/terminatejob"] = terminate
    batch._DISPATCH["/v1/deregisterjobdefinition"] = deregister


def register(given: Document) -> Response:
    """RegisterJobDefinition: a new revision."""
    try:
        check_definition(given)
    except RefusedError as error:
        return _refused(str(error))
    answer: Response = _register_plain(given)
    if answer[0] == 200:
        kept = {field: given[field] for field in _KEPT if field in given}
        batch._job_definitions[given["jobDefinitionName"]][-1].update(kept)
    return answer


def deregister(given: Document) -> Response:
    """DeregisterJobDefinition: the revision is not found any more."""
    reference = str(given["jobDefinition"])
    revisions = batch._job_definitions.get(definition_name(reference)) or []
    found = find_definition(_active(revisions), reference)
    if found is not None:
        found["status"] = "INACTIVE"  # type: ignore[index]  # MiniStack's own record
    answer: Response = batch._json(200, {})
    return answer


def submit(given: Document) -> Response:
    """SubmitJob."""
    reference, queue = str(given.get("jobDefinition")), str(given.get("jobQueue")).rsplit("/", 1)[-1]
    definition = find_definition(_active(batch._job_definitions.get(definition_name(reference)) or []), reference)
    if queue not in batch._job_queues or definition is None or not given.get("jobName"):
        return _refused(f"{given.get('jobName')}: no such queue or definition: {queue}, {reference}")
    try:
        job = Job.of(definition, given)
    except RefusedError as error:
        return _refused(str(error))
    record = _record(given, definition, queue)
    batch._jobs[record["jobId"]] = record
    threading.Thread(target=contextvars.copy_context().run, args=(_work, record, job), daemon=True).start()
    answer: Response = batch._json(200, {key: record[key] for key in ("jobId", "jobName", "jobArn")})
    return answer


def terminate(given: Document) -> Response:
    """TerminateJob: it is told to end; what runs of it goes on to its end, as nobody waits for it."""
    record = batch._jobs.get(given.get("jobId"))
    if record is not None:
        record["terminated"] = given.get("reason", "")
    answer: Response = batch._json(200, {})
    return answer


def _active(revisions: list[Document]) -> list[Document]:
    return [one for one in revisions if one.get("status") == "ACTIVE"]


def _record(given: Document, definition: Any, queue: str) -> Document:
    identity = new_uuid()
    return {
        "jobId": identity,
        "jobArn": batch._job_arn(identity),
        "jobName": given["jobName"],
        "jobQueue": batch._jq_arn(queue),
        "jobDefinition": definition["jobDefinitionArn"],
        "status": "SUBMITTED",
        "createdAt": batch._now_ms(),
        "attempts": [],
        "parameters": given.get("parameters") or {},
        "tags": given.get("tags") or {},
    }


def _work(record: Document, job: Job) -> None:
    """All attempts of a job. Whatever goes wrong here fails the job, which nobody may wait for in vain."""
    try:
        attempt = 1
        while job.repeats(attempt, _attempt(record, job, attempt).ending):
            attempt += 1
    except Exception as error:
        record.update(status="FAILED", statusReason=repr(error), stoppedAt=batch._now_ms())
        raise


def _attempt(record: Document, job: Job, attempt: int) -> Ran:
    stream = f"{job.log_prefix}/default/{new_uuid().replace('-', '')}"
    container: Document = {"image": job.image, "logStreamName": stream, "memory": job.memory_mb, "vcpus": job.vcpu}
    record.update(status="RUNNING", startedAt=batch._now_ms(), container=container)
    ran = run(job, _variables(record, job, attempt), _endpoint)
    _write_log(job.log_group, stream, ran.lines)
    _note(record, container, ran)
    if not job.repeats(attempt, ran.ending):
        record.update(status="SUCCEEDED" if ran.ending.ok else "FAILED", stoppedAt=batch._now_ms())
    return ran


def _note(record: Document, container: Document, ran: Ran) -> None:
    """What DescribeJobs tells of an attempt."""
    told: Document = {} if ran.ending.code is None else {"exitCode": ran.ending.code}
    told |= {"reason": ran.ending.reason} if ran.ending.reason else {}
    container.update(told)
    reason = ran.ending.reason or "Essential container in task exited"
    record["statusReason"] = reason
    record["attempts"].append(
        {
            "container": {"logStreamName": container["logStreamName"], **told},
            "startedAt": record["startedAt"],
            "stoppedAt": batch._now_ms(),
            "statusReason": reason,
        }
    )


def _variables(record: Document, job: Job, attempt: int) -> dict[str, str]:
    """What the platform sets in a job's container; the credentials are the role's."""
    region, account = get_region(), get_account_id()
    function = f"arn:aws:lambda:{region}:{account}:function:{record['jobName']}"
    role: dict[str, str] = execution_credentials(
        {"Role": job.role, "FunctionName": record["jobName"], "FunctionArn": function}
    )
    return {
        "AWS_BATCH_JOB_ID": record["jobId"],
        "AWS_BATCH_JOB_ATTEMPT": str(attempt),
        "AWS_BATCH_JQ_NAME": record["jobQueue"].rsplit("/", 1)[-1],
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_ENDPOINT_URL": _endpoint,
        **role,
    }


def _write_log(group: str, stream: str, lines: tuple[str, ...]) -> None:
    place = {"logGroupName": group, "logStreamName": stream}
    cloudwatch_logs._create_log_group({"logGroupName": group})
    cloudwatch_logs._create_log_stream(place)
    now_ms = int(SYSTEM_CLOCK.now().timestamp() * 1000)
    events = [{"timestamp": now_ms, "message": line} for line in lines]
    if events:
        cloudwatch_logs._put_log_events({**place, "logEvents": events})


def _refused(text: str) -> Response:
    answer: Response = error_response_json("ClientException", text, 400)
    return answer


def message(answer: Response) -> str:
    """What a refusal says."""
    return str(json.loads(answer[2]).get("message", ""))
