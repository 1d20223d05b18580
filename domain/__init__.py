"""The business: aggregates, value objects, pre-trade controls, use cases, policies and ports."""
