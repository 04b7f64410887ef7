"""Answers about mappings and functions, over real HTTP to real boto3."""

import pytest
from served import AT, FUNCTION, NOBODY, Clients, clients_of, code_of, described, recent

ASKED = [
    ({"FunctionName": FUNCTION}, 0),
    ({"FunctionName": f"{FUNCTION}:live"}, 1),
    ({"FunctionName": f"123456789012:function:{FUNCTION}:live"}, 1),
    ({"FunctionName": f"arn:aws:lambda:eu-west-1:123456789012:function:{FUNCTION}:live"}, 1),
    ({"FunctionName": f"arn:aws:lambda:eu-west-1:123456789012:function:{FUNCTION}"}, 0),
    ({"FunctionName": f"{FUNCTION}:7"}, 0),
    ({"FunctionName": "orders-notifier"}, 1),
    ({}, 2),
]


@pytest.mark.parametrize(("params", "count"), ASKED)
def test_mappings_are_listed_by_exact_qualifier(healthy: Clients, params: dict[str, str], count: int) -> None:
    """A bare name does not find the mapping of an alias; the alias does, however it is written."""
    assert len(healthy("lambda").list_event_source_mappings(**params)["EventSourceMappings"]) == count


def test_mappings_are_listed_by_source(healthy: Clients) -> None:
    """The stream's ARN finds every consumer, another ARN finds none."""
    arn = described(healthy)["LatestStreamArn"]
    found = healthy("lambda").list_event_source_mappings(EventSourceArn=arn)["EventSourceMappings"]
    assert len({mapping["FunctionArn"] for mapping in found}) == 2
    assert not healthy("lambda").list_event_source_mappings(EventSourceArn=arn + "0")["EventSourceMappings"]


def test_mappings_come_in_pages(healthy: Clients) -> None:
    """A page of one leads to the next, and a foreign marker is refused."""
    pages = healthy("lambda").get_paginator("list_event_source_mappings").paginate(PaginationConfig={"PageSize": 1})
    assert [len(page["EventSourceMappings"]) for page in pages] == [1, 1]
    listing = healthy("lambda").list_event_source_mappings
    assert code_of(listing, Marker="bm9uc2Vuc2U=") == "InvalidParameterValueException"


def test_the_time_of_a_mapping_is_cut_to_the_minute() -> None:
    """LastModified has no seconds, whenever the change was made."""
    world = recent()
    world.update_mapping(AT, world.mapping.uuid, enabled=False)
    with clients_of(world) as clients:
        shown = clients("lambda").get_event_source_mapping(UUID=world.mapping.uuid)
    assert shown["LastModified"] == AT.replace(second=0, microsecond=0)
    assert shown["State"] == "Disabled"


MISSING = [
    (
        "lambda",
        "get_event_source_mapping",
        {"UUID": NOBODY},
        "ResourceNotFoundException",
    ),
    ("lambda", "get_function", {"FunctionName": "nope"}, "ResourceNotFoundException"),
    ("lambda", "get_function", {"FunctionName": FUNCTION, "Qualifier": "nope"}, "ResourceNotFoundException"),
    ("lambda", "get_alias", {"FunctionName": FUNCTION, "Name": "nope"}, "ResourceNotFoundException"),
    ("lambda", "get_policy", {"FunctionName": FUNCTION}, "ResourceNotFoundException"),
    ("dynamodb", "describe_table", {"TableName": "nope"}, "ResourceNotFoundException"),
    ("iam", "get_role", {"RoleName": "nope"}, "NoSuchEntity"),
    ("iam", "get_role_policy", {"RoleName": f"{FUNCTION}-role", "PolicyName": "nope"}, "NoSuchEntity"),
    ("iam", "get_policy", {"PolicyArn": "arn:aws:iam::aws:policy/nope"}, "NoSuchEntity"),
    ("logs", "filter_log_events", {"logGroupName": "nope"}, "ResourceNotFoundException"),
    ("health", "describe_events", {}, "SubscriptionRequiredException"),
    ("service-quotas", "get_service_quota", {"ServiceCode": "lambda", "QuotaCode": "L-0"}, "NoSuchResourceException"),
]


