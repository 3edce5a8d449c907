"""Diagnosis: from a claimed gradient that is wrong to the mistake that explains it."""

from engine.verify.diagnosis.layouts import explain_arrays
from engine.verify.diagnosis.mismatch import Mismatch
from engine.verify.diagnosis.search import diagnose

__all__ = ["Mismatch", "diagnose", "explain_arrays"]
