"""What the reconciler tells other rooms.

``round_due`` is sent every few seconds, when Redis answers: whoever keeps work in the database puts
on the queue what is due and has no job. Receivers must be quick and may do nothing twice.
"""

from django.dispatch import Signal

round_due = Signal()
