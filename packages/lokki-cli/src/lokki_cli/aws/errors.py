"""What AWS says, in words that help: botocore's exceptions as errors of lokki's.

Input: an exception and what the request was about. Output: an OperationError with a hint. `explained` stands around
every request. botocore is imported only once something was raised.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ..errors import (
    AccessDeniedError,
    CredentialsError,
    MissingResourceError,
    NameTakenError,
    NotDeployedError,
    OperationError,
    StackError,
    ThrottledError,
    UnreachableError,
)

if TYPE_CHECKING:
    from .clients import AwsSettings

SIGN_IN = "Run: aws configure, aws sso login, or set AWS_PROFILE; --profile NAME chooses a profile."

EXPIRED = frozenset(
    "ExpiredToken ExpiredTokenException RequestExpired TokenRefreshRequired CredentialsExpiredException".split()
)
UNKNOWN_KEYS = frozenset(
    "InvalidClientTokenId UnrecognizedClientException InvalidAccessKeyId SignatureDoesNotMatch AuthFailure"
    " InvalidSignatureException IncompleteSignature MissingAuthenticationToken MissingAuthenticationTokenException"
    " InvalidToken NotAuthorized OptInRequired".split()
)
DENIED = frozenset("AccessDenied AccessDeniedException UnauthorizedOperation AuthorizationError Forbidden 403".split())
THROTTLED = frozenset(
    "Throttling ThrottlingException ThrottledException RequestThrottled RequestThrottledException"
    " TooManyRequestsException RequestLimitExceeded BandwidthLimitExceeded SlowDown PriorRequestNotComplete"
    " TransactionInProgressException".split()
)
TAKEN = frozenset(
    "AlreadyExistsException BucketAlreadyExists BucketAlreadyOwnedByYou RepositoryAlreadyExistsException"
    " ExecutionAlreadyExists StateMachineAlreadyExists ResourceAlreadyExistsException ResourceConflictException".split()
)
ELSEWHERE = frozenset(
    "PermanentRedirect 301 AuthorizationHeaderMalformed IllegalLocationConstraintException"
    " InvalidLocationConstraint IncorrectEndpoint".split()
)
MISSING = {
    "NoSuchBucket": "Create it with: lokki-cli bootstrap; or correct aws.artifact_bucket.",
    "RepositoryNotFoundException": "Create it with: lokki-cli bootstrap; or correct aws.image_repository.",
    "ImageNotFoundException": "Push it by deploying the flow again.",
    "ExecutionDoesNotExist": "See which runs there are: lokki-cli show FLOW.",
    "NoSuchKey": None,
    "404": None,
    "NotFound": None,
    "ResourceNotFoundException": None,
}
"""{code: what to do}."""

_S3_ACTIONS = {"HeadBucket": "s3:ListBucket", "HeadObject": "s3:GetObject", "ListObjectsV2": "s3:ListBucket"}
"""{operation: the permission it wants}, where the two have different names. S3's own message names none."""

_ACTION = re.compile(r"not authorized to perform:? '?([\w-]+:\w+\*?)'?(?: on resource:? '?([^\s']+?)'?(?=[\s,.]|$))?")
_NO_STACK = re.compile(r"[Ss]tack.*(does not exist|not found)")
_BUSY = re.compile(r"\b((?:\w+_)?IN_PROGRESS)\b")

_Maker = Callable[[Any, str, "AwsSettings"], OperationError]


@contextmanager
def explained(subject: str, settings: AwsSettings) -> Iterator[None]:
    """While it lasts, what botocore raises becomes an OperationError about `subject`; all else passes."""
    try:
        yield
    except Exception as error:
        told = translated(error, subject, settings)
        if told is None:
            raise
        raise told from error


def code_of(error: BaseException) -> str:
    """AWS's own name for a refusal, as `NoSuchBucket`; empty for anything else."""
    response = getattr(error, "response", None)
    return str(response.get("Error", {}).get("Code", "")) if isinstance(response, dict) else ""


def translated(error: Exception, subject: str, settings: AwsSettings) -> OperationError | None:
    """The error of ours that says it; None for one that is not botocore's, or that is a mistake of ours."""
    from botocore import exceptions as theirs  # noqa: PLC0415  # somebody has it loaded, or `error` is not of it

    if isinstance(error, theirs.ClientError):
        return _of_answer(error, subject, settings)
    for kinds, made in _without_answer(theirs):
        if isinstance(error, kinds):
            return made(error, subject, settings)
    return None


def _without_answer(theirs: Any) -> list[tuple[tuple[type[Exception], ...], _Maker]]:
    """(exceptions, what makes ours) for requests that AWS did not answer, the more special first."""
    sso = (theirs.SSOError, theirs.TokenRetrievalError, theirs.UnauthorizedSSOTokenError)
    return [
        ((theirs.NoCredentialsError,), lambda *_: CredentialsError("there are no AWS credentials.", hint=SIGN_IN)),
        ((theirs.PartialCredentialsError,), _incomplete),
        ((theirs.ProfileNotFound,), _no_profile),
        (sso, _signed_out),
        ((theirs.CredentialRetrievalError, theirs.ConfigParseError), _incomplete),
        ((theirs.InvalidRegionError,), _no_region),
        ((theirs.ConnectionError, theirs.HTTPClientError), _unreachable),
    ]


