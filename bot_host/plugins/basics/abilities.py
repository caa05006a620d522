"""What the agent can do and has done, as text: ACTIONS, EVALUATORS, PROVIDERS, ACTION_STATE.

All only on request: actions reach the model as tools and their results as answers to its calls.
"""

import json
from collections.abc import Sequence
from typing import Final

from bot_host.plugin import (
    Action,
    ActionPlan,
    ActionResult,
    Agent,
    ExampleMessage,
    Memory,
    Provider,
    ProviderResult,
    State,
    one_line,
)

EXAMPLES: Final = 10
SHOWN: Final = 10
"""Entries of working memory."""


async def _actions(agent: Agent, message: Memory, state: State) -> ProviderResult:
    possible = await agent.select_actions(message, state)
    names = ", ".join(action.name for action in possible)
    described = "\n".join(f"- {action.name}: {action.description}" for action in possible)
    parameters = "\n".join(
        f"- {action.name}: {json.dumps(dict(action.parameters), ensure_ascii=False)}"
        for action in possible
        if action.parameters.get("properties")
    )
    examples = _examples(possible)
    parts = [f"Actions that are possible now:\n{described}" if described else ""]
    parts.append(f"Examples of actions:\n\n{examples}" if examples else "")
    return ProviderResult(
        text="\n\n".join(part for part in parts if part),
        values={
            "action_names": names,
            "actions_with_descriptions": described,
            "actions_with_params": parameters,
            "action_examples": examples,
        },
        data={"actions_data": possible},
    )


def _examples(actions: Sequence[Action]) -> str:
    found = [_conversation(example) for action in actions for example in action.examples]
    return "\n\n".join(found[:EXAMPLES])


def _conversation(example: Sequence[ExampleMessage]) -> str:
    lines = []
    for said in example:
        who = "User" if said.name.startswith("{{") else said.name
        named = said.content.get("actions")
        done = f" ({', '.join(map(str, named))})" if isinstance(named, list) and named else ""
        lines.append(f"{who}: {said.content.get('text', '')}{done}")
    return "\n".join(lines)


async def _evaluators(agent: Agent, message: Memory, state: State) -> ProviderResult:
    wanting = [
        each
        for each in agent.evaluators
        if each.validate is None or await each.validate(agent, message, state)
    ]
    lines = [f"- {each.name}: {each.description}" for each in wanting]
    names = ", ".join(each.name for each in wanting)
    text = "Evaluators:\n" + "\n".join(lines) if lines else ""
    return ProviderResult(text=text, values={"evaluator_names": names})


async def _providers(agent: Agent, message: Memory, state: State) -> ProviderResult:
    shown = [each for each in agent.providers if not each.private]
    on_request = [f"- {each.name}: {each.description}" for each in shown if each.dynamic]
    every = "\n".join(f"- {each.name}: {each.description}" for each in shown)
    text = "Can be asked for:\n" + "\n".join(on_request) if on_request else ""
    return ProviderResult(text=text, values={"providers_with_descriptions": every})


async def _action_state(agent: Agent, message: Memory, state: State) -> ProviderResult:
    parts = []
    plan = state.data.get("action_plan")
    if isinstance(plan, ActionPlan):
        steps = [f"{n}. {step.action}: {step.status}" for n, step in enumerate(plan.steps, 1)]
        parts.append("Plan:\n" + "\n".join(steps))
    memory = state.data.get("working_memory")
    entries = list(memory.values())[-SHOWN:] if isinstance(memory, dict) else []
    lines = [_entry(entry["action_name"], entry["result"]) for entry in entries]
    if not lines:
        lines = [_entry("action", result) for result in agent.get_action_results(message.id)[-SHOWN:]]
    if lines:
        parts.append("Done for this message:\n" + "\n".join(lines))
    return ProviderResult(text="\n\n".join(parts), values={"action_results": "\n".join(lines)})


def _entry(name: str, result: ActionResult) -> str:
    if result.success:
        return f"- {name}: {one_line(result.text, 300) or 'done'}"
    return f"- {name}: failed: {one_line(result.error or result.text, 300)}"


ACTIONS = Provider(
    name="ACTIONS",
    description="The actions that are possible now, with examples.",
    get=_actions,
    dynamic=True,
    position=-1,
)
EVALUATORS = Provider(
    name="EVALUATORS", description="What looks back after a turn.", get=_evaluators, private=True
)
PROVIDERS = Provider(
    name="PROVIDERS", description="What can be asked for.", get=_providers, dynamic=True, position=80
)
ACTION_STATE = Provider(
    name="ACTION_STATE",
    description="Plan and results of this message's actions.",
    get=_action_state,
    dynamic=True,
    position=150,
)
