"""Gets the sections of the report that other plugins add."""

from typing import Tuple

import pytest

from pytest_mxperf.errors import UsageError, shown, told
from pytest_mxperf.report.run import RunReport, Section

__all__ = ["sections_of"]


def sections_of(config: pytest.Config, run: RunReport) -> Tuple[Section, ...]:
    """The sections, sorted by title. Raises ``UsageError`` if a hook fails, or returns something else."""
    try:
        sections = config.hook.pytest_mxperf_report_section(config=config, run=run)
    except (Exception, SystemExit) as error:
        raise UsageError(f"pytest_mxperf_report_section failed: {told(error)}") from error
    for section in sections:
        if not isinstance(section, Section) or not all(isinstance(part, str) for part in (section.title, section.text)):
            raise UsageError(
                f"pytest_mxperf_report_section returned {shown(section)}, which is not a pytest_mxperf.Section"
            )
    return tuple(sorted(sections, key=lambda section: section.title))