@pytest.mark.parametrize(("service", "operation", "params", "code"), MISSING)
def test_what_is_not_there_is_a_typed_error(
    healthy: Clients, service: str, operation: str, params: dict[str, str], code: str
) -> None:
    """Each service has its own word for missing."""
    assert code_of(getattr(healthy(service), operation), **params) == code


ABROAD = [
    ("dynamodb", "describe_table", {"TableName": "Orders"}, "ResourceNotFoundException"),
    ("lambda", "get_function", {"FunctionName": FUNCTION}, "ResourceNotFoundException"),
    ("logs", "filter_log_events", {"logGroupName": f"/aws/lambda/{FUNCTION}"}, "ResourceNotFoundException"),
    ("lambda", "list_event_source_mappings", {}, "EventSourceMappings"),
    ("lambda", "list_functions", {}, "Functions"),
    ("dynamodb", "list_tables", {}, "TableNames"),
    ("dynamodbstreams", "list_streams", {}, "Streams"),
    ("cloudwatch", "describe_alarms", {}, "MetricAlarms"),
    ("logs", "describe_log_groups", {}, "logGroups"),
]


@pytest.mark.parametrize(("service", "operation", "params", "found"), ABROAD)
def test_another_region_is_empty(
    healthy: Clients, service: str, operation: str, params: dict[str, str], found: str
) -> None:
    """Whoever looks in the wrong region finds nothing, by name or in lists."""
    call = getattr(healthy(service, "us-west-2"), operation)
    if found.endswith("Exception"):
        assert code_of(call, **params) == found
    else:
        assert call(**params)[found] == []


def test_the_account_is_the_same_everywhere(healthy: Clients) -> None:
    """Identity and roles know no region."""
    assert healthy("sts", "us-west-2").get_caller_identity()["Account"] == "123456789012"
    assert healthy("iam", "us-west-2").get_role(RoleName=f"{FUNCTION}-role")["Role"]["RoleName"] == f"{FUNCTION}-role"


def test_a_qualifier_decides_what_is_described(healthy: Clients) -> None:
    """An alias resolves to its version and keeps its own ARN."""
    client = healthy("lambda")
    alias = client.get_function_configuration(FunctionName=FUNCTION, Qualifier="live")
    assert (alias["Version"], alias["FunctionArn"].endswith(f":{FUNCTION}:live")) == ("7", True)
    assert client.get_function_configuration(FunctionName=f"{FUNCTION}:live")["Version"] == "7"
    assert client.get_function_configuration(FunctionName=FUNCTION)["Version"] == "$LATEST"
    assert [a["Name"] for a in client.list_aliases(FunctionName=FUNCTION)["Aliases"]] == ["live"]


def test_no_reserved_concurrency_is_not_zero() -> None:
    """The member is absent when nothing is reserved and 0 when everything is throttled."""
    world = recent()
    with clients_of(world) as clients:
        client = clients("lambda")
        assert "ReservedConcurrentExecutions" not in client.get_function_concurrency(FunctionName=FUNCTION)
        assert "Concurrency" not in client.get_function(FunctionName=FUNCTION)
        client.put_function_concurrency(FunctionName=FUNCTION, ReservedConcurrentExecutions=0)
        assert client.get_function_concurrency(FunctionName=FUNCTION)["ReservedConcurrentExecutions"] == 0
        assert client.get_function(FunctionName=FUNCTION)["Concurrency"] == {"ReservedConcurrentExecutions": 0}
        client.delete_function_concurrency(FunctionName=FUNCTION)
        assert "ReservedConcurrentExecutions" not in client.get_function_concurrency(FunctionName=FUNCTION)


def test_unreserved_concurrency_is_what_reservations_leave() -> None:
    """Account settings subtract what functions reserved."""
    world = recent()
    world.put_concurrency(AT, FUNCTION, 40)
    with clients_of(world) as clients:
        limits = clients("lambda").get_account_settings()["AccountLimit"]
    assert (limits["ConcurrentExecutions"], limits["UnreservedConcurrentExecutions"]) == (1000, 960)
