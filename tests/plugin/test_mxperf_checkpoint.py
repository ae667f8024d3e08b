"""The mxperf_checkpoint fixture: symbol, arg_params and aux_params."""


def test_it_is_what_mxnet_loads(write, run):
    write(
        """
        import mxnet as mx

        @digits
        def test_digits(mxperf_checkpoint):
            symbol, arg_params, aux_params = mxperf_checkpoint
            expected_symbol, expected_args, expected_aux = mx.model.load_checkpoint(PREFIX, 0)
            assert symbol.tojson() == expected_symbol.tojson()
            for params, expected in ((arg_params, expected_args), (aux_params, expected_aux)):
                assert set(params) == set(expected)
                assert all((params[name].asnumpy() == expected[name].asnumpy()).all() for name in expected)
            assert sum(value.size for value in arg_params.values()) == 31_962
            assert sum(value.size for value in aux_params.values()) == 224
        """
    )
    run().assert_outcomes(passed=1)


def test_its_parts_have_names(write, run):
    write(
        """
        @digits
        def test_digits(mxperf_checkpoint):
            assert "dense2_bias" in mxperf_checkpoint.arg_params
            assert "bn1_running_mean" in mxperf_checkpoint.aux_params
            assert mxperf_checkpoint.symbol.list_inputs()[0] == "data"
        """
    )
    run().assert_outcomes(passed=1)


def test_a_gluon_net_has_its_own_weights(write, run):
    write(
        """
        import mxnet as mx

        net = mx.gluon.nn.Dense(2, in_units=3, weight_initializer=mx.init.Constant(0.5))
        net.initialize()

        @pytest.mark.mxperf_model(net, inputs={"data": (1, 3)})
        def test_dense(mxperf_checkpoint):
            assert {name: value.asnumpy().tolist() for name, value in mxperf_checkpoint.arg_params.items()} == {
                net.weight.name: [[0.5, 0.5, 0.5]] * 2, net.bias.name: [0, 0]
            }
            assert mxperf_checkpoint.aux_params == {}
        """
    )
    run().assert_outcomes(passed=1)


def test_a_missing_epoch_is_an_error_of_every_test_that_names_it(write, run, put_model, digits, no_traceback):
    put_model(digits)
    write(
        """
        @pytest.mark.mxperf_model("models/digits", inputs=INPUTS, epoch=7)
        def test_needs_them(mxperf_checkpoint):
            pass

        @pytest.mark.mxperf_model("models/digits", inputs=INPUTS, epoch=7)
        @pytest.mark.mxperf_budget(macs="608 k")
        def test_needs_none():
            pass
        """
    )
    result = run()
    result.assert_outcomes(failed=1, errors=1)
    result.stdout.fnmatch_lines(["*models/digits-0007.params: the weights are missing; epochs that exist: 0; *"])
    no_traceback(result)


def test_broken_weights_are_one_clear_error(pytester, write, run, put_model, digits, no_traceback):
    put_model(digits)
    path = pytester.path / "models" / "digits-0000.params"
    path.write_bytes(path.read_bytes()[:5000])
    write(
        """
        @pytest.mark.mxperf_model("models/digits", inputs=INPUTS)
        def test_broken(mxperf_checkpoint):
            pass

        @digits
        def test_other(mxperf_checkpoint):
            pass
        """
    )
    result = run()
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*ERROR at setup of test_broken*", "*models/digits-0000.params: *"])
    no_traceback(result)


def test_a_symbol_has_no_weights(write, run, no_traceback):
    write(
        """
        def network():
            import mxnet as mx

            return mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=2)

        @pytest.mark.mxperf_model(network, inputs={"data": (1, 3)})
        def test_symbol(mxperf_checkpoint):
            pass
        """
    )
    result = run()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["network: a Symbol has no weights and cannot run; give a checkpoint or a Gluon net"])
    no_traceback(result)
