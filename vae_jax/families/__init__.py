"""Distributions over one code beyond the Gaussian; each has `draw`, `log_prob` and `code`.

Those of plain arrays (`Mixture`, `Categorical`, `Quantised`, `PowerSpherical`) are pytrees. A
`Flow` and a `Chain` hold functions that are bound to parameters, and live within one traced
program.
"""
