"""The publications that rules, docstrings and the README cite, each in brackets by the label that it has here."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Publication:
    """An entry. label: authors and year, as texts cite it. venue: with the year; link: an address, empty where none is known."""

    label: str
    authors: str
    title: str
    venue: str
    link: str


_TABLE = """
Agresti & Min 2005 | A. Agresti, Y. Min | Statistics in Medicine 24, 2005 |
  Simple improved confidence intervals for comparing matched proportions
Ajanthan et al. 2021 | T. Ajanthan, K. Gupta, P. H. S. Torr, R. Hartley, P. K. Dokania | AISTATS 2021 | arxiv.org/abs/1910.08237
  Mirror descent view for neural network quantization
Andriushchenko et al. 2020 | M. Andriushchenko, F. Croce, N. Flammarion, M. Hein | ECCV 2020 | arxiv.org/abs/1912.00049
  Square Attack: a query-efficient black-box adversarial attack via random search
Athalye et al. 2018 | A. Athalye, N. Carlini, D. Wagner | ICML 2018 | arxiv.org/abs/1802.00420
  Obfuscated gradients give a false sense of security: circumventing defenses to adversarial examples
AutoAttack flags | F. Croce, M. Hein | Documentation | github.com/fra31/auto-attack/blob/master/flags_doc.md
  AutoAttack: flags that warn of an unreliable evaluation
Bengio et al. 2013 | Y. Bengio, N. Leonard, A. Courville | arXiv preprint, 2013 | arxiv.org/abs/1308.3432
  Estimating or propagating gradients through stochastic neurons for conditional computation
Brendel et al. 2019 | W. Brendel, J. Rauber, M. Kuemmerer and others | NeurIPS 2019 | arxiv.org/abs/1907.01003
  Accurate, reliable and fast robustness evaluation
Carlini & Wagner 2016 | N. Carlini, D. Wagner | arXiv preprint, 2016 | arxiv.org/abs/1607.04311
  Defensive distillation is not robust to adversarial examples
Carlini et al. 2019 | N. Carlini, A. Athalye, N. Papernot and others | arXiv preprint, 2019 | arxiv.org/abs/1902.06705
  On evaluating adversarial robustness
Chen & Gu 2020 | J. Chen, Q. Gu | KDD 2020 | arxiv.org/abs/2006.12792
  RayS: a ray searching method for hard-label adversarial attack
Chen et al. 2020 | J. Chen, M. I. Jordan, M. J. Wainwright | IEEE S&P 2020 | arxiv.org/abs/1904.02144
  HopSkipJumpAttack: a query-efficient decision-based attack
Cohen 1960 | J. Cohen | Educational and Psychological Measurement 20, 1960 |
  A coefficient of agreement for nominal scales
Courbariaux et al. 2015 | M. Courbariaux, Y. Bengio, J.-P. David | NeurIPS 2015 | arxiv.org/abs/1511.00363
  BinaryConnect: training deep neural networks with binary weights during propagations
Croce & Hein 2020a | F. Croce, M. Hein | ICML 2020 | arxiv.org/abs/2003.01690
  Reliable evaluation of adversarial robustness with an ensemble of diverse parameter-free attacks
Croce & Hein 2020b | F. Croce, M. Hein | ICML 2020 | arxiv.org/abs/1907.02044
  Minimally distorted adversarial examples with a fast adaptive boundary attack
Croce et al. 2021 | F. Croce, M. Andriushchenko, V. Sehwag and others | NeurIPS 2021 | arxiv.org/abs/2010.09670
  RobustBench: a standardized adversarial robustness benchmark
Dekker 1971 | T. J. Dekker | Numerische Mathematik 18, 1971 |
  A floating-point technique for extending the available precision
Dong et al. 2018 | Y. Dong, F. Liao, T. Pang, H. Su, J. Zhu, X. Hu, J. Li | CVPR 2018 | arxiv.org/abs/1710.06081
  Boosting adversarial attacks with momentum
Duchi et al. 2008 | J. Duchi, S. Shalev-Shwartz, Y. Singer, T. Chandra | ICML 2008 |
  Efficient projections onto the l1-ball for learning in high dimensions
Esser et al. 2020 | S. K. Esser, J. L. McKinstry, D. Bablani, R. Appuswamy, D. S. Modha | ICLR 2020 | arxiv.org/abs/1902.08153
  Learned step size quantization
Goodfellow et al. 2015 | I. J. Goodfellow, J. Shlens, C. Szegedy | ICLR 2015 | arxiv.org/abs/1412.6572
  Explaining and harnessing adversarial examples
Gupta & Ajanthan 2022 | K. Gupta, T. Ajanthan | AAAI 2022 | arxiv.org/abs/2003.13511
  Improved gradient-based adversarial attacks for quantized networks
Hinton et al. 2015 | G. Hinton, O. Vinyals, J. Dean | NIPS Deep Learning Workshop 2015 | arxiv.org/abs/1503.02531
  Distilling the knowledge in a neural network
Holm 1979 | S. Holm | Scandinavian Journal of Statistics 6, 1979 |
  A simple sequentially rejective multiple test procedure
Howard et al. 2021 | S. R. Howard, A. Ramdas, J. McAuliffe, J. Sekhon | Annals of Statistics 49, 2021 | arxiv.org/abs/1810.08240
  Time-uniform, nonparametric, nonasymptotic confidence sequences
