"""Lets runs expire in a bucket that `bootstrap` made: one lifecycle rule for each flow's `runs/`.

S3 knows rules for what keys begin with, and a flow's runs begin with the flow's name; so the bucket says in a tag
for how many days runs are kept, and the first deployment of a flow adds the flow's rule. Other buckets are left alone.
"""

from __future__ import annotations

from typing import Any

from .artifacts import Bucket
from .errors import DENIED, code_of

RETENTION_TAG = "lokki:runs-retention-days"
MOST_RULES = 1000


def expire_runs(bucket: Bucket, prefix: str) -> int | None:
    """See to it that what begins with `prefix` expires; the number of days where a rule was added, else None."""
    days = _days(bucket)
    if not days:
        return None
    rules = _rules(bucket)
    wanted = _rule(prefix, days)
    if any(rule.get("ID") == wanted["ID"] for rule in rules) or len(rules) >= MOST_RULES:
        return None
    with bucket.clients.about(f"bucket '{bucket.name}'"):
        bucket.clients.s3.put_bucket_lifecycle_configuration(
            Bucket=bucket.name, LifecycleConfiguration={"Rules": [*rules, wanted]}
        )
    return days


def _days(bucket: Bucket) -> int:
    """What the bucket's tag says; 0 without one, and where it may not be read: it is not ours to tend then."""
    with bucket.clients.about(f"bucket '{bucket.name}'"):
        try:
            tags = bucket.clients.s3.get_bucket_tagging(Bucket=bucket.name)["TagSet"]
        except Exception as error:
            if code_of(error) in ("NoSuchTagSet", *DENIED):
                return 0
            raise
    found = {tag["Key"]: tag["Value"] for tag in tags}.get(RETENTION_TAG, "")
    return int(found) if found.isdigit() else 0


def _rules(bucket: Bucket) -> list[dict[str, Any]]:
    with bucket.clients.about(f"bucket '{bucket.name}'"):
        try:
            return list(bucket.clients.s3.get_bucket_lifecycle_configuration(Bucket=bucket.name)["Rules"])
        except Exception as error:
            if code_of(error) == "NoSuchLifecycleConfiguration":
                return []
            raise


def _rule(prefix: str, days: int) -> dict[str, Any]:
    return {
        "ID": f"lokki {prefix}",
        "Status": "Enabled",
        "Filter": {"Prefix": prefix},
        "Expiration": {"Days": days},
        "NoncurrentVersionExpiration": {"NoncurrentDays": 1},
    }
