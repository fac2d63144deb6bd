"""Computes how large a server must be, from measured costs (costs.json) and from what the operator expects. Pure. It reads no
clock, network, database or setting, and no file: a command reads the costs."""

from app.sizing.costs import Bytes, Costs, MeasuredCosts, Spent, read_costs
from app.sizing.demand import Demand, polls_of
from app.sizing.model import BYTES_WITHIN, PROCESSOR_WITHIN, KeptCounts, counts_of, spent_on, stored_bytes
from app.sizing.planning import Estimate, HostSize, SizePlan, size_plan

__all__ = [
    "BYTES_WITHIN",
    "PROCESSOR_WITHIN",
    "Bytes",
    "Costs",
    "Demand",
    "Estimate",
    "HostSize",
    "KeptCounts",
    "MeasuredCosts",
    "SizePlan",
    "Spent",
    "counts_of",
    "polls_of",
    "read_costs",
    "size_plan",
    "spent_on",
    "stored_bytes",
]
