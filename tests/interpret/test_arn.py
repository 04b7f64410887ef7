"""ARNs and the shorter names of tables, streams, functions and roles."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runbook_lib.interpret.arn import Arn, FunctionRef, StreamArn, role_name_of, table_name_of

STREAM = "arn:aws:dynamodb:eu-west-1:123456789012:table/orders/stream/2026-09-17T12:49:54.528"
PARTS = st.text(st.sampled_from("abcxyz019-"), min_size=1, max_size=12)


@pytest.mark.parametrize(
    ("text", "service", "region", "account", "resource"),
    [
        (STREAM, "dynamodb", "eu-west-1", "123456789012", "table/orders/stream/2026-09-17T12:49:54.528"),
        ("arn:aws:iam::123456789012:role/service-role/reader", "iam", "", "123456789012", "role/service-role/reader"),
        ("arn:aws:s3:::bucket/key:with:colons", "s3", "", "", "bucket/key:with:colons"),
        ("arn:aws-cn:sqs:cn-north-1:123456789012:dead", "sqs", "cn-north-1", "123456789012", "dead"),
    ],
)
def test_an_arn_is_taken_apart_and_put_together(text, service, region, account, resource):
    """Each part is found, the resource keeps its colons, and str() gives the text back."""
    arn = Arn.parse(text)
    assert (arn.service, arn.region, arn.account, arn.resource) == (service, region, account, resource)
    assert str(arn) == text


@pytest.mark.parametrize(
    "text", ["", "orders", "arn", "arn:aws:dynamodb", "urn:aws:s3:::b", "arn::s3:::b", "arn:aws:s3:::"]
)
def test_text_that_is_no_arn_is_refused_by_name(text):
    """The error names the text."""
    with pytest.raises(ValueError, match="not an ARN") as refused:
        Arn.parse(text)
    assert repr(text) in str(refused.value)


@settings(deadline=None)
@given(PARTS, PARTS, PARTS, PARTS, PARTS)
def test_any_arn_survives_a_round_trip(partition, service, region, account, resource):
    """parse(str(arn)) is the same ARN."""
    arn = Arn(partition, service, region, account, resource)
    assert Arn.parse(str(arn)) == arn


@pytest.mark.parametrize(
    ("partition", "region"), [("aws", "eu-west-1"), ("aws-cn", "cn-north-1"), ("aws-us-gov", "us-gov-west-1")]
)
def test_a_stream_arn_is_read_in_every_partition(partition, region):
    """Table, label, region, account and partition are found, and the table's ARN follows."""
    text = f"arn:{partition}:dynamodb:{region}:123456789012:table/orders/stream/2026-09-17T12:49:54.528"
    stream = StreamArn.parse(text)
    assert stream == StreamArn("orders", "2026-09-17T12:49:54.528", region, "123456789012", partition)
    assert stream.table_arn == f"arn:{partition}:dynamodb:{region}:123456789012:table/orders"
    assert str(stream) == text


@pytest.mark.parametrize(
    ("label", "moment"),
    [
        ("2026-09-17T12:49:54.528", datetime(2026, 9, 17, 12, 49, 54, 528000, tzinfo=UTC)),
        ("2026-09-17T12:49:54", datetime(2026, 9, 17, 12, 49, 54, tzinfo=UTC)),
        ("2026-09-17T14:49:54+02:00", datetime(2026, 9, 17, 12, 49, 54, tzinfo=UTC)),
        ("*", None),
        ("latest", None),
    ],
)
def test_a_stream_label_tells_when_the_stream_was_enabled(label, moment):
    """A timestamp label is that moment in UTC; any other label is no moment."""
    assert StreamArn("orders", label, "eu-west-1", "123456789012", "aws").label_time == moment


