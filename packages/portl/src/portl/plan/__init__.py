"""Plans: what a job will do, decided and checked before anything runs."""

from .build import plan_job
from .model import BatchPlan, JobPlan, Phase, PlannedStep

__all__ = ["BatchPlan", "JobPlan", "Phase", "PlannedStep", "plan_job"]
