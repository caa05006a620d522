"""Every name of elizaOS's AgentRuntime is here in snake_case, with its arguments in their order.

elizaOS passes many things as one object; those are keyword arguments here, marked with `*`.
"""

import inspect

import pytest

import bot_host
from bot_host.runtime import AgentRuntime, RuntimeConfig

NAMES: dict[str, tuple[str, str]] = {
    # identity and life
    "agentId": ("agent_id", ""),
    "character": ("character", ""),
    "adapter": ("store", ""),
    "hasElizaOS": ("has_host", ""),
    "elizaOS": ("host", ""),
    "initialize": ("initialize", "skip_migrations"),
    "initPromise": ("init_promise", ""),
    "logger": ("logger", ""),
    "messageService": ("message_service", ""),
    "stateCache": ("state_cache", ""),
    "stop": ("stop", ""),
    # the database
    "db": ("db", ""),
    "getConnection": ("get_connection", ""),
    "init": ("init", ""),
    "close": ("close", ""),
    "isReady": ("is_ready", ""),
    "runMigrations": ("run_migrations", ""),
    "registerDatabaseAdapter": ("register_database_adapter", "adapter"),
    "getAgent": ("get_agent", "agent_id"),
    "getAgents": ("get_agents", ""),
    "createAgent": ("create_agent", "agent"),
    "updateAgent": ("update_agent", "agent_id agent"),
    "deleteAgent": ("delete_agent", "agent_id"),
    "ensureAgentExists": ("ensure_agent_exists", "agent"),
    "ensureEmbeddingDimension": ("ensure_embedding_dimension", "dimension"),
    "getCachedEmbeddings": (
        "get_cached_embeddings",
        "*query_table_name *query_input *query_threshold *query_field_name *query_field_sub_name "
        "*query_match_count",
    ),
    "getAgentRunSummaries": (
        "get_agent_run_summaries",
        "*limit *room_id *status *start *end *entity_id",
    ),
    # settings
    "getSetting": ("get_setting", "key"),
    "setSetting": ("set_setting", "key value secret"),
    "getConversationLength": ("get_conversation_length", ""),
    # registration
    "registerPlugin": ("register_plugin", "plugin"),
    "registerAction": ("register_action", "action"),
    "registerProvider": ("register_provider", "provider"),
    "registerEvaluator": ("register_evaluator", "evaluator"),
    "registerService": ("register_service", "service"),
    "registerModel": ("register_model", "type handler provider priority *window"),
    "registerEvent": ("register_event", "event handler"),
    "registerTaskWorker": ("register_task_worker", "worker execute validate"),
    "registerSendHandler": ("register_send_handler", "source handler"),
    # models
    "useModel": ("use_model", "type params provider"),
    "getModel": ("get_model", "type"),
    "generateText": ("generate_text", "input options"),
    # services
    "getService": ("get_service", "type"),
    "getTypedService": ("get_typed_service", "type"),
    "getServicesByType": ("get_services_by_type", "type"),
    "getAllServices": ("get_all_services", ""),
    "getRegisteredServiceTypes": ("get_registered_service_types", ""),
    "hasService": ("has_service", "type"),
    "getServiceLoadPromise": ("get_service_load_promise", "type"),
    "getServiceHealth": ("get_service_health", ""),
    "getServiceRegistrationStatus": ("get_service_registration_status", "type"),
    # one message
    "composeState": ("compose_state", "message include_list only_include skip_cache *include *only *known"),
    "processActions": ("process_actions", "message responses state callback"),
    "getActionResults": ("get_action_results", "message_id"),
    "selectActions": ("select_actions", "message state"),
    "evaluate": ("evaluate", "message state did_respond callback responses"),
    # events and runs
    "emitEvent": ("emit_event", "event payload"),
    "getEvent": ("get_event", "event"),
    "on": ("on", "event handler"),
    "off": ("off", "event handler"),
    "emit": ("emit", "event payload"),
    "createRunId": ("create_run_id", ""),
    "startRun": ("start_run", "room_id"),
    "endRun": ("end_run", ""),
    "getCurrentRunId": ("get_current_run_id", ""),
    # embeddings
    "addEmbeddingToMemory": ("add_embedding_to_memory", "memory"),
    "queueEmbeddingGeneration": ("queue_embedding_generation", "memory priority"),
    # sending and tasks
    "sendMessageToTarget": ("send_message_to_target", "target content"),
    "sendControlMessage": ("send_control_message", "*room_id *action *target"),
    "getTaskWorker": ("get_task_worker", "name"),
    "createTask": ("create_task", "task"),
    "getTask": ("get_task", "task_id"),
    "getTasks": ("get_tasks", "*room_id *tags *entity_id"),
    "getTasksByName": ("get_tasks_by_name", "name"),
    "updateTask": ("update_task", "task_id task"),
    "deleteTask": ("delete_task", "task_id"),
    # roles (functions of the runtime, there)
    "getUserServerRole": ("get_user_server_role", "entity_id server_id"),
    "findWorldsForOwner": ("find_worlds_for_owner", "entity_id"),
    "findEntityByName": ("find_entity_by_name", "message state"),
    "getEntityDetails": ("get_entity_details", "*room_id"),
    # places and people
    "ensureConnection": (
        "ensure_connection",
        "given *entity_id *room_id *world_id *world_name *user_name *name *room_name *source *type "
        "*channel_id *message_server_id *user_id *metadata",
    ),
    "ensureConnections": ("ensure_connections", "entities rooms source world"),
    "ensureWorldExists": ("ensure_world_exists", "world"),
    "ensureRoomExists": ("ensure_room_exists", "room"),
    "ensureParticipantInRoom": ("ensure_participant_in_room", "entity_id room_id"),
    "ensureEntity": ("ensure_entity", "entity"),
    "createEntity": ("create_entity", "entity"),
    "createEntities": ("create_entities", "entities"),
    "getEntity": ("get_entity", "entity_id"),
    "getEntityById": ("get_entity_by_id", "entity_id"),
    "getEntitiesByIds": ("get_entities_by_ids", "entity_ids"),
    "getEntitiesForRoom": ("get_entities_for_room", "room_id"),
    "updateEntity": ("update_entity", "entity"),
    "createWorld": ("create_world", "world"),
    "getWorld": ("get_world", "world_id"),
    "getAllWorlds": ("get_all_worlds", ""),
    "updateWorld": ("update_world", "world"),
    "removeWorld": ("remove_world", "world_id"),
    "createRoom": ("create_room", "room"),
    "createRooms": ("create_rooms", "rooms"),
    "getRoom": ("get_room", "room_id"),
    "getRoomsByIds": ("get_rooms_by_ids", "room_ids"),
    "getRooms": ("get_rooms", "world_id"),
    "getRoomsByWorld": ("get_rooms_by_world", "world_id"),
    "updateRoom": ("update_room", "room"),
    "deleteRoom": ("delete_room", "room_id"),
    "deleteRoomsByWorldId": ("delete_rooms_by_world_id", "world_id"),
    "addParticipant": ("add_participant", "entity_id room_id"),
    "addParticipantsRoom": ("add_participants_room", "entity_ids room_id"),
    "removeParticipant": ("remove_participant", "entity_id room_id"),
    "isRoomParticipant": ("is_room_participant", "room_id entity_id"),
    "getParticipantsForRoom": ("get_participants_for_room", "room_id"),
    "getParticipantsForEntity": ("get_participants_for_entity", "entity_id"),
    "getRoomsForParticipant": ("get_rooms_for_participant", "entity_id"),
    "getRoomsForParticipants": ("get_rooms_for_participants", "entity_ids"),
    "getParticipantUserState": ("get_participant_user_state", "room_id entity_id"),
    "setParticipantUserState": ("set_participant_user_state", "room_id entity_id state"),
    # memories
    "createMemory": ("create_memory", "memory table_name unique"),
    "updateMemory": ("update_memory", "memory"),
    "deleteMemory": ("delete_memory", "memory_id"),
    "deleteManyMemories": ("delete_many_memories", "memory_ids"),
    "deleteAllMemories": ("delete_all_memories", "room_id table_name"),
    "clearAllAgentMemories": ("clear_all_agent_memories", ""),
    "countMemories": ("count_memories", "room_id unique table_name"),
    "getMemories": (
        "get_memories",
        "*table_name *room_id *world_id *entity_id *count *offset *unique *start *end",
    ),
    "getAllMemories": ("get_all_memories", ""),
    "getMemoryById": ("get_memory_by_id", "memory_id"),
    "getMemoriesByIds": ("get_memories_by_ids", "memory_ids table_name"),
    "getMemoriesByRoomIds": ("get_memories_by_room_ids", "*table_name *room_ids *limit"),
    "getMemoriesByWorldId": ("get_memories_by_world_id", "*world_id *count *table_name"),
    "searchMemories": (
        "search_memories",
        "query limit *table_name *room_id *world_id *entity_id *hearing",
    ),
    "createFact": (
        "create_fact",
        "text *entity_id *room_id *world_id *source_memory_id *confidence *audience *metadata",
    ),
    "searchFacts": ("search_facts", "query limit **where"),
    "createRelationship": ("create_relationship", "source_entity_id target_entity_id tags metadata"),
    "updateRelationship": ("update_relationship", "relationship"),
    "getRelationship": ("get_relationship", "source_entity_id target_entity_id"),
    "getRelationships": ("get_relationships", "entity_id tags"),
    "getComponent": ("get_component", "entity_id type world_id source_entity_id"),
    "getComponents": ("get_components", "entity_id world_id source_entity_id"),
    "createComponent": ("create_component", "component"),
    "updateComponent": ("update_component", "component"),
    "deleteComponent": ("delete_component", "component_id"),
    "getCache": ("get_cache", "key"),
    "setCache": ("set_cache", "key value"),
    "deleteCache": ("delete_cache", "key"),
    "log": ("log", "*type *body *entity_id *room_id"),
    "getLogs": ("get_logs", "*entity_id *room_id *type *count *offset"),
    "deleteLog": ("delete_log", "log_id"),
}
MARKS = {inspect.Parameter.KEYWORD_ONLY: "*", inspect.Parameter.VAR_KEYWORD: "**"}


