import torch

from bnnaudit.numerics import jacobian
from tests.toy import small_network

INPUTS = torch.rand(5, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def test_gram_matrix_is_that_of_the_jacobian_by_autograd() -> None:
    network = small_network()
    logits, gram = jacobian.gram_matrix(network, INPUTS)
    for index, image in enumerate(INPUTS):
        full = torch.autograd.functional.jacobian(network, image[None]).reshape(4, 6)
        assert torch.allclose(gram[index], full @ full.T)
    assert torch.allclose(logits, network(INPUTS))


def test_gram_matrix_in_chunks_is_the_same(monkeypatch) -> None:
    network = small_network()
    whole = jacobian.gram_matrix(network, INPUTS)
    monkeypatch.setattr(jacobian, "MEMORY", 1)
    parts = jacobian.gram_matrix(network, INPUTS)
    assert torch.allclose(whole[1], parts[1])


def test_singular_values_agree_with_the_decomposition_of_j() -> None:
    network = small_network()
    _, gram = jacobian.gram_matrix(network, INPUTS)
    full = torch.autograd.functional.jacobian(network, INPUTS[:1]).reshape(4, 6)
    expected = torch.linalg.svdvals(full).flip(0)
    assert torch.allclose(jacobian.singular_values(gram[:1], 6)[0], expected, rtol=1e-6)


def test_singular_values_leave_out_the_zeros_that_more_classes_than_inputs_bring() -> None:
    network = small_network(features=2, classes=5)
    _, gram = jacobian.gram_matrix(network, torch.rand(1, 2, dtype=torch.float64))
    values = jacobian.singular_values(gram, 2)
    assert values.shape == (1, 2)
    assert (values > 0).all()


def test_hessian_norm_agrees_with_the_full_hessian_by_autograd() -> None:
    """The N x N Hessian of the cross-entropy of softmax(b a), piecewise linear network, against tr(S G S G)."""
    network = small_network(scale=0.7)
    logits, gram = jacobian.gram_matrix(network, INPUTS)
    labels = logits.argmax(dim=1)
    betas = torch.tensor([0.1, 0.5, 1.0, 2.5], dtype=torch.float64)
    norms = jacobian.hessian_norm_squared(
        logits, jacobian.centred_gram(gram, labels), betas.expand(len(INPUTS), -1)
    ).sqrt()
    for index, image in enumerate(INPUTS):
        for column, beta in enumerate(betas):

            def loss(point: torch.Tensor, label: torch.Tensor = labels[index], b: torch.Tensor = beta) -> torch.Tensor:
                return torch.nn.functional.cross_entropy(network(point[None]) * b, label[None])

            hessian = torch.autograd.functional.hessian(loss, image)
            assert torch.allclose(norms[index, column], torch.linalg.matrix_norm(hessian), rtol=1e-6)


def test_hessian_norm_does_not_cancel_to_noise_on_saturated_logits() -> None:
    logits = torch.tensor([[60.0, 0.0, -5.0]], dtype=torch.float64)
    gram = torch.eye(3, dtype=torch.float64)[None] * 3
    ones = torch.ones(1, 1, dtype=torch.float64)
    norm = jacobian.hessian_norm_squared(logits, jacobian.centred_gram(gram, torch.tensor([0])), ones)
    # To first order in q = p_1 = e^-60: S = q (e1 - e0)(e1 - e0)^T, so tr(SGSG) = q^2 ((e1-e0)^T G (e1-e0))^2 = 36 q^2.
    q = torch.exp(torch.tensor(-60.0, dtype=torch.float64))
    assert torch.allclose(norm, (36 * q**2).view(1, 1), rtol=2e-2)


def test_the_centred_gram_is_that_of_the_rows_less_the_top_one(monkeypatch) -> None:
    network = small_network()
    logits, gram = jacobian.gram_matrix(network, INPUTS)
    monkeypatch.setattr(jacobian, "MEMORY", 2 * 6 * 4 * 8 * 4)  # two images at a time
    again, centred = jacobian.centred_gram_matrix(network, INPUTS)
    assert torch.allclose(again, logits)
    expected = jacobian.centred_gram(gram, logits.argmax(dim=1))
    assert torch.allclose(centred, expected, atol=1e-9 * float(gram.max()))
