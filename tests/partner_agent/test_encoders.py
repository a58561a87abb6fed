"""Places for encoders: so many as the machine bears, one for those who share one, and none beyond."""

import os

import pytest

from partner_agent.encoders import Encoders


@pytest.mark.parametrize("most", [1, 3])
def test_beyond_the_bound_there_is_no_place(most: int):
    """Neither of one's own nor shared; one that is given back, once or twice, can be taken again."""
    encoders = Encoders(most)
    places = [encoders.take("door") for _number in range(most)]

    assert (encoders.take("door"), encoders.share("yard"), encoders.busy) == (None, None, most)
    for _twice in range(2):
        assert places[0] is not None
        places[0].close()
    assert encoders.busy == most - 1
    assert encoders.share("yard") is not None


def test_a_shared_encoder_takes_one_place_until_the_last_has_left():
    """However many want it, and though it runs on for a while by itself."""
    encoders = Encoders(1)
    first, second = encoders.share("yard"), encoders.share("yard")
    assert first
    assert second
    with encoders.hold("yard"):
        first.close()
        second.close()
        assert (encoders.busy, encoders.take("door")) == (1, None)

    assert encoders.busy == 0


def test_there_is_room_for_what_runs_already():
    """Who joins needs no second place; of several that are new each needs one."""
    encoders = Encoders(2)
    encoders.take("door")

    assert encoders.has_room({"door"})
    assert encoders.has_room({"door", "yard"})
    assert not encoders.has_room({"gate", "yard"})


def test_a_machine_bears_one_for_each_of_its_cores_unless_told_otherwise():
    """Those this process may use."""
    assert Encoders().most == len(os.sched_getaffinity(0))