@pytest.mark.parametrize("theirs", sorted(NAMES))
def test_the_name_is_here_with_its_arguments(theirs: str) -> None:
    ours, arguments = NAMES[theirs]
    found = inspect.getattr_static(AgentRuntime, ours)
    if isinstance(found, property):
        assert arguments == ""
        return
    parameters = list(inspect.signature(found).parameters.values())[1:]
    assert " ".join(MARKS.get(p.kind, "") + p.name for p in parameters) == arguments


COLLECTIONS = (
    "actions providers evaluators plugins routes events services models send_handlers task_workers "
    "action_results options owners"
)


@pytest.mark.parametrize("name", COLLECTIONS.split())
async def test_the_public_collections(agent: AgentRuntime, name: str) -> None:
    assert getattr(agent, name) is not None


ELIZAOS = """
agentId character initPromise messageService providers actions evaluators plugins services events fetch
routes logger stateCache elizaOS registerPlugin initialize getConnection getService getServicesByType
getAllServices registerService getServiceLoadPromise getRegisteredServiceTypes hasService hasElizaOS
registerDatabaseAdapter setSetting getSetting getConversationLength processActions getActionResults evaluate
registerProvider registerAction registerEvaluator ensureConnections ensureConnection ensureParticipantInRoom
ensureWorldExists ensureRoomExists composeState useModel generateText registerModel getModel registerEvent
getEvent emitEvent registerTaskWorker getTaskWorker stop addEmbeddingToMemory queueEmbeddingGeneration
getAllMemories clearAllAgentMemories updateMemory createRunId startRun endRun getCurrentRunId getEntityById
getRoom createEntity createRoom addParticipant getRooms registerSendHandler sendMessageToTarget updateWorld
db init runPluginMigrations runMigrations isReady close withEntityContext getAgent getAgents createAgent
updateAgent deleteAgent ensureEmbeddingDimension getEntitiesByIds getEntitiesForRoom createEntities
updateEntity getComponent getComponents createComponent updateComponent deleteComponent getMemories
getMemoryById getMemoriesByIds getMemoriesByRoomIds getCachedEmbeddings searchMemories createMemory
deleteMemory deleteManyMemories deleteAllMemories countMemories log getLogs deleteLog getAgentRunSummaries
createWorld getWorld removeWorld getAllWorlds getRoomsByIds createRooms deleteRoom deleteRoomsByWorldId
updateRoom getRoomsForParticipant getRoomsForParticipants getRoomsByWorld removeParticipant
getParticipantsForEntity getParticipantsForRoom isRoomParticipant addParticipantsRoom
getParticipantUserState setParticipantUserState createRelationship updateRelationship getRelationship
getRelationships getCache setCache deleteCache createTask getTasks getTask getTasksByName updateTask
deleteTask getMemoriesByWorldId
"""
"""All of `IAgentRuntime` and `IDatabaseAdapter` of elizaOS 1.7."""
ELSEWHERE = {
    "runPluginMigrations": "run_migrations",
    # Row-level security of its PostgreSQL adapter, which its own runtime never sets (1.5-06).
    "withEntityContext": "",
}


