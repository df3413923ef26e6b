"""Web hooks: what happens in a case is told to the machines of people who may see it.

May import reports, detection, cases, audit and accounts; is imported by the wiring only. The
ledger drives it: an entry worth telling becomes an ``Event`` in the same transaction; a process of
its own (``manage.py webhook_worker``) turns events into one ``Delivery`` per endpoint and sends
them until they are taken.
"""
