"""The steps of a job: one class per `type`."""

from .base import Batch, Retry, StepBase
from .calls import ApiCall, LambdaInvoke, OutboxEnqueue
from .control import STEP_CLASSES, Conditional, Step
from .database import DbInsert, DbQueryOne, DbRead, DbUpdate, DbUpsert
from .files import ColumnSpec, CsvRead, CsvWrite
from .sheets import SheetsRead, SheetsWrite

__all__ = [
    "STEP_CLASSES",
    "ApiCall",
    "Batch",
    "ColumnSpec",
    "Conditional",
    "CsvRead",
    "CsvWrite",
    "DbInsert",
    "DbQueryOne",
    "DbRead",
    "DbUpdate",
    "DbUpsert",
    "LambdaInvoke",
    "OutboxEnqueue",
    "Retry",
    "SheetsRead",
    "SheetsWrite",
    "Step",
    "StepBase",
]
