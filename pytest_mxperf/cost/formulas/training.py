"""Operators that only training runs. None of them belongs to a forward pass."""

from pytest_mxperf.cost.registry import free

free(
    "updates parameters, as only training does",
    *("sgd_update", "sgd_mom_update", "mp_sgd_update", "mp_sgd_mom_update", "nag_mom_update", "mp_nag_mom_update"),
    *("signsgd_update", "signum_update", "adam_update", "ftml_update", "ftrl_update"),
    *("rmsprop_update", "rmspropalex_update", "_sparse_adagrad_update", "_contrib_group_adagrad_update"),
    *("lamb_update_phase1", "lamb_update_phase2", "mp_lamb_update_phase1", "mp_lamb_update_phase2"),
    *("_adamw_update", "_mp_adamw_update", "_multi_adamw_update", "_multi_mp_adamw_update"),
    *("_multi_lamb_update", "_multi_mp_lamb_update", "multi_lars"),
    *(
        f"{prefix}multi_{precision}sgd_{momentum}update"
        for prefix in ("", "preloaded_")
        for precision in ("", "mp_")
        for momentum in ("", "mom_")
    ),
)
free("clears gradients, as only training does", "reset_arrays")
free("chooses quantization thresholds, before a model is deployed", "_contrib_calibrate_entropy")
