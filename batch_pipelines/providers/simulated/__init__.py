"""A server on loopback that speaks the Anthropic wire protocol and answers without a model.

Same request, same answer. How long it takes, how many tokens it reports and what goes wrong is set by SimulatedConfig.
"""
