"""What leaves the house: the PDF report, the evidence bundle and its offline verifier.

May import detection, cases, audit, accounts and ml; is imported by the wiring only.
"""
