"""`auto`: chooses surrogate, temperature and loss on the images at hand, and spends its budget on those that still stand."""

from bnnaudit.attacks.auto.run import attack

__all__ = ["attack"]
