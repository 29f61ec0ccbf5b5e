"""From a model's file to a `Target`: the differentiable copy, and the model as deployed."""
