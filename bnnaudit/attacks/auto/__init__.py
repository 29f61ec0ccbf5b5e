"""`auto`: chooses surrogate, temperature and loss on the images at hand, and spends its budget on those that still stand."""

from bnnaudit.attacks.auto.run import attack, image_steps

__all__ = ["attack", "image_steps"]
