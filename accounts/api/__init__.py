"""The front desk of the API, which every room's resources share: who calls, how often, how errors
look, how lists are paged, and how a repeated request is recognised."""
