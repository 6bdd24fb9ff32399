"""The named endpoints, through Gradio's client and through MCP."""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor

import pytest

INTENT = {"count": 3, "require": [{"facet": "genre", "any_of": ["Comedy"]}]}


@pytest.fixture(scope="module")
def client(server):
    from gradio_client import Client

    return Client(server.url, verbose=False)


def test_only_the_three_are_public_and_all_is_described(client):
    described = client.view_api(return_format="dict", print_info=False)
    assert set(described["named_endpoints"]) == {"/recommend", "/parse", "/turn"}
    assert not described["unnamed_endpoints"]
    for endpoint in described["named_endpoints"].values():
        assert endpoint["description"]
        assert all(p["parameter_name"] for p in endpoint["parameters"])
    recommend = described["named_endpoints"]["/recommend"]
    assert "quotas" in json.dumps(recommend["parameters"]) and "relaxations" in json.dumps(
        recommend["returns"]
    )


def test_recommend(client):
    slate = client.predict(request="three comedies from the 90s", api_name="/recommend")
    assert len(slate["items"]) == 3 and slate["relaxations"] == []
    assert all(
        "Comedy" in item["facets"]["genre"] and 1990 <= item["year"] <= 1999 for item in slate["items"]
    )
    slate = client.predict(like=["Toy Story"], intent=INTENT, count=4, api_name="/recommend")
    assert len(slate["items"]) == 4 and "Toy Story (1995)" not in [item["title"] for item in slate["items"]]


def test_parse(client):
    first = client.predict(text="three comedies, no horror", api_name="/parse")
    assert first["act"] == "recommend" and first["intent"]["count"] == 3
    assert first["intent"]["exclude"] == [{"facet": "genre", "any_of": ["Horror"]}]
    second = client.predict(text="actually horror is fine", intent=first["intent"], api_name="/parse")
    assert second["intent"]["exclude"] == []


def test_turn_goes_on_with_a_conversation(client):
    first = client.predict(text="three comedies", api_name="/turn")
    second = client.predict(text="make it four", conversation=first["conversation"], api_name="/turn")
    assert second["conversation"] == first["conversation"] and len(second["slate"]["items"]) == 4
    other = client.predict(text="make it four", api_name="/turn")
    assert other["conversation"] != first["conversation"] and not other["intent"]["require"]


@pytest.mark.parametrize(
    ("endpoint", "values", "words"),
    [
        ("/turn", {"text": "x", "conversation": "0" * 32 + "." + "a" * 43}, "no such conversation"),
        ("/turn", {"text": "x", "conversation": "nonsense"}, "no conversation"),
        ("/turn", {"text": "x" * 100_000}, "100,000 characters"),
        ("/recommend", {"like": ["Zzyzx Qwrtp"]}, "Zzyzx Qwrtp"),
        ("/recommend", {"count": 999}, "count"),
        ("/recommend", {"intent": {"require": [{"facet": "colour", "any_of": ["Red"]}]}}, "colour"),
        ("/parse", {"text": "x", "intent": {"nonsense": 1}}, "nonsense"),
    ],
)
def test_wrong_use_gets_one_plain_sentence(client, endpoint, values, words):
    from gradio_client.exceptions import AppError

    with pytest.raises(AppError) as caught:
        client.predict(**values, api_name=endpoint)
    assert words in str(caught.value) and "Traceback" not in str(caught.value)


def test_rate_limit_holds_for_the_api_too(strict_server):
    from gradio_client import Client
    from gradio_client.exceptions import AppError

    client = Client(strict_server.url, verbose=False)
    for _ in range(4):
        client.predict(text="comedies", api_name="/parse")
    with pytest.raises(AppError, match="one minute"):
        client.predict(text="comedies", api_name="/parse")


def test_mcp(server):
    from mcp import ClientSession
    from mcp.client.streamable_http import streamablehttp_client

    async def session():
        async with (
            streamablehttp_client(f"{server.url}/gradio_api/mcp/") as (read, write, _),
            ClientSession(read, write) as mcp,
        ):
            await mcp.initialize()
            tools = (await mcp.list_tools()).tools
            answer = await mcp.call_tool("recommend", {"request": "three comedies"})
            return tools, answer

    with ThreadPoolExecutor() as beside:  # this thread has the event loop of the browser
        tools, answer = beside.submit(asyncio.run, session()).result()
    by_name = {tool.name: tool for tool in tools}
    assert set(by_name) == {"recommend", "parse", "turn"}
    assert "plain words" in by_name["recommend"].description
    assert by_name["turn"].inputSchema["required"] == ["text"]
    assert not answer.isError and len(json.loads(answer.content[0].text)["items"]) == 3
