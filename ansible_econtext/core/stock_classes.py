"""Bases of the mixins that stand in front of ansible-core's plugin classes.

They are nothing at run time.  `stock_classes.pyi` tells the type checker what ansible-core's
classes have.
"""

StockConnection = StockShell = StockBecome = object
