"""What the ledger tells others.

``entry_appended`` is sent inside the transaction of the entry with the keyword argument ``entry``
(AuditEvent). A receiver that raises undoes the change together with its entry.
"""

from django.dispatch import Signal

entry_appended = Signal()
