"""The plan."""
from rlsplit.plan import RunPlan as RunPlan, plan as plan
