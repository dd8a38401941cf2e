"""The formats of reports: the one list of them, apart from the functions so that naming a format costs nothing."""

from typing import Final

REPORT_FORMATS: Final = ("plain", "json", "github", "sarif")
"""Each is the function ``as_<format>`` of :mod:`rlsplit.reports`; ``plain`` is for people, the others for machines."""

MACHINE_FORMATS: Final = REPORT_FORMATS[1:]
"""Formats that may go into a file of their own."""
