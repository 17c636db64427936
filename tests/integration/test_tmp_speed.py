import time
import pytest
from .play import play_of, run_play
from .parity_cases import DIRECTORY


@pytest.mark.timeout(300)
@pytest.mark.parametrize("by", ["ssh", "sudo"])
def test_speed(request, by, scratch):
    t = request.getfixturevalue(by)
    times = {"linear": [], "econtext": []}
    for round in range(3):
        for s in times:
            for n in (1, 21):
                a = time.monotonic()
                r = run_play(
                    play_of(*[{"want_json": {"value": "one"}}] * n),
                    directory=scratch / "run",
                    strategy=s,
                    inventory=t.variables
                    | {
                        "ansible_pipelining": True,
                        "ansible_python_interpreter": "/usr/bin/python3",
                    },
                    cfg={"library": str(DIRECTORY / "modules" / "library")},
                )
                assert r.rc == 0
                times[s].append((n, time.monotonic() - a))
    for s, v in times.items():
        one = sorted(x for n, x in v if n == 1)[1]
        many = sorted(x for n, x in v if n == 21)[1]
        print(by, s, "ms per task", (many - one) / 20 * 1000)
