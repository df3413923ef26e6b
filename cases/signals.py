"""What other rooms may wish to hear about.

``alert_raised`` is sent after the transaction commits, with ``case`` (Case), ``kind`` (short
dotted name), ``text`` (one sentence for people) and ``exhibit`` (Exhibit or None).
"""

from django.dispatch import Signal

alert_raised = Signal()
