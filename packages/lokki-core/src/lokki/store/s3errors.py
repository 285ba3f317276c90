"""What the S3 client raises, said in one sentence with what to do about it.

The client's errors are few and their texts long, so the cause is found by the words that S3 itself uses.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from ..errors import ObjectMissingError, StoreError

_NEEDS = "s3:GetObject, s3:PutObject and s3:ListBucket"
_CAUSES = (
    (
        r"NoSuchBucket",
        "the bucket does not exist.",
        "Check its name and the region; `lokki bootstrap` makes one.",
    ),
    (
        r"PermanentRedirect|AuthorizationHeaderMalformed|incorrectly configured region|IllegalLocationConstraint",
        "the bucket is in another region.",
        "Set aws.region, or AWS_REGION.",
    ),
    (
        r"ExpiredToken|TokenRefreshRequired|token (included in the request )?(is|has) expired",
        "the AWS credentials have expired.",
        "Log in again, for example with `aws sso login`.",
    ),
    (
        r"InvalidAccessKeyId|SignatureDoesNotMatch|InvalidToken",
        "AWS does not accept the credentials.",
        "Check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, or the profile.",
    ),
    (
        r"KMS\.|KMSInvalid|kms:",
        "the KMS key cannot be used.",
        "Check the key, and that the role may kms:GenerateDataKey and kms:Decrypt with it.",
    ),
    (
        r"/latest/api/token|/latest/meta-data|AWS_CONTAINER_CREDENTIALS|CredentialProvider|[Cc]redentials",
        "no AWS credentials were found.",
        "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or log in with `aws sso login`.",
    ),
    (
        r"AccessDenied|403 Forbidden|401 Unauthorized",
        "access is denied.",
        f"The role or user needs {_NEEDS} on this bucket; without s3:ListBucket a missing object looks like this, too.",
    ),
    (
        r"kind: Connect|error sending request|dns error|TimedOut|timed out",
        "S3 cannot be reached.",
        "Check the network, the endpoint and the region.",
    ),
    (
        r"SlowDown|503 Service Unavailable|500 Internal",
        "S3 is busy or out of order.",
        "Try again later.",
    ),
)


@contextmanager
def translated(url: str, operation: str) -> Iterator[None]:
    """Raise what the client raises as `StoreError`, a missing object as `ObjectMissingError`."""
    try:
        yield
    except Exception as error:
        raise explained(error, url, operation) from error


def explained(error: Exception, url: str, operation: str) -> StoreError:
    """The error to raise instead of the client's `error`."""
    text = str(error)
    for pattern, message, hint in _CAUSES:
        if re.search(pattern, text):
            return StoreError(message, url=url, operation=operation, hint=hint)
    if isinstance(error, FileNotFoundError):
        return ObjectMissingError("nothing is stored here.", url=url, operation=operation)
    first_line = text.strip().partition("\n")[0] or type(error).__name__
    return StoreError(f"{first_line.rstrip('.')}.", url=url, operation=operation)