def test_nothing_of_elizaos_interface_is_left_out() -> None:
    here = {*NAMES, *COLLECTIONS.split(), *ELSEWHERE, "fetch"}
    assert [name for name in ELIZAOS.split() if name not in here] == []
    assert all(hasattr(AgentRuntime, ours) for ours in ELSEWHERE.values() if ours)
    assert hasattr(AgentRuntime, "fetch")


HOST_NAMES: dict[str, str] = {
    "addAgents": "add_agents",
    "registerAgent": "register_agent",
    "updateAgent": "update_agent",
    "deleteAgents": "delete_agents",
    "startAgents": "start_agents",
    "stopAgents": "stop_agents",
    "getAgent": "get_agent",
    "getAgentById": "get_agent_by_id",
    "getAgents": "get_agents",
    "getAgentsByIds": "get_agents_by_ids",
    "getAgentByName": "get_agent_by_name",
    "getAgentByCharacterName": "get_agent_by_character_name",
    "getAgentsByNames": "get_agents_by_names",
    "getAgentByCharacterId": "get_agent_by_character_id",
    "getRuntimeAccessor": "get_runtime_accessor",
    "handleMessage": "handle_message",
    "handleMessages": "handle_messages",
    "validateApiKeys": "validate_api_keys",
    "healthCheck": "health_check",
    "enableEditableMode": "enable_editable_mode",
    "addEventListener": "on",
}


@pytest.mark.parametrize("theirs", sorted(HOST_NAMES))
def test_the_orchestrators_name_is_here(theirs: str) -> None:
    assert callable(getattr(bot_host.BotHost, HOST_NAMES[theirs]))


@pytest.mark.parametrize(
    "name",
    [
        "string_to_uuid",
        "create_unique_uuid",
        "load_plugin",
        "resolve_plugins",
        "resolve_plugin_dependencies",
        "build_character_plugins",
        "set_allowed_env_vars",
    ],
)
def test_the_function_is_here(name: str) -> None:
    assert callable(getattr(bot_host, name))
    assert name in bot_host.__all__


def test_runtime_config() -> None:
    fields = set(RuntimeConfig.__dataclass_fields__)
    assert fields >= {"character", "plugins", "database", "models", "services", "environment"}
