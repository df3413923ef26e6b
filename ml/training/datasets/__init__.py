"""Public sets in their own layouts, as records that training and evaluation share."""
