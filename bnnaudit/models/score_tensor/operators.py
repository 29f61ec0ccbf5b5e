"""What operators do to scores, by their names in ONNX and, for networks that come from no file, in PyTorch."""

RESHAPED = frozenset(
    {
        *("Dropout", "Flatten", "Identity", "Reshape", "Squeeze", "Unsqueeze", "alias", "clone", "contiguous"),
        *("detach", "flatten", "reshape", "squeeze", "unsqueeze", "view"),
    }
)
"""They keep the values of one image, and their order."""
PLAIN = RESHAPED | frozenset(
    {
        *("Add", "BatchNormalization", "Concat", "Conv", "Div", "Gather", "Gemm", "MatMul", "Mul", "Neg", "Slice"),
        *("Split", "Sub", "Transpose", "AvgPool2d", "BatchNorm1d", "BatchNorm2d", "Conv1d", "Conv2d", "Linear", "add"),
        *("addmm", "batch_norm", "bmm", "cat", "conv1d", "conv2d", "convolution", "div", "dropout", "expand"),
        *("getitem", "linear", "matmul", "mean", "mm", "mul", "narrow", "native_batch_norm_legit_no_training", "neg"),
        *("permute", "select", "slice", "split", "stack", "sub", "sum", "t", "transpose", "truediv", "unsafe_view"),
    }
)
"""They round nothing and saturate nowhere: a tail of these alone hides no score from an attack."""
RESCALING = PLAIN | {"Cast", "Clip", "DequantizeLinear"}
"""With quantizers they make a tensor a multiple of another one but for rounding and for what is clipped."""
POWERS = frozenset({"Exp", "Sigmoid", "Softmax", "exp", "sigmoid", "softmax"})
"""What they return is positive, and its logarithm no larger than what they are given."""
COMBINING = RESHAPED | frozenset(
    {
        *("Add", "Cast", "Concat", "Div", "Expand", "Gather", "MatMul", "Max", "Mean", "Min", "Mul", "Pow"),
        *("Reciprocal", "ReduceMean", "ReduceProd", "ReduceSum", "Slice", "Split", "Sqrt", "Sum", "Transpose", "add"),
        *("cat", "div", "getitem", "maximum", "mean", "minimum", "mul", "permute", "pow", "prod", "reciprocal"),
        *("select", "slice", "split", "sqrt", "stack", "sum", "transpose", "truediv"),
    }
)
"""They make positive numbers out of positive ones."""
SQUASHING = frozenset({"QLinearSoftmax", "QLinearSigmoid"})
"""Quantized operators that bend what they are given."""
ROUNDS_ALONE = frozenset({"QuantizeLinear", "DynamicQuantizeLinear", "DequantizeLinear"})
"""Quantizers whose input is a tensor of the file; what others round is not in the file. The last is one together with the
quantizer before it, where both are computed in one step."""
