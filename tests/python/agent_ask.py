"""Asks an agent as any program can: health, reflection, and calls whose messages are learned by reflection alone.

usage: agent_ask.py ADDRESS FOLDER [CALLS]
FOLDER holds ca.pem, and maybe client.pem with client.key; CALLS is a JSON file with pairs of a method and its request.
Prints one JSON object a line: what was asked, and the answer or the status.
"""

import json
import pathlib
import sys

import grpc
from google.protobuf import descriptor_pool, json_format, message_factory
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

address, folder = sys.argv[1], pathlib.Path(sys.argv[2])
calls = json.loads(pathlib.Path(sys.argv[3]).read_text()) if len(sys.argv) > 3 else []
SERVICE = "stormctl.agent.v1.Agent"
LIMIT = 20


def content(name):
    path = folder / name
    return path.read_bytes() if path.exists() else None


def tell(what, ask):
    try:
        answer = {"answer": ask()}
    except grpc.RpcError as error:
        answer = {"status": error.code().name, "details": error.details()}
    print(json.dumps({"asked": what, **answer}), flush=True)
    return answer.get("answer")


credentials = grpc.ssl_channel_credentials(content("ca.pem"), content("client.key"), content("client.pem"))
channel = grpc.secure_channel(address, credentials)
health = health_pb2_grpc.HealthStub(channel)


def check(service):
    request = health_pb2.HealthCheckRequest(service=service)
    return health_pb2.HealthCheckResponse.ServingStatus.Name(health.Check(request, timeout=LIMIT).status)


tell("health", lambda: check(""))
tell("health of the service", lambda: check(SERVICE))
database = ProtoReflectionDescriptorDatabase(channel)
names = tell("reflection", lambda: sorted(database.get_services()))
if names:
    service = descriptor_pool.DescriptorPool(database).FindServiceByName(SERVICE)
    for name, request in calls:
        method = service.FindMethodByName(name)
        made = json_format.ParseDict(request, message_factory.GetMessageClass(method.input_type)())
        kind = channel.unary_stream if method.server_streaming else channel.unary_unary
        call = kind(
            f"/{SERVICE}/{name}",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=message_factory.GetMessageClass(method.output_type).FromString,
        )

        def ask():
            answer = call(made, timeout=LIMIT)
            answers = answer if method.server_streaming else [answer]
            return [json_format.MessageToDict(one) for one in answers]

        tell(name, ask)
