"""The mxperf_module fixture: a module with its parameters, bound for inference."""


def test_it_is_bound_for_inference(write, run):
    write(
        """
        import mxnet as mx

        @digits
        def test_digits(mxperf_module):
            assert isinstance(mxperf_module, mx.mod.Module)
            assert mxperf_module.binded and mxperf_module.params_initialized
            assert not mxperf_module.for_training and not mxperf_module.inputs_need_grad
            assert [(desc.name, desc.shape) for desc in mxperf_module.data_shapes] == [("data", (1, 1, 8, 8))]
            assert [shape for _, shape in mxperf_module.output_shapes] == [(1, 10)]
        """
    )
    run().assert_outcomes(passed=1)


def test_it_computes_what_the_checkpoint_computes(write, run):
    write(
        """
        import mxnet as mx
        import numpy as np

        @pytest.mark.mxperf_model(PREFIX, inputs={"data": (4, 1, 8, 8)})
        def test_digits(mxperf_module):
            images = mx.nd.array(np.random.RandomState(0).uniform(size=(4, 1, 8, 8)))
            mxperf_module.forward(mx.io.DataBatch([images]), is_train=False)
            net = mx.gluon.SymbolBlock.imports(PREFIX + "-symbol.json", ["data"], PREFIX + "-0000.params")
            expected = net(images).asnumpy()
            assert expected.std() > 0.1
            assert np.allclose(mxperf_module.get_outputs()[0].asnumpy(), expected, rtol=1e-4, atol=1e-5)
        """
    )
    run().assert_outcomes(passed=1)


def test_each_test_has_its_own(write, run):
    write(
        """
        import mxnet as mx

        net = mx.gluon.nn.Dense(1, in_units=1, weight_initializer="ones")
        net.initialize()
        ones = mx.io.DataBatch([mx.nd.ones((1, 1))])

        @pytest.mark.mxperf_model(net, inputs={"data": (1, 1)})
        @pytest.mark.parametrize("turn", [1, 2])
        def test_dense(mxperf_module, turn):
            mxperf_module.forward(ones, is_train=False)
            assert mxperf_module.get_outputs()[0].asnumpy() == [[1]]
            # The bias alone: MXNet 1.9.1 goes on with the weight of the first forward, whatever is set later.
            mxperf_module.set_params({net.weight.name: mx.nd.ones((1, 1)), net.bias.name: mx.nd.array([7])}, {})
            mxperf_module.forward(ones, is_train=False)
            assert mxperf_module.get_outputs()[0].asnumpy() == [[8]]
        """
    )
    run().assert_outcomes(passed=2)


def test_several_inputs_of_several_dtypes_and_a_label(write, run):
    write(
        """
        import mxnet as mx

        class Net(mx.gluon.HybridBlock):
            def __init__(self):
                super().__init__()
                self.embedding = mx.gluon.nn.Embedding(10, 4)

            def hybrid_forward(self, F, tokens, scale):
                return F.SoftmaxOutput(F.broadcast_mul(F.mean(self.embedding(tokens), axis=1), scale), name="softmax")

        @pytest.mark.mxperf_model(Net, inputs={"tokens": ((2, 5), "int32"), "scale": (2, 1)})
        def test_net(mxperf_module, mxperf_benchmark):
            mxperf_benchmark(mxperf_module)
            assert mxperf_module.get_outputs()[0].shape == (2, 4)
            assert {d.name: (d.shape, d.dtype) for d in mxperf_module.data_shapes} == {
                "tokens": ((2, 5), "int32"), "scale": ((2, 1), "float32")
            }
        """
    )
    run().assert_outcomes(passed=1)


def test_a_model_that_cannot_be_bound_is_an_error_of_its_test(write, run, no_traceback):
    write(
        """
        def network():
            import mxnet as mx

            return mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=2)

        @pytest.mark.mxperf_model(network, inputs={"data": (1, 3)})
        def test_wrong(mxperf_module): pass

        @pytest.mark.mxperf_model(network, inputs={"data": (1, 3)})
        def test_right(mxperf_cost): pass
        """
    )
    result = run()
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["network: a Symbol has no weights and cannot run; give a checkpoint or a Gluon net"])
    no_traceback(result)
