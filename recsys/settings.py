"""The settings: one object, from the environment (prefix ``TILLER_``) or a ``.env`` file."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

REPO = Path(__file__).resolve().parent.parent
ASSETS = REPO / "assets"
PROMPTS = REPO / "prompts"


class Settings(BaseSettings):
    """Every setting is documented in the README (a test compares)."""

    model_config = SettingsConfigDict(env_prefix="TILLER_", env_file=".env", extra="ignore")

    home: Path = Field(
        Path("~/.local/share/tiller"), description="data directory: conversations, index, fitted models"
    )
    catalog: str = Field(
        "ml-latest-small",
        description="catalogue: a shipped name, or the folder of a catalogue (see “Your own data”)",
    )
    model: str = Field(
        "auto",
        description="what ranks: auto (the promoted model, else the adapter trained on the catalogue,"
        " else als), als, popularity, or an adapter by name or folder",
    )
    base_model: str = Field(
        "SmolLM2-135M-Instruct",
        description="base of trained models: the default (fetched once), a folder, or an id on the model hub",
    )
    store_url: str | None = Field(
        None, description="database URL of the store; default: SQLite in the data directory"
    )
    chroma_url: str | None = Field(
        None, description="URL of a Chroma server; default: an index in the data directory"
    )
    chat_model: str | None = Field(
        None,
        description="chat model that reads requests, as provider:name (openai:gpt-4.1-mini);"
        " default: the rules",
    )
    chat_base_url: str | None = Field(None, description="address of an OpenAI-compatible server")
    chat_api_key: SecretStr | None = Field(None, description="its key")
    chat_timeout: float = Field(
        8.0, gt=0, description="seconds to wait for the chat model before the rules take over"
    )
    host: str = Field("127.0.0.1", description="address the web app listens on")
    port: int = Field(7860, ge=0, le=65535, description="port of the web app")
    sign_in: bool = Field(False, description="everybody signs in to the web app (see “Accounts”)")
    max_message: int = Field(4000, gt=0, description="longest message, in characters")
    rate_limit: int = Field(30, gt=0, description="messages a minute, for each session")

    @property
    def data_dir(self) -> Path:
        """The data directory with ``~`` resolved."""
        return self.home.expanduser()


@lru_cache
def get_settings() -> Settings:
    """The settings of this process, read once."""
    return Settings()
