from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys import sequence
from recsys.candidates import Taste
from recsys.errors import TillerError
from recsys.interactions import Interactions, no_interactions
from recsys.sequence import SequenceModel, SequenceParams, Teacher, fit_sequence, load_or_fit_sequence
from tests.recsys.made_use import made_dataset

N = 12
PARAMS = SequenceParams(
    width=16, layers=1, heads=2, window=6, dropout=0.0, epochs=30, batch=128, learning_rate=0.02
)
BRIEF = replace(PARAMS, epochs=3, dropout=0.2)
ITEMS = st.lists(st.integers(0, N - 1), max_size=15)


def rounds(users: int = 60, length: int = 9) -> Interactions:
    """Everybody goes round the first ten of twelve items, from a place of their own; most begin at 0."""
    starts = [user % 10 if user % 2 else 0 for user in range(users)]
    item = np.concatenate([(start + np.arange(length)) % 10 for start in starts])
    user = np.repeat(np.arange(users), length)
    return Interactions.sorted(range(users), user, item, np.full(len(item), 4.0), np.arange(len(item)))


@pytest.fixture(scope="module")
def model():
    return fit_sequence(rounds(), N, PARAMS)


def weights(model):
    return torch.cat([tensor.flatten() for tensor in model.network.state_dict().values()])


class TestScores:
    @pytest.mark.parametrize("start", range(10))
    def test_what_comes_next_is_learned(self, model, start):
        history = [(start + step) % 10 for step in range(4)]
        assert model.scores([history])[0].argmax() == (start + 4) % 10

    def test_somebody_unknown_gets_what_people_begin_with(self, model):
        assert model.scores([[]])[0].argmax() == 0

    def test_what_nobody_used_is_unlikely_but_has_a_score(self, model):
        scores = model.scores([[], [0, 1], [5, 6, 7], [11]])
        assert np.isfinite(scores).all() and scores.shape == (4, N) and scores.dtype == np.float32
        chances = torch.from_numpy(scores[:3]).softmax(1)
        assert chances[:, 10:].max() < 0.02 < 1 / N

    @given(histories=st.lists(ITEMS, max_size=5))
    @settings(max_examples=25)
    def test_company_changes_nothing(self, model, histories):
        together = model.scores(histories)
        alone = [model.scores([history])[0] for history in histories]
        assert together.shape == (len(histories), N)
        assert all(np.allclose(a, b, atol=1e-4) for a, b in zip(together, alone, strict=True))

    @given(history=ITEMS)
    @settings(max_examples=25)
    def test_only_the_last_of_the_window_count(self, model, history):
        last = history[-PARAMS.window :]
        assert np.array_equal(model.scores([history]), model.scores([last]))

    @given(history=ITEMS, data=st.data())
    @settings(max_examples=25)
    def test_cuts_are_the_beginnings(self, model, history, data):
        cuts = data.draw(st.lists(st.integers(0, len(history)), max_size=6))
        beginnings = [history[:cut] for cut in cuts]
        assert np.allclose(model.scores_at(history, cuts), model.scores(beginnings), atol=1e-4)


class TestTraining:
    def test_a_seed_decides(self):
        first, again = (fit_sequence(rounds(), N, BRIEF) for _ in range(2))
        other = fit_sequence(rounds(), N, replace(BRIEF, seed=1))
        assert torch.equal(weights(first), weights(again))
        assert not torch.equal(weights(first), weights(other))

    def test_nothing_around_it_is_left_changed(self):
        torch.manual_seed(5)
        before = torch.random.get_rng_state()
        assert not fit_sequence(rounds(), N, BRIEF).network.training
        assert torch.equal(before, torch.random.get_rng_state())

    def test_without_interactions_there_is_still_a_score(self):
        assert np.isfinite(fit_sequence(no_interactions(), 3, BRIEF).scores([[], [1]])).all()

    @given(lengths=st.lists(st.integers(1, 20), min_size=1, max_size=8), seed=st.integers(0, 5))
    @settings(max_examples=40)
    def test_an_epoch_sees_everything_once_in_order(self, lengths, seed):
        starts = np.cumsum([0, *lengths])
        sequences = [np.arange(a, b) for a, b in zip(starts, starts[1:], strict=False)]
        params = replace(PARAMS, batch=18)
        batches = list(sequence._batches(sequences, params, np.random.default_rng(seed)))
        windows = [window for batch in batches for window in batch]
        assert sorted(np.concatenate(windows)) == list(range(starts[-1]))
        assert all((np.diff(window) == 1).all() and len(window) <= params.window for window in windows)
        assert all(len(batch) * max(map(len, batch)) <= params.batch for batch in batches)

    def test_a_loss_that_is_no_number_stops_with_the_last_good_state(self, tmp_path, monkeypatch):
        kept = tmp_path / "kept"
        whole = SequenceModel.loss
        calls = []

        def breaks(self, windows):
            calls.append(1)
            return whole(self, windows) * (float("nan") if len(calls) > 12 else 1.0)

        monkeypatch.setattr(SequenceModel, "loss", breaks)
        with pytest.raises(TillerError, match=r"no number; the state before it is kept in .*learning rate"):
            fit_sequence(rounds(), N, PARAMS, checkpoint=kept)
        tensors, note = sequence._read(kept)
        assert note["epochs"] >= 1 and all(tensor.isfinite().all() for tensor in tensors.values())