Hubara et al. 2016 | I. Hubara, M. Courbariaux, D. Soudry, R. El-Yaniv, Y. Bengio | NeurIPS 2016 |
  Binarized neural networks
Hubara et al. 2017 | I. Hubara, M. Courbariaux, D. Soudry, R. El-Yaniv, Y. Bengio | JMLR 18, 2017 | arxiv.org/abs/1609.07061
  Quantized neural networks: training neural networks with low precision weights and activations
Hutchinson 1990 | M. F. Hutchinson | Communications in Statistics: Simulation and Computation 19, 1990 |
  A stochastic estimator of the trace of the influence matrix for Laplacian smoothing splines
Khalil et al. 2019 | E. B. Khalil, A. Gupta, B. Dilkina | ICLR 2019 | arxiv.org/abs/1810.03538
  Combinatorial attacks on binarized neural networks
Liu et al. 2018 | Z. Liu, B. Wu, W. Luo, X. Yang, W. Liu, K.-T. Cheng | ECCV 2018 | arxiv.org/abs/1808.00278
  Bi-Real Net: enhancing the performance of 1-bit CNNs with improved representational capability and advanced training algorithm
Madry et al. 2018 | A. Madry, A. Makelov, L. Schmidt, D. Tsipras, A. Vladu | ICLR 2018 | arxiv.org/abs/1706.06083
  Towards deep learning models resistant to adversarial attacks
McNemar 1947 | Q. McNemar | Psychometrika 12, 1947 |
  Note on the sampling error of the difference between correlated proportions or percentages
Moosavi-Dezfooli et al. 2016 | S.-M. Moosavi-Dezfooli, A. Fawzi, P. Frossard | CVPR 2016 | arxiv.org/abs/1511.04599
  DeepFool: a simple and accurate method to fool deep neural networks
Newcombe 1998 | R. G. Newcombe | Statistics in Medicine 17, 1998 |
  Interval estimation for the difference between independent proportions: comparison of eleven methods
ONNX Runtime quantization | ONNX Runtime | Documentation | onnxruntime.ai/docs/performance/model-optimizations/quantization.html
  Quantize ONNX models
Papernot et al. 2017 | N. Papernot, P. McDaniel, I. Goodfellow and others | ASIA CCS 2017 | arxiv.org/abs/1602.02697
  Practical black-box attacks against machine learning
Pintor et al. 2022 | M. Pintor, L. Demetrio, A. Sotgiu and others | NeurIPS 2022 | arxiv.org/abs/2106.09947
  Indicators of attack failure: debugging and improving optimization of adversarial examples
Rastegari et al. 2016 | M. Rastegari, V. Ordonez, J. Redmon, A. Farhadi | ECCV 2016 | arxiv.org/abs/1603.05279
  XNOR-Net: ImageNet classification using binary convolutional neural networks
Robbins 1970 | H. Robbins | Annals of Mathematical Statistics 41, 1970 |
  Statistical methods related to the law of the iterated logarithm
Saxe et al. 2014 | A. M. Saxe, J. L. McClelland, S. Ganguli | ICLR 2014 | arxiv.org/abs/1312.6120
  Exact solutions to the nonlinear dynamics of learning in deep linear neural networks
Steele et al. 2014 | G. L. Steele, D. Lea, C. H. Flood | OOPSLA 2014 |
  Fast splittable pseudorandom number generators
Ubaru et al. 2017 | S. Ubaru, J. Chen, Y. Saad | SIAM Journal on Matrix Analysis and Applications 38, 2017 |
  Fast estimation of tr(f(A)) via stochastic Lanczos quadrature
Wald 1945 | A. Wald | Annals of Mathematical Statistics 16, 1945 |
  Sequential tests of statistical hypotheses
Weng et al. 2018 | T.-W. Weng, H. Zhang, P.-Y. Chen, J. Yi and others | ICLR 2018 | arxiv.org/abs/1801.10578
  Evaluating the robustness of neural networks: an extreme value theory approach
Wilson 1927 | E. B. Wilson | Journal of the American Statistical Association 22, 1927 |
  Probable inference, the law of succession, and statistical inference
Xiao et al. 2020 | C. Xiao, P. Zhong, C. Zheng | ICLR 2020 | arxiv.org/abs/1905.10510
  Enhancing adversarial defense by k-winners-take-all
Zimmermann et al. 2022 | R. S. Zimmermann, W. Brendel, F. Tramer, N. Carlini | NeurIPS 2022 | arxiv.org/abs/2206.13991
  Increasing confidence in adversarial robustness evaluations
"""
"""Two lines an entry: label, authors, venue and link, and below them the title."""


def _publications() -> dict[str, Publication]:
    lines = _TABLE.strip().splitlines()
    found = {}
    for first, title in zip(lines[::2], lines[1::2], strict=True):
        label, authors, venue, link = (part.strip() for part in first.split("|"))
        found[label] = Publication(label, authors, title.strip(), venue, f"https://{link}" if link else "")
    return found


SOURCES = _publications()
"""Every entry by its label."""


def cited(text: str) -> tuple[Publication, ...]:
    """The publications whose labels stand in brackets in a text, in the table's order."""
    return tuple(source for label, source in SOURCES.items() if f"[{label}]" in text)
