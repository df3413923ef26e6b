"""People and keys: users, sign-in with MFA, API keys, and who is acting.

Imports no other app of this project.
"""
