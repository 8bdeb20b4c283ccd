"""What to do first: the audit, its report and the command line."""

from ._audit import audit
from ._report import AuditReport

__all__ = ["AuditReport", "audit"]