@pytest.mark.parametrize(
    "text",
    [
        "orders",
        "arn:aws:dynamodb:eu-west-1:123456789012:table/orders",
        "arn:aws:dynamodb:eu-west-1:123456789012:table/orders/stream/",
        "arn:aws:kinesis:eu-west-1:123456789012:stream/orders",
        "arn:aws:sqs:eu-west-1:123456789012:table/orders/stream/x",
        "arn:aws:athena:eu-west-1:123456789012:table/orders/stream/x",
    ],
)
def test_what_is_no_stream_is_refused(text):
    """A table, a Kinesis stream or a bare name is not a DynamoDB stream."""
    with pytest.raises(ValueError, match=r"not (a|the)"):
        StreamArn.parse(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("orders", FunctionRef("orders")),
        ("orders:live", FunctionRef("orders", "live")),
        ("orders:42", FunctionRef("orders", "42")),
        ("orders:$LATEST", FunctionRef("orders", "$LATEST")),
        ("123456789012:function:orders", FunctionRef("orders", account="123456789012")),
        ("123456789012:function:orders:live", FunctionRef("orders", "live", account="123456789012")),
        (
            "arn:aws:lambda:eu-west-1:123456789012:function:orders",
            FunctionRef("orders", None, "eu-west-1", "123456789012", "aws"),
        ),
        (
            "arn:aws-us-gov:lambda:us-gov-west-1:123456789012:function:orders:7",
            FunctionRef("orders", "7", "us-gov-west-1", "123456789012", "aws-us-gov"),
        ),
        (
            "arn:aws-cn:lambda:cn-north-1:123456789012:function:orders_v2-x:$LATEST",
            FunctionRef("orders_v2-x", "$LATEST", "cn-north-1", "123456789012", "aws-cn"),
        ),
    ],
)
def test_a_function_is_read_in_every_form_aws_accepts(text, expected):
    """A name, a qualified name, a partial ARN and a full ARN each give the parts they carry."""
    assert FunctionRef.parse(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "two words",
        "a:b:c",
        "arn:aws:lambda:eu-west-1:123456789012:layer:tools:3",
        "arn:aws:lambda:eu-west-1:123456789012:event-source-mapping:0b1c",
        "arn:aws:sqs:eu-west-1:123456789012:orders",
        STREAM,
    ],
)
def test_what_names_no_function_is_refused_by_name(text):
    """The error names the text, so that a mistyped parameter can be seen."""
    with pytest.raises(ValueError, match="not a Lambda function") as refused:
        FunctionRef.parse(text)
    assert repr(text) in str(refused.value)


@pytest.mark.parametrize(
    ("mine", "other", "same"),
    [
        ("orders", "orders", True),
        ("orders:live", "orders:7", True),
        ("orders", "arn:aws:lambda:eu-west-1:123456789012:function:orders:live", True),
        ("arn:aws:lambda:eu-west-1:123456789012:function:orders", "123456789012:function:orders", True),
        ("orders", "Orders", False),
        ("orders", "orders-v2", False),
        ("123456789012:function:orders", "111122223333:function:orders", False),
        (
            "arn:aws:lambda:eu-west-1:123456789012:function:orders",
            "arn:aws:lambda:us-east-1:123456789012:function:orders",
            False,
        ),
        ("orders", "not a function", False),
    ],
)
def test_two_names_match_when_they_can_be_one_function(mine, other, same):
    """The qualifier never matters; region and account matter where both sides carry them."""
    assert FunctionRef.parse(mine).matches(other) is same


@pytest.mark.parametrize(
    ("arn", "name"),
    [
        ("arn:aws:iam::123456789012:role/reader", "reader"),
        ("arn:aws:iam::123456789012:role/service-role/deep/reader", "reader"),
        ("arn:aws-cn:iam::123456789012:role/reader", "reader"),
        ("arn:aws:sts::123456789012:assumed-role/reader/awslambda_701_20260917131452217", "reader"),
        ("reader", "reader"),
        ("service-role/reader", "reader"),
    ],
)
def test_a_role_name_is_found_whatever_the_path(arn, name):
    """Paths are dropped, and the session of an assumed role too."""
    assert role_name_of(arn) == name


@pytest.mark.parametrize(
    "text",
    [
        "",
        "arn:aws:iam::123456789012:user/reader",
        "arn:aws:iam::123456789012:role/",
        "arn:aws:iam::123456789012:role/path/",
        STREAM,
    ],
)
def test_what_is_no_role_is_refused(text):
    """A user, a stream or nothing is not a role."""
    with pytest.raises(ValueError, match=r"not (a|the)"):
        role_name_of(text)


@pytest.mark.parametrize(
    "text",
    [
        "orders",
        "arn:aws:dynamodb:eu-west-1:123456789012:table/orders",
        "arn:aws:dynamodb:eu-west-1:123456789012:table/orders/index/by-day",
        STREAM,
    ],
)
def test_a_table_name_is_found_in_every_form(text):
    """A name, a table ARN, an index ARN and a stream ARN all lead to the table."""
    assert table_name_of(text) == "orders"


@pytest.mark.parametrize(
    "text", ["", "ab", "two words", "a/b/c", "arn:aws:s3:::table/orders", "arn:aws:dynamodb:::backup/x"]
)
def test_what_names_no_table_is_refused_by_name(text):
    """The error names the text."""
    with pytest.raises(ValueError, match="not a DynamoDB table") as refused:
        table_name_of(text)
    assert repr(text) in str(refused.value)
