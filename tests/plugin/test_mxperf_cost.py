"""The mxperf_cost fixture: what one forward pass costs."""


def test_it_tells_the_totals(write, run):
    write(
        """
        @digits
        def test_digits(mxperf_cost):
            assert (mxperf_cost.macs, mxperf_cost.flops) == (607_552, 1_229_770)
            params = mxperf_cost.params
            assert (params.trainable, params.frozen, params.auxiliary, params.total) == (31_962, 0, 224, 32_186)
            assert params.bytes == 4 * 32_186
            assert mxperf_cost.uncounted == {}
            assert mxperf_cost.convention == "mxperf-1"
        """
    )
    run().assert_outcomes(passed=1)


def test_it_tells_each_layer(write, run):
    """Convolution: 8 x 8 x 32 outputs of 16 x 9 taps each. Dense: 256 x 32, and a bias of 32."""
    write(
        """
        @digits
        def test_digits(mxperf_cost):
            layers = {layer.name: layer for layer in mxperf_cost.layers}
            convolution, dense = layers["conv2_fwd"], layers["dense1_fwd"]
            assert (convolution.op, convolution.outputs) == ("Convolution", ((1, 32, 8, 8),))
            assert (convolution.macs, convolution.flops) == (294_912, 589_824)
            assert convolution.params.trainable == 32 * 16 * 9
            assert (dense.op, dense.macs, dense.cost.bias) == ("FullyConnected", 8_192, 32)
            assert sum(layer.macs for layer in mxperf_cost.layers) == mxperf_cost.macs
            assert {layer.name for layer in mxperf_cost.heaviest(2)} == {"conv2_fwd", "conv3_fwd"}
        """
    )
    run().assert_outcomes(passed=1)


def test_it_is_what_count_tells(write, run):
    write(
        """
        from pytest_mxperf import CostReport, count

        @digits
        def test_digits(mxperf_cost):
            assert isinstance(mxperf_cost, CostReport)
            assert mxperf_cost == count(PREFIX, INPUTS)
        """
    )
    run().assert_outcomes(passed=1)


def test_a_failed_assertion_on_it_fails_the_test(write, run):
    write(
        """
        @digits
        def test_digits(mxperf_cost):
            assert mxperf_cost.macs < 600_000
        """
    )
    result = run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([">       assert mxperf_cost.macs < 600_000", "E*assert 607552 < 600000"])


def test_it_needs_no_weights(pytester, write, run, put_model, digits):
    put_model(digits)
    (pytester.path / "models" / "digits-0000.params").unlink()
    write(
        """
        @pytest.mark.mxperf_model("models/digits", inputs=INPUTS)
        @pytest.mark.mxperf_budget(macs=607_552, params=31_962)
        @pytest.mark.mxperf_baseline
        def test_digits(mxperf_cost):
            assert mxperf_cost.params.total == 32_186
        """
    )
    run("--mxperf-update").assert_outcomes(passed=1)
    run().assert_outcomes(passed=1)


def test_it_counts_the_batch(write, run):
    write(
        """
        @pytest.mark.mxperf_model(PREFIX, inputs={"data": (64, 1, 8, 8)})
        def test_digits(mxperf_cost):
            assert mxperf_cost.macs == 64 * 607_552
            assert mxperf_cost.params.trainable == 31_962
        """
    )
    run().assert_outcomes(passed=1)