class TestCache:
    def test_it_is_trained_once(self, tmp_path):
        said = []
        first = load_or_fit_sequence(rounds(), N, tmp_path, BRIEF, said.append)
        assert len(said) == 1 + BRIEF.epochs and "loss" in said[-1]
        said.clear()
        again = load_or_fit_sequence(rounds(), N, tmp_path, BRIEF, said.append)
        assert not said and torch.equal(weights(first), weights(again))
        assert [path.suffix for path in tmp_path.iterdir()] == [".safetensors"]

    def test_other_data_or_parameters_are_another_model(self, tmp_path):
        for data, params in (
            (rounds(), BRIEF),
            (rounds(40), BRIEF),
            (rounds(), replace(BRIEF, seed=3)),
        ):
            load_or_fit_sequence(data, N, tmp_path, params)
        assert len(list(tmp_path.iterdir())) == 3

    @pytest.mark.parametrize("after", range(1, BRIEF.epochs))
    def test_an_interrupted_fit_ends_where_a_whole_one_does(self, tmp_path, after):
        said = []

        def stop(message):
            said.append(message)
            if f"epoch {after + 1} " in message:  # said before the epoch is kept
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            load_or_fit_sequence(rounds(), N, tmp_path, BRIEF, stop)
        said.clear()
        model = load_or_fit_sequence(rounds(), N, tmp_path, BRIEF, said.append)
        assert f"Going on after epoch {after} of 3." in said
        assert torch.equal(weights(model), weights(fit_sequence(rounds(), N, BRIEF)))

    @pytest.mark.parametrize("damage", [b"", b"no tensors", None])
    def test_a_damaged_file_is_made_again(self, tmp_path, damage):
        good, said = load_or_fit_sequence(rounds(), N, tmp_path, BRIEF), []
        (path,) = tmp_path.iterdir()
        path.write_bytes(path.read_bytes()[:-300] if damage is None else damage)
        path.with_suffix(".checkpoint").write_bytes(b"torn")
        mended = load_or_fit_sequence(rounds(), N, tmp_path, BRIEF, said.append)
        assert "cannot be read" in said[0] and "from the beginning" in said[1]
        assert torch.equal(weights(good), weights(mended))

    def test_a_file_of_another_shape_is_not_taken(self, tmp_path):
        load_or_fit_sequence(rounds(), N, tmp_path, BRIEF)
        (path,) = tmp_path.iterdir()
        other = sequence._weights(SequenceModel(N + 1, BRIEF))
        assert sequence._keep(path, other, {}, print)
        said = []
        load_or_fit_sequence(rounds(), N, tmp_path, BRIEF, said.append)
        assert "its shape is another" in said[0]

    def test_where_nothing_can_be_written_it_is_only_trained(self, tmp_path):
        (tmp_path / "file").write_text("")
        said = []
        model = load_or_fit_sequence(rounds(), N, tmp_path / "file" / "models", BRIEF, said.append)
        assert np.isfinite(model.scores([[1]])).all() and "could not be kept" in said[-1]


class TestTeacher:
    def test_the_timeline_is_the_history_and_seeds_come_last(self, model):
        dataset = made_dataset(N, 5)
        teacher = Teacher(dataset.catalog, model)
        taste = Taste.of_timeline([4, 2, 3], ["liked", "disliked", "seen"])
        assert np.array_equal(teacher.scores(taste), model.scores([[4, 2, 3]])[0])
        assert np.array_equal(teacher.scores(replace(taste, seeds=(7,))), model.scores([[4, 2, 3, 7]])[0])
        assert teacher.explain(taste, [1, 2]) == [{}, {}]

    def test_another_catalogue_is_refused(self, model):
        with pytest.raises(TillerError, match="knows 12 items and the catalogue has 13"):
            Teacher(made_dataset(N + 1, 5).catalog, model)
