"""When the host acts in a training, and what it does then."""


def next_stop(
  train: dict, at: int, total: int, epoch: int, cuts: list[int]
) -> tuple[int, set[str]]:
  """The step at which the host acts next, and what it does there besides a metrics row.

  Args:
    train: the configuration's section.
    at: the step now.
    total: steps of the run.
    epoch: steps of an epoch.
    cuts: the steps of a halving.
  """
  evaluate = train["eval_every"] or epoch
  save = train["checkpoint_every"] or evaluate
  ahead = lambda every: (at // every + 1) * every
  coming = [cut for cut in cuts if cut > at]
  stop = min(ahead(train["log_every"]), ahead(evaluate), ahead(save), total, *coming[:1])
  due = {"evaluate": evaluate, "save": save}
  do = {what for what, every in due.items() if stop % every == 0 or stop == total}
  return stop, do | ({"evaluate", "halve"} if stop in cuts else set())
