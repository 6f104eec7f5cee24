"""How long a worker has been silent, without the time in which its listener slept."""

from mnist_core.jobs.awake_clock import AwakeClock, Silence


def test_silence_is_counted_while_the_listener_is_awake() -> None:
    now = [0.0]
    awake = AwakeClock(lambda: now[0])

    def pass_time(seconds: float) -> None:
        for _ in range(round(seconds * 2)):
            now[0] += 0.5
            awake.tick()

    silence = Silence(awake.seconds)
    silence.look({"a": 1, "b": 1})
    pass_time(2.0)
    silence.look({"a": 1, "b": 2})
    assert (silence.of("a"), silence.of("b")) == (2.0, 0.0)
    # The machine sleeps for an hour, in which no worker can report.
    now[0] += 3600.0
    awake.tick()
    pass_time(1.0)
    silence.look({"a": 1, "b": 2})
    assert (silence.of("a"), silence.of("b")) == (4.0, 2.0)
    # Setting the clock back does not shorten the silence.
    now[0] -= 100.0
    awake.tick()
    assert silence.of("a") == 4.0
    silence.forget()
    pass_time(3.0)
    silence.look({"a": 1})
    assert (silence.of("a"), silence.of("b")) == (3.0, 0.0)