def _incomplete(error: Exception, subject: str, settings: AwsSettings) -> OperationError:
    return CredentialsError(f"the AWS credentials cannot be used: {_sentence(str(error))}", hint=SIGN_IN)


def _no_profile(error: Exception, subject: str, settings: AwsSettings) -> OperationError:
    name = settings.profile or "that AWS_PROFILE names"
    return CredentialsError(
        f"there is no AWS profile '{name}'." if settings.profile else f"there is no AWS profile {name}.",
        hint="List them with: aws configure list-profiles",
    )


def _signed_out(error: Exception, subject: str, settings: AwsSettings) -> OperationError:
    profile = f" --profile {settings.profile}" if settings.profile else ""
    return CredentialsError("the AWS sign-in has expired.", hint=f"Run: aws sso login{profile}")


def _no_region(error: Exception, subject: str, settings: AwsSettings) -> OperationError:
    return UnreachableError(f"there is no region '{settings.region}'.", hint="Correct aws.region or --region.")


def _unreachable(error: Exception, subject: str, settings: AwsSettings) -> OperationError:
    if settings.endpoint:
        return UnreachableError(
            f"nobody answers at {settings.endpoint} ({type(error).__name__}).",
            hint="Start the emulator, or correct aws.endpoint, LOKKI_AWS_ENDPOINT or AWS_ENDPOINT_URL.",
        )
    return UnreachableError(
        f"AWS cannot be reached in {settings.region}: {_sentence(str(error))}",
        hint="Check the network and proxy, and that aws.region names a region.",
    )


def _of_answer(error: Any, subject: str, settings: AwsSettings) -> OperationError:
    """What AWS refused, by its code; where that says little, by its message."""
    code = code_of(error)
    for codes, made in _BY_CODE:
        if code in codes:
            return made(error, subject, settings)
    return _by_message(error, subject, settings)


def _by_message(error: Any, subject: str, settings: AwsSettings) -> OperationError:
    message = _message(error)
    if _NO_STACK.search(message) or code_of(error) == "StateMachineDoesNotExist":
        return NotDeployedError(
            f"{subject}: there is none in {settings.place}.",
            hint="Deploy the flow first, or correct --stack-name, --region or --profile.",
        )
    busy = _BUSY.search(message)
    if busy or code_of(error) == "OperationInProgressException":
        state = f" ({busy[1]})" if busy else ""
        return StackError(f"{subject}: it is busy{state}.", hint="Wait until that is done, then try again.")
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    hint = "AWS has trouble of its own; try again later." if status >= 500 else None
    return OperationError(f"{subject}: AWS refused {error.operation_name}, {code_of(error)}: {message}", hint=hint)


def _expired(error: Any, subject: str, settings: AwsSettings) -> OperationError:
    return CredentialsError("the AWS credentials have expired.", hint=SIGN_IN)


def _unknown_keys(error: Any, subject: str, settings: AwsSettings) -> OperationError:
    return CredentialsError(f"AWS does not accept these credentials: {_message(error)}", hint=SIGN_IN)


def _denied(error: Any, subject: str, settings: AwsSettings) -> OperationError:
    found = _ACTION.search(_message(error))
    action = found[1] if found else _S3_ACTIONS.get(error.operation_name, error.operation_name)
    on = f" on {found[2]}" if found and found[2] else ""
    return AccessDeniedError(
        f"{subject}: these credentials may not do {action}{on}.",
        hint="Ask whoever runs the account for it, or use another profile: --profile NAME.",
    )


def _throttled(error: Any, subject: str, settings: AwsSettings) -> OperationError:
    return ThrottledError(
        f"{subject}: AWS has answered nothing but '{code_of(error)}' for minutes.",
        hint="Others use up the account's request rate; try again later.",
    )


def _taken(error: Any, subject: str, settings: AwsSettings) -> OperationError:
    return NameTakenError(f"{subject}: the name is taken: {_message(error)}", hint="Choose another name.")


def _elsewhere(error: Any, subject: str, settings: AwsSettings) -> OperationError:
    headers = error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    region = headers.get("x-amz-bucket-region") or error.response.get("Error", {}).get("Region")
    where = f"in {region}" if region else "in another region"
    return MissingResourceError(
        f"{subject}: it is {where}, not in {settings.region}.",
        hint="Correct aws.region or --region, or use a bucket of that region.",
    )


def _missing(error: Any, subject: str, settings: AwsSettings) -> OperationError:
    return MissingResourceError(f"{subject}: there is none in {settings.place}.", hint=MISSING[code_of(error)])


_BY_CODE: list[tuple[frozenset[str], _Maker]] = [
    (EXPIRED, _expired),
    (UNKNOWN_KEYS, _unknown_keys),
    (DENIED, _denied),
    (THROTTLED, _throttled),
    (TAKEN, _taken),
    (ELSEWHERE, _elsewhere),
    (frozenset(MISSING), _missing),
]


def _message(error: Any) -> str:
    return _sentence(str(error.response.get("Error", {}).get("Message") or error))


def _sentence(text: str) -> str:
    text = text.strip()
    return text if text.endswith((".", "?", "!")) else f"{text}."
