"""What happens to accounts and keys, for whoever keeps the record.

``account_event`` is sent inside the transaction of the change with the keyword arguments
``actor`` (Actor), ``action`` (dotted name), ``subject`` (model instance or text) and ``payload``
(dict). A receiver that raises undoes the change.
"""

from django.dispatch import Signal

account_event = Signal()
