"""The same sixty pictures as people store them: all forms that can be told give the same images and labels."""

from __future__ import annotations

import numpy as np
import pytest

from bnnaudit.core.errors import DataError
from bnnaudit.data import open_source, take_sample
from tests.data.conftest import Facts
from tests.paths import SHARED

FORMS = SHARED / "cases" / "data_forms"

pytestmark = pytest.mark.skipif(not FORMS.exists(), reason=f"no data in {FORMS}")

SAME = ["b_keras_mnist_keys", "c_medmnist_keys", "d_y_column", "e_y_onehot", "h_float_0_255", "i_images_labels"]
SAME += ["k_y_float", "n_float64", "g_tiny_negative"]


@pytest.mark.parametrize("form", SAME)
def test_forms_of_the_same_data(facts: Facts, form: str) -> None:
    plain, other = (
        take_sample(open_source(str(FORMS / f"{name}.npz")), facts((3, 8, 8)), None, 0)
        for name in ("a_xy_uint8_nhwc", form)
    )
    assert np.abs(plain.images.numpy() - other.images.numpy()).max() <= 1e-7
    assert plain.labels.equal(other.labels)


def test_no_labels_are_none(facts: Facts) -> None:
    assert take_sample(open_source(str(FORMS / "l_no_labels.npz")), facts((3, 8, 8)), None, 0).labels is None


@pytest.mark.parametrize(
    ("form", "words"),
    [("f_normalised", "--mean and --std"), ("o_minus1_1", "--input-range -1,1"), ("m_object_pickled", "pickled")],
)
def test_forms_that_need_a_word(form: str, words: str) -> None:
    with pytest.raises(DataError, match=words) as caught:
        open_source(str(FORMS / f"{form}.npz"))
    assert "\n" not in str(caught.value)
